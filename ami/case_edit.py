"""`ami case edit` and `undo`: slots of a day that a person decides, as versions."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.case_show import version
from ami.console import emit, say
from ami.failure import UsageFailure
from ami.instants import DAY
from ami.options import JSON
from ami.order_acting import acting, proved
from ami.settings import load
from model.series import Channel
from operations import cases, edits
from operations.edits import By, Place, Way
from storage.case_sheet import CaseSheet
from storage.edits import Edit
from storage.pool import Pool, open_pool

CHANNELS = {channel.name.lower().replace("_", "-"): channel for channel in Channel}
_HALF_HOURS = 48


class _Clock(click.ParamType[Any]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str) or value == "24:00":
            return None if value == "24:00" else value
        try:
            return datetime.strptime(value, "%H:%M").time()  # noqa: DTZ007  # a time of day
        except ValueError:
            return self.fail(
                f"{value} is no time of day: give it like 17:30, the end of a day as 24:00", param, ctx
            )


class _Figures(click.ParamType[Any]):
    name = "figures"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(int(one) for one in value.replace(" ", "").split(","))
        except ValueError:
            return self.fail(
                f"{value} are no whole Wh with commas between them: like 120,130,110", param, ctx
            )


_reason = click.option("--reason", required=True, help="Why; it stays with the version.")
_channel = click.option(
    "--channel",
    type=click.Choice(list(CHANNELS)),
    default="active-import",
    show_default=True,
    help="Which channel.",
)
_day = click.option("--day", type=DAY, help="Local day; of a case of one day that one.")
_meter = click.option("--meter", "serial", help="Instead of a case: the meter with this serial.")
_seen = click.option(
    "--seen",
    type=click.IntRange(0),
    metavar="VERSION",
    help="Refuse when the day has another last version than this (0: none).",
)


@click.command()
@click.argument("number", type=int, required=False)
@_meter
@_day
@click.option(
    "--from", "start", type=_Clock(), default="00:00", show_default=True, help="Beginning of the first slot."
)
@click.option("--to", "end", type=_Clock(), default="24:00", show_default=True, help="End of the last slot.")
@_channel
@click.option(
    "--slots",
    "of_day",
    type=click.IntRange(1, 1440),
    default=_HALF_HOURS,
    show_default=True,
    help="Intervals of a day.",
)
@click.option("--wh", type=_Figures(), metavar="WH,WH,…", help="Figures: primary Wh, one for each slot.")
@click.option(
    "--estimate",
    type=click.Choice([way.value for way in Way]),
    help="Estimate: best is as validation does, like-day the mean of three days, zero without power.",
)
@click.option("--as-said", is_flag=True, help="What the meter said counts, although it is doubted.")
@_reason
@_seen
@acting
@JSON
def edit(
    number: int | None,
    serial: str | None,
    day: date | None,
    start: time,
    end: time | None,
    channel: str,
    of_day: int,
    wh: tuple[int, ...] | None,
    estimate: str | None,
    as_said: bool,
    reason: str,
    seen: int | None,
    login: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Decide slots of a day, for case NUMBER or any --meter: figures, an estimate, or what the meter said.

    Each edit is a version with who, when, why, before and after; what the meter sent is kept as it was. Late
    data of the meter that contradicts a figure opens the case again.

    \b
    ami case edit 12 --as lan --from 17:00 --to 18:30 --wh 120,130,110 --reason "đọc tại chỗ"
    ami case edit 12 --as lan --day 2026-10-20 --from 02:00 --to 05:00 --estimate best --reason "mất sóng"
    ami case edit --meter 20260001 --as lan --day 2026-10-20 --as-said --reason "đã xem"
    """
    if sum((wh is not None, estimate is not None, as_said)) != 1:
        raise UsageFailure("Say what counts: --wh FIGURES, --estimate WAY, or --as-said.")
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        serial, day = _where(pool, number, serial, day, viewer)
        first, slots = cases.slots(start, end, of_day)
        place = Place(serial, day, first, slots, CHANNELS[channel])
        by = By(viewer, clocks.wall(), reason, number, seen)
        with pool.connection() as conn:
            if wh is not None:
                made = edits.values(conn, place, by, wh)
            elif estimate is not None:
                made = edits.estimate(conn, place, by, Way(estimate))
            else:
                made = edits.accept(conn, place, by)
    _told(made, as_json)


@click.command()
@click.argument("number", type=int, required=False)
@_meter
@_day
@click.option(
    "--version", "taken_back", type=click.IntRange(1), required=True, help="Which version of the day."
)
@_channel
@_reason
@_seen
@acting
@JSON
def undo(
    number: int | None,
    serial: str | None,
    day: date | None,
    taken_back: int,
    channel: str,
    reason: str,
    seen: int | None,
    login: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Take a version of a day back, for case NUMBER or any --meter; that is a version too and may be undone.

    \b
    ami case undo 12 --version 1 --as lan --reason "nhầm công tơ"
    """
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        serial, day = _where(pool, number, serial, day, viewer)
        by = By(viewer, clocks.wall(), reason, number, seen)
        with pool.connection() as conn:
            made = edits.undo(conn, serial, day, taken_back, by, CHANNELS[channel])
    _told(made, as_json)


def _where(
    pool: Pool, number: int | None, serial: str | None, day: date | None, viewer: Any
) -> tuple[str, date]:
    """The meter and the day that are meant."""
    if (number is None) == (serial is None):
        raise UsageFailure("Name a case by its number, or a meter by --meter SERIAL, one of the two.")
    sheet: CaseSheet | None = None
    if number is not None:
        with pool.connection() as conn:
            sheet = cases.sheet(conn, viewer, number)
    if day is None:
        days = sorted({one.day for one in sheet.days}) if sheet else []
        if len(days) != 1:
            raise UsageFailure("Name the day: --day like 2026-10-20.")
        day = days[0]
    return (sheet.row.serial if sheet else str(serial)), day


def _told(made: Edit, as_json: bool) -> None:
    if as_json:
        emit(version(made))
        return
    decision = made.decision
    start, end = cases.times(decision)
    say(
        f"Meter {made.serial}, {made.day:%d/%m/%Y} {start}–{end}: {sum(decision.before_energy):,} Wh before, "
        f"{sum(made.after_energy):,} Wh now (version {made.version})."
    )
