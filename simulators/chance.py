"""Chance that can be asked anywhere: a draw is a function of a key and a number, not of the draws before.

So the half-hour of any meter comes out the same whether it is computed alone, in a month, or after a restart.
"""

from __future__ import annotations

import hashlib
import random

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def key(*parts: int | str) -> int:
    """A 64-bit key made of names and numbers."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def stream(*parts: int | str) -> random.Random:
    """A sequence of draws of its own, for placing things once."""
    return random.Random(key(*parts))


def uniform(seed: int, at: Ints) -> Floats:
    """One number in [0, 1) for each element of `at` (SplitMix64 of the element, offset by the seed)."""
    with np.errstate(over="ignore"):
        z = at.astype(np.uint64) * _GOLDEN + np.uint64(seed)
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def spread(seed: int, at: Ints, width: float) -> Floats:
    """A factor around 1 for each element: a triangle of standard deviation 0.71 × `width`."""
    a = uniform(seed, at)
    b = uniform(seed ^ 0x5DEECE66D, at)
    return np.asarray(1.0 + width * np.sqrt(3.0) * (a + b - 1.0), dtype=np.float64)
