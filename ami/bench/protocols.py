"""A day of a load profile from the wire and back, and the check sequence of a frame, beside foreign codecs.

The profile is 48 rows of clock, status and six registers. The peers stand under licences of their own: they
live in .venv-peers and run there (tests/peers/speed.py). They encode numbers and the bytes of clocks ready
made; ours starts from numbers and instants.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np

from ami.bench.engine import Figures, Foreign, Outcome, Prepare, Run, abroad
from protocols.dlms import apdu
from protocols.dlms.apdu import GetResponseNormal, InvokeId
from protocols.dlms.axdr import Tag
from protocols.dlms.hdlc.fcs import fcs
from protocols.dlms.profile import decode_rows
from protocols.dlms.profile_server import encode_rows
from protocols.dlms.selection import CLOCK_COLUMN, CaptureObject
from protocols.obis import Obis

SIZE = 1000
UNIT = "times/s"
PEERS = ("dlms-cosem", "gurux-dlms")
ROWS, OFFSET = 48, 420
STAMPS: Final = 1_790_000_000 // 86_400 * 86_400 - OFFSET * 60 + 1800 * (1 + np.arange(ROWS))
STATUS = CaptureObject(1, Obis(0, 0, 96, 10, 1))
CAPTURES = (CLOCK_COLUMN, STATUS, *(CaptureObject(3, Obis(1, 0, number, 8, 0)) for number in range(1, 7)))
FRAME: Final = bytes(range(128))


def _cells() -> list[tuple[Tag, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
    random = np.random.default_rng(4059)
    energies = [np.cumsum(random.integers(0, 900, ROWS)) + 10_000_000 * number for number in range(1, 7)]
    status = (Tag.UNSIGNED, random.integers(0, 2, ROWS))
    return [status, *((Tag.DOUBLE_LONG_UNSIGNED, column) for column in energies)]


def _profile() -> bytes:
    return encode_rows(STAMPS, _cells(), OFFSET)


def _answer() -> bytes:
    return GetResponseNormal(InvokeId(1), _profile()).to_bytes()


def _repeated(size: int, timed: Callable[[], object], checksum: Callable[[], str]) -> Run:
    def run() -> Outcome:
        for _ in range(size):
            timed()
        return Outcome(size, checksum())

    return run


def decode(size: int) -> Run:
    """From the answer's bytes to columns of numbers and instants, every tag checked."""
    answer = _answer()

    def rows() -> tuple[int, int]:
        message = apdu.decode(answer)
        assert isinstance(message, GetResponseNormal)
        assert isinstance(message.result, bytes)
        found = decode_rows(message.result, CAPTURES)
        return int(found.stamps.sum()), sum(int(column.values.sum()) for column in found.columns)

    return _repeated(size, rows, lambda: "/".join(map(str, rows())))


def encode(size: int) -> Run:
    """From numbers and instants to the profile's bytes."""
    cells = _cells()

    def raw() -> bytes:
        return encode_rows(STAMPS, cells, OFFSET)

    return _repeated(size, raw, lambda: hashlib.sha256(raw()).hexdigest()[:16])


def check_sequence(size: int) -> Run:
    """FCS-16 of 128 bytes."""
    return _repeated(size, partial(fcs, FRAME), lambda: fcs(FRAME).hex())


OWN: Final[dict[str, Prepare]] = {"decode": decode, "encode": encode, "fcs": check_sequence}
GIVEN: Final[dict[str, Callable[[], bytes]]] = {"decode": _answer, "encode": _profile, "fcs": lambda: FRAME}


def _abroad(task: str, peer: str) -> Foreign:
    return abroad("speed.py", peer, task, given=lambda: GIVEN[task]().hex())


ENGINES: dict[str, Prepare | Foreign] = {
    f"{task}/{engine}": OWN[task] if engine == "dienke" else _abroad(task, engine)
    for task in OWN
    for engine in ("dienke", *PEERS)
}


def ratios(medians: Mapping[str, Figures]) -> dict[str, float]:
    """How many times ours is faster than each peer (CPU time)."""
    return {
        f"{task} vs {peer}": medians[f"{task}/{peer}"].cpu_seconds / medians[f"{task}/dienke"].cpu_seconds
        for task in OWN
        for peer in PEERS
    }
