"""Interval readings in tables, CSV or XLSX: columns found by their names, one row an interval."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timezone
from decimal import Decimal
from typing import Final

from operations.customer_columns import plain as bare
from operations.errors import FileRefused
from operations.formats.cells import instant, text_of, value_of
from operations.formats.flags import of_word
from operations.formats.values import FileReadings, Intervals, Rejected, Unusable, usable
from operations.spreadsheet import counts_from_1904, csv_cells, workbook_cells

COLUMNS: Final = {
    "meter": ("meter", "serial", "meter serial", "meter id", "sery_cto", "công tơ", "số công tơ"),
    "at": ("timestamp", "at", "time", "datetime", "start", "begin", "thời điểm", "thời gian"),
    "value": ("value", "energy", "điện năng"),
    "unit": ("unit", "đơn vị"),
    "channel": ("channel", "kênh"),
    "quality": ("quality", "chất lượng"),
    "method": ("method", "cách tính"),
}
UNITS: Final = ("Wh", "kWh", "MWh", "varh", "kvarh", "Mvarh")
"""A column may be named after its unit."""
MOST_ROWS: Final = 1_048_576  # what a sheet can hold; a CSV may have more
_KEY_OF: Final = {bare(name): key for key, names in COLUMNS.items() for name in names}
_UNIT_OF: Final = {bare(unit): unit for unit in UNITS}
_When = Callable[[object], int | None]
"""What tells epoch seconds of a cell."""
_HALF_HOUR_S: Final = 1800
_SHORTEST_S, _DAY_S = 60, 86_400
RUN: Final = 8  # rows of another step, one behind the other, that are no gaps
_LONGEST_RUN_S: Final = 3600  # and how far apart they may stand: days are sums


@dataclass(slots=True)
class _Rows:
    """The rows of one meter and channel, as they come."""

    first: int
    rows: list[tuple[int, int, Decimal | None, str]] = field(default_factory=list)  # at, line, value, flag


def read(raw: bytes, zone: timezone, *, workbook: bool = False) -> FileReadings:
    """The interval energies of a table; times without an offset are told by a clock at `zone`.

    An interval's length is the step most rows of its meter stand apart; a row whose value is empty is
    missing. Raises `Unusable` for a table without the columns, for a formula and for no usable row.
    """
    name = "table"
    rows: Iterable[tuple[int, Sequence[object]]] = csv_cells(raw, name)
    if workbook:
        rows = workbook_cells(raw, name, most=MOST_ROWS)
    serials = workbook and not counts_from_1904(raw)
    try:
        return usable(_read(iter(rows), lambda cell: instant(cell, zone, serials=serials)))
    except FileRefused as refused:
        raise Unusable(refused.errors[0].line, refused.errors[0].sentence) from refused


def _read(rows: Iterator[tuple[int, Sequence[object]]], when: _When) -> FileReadings:
    columns: dict[str, int] = {}
    unit = ""
    for line, cells in rows:
        if any(text_of(cell) for cell in cells):
            columns, unit = _columns(line, [text_of(cell) for cell in cells])
            break
    if not columns:
        raise Unusable(1, "there is no row in the table: export it again")
    found: dict[tuple[str, str, str], _Rows] = {}
    rejected: list[Rejected] = []
    for line, cells in rows:
        if any(cell not in (None, "") for cell in cells):
            _row(line, cells, columns, unit, when, found, rejected)
    channels = [made for key, one in found.items() for made in _channels(key, one, rejected)]
    return FileReadings(channels, (), sorted(rejected, key=lambda one: one.line))


def _columns(line: int, headings: Sequence[str]) -> tuple[dict[str, int], str]:
    """Where each column stands, and the unit that names the column of values (empty: another column does)."""
    columns: dict[str, int] = {}
    unit = ""
    for place, heading in enumerate(headings):
        named = bare(heading)
        key = "value" if named in _UNIT_OF else _KEY_OF.get(named)
        if key is None:
            continue
        if key in columns:
            raise Unusable(
                line, f"columns “{headings[columns[key]]}” and “{heading}” say the same: keep one of them"
            )
        columns[key] = place
        unit = _UNIT_OF.get(named, unit)
    for key, example in (("meter", "meter"), ("at", "timestamp"), ("value", "kwh")):
        if key not in columns:
            raise Unusable(line, f"no column is called “{example}”: name the columns meter,timestamp,kwh")
    if not unit and "unit" not in columns:
        raise Unusable(line, "no column says the unit: call the values kwh, or add a column “unit”")
    return columns, unit


def _row(
    line: int,
    cells: Sequence[object],
    columns: dict[str, int],
    unit: str,
    when: _When,
    found: dict[tuple[str, str, str], _Rows],
    rejected: list[Rejected],
) -> None:
    def cell(key: str) -> object:
        place = columns.get(key)
        return cells[place] if place is not None and place < len(cells) else None

    meter = text_of(cell("meter"))
    named = text_of(cell("unit"))
    said = _UNIT_OF.get(bare(named), "") if named else unit
    channel = text_of(cell("channel")) or _usual(said)
    word = f"{text_of(cell('quality')) or 'actual'} {text_of(cell('method'))}".strip().lower()
    said_of, at, value = of_word(word), when(cell("at")), value_of(cell("value"))
    empty = text_of(cell("value")) == ""
    why = ""
    if not meter:
        why = "the row does not name its meter (merged cells name it in their first row alone)"
    elif unit and said != unit:
        why = f"the column of values is called {unit}, and the row says {named[:20]}"
    elif not said:
        why = f"“{text_of(cell('unit'))[:20]}” is no unit of energy: use one of {', '.join(UNITS)}"
    elif at is None:
        why = f"“{text_of(cell('at'))[:40]}” is no time like 2026-10-01T00:30:00+07:00"
    elif said_of is None:
        why = f"“{word[:30]}” is no quality: actual, estimated, suspect, edited, missing"
    elif value is None and not empty:
        why = f"“{text_of(cell('value'))[:20]}” is no number"
    elif value is not None and value < 0:
        why = f"the value is {value}: an interval's energy is not below zero"
    if why or at is None:
        rejected.append(Rejected(line, why, meter, channel, said))
        return
    key = (meter, channel, said)
    gone = empty or word == "missing"
    found.setdefault(key, _Rows(line)).rows.append(
        (at, line, None if gone else value, "missing" if gone else word)
    )


def _usual(unit: str) -> str:
    return "reactive_import" if unit.lower().endswith("varh") else "active_import"


def _channels(key: tuple[str, str, str], one: _Rows, rejected: list[Rejected]) -> Iterable[Intervals]:
    """The rows by time, on the step most of them keep and on others that many in a row keep; of two of one
    time the first."""
    meter, channel, unit = key
    rows = sorted(one.rows)
    stamps = [at for at, *_ in rows]
    step, phase = _step(stamps)
    if not step:
        apart = (rows[1][0] - rows[0][0]) / 60
        why = f"its rows stand {apart:g} minutes apart, as no intervals of a day do: give each interval a row"
        rejected.extend(Rejected(line, why, *key) for _, line, *_ in rows)
        return ()
    found: dict[int, Intervals] = {}
    last = -1

    def reject(line: int, at: int, why: str) -> None:
        rejected.append(Rejected(line, f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%MZ} {why}", *key))

    for (at, line, value, flag), length in zip(rows, _lengths(stamps, step), strict=True):
        if at == last:
            reject(line, at, "stands there already: the first row of it was kept")
        elif length == step and at % step != phase:
            reject(line, at, f"does not begin an interval of {step // 60} minutes like the other rows")
        else:
            if length not in found:
                found[length] = Intervals(meter, channel, unit, length, line=one.first)
            found[length].add(at, value, flag)
            last = at
    return found.values()


def _lengths(stamps: Sequence[int], step: int) -> list[int]:
    """How long each row's interval is: `step`, unless it stands among `RUN` rows or more that keep another:
    a meter that was set from half-hours to quarters has both in one file."""
    found = [step] * len(stamps)
    begins = 0
    for gap, run in itertools.groupby(later - earlier for earlier, later in itertools.pairwise(stamps)):
        ends = begins + len(list(run))
        fits = (
            _SHORTEST_S <= gap <= _LONGEST_RUN_S and _DAY_S % gap == 0 and not max(gap, step) % min(gap, step)
        )
        if gap != step and ends - begins >= RUN and fits:
            found[begins:ends] = [gap] * (ends - begins)
            after = stamps[ends + 1] - stamps[ends] if ends + 1 < len(stamps) else 0
            if not after or (after > gap and after != step):  # a hole, or the end
                found[ends] = gap
        begins = ends
    return found


def _step(stamps: Sequence[int]) -> tuple[int, int]:
    """The seconds most rows stand apart, as far as they divide a day, and where the rows stand in them.

    Rows with gaps alone between them are half-hours as far as they stand on half-hours of each other; 0
    where they do not.
    """
    apart = Counter(later - earlier for earlier, later in itertools.pairwise(stamps))
    steps = [(count, -gap) for gap, count in apart.items() if gap >= _SHORTEST_S and _DAY_S % gap == 0]
    step = -max(steps)[1] if steps else _HALF_HOUR_S
    if not steps and any(gap % _HALF_HOUR_S for gap in apart):
        return 0, 0
    phase = Counter(at % step for at in stamps).most_common(1)[0][0]
    return step, phase
