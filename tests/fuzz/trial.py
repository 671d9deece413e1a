"""One input thrown at one entry: what it did, how long it took, how much memory."""

from __future__ import annotations

import re
import time
import tracemalloc
from dataclasses import dataclass
from typing import Final

from protocols.errors import ProtocolError
from tests.fuzz.entry import Broken, Chunks, Entry

CPU_SECONDS: Final = 0.050
MEMORY_BYTES: Final = 32 << 20
_DETAIL: Final = re.compile(r"[0-9A-F]{2,}|\d+|'.*'|\".*\"|\(.*\)")


@dataclass(frozen=True, slots=True)
class Trial:
    """`wrong` is what broke a promise, empty when all were kept; `refused` whether an error was raised.

    `kind` is what happened, numbers and names left out: a cheap measure of where an input has got to.
    """

    seconds: float
    refused: bool = False
    wrong: str = ""
    kind: str = ""


def attempt(entry: Entry, chunks: Chunks) -> Trial:
    """Once, timed in CPU seconds of this process."""
    made = entry.prepare()
    refused: ProtocolError | None = None
    wrong = ""
    begin = time.process_time()
    end = 0.0
    try:
        found = entry.feed(made, chunks)
        end = time.process_time()
        entry.verify(found)
    except ProtocolError as error:
        refused = error
    except Broken as error:
        wrong = str(error)
    except Exception as error:  # noqa: BLE001 - what is looked for; it is told together with the input
        wrong = f"{type(error).__name__}: {error!s:.200}"
    seconds = (end or time.process_time()) - begin
    if refused is not None:
        wrong = _unlike(entry, refused, chunks)
    kind = "" if refused is None else _DETAIL.sub("", refused.reason)[:80]
    return Trial(seconds, refused is not None, wrong, kind)


def _unlike(entry: Entry, error: ProtocolError, chunks: Chunks) -> str:
    """What is wrong with an error."""
    if not isinstance(error, entry.refusals):
        return f"{type(error).__name__} has no place here: {error.reason:.200}"
    if not error.reason or len(error.reason) > 600:
        return f"a reason of {len(error.reason)} characters"
    if entry.evidence and not error.raw and chunks and all(chunks):  # nothing came: there is nothing to show
        return f"an error without the bytes: {error.reason:.200}"
    return ""


def judged(entry: Entry, chunks: Chunks, limit: float = CPU_SECONDS) -> Trial:
    """The same, the least of three where it seems too slow."""
    trial = attempt(entry, chunks)
    if trial.wrong or trial.seconds <= limit:
        return trial
    least = min(trial.seconds, *[attempt(entry, chunks).seconds for _ in range(2)])
    wrong = f"{least * 1000:.1f} ms of CPU, {limit * 1000:.0f} are allowed" if least > limit else ""
    return Trial(least, trial.refused, wrong, trial.kind)


def peak_bytes(entry: Entry, chunks: Chunks) -> int:
    """The most memory that was held at once because of this input."""
    made = entry.prepare()
    tracemalloc.start()
    try:
        entry.feed(made, chunks)
    except Exception as error:  # noqa: BLE001 - what it was is told by `attempt`
        del error
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
