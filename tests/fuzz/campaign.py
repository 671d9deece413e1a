"""Many inputs thrown at many entries; the same seed gives each entry the same inputs again."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.fuzz import bombs
from tests.fuzz.entry import Chunks, Entry
from tests.fuzz.found import shrunk
from tests.fuzz.mutations import LONGEST, mutated, recut, shuffled
from tests.fuzz.trial import CPU_SECONDS, MEMORY_BYTES, Trial, attempt, judged, peak_bytes

ROUND: Final = 50
"""Inputs that an entry gets before the next one has its turn."""
WEIGHED: Final = 100
"""Of so many inputs the memory of one is looked at."""
MOST_LEARNT: Final = 64
FINDINGS: Final = 3
"""Of one entry; then it is left alone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that an entry did not keep, and the smallest input found for it."""

    entry: str
    chunks: Chunks
    wrong: str


@dataclass(slots=True)
class Tally:
    """What a campaign has come to."""

    inputs: int = 0
    refused: int = 0
    slowest: dict[str, float] = field(default_factory=dict)
    most_bytes: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def worst(self) -> tuple[str, float]:
        """The entry that took most CPU for one input, the least of three attempts."""
        return max(self.slowest.items(), key=lambda item: item[1], default=("", 0.0))

    def heaviest(self) -> tuple[str, int]:
        """The entry that held most memory for one input."""
        return max(self.most_bytes.items(), key=lambda item: item[1], default=("", 0))


def changed(chance: random.Random, entry: Entry, chunks: Chunks) -> Chunks:
    """An input for this entry, made of another one."""
    others = entry.words
    if chance.random() < 0.01:
        raw = chance.choice(bombs.of(entry.bombs))[: chance.choice((200, 4000, LONGEST))]
        chunks = (chance.choice(others)[: chance.randint(0, 20)] + raw,)
    if not (entry.stream or entry.wire):
        return (mutated(chance, b"".join(chunks), others),)
    if chance.random() < 0.5:
        chunks = shuffled(chance, chunks, others)
    if chunks and chance.random() < 0.8:
        at = chance.randrange(len(chunks))
        chunks = (*chunks[:at], mutated(chance, chunks[at], others), *chunks[at + 1 :])
    if entry.wire and chance.random() < 0.5:
        chunks = recut(chance, chunks)
    return _bounded(chunks)


class Thrower:
    """One entry under fire. An input that is refused in a way not met before becomes a seed itself."""

    def __init__(self, entry: Entry, seed: int | str, tally: Tally, limit: float = CPU_SECONDS) -> None:
        self.entry, self._tally, self._limit = entry, tally, limit
        self._chance = random.Random(f"{seed} {entry.name}")
        self._seeds: list[Chunks] = list(entry.seeds)
        self._bombs = bombs.of(entry.bombs)
        self._met: set[str] = set()
        self._wrong: set[str] = set()
        self._thrown = 0

    @property
    def over(self) -> bool:
        """Enough was found."""
        return len(self._wrong) >= FINDINGS

    def throw(self, count: int) -> None:
        """So many inputs."""
        for _ in range(count):
            if self.over:
                return
            chunks = changed(self._chance, self.entry, self._chance.choice(self._seeds))
            self._judge(chunks, judged(self.entry, chunks, self._limit))
            self._thrown += 1
            if self._thrown % WEIGHED == 1:
                self._weigh(chunks)

    def bomb(self, step: int = 1) -> None:
        """What is expensive, as it is: all of it, or of every so many one."""
        first = self._chance.randrange(step)
        for at, raw in enumerate(self._bombs[first::step]):
            if self.over:
                return
            self._judge((raw,), judged(self.entry, (raw,), self._limit))
            if at % 9 == 0:
                self._weigh((raw,))

    def _judge(self, chunks: Chunks, trial: Trial) -> None:
        tally, name = self._tally, self.entry.name
        tally.inputs += 1
        tally.refused += trial.refused
        if trial.seconds > tally.slowest.get(name, 0.0):
            tally.slowest[name] = trial.seconds
        if trial.wrong:
            self._find(chunks, trial.wrong)
        elif trial.kind not in self._met and len(self._met) < MOST_LEARNT:
            self._met.add(trial.kind)
            self._seeds.append(chunks)

    def _weigh(self, chunks: Chunks) -> None:
        peak = peak_bytes(self.entry, chunks)
        tally, name = self._tally, self.entry.name
        tally.most_bytes[name] = max(peak, tally.most_bytes.get(name, 0))
        if peak > MEMORY_BYTES:
            self._find(chunks, f"{peak} bytes of memory, {MEMORY_BYTES} are allowed")

    def _find(self, chunks: Chunks, wrong: str) -> None:
        kind = re.sub(r"[0-9a-fA-F]{2,}|\d", "", wrong)[:60]
        if kind in self._wrong:
            return
        self._wrong.add(kind)
        if " ms of CPU" not in wrong and "bytes of memory" not in wrong:
            chunks = shrunk(chunks, lambda smaller: attempt(self.entry, smaller).wrong != "")
        self._tally.findings.append(Finding(self.entry.name, chunks, wrong))


def _bounded(chunks: Chunks) -> Chunks:
    """No more than may come at once."""
    found, room = [], LONGEST
    for chunk in chunks:
        found.append(chunk[:room])
        room -= len(found[-1])
        if room <= 0:
            break
    return tuple(found)


def campaign(
    entries: Iterable[Entry], seed: int, goes_on: Callable[[Tally], bool], *, limit: float = CPU_SECONDS
) -> Iterator[Tally]:
    """Round after round as long as `goes_on` says so; the tally, one object, after every entry's turn."""
    tally = Tally()
    throwers = [Thrower(entry, seed, tally, limit) for entry in entries]
    while goes_on(tally) and not all(thrower.over for thrower in throwers):
        for thrower in throwers:
            thrower.throw(ROUND)
            yield tally
            if not goes_on(tally):
                return
