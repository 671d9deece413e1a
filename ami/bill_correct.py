"""`ami bill correct`, `corrections`, `conflicts`: bills that went out wrong, and readings that say so."""

from __future__ import annotations

from datetime import date, datetime

import rich_click as click
from psycopg import Connection
from psycopg.rows import TupleRow

from ami import clocks, home
from ami.bill_number import OFFICE, Number
from ami.console import dong, emit, say, table, when
from ami.failure import InputFailure
from ami.instants import DAY
from ami.meter_hang import INDEX
from ami.options import AS_OF, JSON
from ami.order_acting import acting, proved
from ami.settings import load
from model.bill import ClosingIndex
from model.clock import parse_instant
from model.errors import ModelError
from model.jsonform import to_json
from model.period import local_day, shown
from model.series import RegisterKey
from operations import corrections
from operations.meter_changes import raw_index
from storage import bills, closing
from storage import corrections as kept
from storage.corrections import Correction
from storage.pool import Pool, open_pool

PUT_RIGHT = "An index put right, in kWh as on the display: SERIAL:KT@2026-11-01T00:00=1134.6; several times."


def _indices(conn: Connection[TupleRow], number: int, given: tuple[str, ...]) -> list[ClosingIndex] | None:
    """The closing indices that are put right; each has to be closed already."""
    if not given:
        return None
    sheet = bills.bill(conn, OFFICE, number)
    known = [] if sheet is None else closing.history(conn, sheet.bill.point)
    return [_index(text, known) for text in given]


def _index(text: str, known: list[ClosingIndex]) -> ClosingIndex:
    try:
        where, value = text.rsplit("=", 1)
        meter, instant = where.rsplit("@", 1)
        serial, code = meter.rsplit(":", 1)
        code, kwh = INDEX.convert(f"{code}={value}", None, None)
        at, key = parse_instant(instant), RegisterKey.from_code(code)
    except (ValueError, ModelError, click.BadParameter):
        raise InputFailure(
            f"{text!r} is no index: write it like 24000017:KT@2026-11-01T00:00=1134.6"
        ) from None
    for index in known:
        if (index.serial, index.channel, index.rate, index.at) == (serial, key.channel, key.rate, at):
            raw = raw_index(serial, key, kwh, index.scaler)
            return ClosingIndex(
                index.point, serial, index.channel, index.rate, at, raw, index.scaler, index.status
            )
    raise InputFailure(
        f"Meter {serial} has no closing index of {code} at {shown(at)}: see `ami export closing`."
    )


@click.command()
@click.argument("number", type=Number())
@click.option("--reason", required=True, help="What was wrong; it stands on the bill.")
@click.option(
    "--kind",
    type=click.Choice(corrections.KINDS),
    default="adjusts",
    show_default=True,
    help="A bill of the difference, or one instead of it.",
)
@click.option("--index", "given", multiple=True, metavar="INDEX", help=PUT_RIGHT)
@click.option(
    "--invoice-date", type=DAY, help="Of the correcting bill; default: today. VAT stays the original's."
)
@AS_OF
@acting
@JSON
def correct(
    number: int,
    reason: str,
    kind: str,
    given: tuple[str, ...],
    invoice_date: date | None,
    as_of: datetime | None,
    login: str,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Order the correction of bill NUMBER: it stays as it is, another one names it. A second person approves.

    Without --index the readings are taken that contradict what was closed (`ami bill conflicts`). Other bills
    that stand upon an index put right are corrected with it, each by one of its own, in their order.

    \b
    ami bill correct 17 --reason "index misread" --index 24000017:KT@2026-11-01T00:00=1134.6 --as lan
    ami bill approve-correction 3 --as minh
    """
    clock = clocks.clock(as_of)
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        with pool.connection() as conn:
            indices = _indices(conn, number, given)
        on = invoice_date or local_day(clock())
        found = corrections.order(
            pool, viewer, number, kind, reason, clock(), indices=indices, invoice_date=on
        )
        _told(pool, found, as_json)
    say(f"Next, by somebody else: `ami bill approve-correction {found.id} --as …`.")


@click.command("approve-correction")
@click.argument("order", type=Number())
@AS_OF
@acting
@JSON
def approve(order: int, as_of: datetime | None, login: str, password_stdin: bool, as_json: bool) -> None:
    """Approve correction ORDER as a second person: its bill goes out, and those ordered together with it."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        viewer = proved(pool, login, password_stdin)
        found = corrections.approve(pool, viewer, order, clocks.clock(as_of)())
        _told(pool, found, as_json)


@click.command("withdraw-correction")
@click.argument("order", type=Number())
@acting
def withdraw(order: int, login: str, password_stdin: bool) -> None:
    """Take correction ORDER back that nobody approved yet, and those ordered with it."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        corrections.withdraw(pool, proved(pool, login, password_stdin), order, clocks.wall())
    say(f"Correction {order} is taken back.")


def _told(pool: Pool, found: Correction, as_json: bool) -> None:
    """An order, and those that go out with it."""
    with pool.connection() as conn:
        every = kept.together(conn, found.id)
    if as_json:
        emit({**_document(found), "corrections": [_document(one) for one in every]})
        return
    word = {"adjusts": "adjusted", "replaces": "replaced"}[found.kind]
    if found.issued_bill is None:
        said = f"Correction {found.id} waits for a second person"
        say(f"{said}." if len(every) == 1 else f"{said}, with all that stand upon the same index.")
    for one in every:
        change = f"{dong(one.total_before)} before, {dong(one.total_after)} after"
        if one.issued_bill is not None:
            say(f"Bill {one.bill_id} is {word} by bill {one.issued_bill}: {change}.")
        else:
            say(f"Bill {one.bill_id} is to be {word}: {change}.")


def _document(found: Correction) -> dict[str, object]:
    return {**to_json(found), "digest": found.digest.hex()}


@click.command("corrections")
@click.option("--waiting", is_flag=True, help="Only those that nobody approved yet.")
@JSON
def listed(waiting: bool, as_json: bool) -> None:
    """The corrections that were ordered, the latest first."""
    with home.database(load()) as dsn, open_pool(dsn) as pool, pool.connection() as conn:
        found = kept.orders(conn, waiting=waiting)
    if as_json:
        emit({"corrections": [_document(one) for one in found]})
        return
    if not found:
        say("There is no correction: `ami bill correct` orders one.")
        return
    rows = [
        (c.id, c.bill_id, c.kind, c.state, dong(c.total_before), dong(c.total_after), c.ordered_by, c.reason)
        for c in found
    ]
    right = ("Order", "Bill", "Before", "After")
    table("", ("Order", "Bill", "Kind", "State", "Before", "After", "By", "Why"), rows, right=right)


@click.command()
@click.option(
    "--dismiss", type=Number(), metavar="CONFLICT", help="What was closed stands; with --reason, --as."
)
@click.option("--reason", default="", help="Why what was closed stands.")
@click.option("--as", "login", metavar="LOGIN", help="Who dismisses.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@JSON
def conflicts(
    dismiss: int | None, reason: str, login: str | None, password_stdin: bool, as_json: bool
) -> None:
    """Readings that came later and say something else than what was closed, and bills that stand upon it."""
    with home.database(load()) as dsn, open_pool(dsn) as pool:
        if dismiss is not None:
            if login is None:
                raise click.UsageError("say who dismisses it: --as LOGIN")
            viewer = proved(pool, login, password_stdin)
            corrections.dismiss(pool, viewer, dismiss, reason, clocks.wall())
        with pool.connection() as conn:
            found = kept.conflicts(conn)
    if as_json:
        emit({"conflicts": found})
        return
    if not found:
        say("No reading contradicts what was closed.")
        return
    rows = [
        (c.id, c.point, c.serial, c.register, when(c.at), c.closed, c.read, ", ".join(map(str, c.bills)))
        for c in found
    ]
    table("", ("Conflict", "Point", "Meter", "Register", "At", "Closed", "Read", "Bills"), rows)
    if any(c.bills for c in found):
        say("Correct a bill by what was read: `ami bill correct NUMBER --reason … --as …`.")
    if any(not c.bills for c in found):
        say("Where no bill stands upon it: `ami meter index … --correct --reason … --as …`.")
