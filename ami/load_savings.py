"""`ami load SERIAL --savings`: what moving use from peak to off-peak hours would save."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import rich_click as click

from ami.console import dong, emit, facts, table
from ami.failure import InputFailure
from ami.load_document import figure
from model.period import Period, local_day
from model.viewer import UserRole, Viewer
from operations import load_words
from operations.savings import Savings, savings
from storage.pool import Pool

OFFICE = Viewer("ami", UserRole.BILLING)


def answer(pool: Pool, serial: str, month: Period, *, as_json: bool) -> None:
    """Print what it would save; raises `InputFailure` for a meter nobody knows."""
    with pool.connection() as conn:
        found = savings(conn, OFFICE, serial, month)
    if found is None:
        raise InputFailure(f"No meter {serial} is registered: correct its number")
    if as_json:
        emit(document(found))
    else:
        show(found)


def document(found: Savings) -> dict[str, Any]:
    """kWh by register, đồng with VAT; `why` where moving changes nothing or cannot be rated."""
    return {
        "meter": found.serial,
        "point": found.point or None,
        "from": local_day(found.period.start).isoformat(),
        "to": local_day(found.period.end).isoformat(),
        "plan": found.plan or None,
        "changes_nothing": bool(found.reason),
        "reason": found.reason or None,
        "why": _why(found),
        "detail": found.detail or None,
        "source": found.source or None,
        "half_hours_known": round(found.known, 4),
        "kwh": dict(found.kwh),
        "peak_share": figure(found.peak_share, 4),
        "peak_hours": [_hours(one) for one in found.peak],
        "offpeak_hours": [_hours(one) for one in found.offpeak],
        "total": found.total if found.moves else None,
        "moves": [
            {"percent": one.percent, "kwh": one.kwh, "total": one.total, "saved": one.saved}
            for one in found.moves
        ],
        "own_peak_use": [{"at": clock(minute), "kwh": kwh} for minute, kwh in found.hours],
    }


def show(found: Savings) -> None:
    """The same for people."""
    why = _why(found)
    facts(
        [
            ("Meter", found.serial),
            ("Days", found.period.shown),
            ("Plan", found.plan or "–"),
            ("kWh", ", ".join(f"{code} {kwh:,}" for code, kwh in found.kwh.items()) or "not known"),
        ]
    )
    if why is not None:
        click.echo(why["en"] + (f" ({found.detail})" if found.detail else ""))
        return
    facts(
        [
            ("Counted", load_words.say("saving", found.source, "en", known=_percent(found.known))),
            ("Peak hours", ", ".join(map(_hours, found.peak)) or "–"),
            ("Off-peak hours", ", ".join(map(_hours, found.offpeak)) or "–"),
            ("In peak hours", f"{100 * (found.peak_share or 0):.1f} %"),
            ("Paid, with VAT", dong(found.total)),
        ]
    )
    rows = [(f"{one.percent} %", f"{one.kwh:,}", dong(one.total), dong(one.saved)) for one in found.moves]
    heads = ("Moved to off-peak", "kWh", "Paid then", "Saved")
    table("What moving peak use would save", heads, rows, right=heads)
    if found.hours:
        used = ", ".join(f"{clock(minute)} {kwh:,.1f} kWh" for minute, kwh in found.hours[:4])
        click.echo(f"Most peak use: {used}")


def _why(found: Savings) -> dict[str, str] | None:
    return load_words.both("no_saving", found.reason, known=_percent(found.known)) if found.reason else None


def _percent(share: float) -> Decimal:
    return Decimal(int(1000 * share)) / 10


def clock(minute: int) -> str:
    """A minute of the day as a clock shows it; the last one is 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _hours(one: tuple[int, int]) -> str:
    return f"{clock(one[0])}–{clock(one[1])}"
