"""Inputs that broke a promise, kept in files: what was wrong, and the chunks in hex, one a line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tests.fuzz.entry import Chunks

KEPT: Final = Path(__file__).with_name("corpus")
"""Those of former days; every run of the tests throws them again."""


def save(folder: Path, entry: str, chunks: Chunks, wrong: str) -> Path:
    """The file, named by what it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9]+", "-", entry).strip("-").lower()
    digest = hashlib.sha256(b"\0".join(chunks)).hexdigest()[:8]
    path = folder / f"{name}-{digest}.txt"
    told = re.sub(r"\s+", " ", wrong)[:300]
    path.write_text(
        "\n".join([f"# {entry}", f"# {told}", *[chunk.hex() for chunk in chunks]]) + "\n", encoding="utf-8"
    )
    return path


def load(path: Path) -> tuple[str, Chunks]:
    """The name of the entry and the input."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return lines[0].removeprefix("# "), tuple(
        [bytes.fromhex(line) for line in lines if not line.startswith("#")]
    )


def shrunk(chunks: Chunks, wrong: Callable[[Chunks], bool], tries: int = 400) -> Chunks:
    """The same with as much left out as can be while it is still wrong."""
    while tries > 0:
        for smaller in _smaller(chunks):
            tries -= 1
            if tries <= 0 or wrong(smaller):
                break
        else:
            return chunks
        if tries <= 0:
            return chunks
        chunks = smaller
    return chunks


def _smaller(chunks: Chunks) -> Iterator[Chunks]:
    for at in range(len(chunks)):
        if len(chunks) > 1:
            yield chunks[:at] + chunks[at + 1 :]
    for at, chunk in enumerate(chunks):
        step = len(chunk) // 2
        while step:
            for begin in range(0, len(chunk), step):
                yield (*chunks[:at], chunk[:begin] + chunk[begin + step :], *chunks[at + 1 :])
            step //= 2
