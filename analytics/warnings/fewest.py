"""Of warnings that tell the same thing, the one that says it best."""

from __future__ import annotations

from collections.abc import Sequence

from model.warning import UseWarning, WarningKind

MOSTLY = 0.5  # of what a day had more than usual: then its night explains it


def fewest(said: Sequence[UseWarning]) -> list[UseWarning]:
    """Without the night of a day that leapt, unless most of the leap was in the night: then without the
    day."""
    days = {one.first: one for one in said if one.kind is WarningKind.LEAP_DAY}
    nights = {one.first: one for one in said if one.kind is WarningKind.NIGHT_USE}
    needless = []
    for day in days.keys() & nights.keys():
        by_night = _more(nights[day]) >= MOSTLY * _more(days[day])
        needless.append(days[day] if by_night else nights[day])
    return [one for one in said if not any(one is other for other in needless)]


def _more(warning: UseWarning) -> float:
    used, usual = warning.evidence.get("kwh"), warning.evidence.get("usual_kwh")
    return used - usual if isinstance(used, int | float) and isinstance(usual, int | float) else 0.0
