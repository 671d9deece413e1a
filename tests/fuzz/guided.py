"""The same inputs, led by which lines of `protocols` they reach: libFuzzer by way of atheris.

atheris watches what is imported under it and does not come back, so it has a process of its own. There,
inputs only become suspects; whoever started it judges them where nothing is watched and time is what it is.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.fuzz.entry import Chunks

LONGEST: Final = 16_384
SUSPECT_SECONDS: Final = 0.2


def spread(raw: bytes) -> tuple[int, Chunks]:
    """The number of an entry in two bytes, and chunks, each with its length in two bytes before it."""
    chunks = []
    at = 2
    while at + 2 <= len(raw):
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        chunks.append(raw[at + 2 : end])
        at = end
    return int.from_bytes(raw[:2], "big"), tuple(chunks)


def packed(number: int, chunks: Chunks) -> bytes:
    """The counterpart of `spread`."""
    return number.to_bytes(2, "big") + b"".join([len(chunk).to_bytes(2, "big") + chunk for chunk in chunks])


def run(inputs: int, seed: int, corpus: Path, suspects: Path) -> int:
    """In a process of its own; its exit status."""
    corpus.mkdir(parents=True, exist_ok=True)
    named = [
        str(suspects),
        f"-atheris_runs={inputs}",
        f"-seed={seed % (1 << 31) or 1}",
        f"-max_len={LONGEST}",
    ]
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz.guided", *named, str(corpus)], check=False
    ).returncode


def _led(suspects: Path, arguments: list[str]) -> None:
    import atheris  # type: ignore[import-untyped]  # not everywhere installed

    with atheris.instrument_imports(include=["protocols"]):
        from tests.fuzz.campaign import changed
        from tests.fuzz.found import save
        from tests.fuzz.registry import registry
        from tests.fuzz.trial import attempt
    entries = list(registry().values())

    def throw(raw: bytes) -> None:
        number, chunks = spread(raw)
        entry = entries[number % len(entries)]
        trial = attempt(entry, chunks)
        if trial.wrong or trial.seconds > SUSPECT_SECONDS:
            save(suspects, entry.name, chunks, trial.wrong or f"{trial.seconds:.3f} s while watched")

    def change(raw: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        number, chunks = spread(raw)
        if not chunks or chance.random() < 0.1:
            number = chance.randrange(len(entries))
            chunks = chance.choice(entries[number].seeds)
        return packed(number, changed(chance, entries[number % len(entries)], chunks))[:most]

    setup: Any = atheris.Setup
    setup([sys.argv[0], *arguments], throw, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    _led(Path(sys.argv[1]), sys.argv[2:])
