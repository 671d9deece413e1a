"""The one place that decorates a kernel.

Signatures are fixed, so a kernel is compiled once and a wrong type is refused instead of compiled anew;
compiled code is kept in `NUMBA_CACHE_DIR`. Kernel modules (`kernel.py`) are imported by the functions that
use them, never at the top of a module: numba costs a third of a second that most commands need not spend.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(signature: str) -> Callable[[F], F]:
    """Compile `function` for `signature`, cached, without the interpreter lock, single-threaded."""

    def compiled(function: F) -> F:
        return cast(F, numba.njit(signature, cache=True, nogil=True)(function))

    return compiled
