"""A closed index that was mistyped, and that no bill stands upon: put right, and what it was is kept.

Where a bill stands upon it the bill is corrected with it instead (`operations.corrections`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from model.bill import ClosingIndex
from model.period import closed_day, local_day, require_aware, shown
from model.readout import RegisterRead
from model.series import ReadingSource, RegisterKey
from model.viewer import Viewer
from operations import hand_reads, models
from operations.errors import MeterRefused, RunRefused
from operations.hand_reads import Entered
from operations.meter_changes import raw_indices
from operations.pairing import ROLLOVER
from operations.runs import stages
from storage import closing, corrections, days, people
from storage.pool import Pool
from storage.register import Hung


def put_right(
    pool: Pool,
    viewer: Viewer,
    serial: str,
    at: datetime,
    kwh: Sequence[tuple[str, Decimal]],
    reason: str,
    now: datetime,
    *,
    rolled_over: bool = False,
) -> Entered:
    """Close registers of a meter anew at the instant, in kWh (`VC`: kvarh) by code; the index written down at
    hanging or taking down is put right with it.

    Raises `RunRefused` for a role that may not and without a reason; `MeterRefused` where a bill stands upon
    one (it names it), where nothing was closed, and for an index that cannot be.
    """
    stages.may(pool, viewer, "putting a closed index right", now)
    if not reason.strip():
        raise RunRefused("putting a closed index right needs a reason: say why (--reason)")
    with pool.connection() as conn:
        place = hand_reads.place_of(conn, serial, require_aware(at))
        raw = raw_indices(serial, place.model, kwh)
        standing = {
            index.code: index for index in closing.at(conn, at, [place.point]) if index.serial == serial
        }
        sheet = place.first_index if at == place.since else place.last_index if at == place.until else {}
        for code in raw:
            if code not in standing and code not in sheet:
                said = f"meter {serial}: no index of {code} is closed at {shown(at)}"
                raise MeterRefused(serial, f"{said}: enter it without --correct")
        if numbers := corrections.upon(conn, place.point, serial, at):
            given = " ".join(f"{code}={value}" for code, value in kwh[:1])
            way = hand_reads.put_right_by(conn, place, given, at)
            raise MeterRefused(
                serial, f"meter {serial}: bill {numbers[0]} stands upon its index of {shown(at)}: {way}"
            )
        _refuse_impossible(conn, place, at, raw, rolled_over=rolled_over)
        anew = [
            replace(index, raw=raw[code], status=_status(index, rolled_over=rolled_over))
            for code, index in standing.items()
            if code in raw and (index.raw != raw[code] or rolled_over is not (ROLLOVER in index.status))
        ]
        before = {code: standing[code].raw if code in standing else sheet[code] for code in raw}
        written = {code: value for code, value in raw.items() if code in sheet and sheet[code] != value}
        if not anew and not written:
            return Entered(serial, place.point, at, raw, 0)
        corrections.correct_indices(conn, anew, now, None, by=viewer.login, reason=reason.strip())
        corrections.correct_work_sheet(conn, place.meter_id, place.since, at, written)
        settled = [
            one.id
            for one in corrections.conflicts(conn, point=place.point)
            if (one.serial, one.at) == (serial, at) and one.register in raw
        ]
        corrections.settle(conn, settled, viewer.login, now, f"put right: {reason.strip()}")
        days.mark_due(conn, [place.meter_id], {closed_day(at), local_day(at)})
        detail = {"at": at.isoformat(), "before": before, "after": raw, "reason": reason.strip()}
        people.audit(conn, now, viewer.login, "meter.index_put_right", serial, detail)
        return Entered(serial, place.point, at, raw, len(set(written) | {index.code for index in anew}))


def _refuse_impossible(
    conn: Connection[TupleRow], place: Hung, at: datetime, raw: dict[str, int], *, rolled_over: bool
) -> None:
    kind = models.kind(place.model)
    assert kind is not None, "its raw indices are by its model"
    for code, value in raw.items():
        key = RegisterKey.from_code(code)
        scaler, unit = kind.registers[key.channel, key.rate]
        read = RegisterRead(key.channel, key.rate, at, value, scaler, unit, ReadingSource.MANUAL, 0)
        hand_reads.refuse(conn, place, read, rolled_over=rolled_over, anew=True)


def _status(index: ClosingIndex, *, rolled_over: bool) -> str:
    return index.status.replace(ROLLOVER, "") + (ROLLOVER if rolled_over else "")
