"""What happened to the meter itself, its clock and its line: nobody's fault, somebody's work."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from statistics import median

from analytics.detection.observed import Observed
from model.alert import Alert, AlertKind
from model.period import local_day, midnight
from model.quality import Severity

SILENT = timedelta(hours=24)
_FOUND = re.compile(r"meter (\S+) answers")


def wrong_meter(seen: Observed) -> Alert | None:
    """Another serial answers where this one is registered."""
    odd = [event for event in seen.events if event.code == "serial_mismatch"]
    if not odd or (seen.last_contact is not None and seen.last_contact > odd[-1].at):
        return None
    found = _FOUND.search(odd[-1].detail)
    return Alert(
        AlertKind.WRONG_METER,
        seen.serial,
        Severity.AMBER,
        odd[0].at,
        {
            "expected": seen.serial,
            "found": found and found[1],
            "times": len(odd),
            "first_at": odd[0].at.isoformat(),
            "last_at": odd[-1].at.isoformat(),
        },
    )


def meter_swap(seen: Observed) -> Alert | None:
    """This meter replaced another within the days looked at."""
    swap = seen.replacement
    if swap is None or swap.at < midnight(seen.first):
        return None
    return Alert(
        AlertKind.METER_SWAP,
        seen.serial,
        Severity.INFO,
        swap.at,
        {"at": swap.at.isoformat(), "removed": swap.removed, "hung": seen.serial},
    )


def rollover(seen: Observed) -> Alert | None:
    """The register wrapped; validation counted across it."""
    found = [one for one in seen.findings if one.kind == "rollover"]
    if not found:
        return None
    last = found[-1]
    at = last.detail.get("at")
    return Alert(
        AlertKind.ROLLOVER,
        seen.serial,
        Severity.INFO,
        datetime.fromisoformat(at) if isinstance(at, str) else midnight(last.day),
        {
            "previous_kwh": _kwh(last.detail.get("previous_wh")),
            "current_kwh": _kwh(last.detail.get("current_wh")),
            "digits": last.detail.get("digits"),
            "at": at if isinstance(at, str) else midnight(last.day).isoformat(),
        },
    )


def modem_silent(seen: Observed) -> Alert | None:
    """The line has not answered for a day; one that never answered is reported at once."""
    if seen.last_contact is None:
        if seen.first_try is None:
            return None
        silent_since = seen.first_try
    else:
        silent_since = seen.last_contact
        if seen.now - silent_since < SILENT:
            return None
    hours = (seen.now - silent_since).total_seconds() / 3600
    return Alert(
        AlertKind.MODEM_SILENT,
        seen.serial,
        Severity.AMBER if hours >= 24 else Severity.BLUE,
        silent_since,
        {
            "modem": seen.modem or None,
            "hours": round(hours) if hours >= 1 else None,
            "last_contact": seen.last_contact.isoformat() if seen.last_contact else None,
            "first_try": seen.first_try.isoformat() if seen.first_try and not seen.last_contact else None,
            "limit_hours": int(SILENT.total_seconds()) // 3600,
        },
    )


def clock_drift(seen: Observed) -> Alert | None:
    """The meter's clock has been off by a minute or more in the last conversations (limits by class)."""
    limit = seen.limit("clock_drift")
    run: list[tuple[datetime, float]] = []
    for at, offset in reversed(seen.clock_offsets):
        if abs(offset) < limit["blue_s"]:
            break
        run.append((at, offset))
    if not run:
        return None
    offset_s = median(offset for _, offset in run[:3])
    return Alert(
        AlertKind.CLOCK_DRIFT,
        seen.serial,
        Severity.AMBER if abs(offset_s) >= limit["amber_s"] else Severity.BLUE,
        run[-1][0],
        # Days, not conversations: how often a meter is asked is no matter of its clock.
        {
            "offset_s": round(offset_s),
            "limit_s": round(limit["blue_s"]),
            "days": len({local_day(at) for at, _ in run}),
            "first_at": run[-1][0].isoformat(),
            "last_at": run[0][0].isoformat(),
        },
    )


def _kwh(wh: str | int | float | None) -> int | None:
    return int(wh) // 1000 if isinstance(wh, int | float) else None
