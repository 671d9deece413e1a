"""`ami warnings`: what customers are told of their own use."""

from __future__ import annotations

from datetime import datetime

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, say, table
from ami.failure import InputFailure
from ami.instants import INSTANT
from ami.office import OFFICE
from ami.settings import load
from model.period import LOCAL, local_day
from model.warning import MOST_DONG, MOST_WH, LimitSpan, LimitUnit, WarningKind
from operations import jobs, own_limits, warning_words
from storage import meters, usage_limits, use_warnings
from storage.pool import open_pool

DECIMALS_WH = 1000.0


@click.group("warnings")
def command() -> None:
    """What customers are told of their own use, and the limits they set."""


@command.command("run")
@click.option("--as-of", type=INSTANT, help="Stand at this instant instead of now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def look(as_of: datetime | None, as_json: bool) -> None:
    """Look at the customers whose days were validated; `ami worker` does the same by itself."""
    with home.database(load()) as dsn:
        report = jobs.run_now(dsn, "warnings", clock=clocks.clock(as_of))
    if as_json:
        emit(report)
    else:
        say(f"{counted(report.told, 'new warning')} told.")


@command.command("list")
@click.option("--meter", help="Only of the meter with this serial.")
@click.option("--customer", help="Only to the customer with this code.")
@click.option("--kind", type=click.Choice([kind.value for kind in WarningKind]), help="Only of this kind.")
@click.option("--unread", is_flag=True, help="Only those that the customer has not read.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def show(meter: str | None, customer: str | None, kind: str | None, unread: bool, as_json: bool) -> None:
    """Warnings that were told, the latest first."""
    settings = load()
    with home.database(settings) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        wanted = WarningKind(kind) if kind else None
        found = use_warnings.told(
            conn, OFFICE, customer=customer, serial=meter, kind=wanted, unread=unread, limit=1000
        )
    if as_json:
        emit({"warnings": [{"row": row, "vi": warning_words.sentence(row.warning, "vi"),
                            "en": warning_words.sentence(row.warning, "en")} for row in found]})  # fmt: skip
    elif not found:
        say("There is no such warning; `ami warnings run` looks for new ones.")
    else:
        rows = [
            (
                f"{row.told_at.astimezone(LOCAL):%d/%m/%Y}",
                f"{row.customer_name} ({row.serial})",
                "yes" if row.read_at else "no",
                warning_words.sentence(row.warning, settings.language),
            )
            for row in found
        ]
        table("", ("Told", "Customer", "Read", "What"), rows)


@command.command("limit")
@click.argument("serial")
@click.option("--span", type=click.Choice([span.value for span in LimitSpan]), help="Day or billing period.")
@click.option("--kwh", type=click.FloatRange(0, MOST_WH / DECIMALS_WH, min_open=True), help="So many kWh.")
@click.option("--dong", type=click.IntRange(1, MOST_DONG), help="So many đồng, with VAT.")
@click.option("--none", "without", is_flag=True, help="No limit any more.")
@click.option("--as-of", type=INSTANT, help="Stand at this instant instead of now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def limit(
    serial: str, span: str | None, kwh: float | None, dong: int | None, without: bool, as_of: datetime | None,
    as_json: bool,
) -> None:  # fmt: skip
    """The limits that the customer of a meter set; with --span, set one on their behalf."""
    given = (kwh is not None) + (dong is not None) + without
    if (span is not None) != (given == 1) or given > 1:
        raise click.UsageError("Give --span with one of --kwh, --dong and --none, or none of them")
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        sheet = meters.sheet(conn, OFFICE, serial)
        place = sheet.installations[0] if sheet and sheet.installations else None
        if place is None or place.until is not None or not place.customer:
            raise InputFailure(f"Meter {serial} hangs at no customer's point: see `ami meter list`.")
        if span is not None:
            wanted: own_limits.Wanted = None
            if kwh is not None:
                wanted = LimitUnit.KWH, max(1, round(kwh * DECIMALS_WH))
            elif dong is not None:
                wanted = LimitUnit.DONG, dong
            now = clocks.clock(as_of)()
            supply = place.supplies[-1] if place.supplies else None
            if dong is not None and not own_limits.has_price(supply, local_day(now)):
                raise InputFailure(f"The price at meter {serial} goes by the hour: give --kwh instead.")
            own_limits.set_all(conn, OFFICE, place.point, {LimitSpan(span): wanted}, now)
        standing = usage_limits.current(conn, OFFICE, [place.point]).get(place.point, ())
    if as_json:
        emit({"meter": serial, "point": place.point, "customer": place.customer, "limits": standing})
    elif not standing:
        say(f"{place.customer_name} has set no limit.")
    else:
        rows = [
            (one.span.value, f"{one.value / DECIMALS_WH:,g} kWh" if one.unit is LimitUnit.KWH
             else f"{one.value:,} ₫", f"{one.since:%d/%m/%Y}")
            for one in standing
        ]  # fmt: skip
        table("", ("Span", "Limit", "Since"), rows, right=("Limit",))
