"""NEM12 and NEM13 out: what `nem12.read` takes back as it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from itertools import groupby
from typing import Final

from operations.formats.flags import SUSPECT, SUSPECT_REASON
from operations.formats.nem12 import INTERVALS_MIN
from operations.formats.numbers import plain
from operations.formats.values import IndexPair, Intervals, Unusable

_DAY_S: Final = 86_400
_NULL: Final = "N"
_ENDS: Final = "\r\n"


def nem12(channels: Sequence[Intervals], zone: timezone, made: datetime, sender: str, receiver: str) -> str:
    """The channels, day by day of the clock at `zone`; what a day lacks is null data, which is 0 and N.

    `flag` of the channels are NEM12's (`flags.nem`). Raises `Unusable` for an interval length that NEM12
    does not have, for values between the intervals of a day, and for a name with a comma.
    """
    suffixes: dict[str, list[str]] = defaultdict(list)
    for one in channels:
        if one.channel not in suffixes[one.meter]:
            suffixes[one.meter].append(one.channel)
    lines = [_header("NEM12", made, sender, receiver)]
    for one in channels:
        minutes = one.interval_s // 60
        if one.interval_s % 60 or minutes not in INTERVALS_MIN:
            raise Unusable(
                0, f"meter {one.meter} has intervals of {one.interval_s} s, which NEM12 does not know"
            )
        config = "".join(suffixes[one.meter])
        cells = ("200", one.meter, config, "", one.channel, "", one.serial, one.unit, str(minutes), "")
        lines.append(_line(cells))
        lines += _days(one, zone, made)
    return _ENDS.join([*lines, "900", ""])


def nem13(pairs: Iterable[IndexPair], zone: timezone, made: datetime, sender: str, receiver: str) -> str:
    """The register readings two by two; `told["direction"]` says E (from the grid) or I (into it)."""
    lines = [_header("NEM13", made, sender, receiver)]
    for one in pairs:
        cells = (
            "250", one.meter, one.channel, "", one.channel, "", one.serial, one.told.get("direction", ""),
            plain(one.previous), _stamp(one.start, zone), one.previous_flag or "A", "", "",
            plain(one.current), _stamp(one.end, zone), one.flag, "", "",
            plain(one.quantity), one.unit, "", _stamp(made, zone), "",
        )  # fmt: skip
        lines.append(_line(cells))
    return _ENDS.join([*lines, "900", ""])


def _header(version: str, made: datetime, sender: str, receiver: str) -> str:
    return _line(("100", version, f"{made:%Y%m%d%H%M}", sender, receiver))


def _line(cells: Sequence[str]) -> str:
    for cell in cells:
        if any(sign in cell for sign in ',"\r\n'):
            raise Unusable(
                0, f"“{cell}” cannot be written into a NEM file: it has a comma, a quote or a line end"
            )
    return ",".join(cells)


def _stamp(at: datetime, zone: timezone) -> str:
    return f"{at.astimezone(zone):%Y%m%d%H%M%S}"


def _days(one: Intervals, zone: timezone, made: datetime) -> Iterator[str]:
    shift = int((zone.utcoffset(None)).total_seconds())
    slots = _DAY_S // one.interval_s
    days: dict[int, list[tuple[Decimal | None, str]]] = {}
    for at, value, flag in one.rows():
        day, second = divmod(at + shift, _DAY_S)
        slot, beside = divmod(second, one.interval_s)
        if beside:
            raise Unusable(
                0, f"meter {one.meter}: {datetime.fromtimestamp(at, zone)} is no beginning of an interval"
            )
        days.setdefault(day, [(None, _NULL)] * slots)[slot] = (value, _NULL if value is None else flag)
    for day in sorted(days):
        yield from _day(datetime.fromtimestamp(day * _DAY_S - shift, zone), days[day], made)


def _day(day: datetime, slots: Sequence[tuple[Decimal | None, str]], made: datetime) -> Iterator[str]:
    runs = [(flag, len(list(group))) for flag, group in groupby(flag for _, flag in slots)]
    whole = runs[0][0] if len(runs) == 1 else ""
    values = ["0" if value is None else plain(value) for value, _ in slots]
    flag, *reason = _flag(whole) if whole else ("V", "", "")
    yield _line(("300", f"{day:%Y%m%d}", *values, flag, *reason, f"{made:%Y%m%d%H%M%S}", ""))
    first = 1
    for flag, count in runs if not whole else ():
        yield _line(("400", str(first), str(first + count - 1), *_flag(flag)))
        first += count


def _flag(flag: str) -> tuple[str, str, str]:
    return ("A", *SUSPECT_REASON) if flag == SUSPECT else (flag, "", "")
