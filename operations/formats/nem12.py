"""NEM12 and NEM13, the meter data files of AEMO (Meter Data File Format Specification NEM12 & NEM13).

100 header, 200 one channel, 300 its values of one day, 400 qualities of parts of that day, 500 and 550 of the
trade (looked at, left aside), 250 two readings of a register, 900 the end. Files that were put behind each
other are read through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timezone
from typing import Final

from operations.formats import nem_indices
from operations.formats.nem_days import Channel
from operations.formats.opening import lines_of
from operations.formats.values import FileReadings, IndexPair, Intervals, Rejected, Unusable, usable

INTERVALS_MIN: Final = (1, 5, 10, 15, 30)
_FOLLOWS: Final = {  # what may stand before a record, in either version
    "NEM12": {
        "200": ("100", "200", "300", "400", "500"),
        "300": ("200", "300", "400", "500"),
        "400": ("300", "400"),
        "500": ("300", "400", "500"),
        "900": ("100", "200", "300", "400", "500"),
    },
    "NEM13": {"250": ("100", "250", "550"), "550": ("250", "550"), "900": ("100", "250", "550")},
}
_ENDED: Final = "900"
_MISSING: Final = {"300": "200 record", "400": "300 record", "500": "300 record", "550": "250 record"}


class _Reading:
    """Where the reader is in the file, and what it has."""

    def __init__(self, zone: timezone) -> None:
        self.zone = zone
        self.version = ""
        self.before = ""  # the record before this one
        self.channel: Channel | None = None
        self.channels: dict[tuple[str, str, str, str, int], Channel] = {}
        self.indices: list[IndexPair] = []
        self.rejected: list[Rejected] = []

    def record(self, line: int, cells: Sequence[str]) -> None:
        kind = cells[0].strip()
        self._in_order(line, kind)
        if kind == "100":
            self._header(line, cells)
        elif kind == "200":
            self._open(line, cells)
        elif kind == "250":
            self._pair(line, cells)
        elif kind == "300" and self.channel is not None:
            self.channel.day(line, cells)
        elif kind == "400" and self.channel is not None:
            self.channel.part(line, cells)
        elif kind == _ENDED:
            self._close()
        self.before = kind

    def _in_order(self, line: int, kind: str) -> None:
        if self.before in ("", _ENDED):
            if kind != "100":
                begins = "goes on after its 900 record" if self.before else "begins"
                raise Unusable(
                    line, f"the file {begins} with {_called(kind)}, not with a 100 record: export it again"
                )
            return
        allowed = _FOLLOWS[self.version].get(kind)
        if kind == "100" or allowed is None:
            raise Unusable(
                line, f"{_called(kind)} cannot stand in a {self.version} file after its 100 record"
            )
        if self.before not in allowed:
            raise Unusable(
                line, f"a {kind} record stands before any {_MISSING.get(kind, '100 record')} of its own"
            )

    def _header(self, line: int, cells: Sequence[str]) -> None:
        self.version = cells[1].strip().upper() if len(cells) > 1 else ""
        if self.version not in _FOLLOWS:
            raise Unusable(
                line, f"the 100 record names the version {self.version!r}: NEM12 and NEM13 can be read"
            )

    def _open(self, line: int, cells: Sequence[str]) -> None:
        self._close()
        if len(cells) < 9 or not cells[1].strip() or not cells[4].strip():
            raise Unusable(
                line, "the 200 record is too short: it needs NMI, suffix, unit and interval length"
            )
        nmi, suffix, serial, unit, length = (cells[i].strip() for i in (1, 4, 6, 7, 8))
        if not (length.isascii() and length.isdigit()) or int(length) not in INTERVALS_MIN:
            known = ", ".join(map(str, INTERVALS_MIN))
            raise Unusable(
                line, f"intervals of {length or 'no'} minutes cannot be: the 200 record takes {known}"
            )
        key = (nmi, suffix, serial, unit.lower(), int(length))
        made = Channel(Intervals(nmi, suffix, unit, int(length) * 60, serial, line), self.zone, self.rejected)
        self.channel = self.channels.setdefault(key, made)

    def _pair(self, line: int, cells: Sequence[str]) -> None:
        found = nem_indices.pair(line, cells, self.zone)
        if isinstance(found, Rejected):
            self.rejected.append(found)
        else:
            self.indices.append(found)

    def _close(self) -> None:
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def ended(self, line: int) -> FileReadings:
        if self.before != _ENDED:
            raise Unusable(line, "the file ends without its 900 record: it was cut off, fetch it again")
        intervals = [channel.intervals for channel in self.channels.values()]
        return FileReadings(intervals, self.indices, sorted(self.rejected, key=lambda one: one.line))


def _called(kind: str) -> str:
    return f"a {kind} record" if kind.isdigit() and len(kind) == 3 else f"{kind[:20]!r}"


def _records(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    for line, text in enumerate(lines, 1):
        if text.strip(" ,\t"):
            yield line, (text.replace('"', "") if '"' in text else text).split(",")


def read(raw: bytes, zone: timezone) -> FileReadings:
    """The channels and register readings of a NEM12 or NEM13 file whose clock stands at `zone`.

    Raises `Unusable` for a file whose records are not in their order, and for one without a usable line.
    """
    lines = lines_of(raw)
    reading = _Reading(zone)
    last = 0
    for line, cells in _records(lines):
        reading.record(line, cells)
        last = line
    if not reading.before:
        raise Unusable(1, "there is no record in the file: export it again")
    return usable(reading.ended(last))
