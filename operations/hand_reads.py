"""An index that a person read from a meter's display: what closes a register nothing else can close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import LOCAL, closed_day, require_aware, shown
from model.readout import RegisterRead
from model.series import Channel, ReadingSource, RegisterKey
from operations import models
from operations.errors import MeterRefused
from operations.meter_changes import raw_indices
from storage import cases, corrections, fleet, hand_reads, people, reader_codes
from storage.pool import Pool
from storage.register import Hung, hung

IMPORT = Channel.ACTIVE_IMPORT


@dataclass(frozen=True, slots=True)
class Entered:
    """Where the meter hangs, the raw register values by code, and how many of them are new."""

    serial: str
    point: str
    at: datetime
    indices: dict[str, int]
    new: int


def enter(
    pool: Pool,
    serial: str,
    at: datetime,
    kwh: Sequence[tuple[str, Decimal]],
    *,
    rolled_over: bool = False,
    by: str,
    now: datetime,
) -> Entered:
    """Keep what the display of a meter showed at the instant, in kWh by register code, and who entered it.

    `VC` is the reactive register, in kvarh. `rolled_over` (the trade's Q) lets an index be below the one
    before. Raises `MeterRefused` for a meter that did not hang then, an instant to come, a register it does
    not have, too many digits, an index that does not lie between its neighbours, and one that contradicts
    what stands for the instant.
    """
    with pool.connection() as conn:
        entered = keep(conn, serial, at, kwh, rolled_over=rolled_over, by=by, now=now)
        cases.take(conn, settled(conn, serial, at), now)
        return entered


def keep(
    conn: Connection[TupleRow],
    serial: str,
    at: datetime,
    kwh: Sequence[tuple[str, Decimal]],
    *,
    rolled_over: bool = False,
    by: str,
    now: datetime,
    beside: Mapping[str, str] | None = None,
) -> Entered:
    """As `enter`, within the caller's transaction; `beside` is written down with it (a photo, who read)."""
    require_aware(at)
    if at > now:
        raise MeterRefused(serial, f"meter {serial}: {shown(at)} is still to come: correct --at")
    place = place_of(conn, serial, at)
    kind = models.kind(place.model)
    indices = raw_indices(serial, place.model, kwh)
    if not indices or kind is None:
        raise MeterRefused(serial, f"meter {serial}: no index is given: write it like KT=7543.2")
    reads = []
    for code, raw in indices.items():
        key = RegisterKey.from_code(code)
        scaler, unit = kind.registers[key.channel, key.rate]
        status = hand_reads.WRAPPED if rolled_over else 0
        read = RegisterRead(key.channel, key.rate, at, raw, scaler, unit, ReadingSource.MANUAL, status)
        refuse(conn, place, read, rolled_over=rolled_over)
        reads.append(read)
    new = hand_reads.save(conn, place.meter_id, reads, now)
    if new:
        detail = {
            "at": at.isoformat(),
            "raw": indices,
            "status": "Q" if rolled_over else "",
            **(beside or {}),
        }
        people.audit(conn, now, by, "meter.index", serial, detail)
    return Entered(serial, place.point, at, indices, new)


def settled(conn: Connection[TupleRow], serial: str, at: datetime) -> set[tuple[int, date]]:
    """The meter-days of which a meter-reader had told a code instead of an index, now that one was read."""
    meter_id = place_of(conn, serial, at).meter_id
    return {(meter_id, day) for day in reader_codes.read(conn, meter_id, closed_day(at))}


def place_of(conn: Connection[TupleRow], serial: str, at: datetime) -> Hung:
    """Where the meter hangs at the instant. Raises `MeterRefused` where nowhere."""
    meter_id = fleet.meter_ids(conn, [serial]).get(serial)
    if meter_id is None:
        raise MeterRefused(serial, f"meter {serial} is not registered: see `ami meter list`")
    stays = hung(conn, meter_ids=[meter_id])
    # Taken down and hung again at one instant: the index belongs to where it hangs now.
    found = [place for place in stays if place.since <= at and (place.until is None or at <= place.until)]
    if not found:
        told = f" it hangs at {stays[-1].point} since {shown(stays[-1].since)}:" if stays else ""
        raise MeterRefused(serial, f"meter {serial} hung nowhere at {shown(at)}:{told} correct --at")
    return found[-1]


def put_right_by(conn: Connection[TupleRow], place: Hung, index: str, at: datetime) -> str:
    """The command that puts a closed index right (`index`: as `KT=403`)."""
    local = f"{at.astimezone(LOCAL):%Y-%m-%dT%H:%M}"
    if numbers := corrections.upon(conn, place.point, place.serial, at):
        code, _, kwh = index.partition("=")
        return (
            f"if it is wrong, correct bill {numbers[0]} (`ami bill correct {numbers[0]} --index "
            f"{place.serial}:{code}@{local}={kwh} --reason … --as …`)"
        )
    return (
        f"if it is wrong, put it right (`ami meter index {place.serial} {index} --at {local} --correct "
        f"--reason … --as …`)"
    )


def refuse(
    conn: Connection[TupleRow],
    place: Hung,
    read: RegisterRead,
    *,
    rolled_over: bool,
    anew: bool = False,
) -> None:
    """Raises `MeterRefused` for an index that cannot be; `anew`: what was closed before is the wrong one."""
    wh, digits = Decimal(read.raw).scaleb(read.scaler), models.digits_of(place)
    code, scaler = RegisterKey(read.channel, read.rate).code, read.scaler
    name = f"{'kWh' if read.channel is IMPORT else 'kvarh'} of {code}"
    who = f"meter {place.serial}: {_kwh(wh)} {name} at {shown(read.at)}"
    if digits is not None and wh >= Decimal(10) ** (digits + 3):
        raise MeterRefused(place.serial, f"{who} has more than the register's {digits} digits: read it again")
    before, standing, after = hand_reads.around(conn, place.meter_id, read.channel, read.rate, read.at)
    if standing is not None and standing[1] != wh and not anew:
        word = "was closed" if standing[2] == "closed" else "was told by the meter itself"
        said = f"{who}: the index of that instant {word} at {_kwh(standing[1])} kWh, which stands"
        way = put_right_by(conn, place, f"{code}={_kwh(wh)}", read.at) if standing[2] == "closed" else ""
        raise MeterRefused(place.serial, f"{said}: {way or 'close it first (ami close)'}")
    if rolled_over:
        return
    if before is None and code in place.first_index and place.since < read.at:
        before = (place.since, Decimal(place.first_index[code]).scaleb(scaler), "work sheet")
    if after is None and code in place.last_index and place.until is not None and read.at < place.until:
        after = (place.until, Decimal(place.last_index[code]).scaleb(scaler), "work sheet")
    if before is not None and wh < before[1]:
        said = f"{who} is below the {_kwh(before[1])} kWh of {shown(before[0])}"
        raise MeterRefused(place.serial, f"{said}: read it again, or add --status Q if it rolled over")
    if after is not None and wh > after[1]:
        said = f"{who} is above the {_kwh(after[1])} kWh of {shown(after[0])}"
        raise MeterRefused(
            place.serial, f"{said}: read it again, or add --status Q if it rolled over after it"
        )


def _kwh(wh: Decimal) -> str:
    return f"{(wh / 1000).normalize():f}"
