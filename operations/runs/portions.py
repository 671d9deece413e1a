"""Portions of a run, drafted and issued set by set; what is not plain is left to the way of objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import local_day
from model.quality import Quality
from model.series import Channel
from operations import peak, sums
from operations.runs import setwise
from operations.runs.setwise import Law, Plain
from storage import bill_copy, bill_holds, billing_runs, days
from storage.bill_copy import escaped
from storage.billing_runs import Item, Run
from storage.determinants import Columns

NULL = r"\N"
CHECKED = 2_000  # meters whose half-hours are held in memory at a time


def issue(conn: Connection[TupleRow], run: Run, columns: Columns, of: Law, now: datetime) -> tuple[int, str]:
    """Send out the plain bills of a portion that come to what was approved: how many, and the first point
    that comes to something else (nothing of the portion is written then)."""
    groups, _ = setwise.rate(columns, of)
    for group in groups:
        other = _other(columns, group)
        if other:
            return 0, other
    heads: list[str] = []
    lines: list[str] = []
    uses: list[str] = []
    for group in groups:
        numbers = bill_copy.numbers(conn, len(group.row))
        heads += _heads(run, columns, group, of, now, numbers, _peaks(conn, run, columns, group))
        lines += _lines(group, numbers)
        uses += _uses(columns, group, numbers)
    bill_copy.write(conn, heads, lines, uses)
    points = [columns.point[row] for group in groups for row in group.row.tolist()]
    bill_holds.drop_of(conn, run.period, points)
    return len(points), ""


def _other(columns: Columns, group: Plain) -> str:
    """The first point whose bill is not the one that was approved; empty where all are."""
    starts = group.row.tolist()
    counted = zip(
        starts, group.kwh.tolist(), group.wh.tolist(), group.subtotal.tolist(), group.vat.tolist(),
        group.total.tolist(), strict=True,
    )  # fmt: skip
    for row, *figures in counted:
        if columns.approved[row] != (group.plan, *figures):
            return str(columns.point[row])
    return ""


def _heads(
    run: Run, columns: Columns, group: Plain, of: Law, now: datetime, numbers: Sequence[int],
    peaks: Sequence[str],
) -> list[str]:  # fmt: skip
    starts = group.row.tolist()
    points = escaped([columns.point[row] for row in starts])
    customers = escaped([columns.customer[row] for row in starts])
    period = f"{run.from_at.isoformat()}\t{run.to_at.isoformat()}\t{run.invoice_date}"
    plan = f"{escaped([group.plan])[0]}\t{bill_copy.array(of.decisions)}"
    ending = f"{now.isoformat()}\t{run.id}"
    figures = zip(
        numbers, points, customers, group.kwh.tolist(), group.wh.tolist(), group.subtotal.tolist(),
        group.vat.tolist(), group.total.tolist(), peaks, strict=True,
    )  # fmt: skip
    return [
        f"{number}\t{point}\t{customer}\t{period}\t{plan}\t{kwh}\t{wh}\t{subtotal}\t{of.vat_percent}\t{vat}\t"
        f"{total}\t{ending}\t{pmax}"
        for number, point, customer, kwh, wh, subtotal, vat, total, pmax in figures
    ]


def _peaks(conn: Connection[TupleRow], run: Run, columns: Columns, group: Plain) -> list[str]:
    """Pmax of each bill as COPY takes it, where their plan names it and all half-hours are known."""
    rows = group.row.tolist()
    meters = [columns.meter_id[row] or 0 for row in rows]
    first, end = local_day(run.from_at), local_day(run.to_at)
    told = peak.is_told(group.plan)
    if not told or not days.any_of(conn, meters, Channel.ACTIVE_IMPORT, first, end):
        return [NULL] * len(rows)
    found: list[str] = []
    for start in range(0, len(meters), CHECKED):
        some = days.matrix(conn, meters[start : start + CHECKED], Channel.ACTIVE_IMPORT, first, end)
        found += [NULL if kw is None else str(kw) for kw in peak.of_rows(some.energy, some.quality)]
    return found


def _lines(group: Plain, numbers: Sequence[int]) -> list[str]:
    labels = escaped(group.labels)
    bill, line = np.nonzero(group.line_kwh)
    first = np.searchsorted(bill, np.arange(len(numbers)))
    place = np.arange(len(bill)) - first[bill] + 1
    kwh, price = group.line_kwh[bill, line], group.prices[line]
    rows = zip(
        bill.tolist(), place.tolist(), line.tolist(), kwh.tolist(), price.tolist(), (kwh * price).tolist(),
        strict=True,
    )  # fmt: skip
    return [f"{numbers[b]}\t{n}\t{labels[t]}\t{k}\t{p}\t{amount}" for b, n, t, k, p, amount in rows]


def _uses(columns: Columns, group: Plain, numbers: Sequence[int]) -> list[str]:
    serials = escaped([columns.serial[row] or "" for row in group.row.tolist()])
    counted = zip(
        numbers, serials, group.row.tolist(), group.use_wh.tolist(), group.use_kwh.tolist(), strict=True
    )
    found = []
    registers = group.registers
    for number, serial, row, wh, kwh in counted:
        for use in range(len(wh)):
            at = row + use % registers
            after, last = use >= registers, use + registers >= len(wh)
            scaler, left = columns.scaler[at] or 0, 0 if after else columns.carried_wh[at]
            opening = _kwh((columns.middle if after else columns.opening)[at] or 0, scaler)
            closing = _kwh((columns.closing if last else columns.middle)[at] or 0, scaler)
            found.append(
                f"{number}\t{use + 1}\t{serial}\t{columns.rate[at]}\t{opening}\t{closing}\t"
                f"{columns.multiplier[at]}\t{wh[use]}\t{kwh[use]}\t\tf\t{left}"
            )
    return found


def _kwh(raw: int, scaler: int) -> str:
    """A register in kWh as it shows it, with as many places as it has."""
    if scaler == 3:
        return str(raw)
    unit = 10 ** (3 - scaler)
    return f"{raw // unit}.{raw % unit:0{3 - scaler}d}"


def draft(conn: Connection[TupleRow], run: Run, columns: Columns, of: Law) -> int:
    """Keep what the plain bills of a portion come to, but what half-hours contradict; how many."""
    groups, _ = setwise.rate(columns, of)
    items: list[Item] = []
    for group in groups:
        for start in range(0, len(group.row), CHECKED):
            part = slice(start, start + CHECKED)
            agrees, confirmed = _half_hours(conn, run, columns, group, part)
            rows = group.row[part].tolist()
            figures = zip(
                rows, group.kwh[part].tolist(), group.wh[part].tolist(), group.subtotal[part].tolist(),
                group.vat[part].tolist(), group.total[part].tolist(), agrees, confirmed, strict=True,
            )  # fmt: skip
            for row, kwh, wh, subtotal, vat, total, fine, sure in figures:
                if fine:
                    serial = columns.serial[row] or ""
                    bill = (group.plan, kwh, Decimal(wh), subtotal, vat, total, serial, sure)
                    items.append(Item(columns.point[row], columns.customer[row], "bill", *bill))
    billing_runs.save_items(conn, run.id, items)
    bill_holds.drop_of(conn, run.period, [item.point for item in items])
    return len(items)


def _half_hours(
    conn: Connection[TupleRow], run: Run, columns: Columns, group: Plain, part: slice
) -> tuple[list[bool], list[bool]]:
    """Whether the half-hours contradict no register, and whether all are there and say the same."""
    rows = group.row[part].tolist()
    meters = [columns.meter_id[row] or 0 for row in rows]
    first, end = local_day(run.from_at), local_day(run.to_at)
    if not days.any_of(conn, meters, Channel.ACTIVE_IMPORT, first, end):
        return [True] * len(rows), [False] * len(rows)
    matrix = days.matrix(conn, meters, Channel.ACTIVE_IMPORT, first, end)
    whole = (matrix.quality == Quality.ACTUAL).all(axis=(1, 2))
    summed = matrix.energy.sum(axis=(1, 2), dtype=np.int64)
    used = group.wh[part]
    steps = np.array([_steps(columns, row, group) for row in rows], np.int64)
    allowed = np.maximum(steps, int(sums.LEAST_WH))
    off = np.abs(used - summed)
    near = (off <= allowed) | (off * int(1 / sums.SHARE) <= np.maximum(used, summed))
    return (~whole | near).tolist(), (whole & near).tolist()


def _steps(columns: Columns, row: int, group: Plain) -> int:
    """Wh that the last places of the registers may hide, each time they were read."""
    places = range(row, row + group.registers)
    once = sum(10 ** (columns.scaler[at] or 0) * int(columns.multiplier[at]) for at in places)
    times: int = group.use_wh.shape[1] // group.registers
    return int(once) * times
