"""How complete the evidence is, beside a slow twin that looks at every half-hour; and the contact reports."""

from __future__ import annotations

import asyncio
import math
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import LOCAL, Period, midnight
from storage import completeness, contact_reports, lacking
from storage.completeness import By, Within

FIRST, LAST = date(2026, 11, 18), date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 10, 7, tzinfo=LOCAL)
OPENS = midnight(FIRST)
HALF = timedelta(minutes=30)
METERS = 6

Block = tuple[int, datetime, int, str, list[datetime] | None, int, datetime]
"""Meter, first stamp, interval in seconds, kind, its instants or None, how many values, when received."""


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("""
            INSERT INTO station VALUES ('T1', 'Đông'), ('T2', 'Đoài');
            INSERT INTO reading_book VALUES ('S1', 'Sổ 1'), ('S2', 'Sổ 2');
            INSERT INTO customer (code, name, book) VALUES ('C1', 'An', 'S1'), ('C2', 'Bình', 'S2');
            INSERT INTO modem (code, link, host, port)
            VALUES ('D1', 'dial_out', 'h', 1), ('D2', 'dial_out', 'h', 2);
            INSERT INTO point (code, role, station, customer)
            VALUES ('P0', 'station_head', 'T1', NULL), ('P1', 'customer', 'T1', 'C1'),
                ('P2', 'customer', 'T2', 'C2'), ('P3', 'customer', 'T2', 'C1'),
                ('P4', 'customer', 'T2', 'C2'), ('P5', 'customer', 'T1', 'C2'),
                ('P6', 'customer', 'T1', 'C1');
            """)
        for meter in range(1, METERS + 1):
            conn.execute(
                "INSERT INTO meter (serial, model, modem) VALUES (%s, 'dk-1p', %s)",
                [f"M{meter}", f"D{1 + meter % 2}"],
            )
        yield conn


def hangings(rng: random.Random) -> list[tuple[str, int, datetime, datetime | None]]:
    """Meter 1 moves from P1 to P6 in the middle of a day; the others come and go as they like."""
    moved = OPENS + timedelta(minutes=rng.randrange(1, 3 * 24 * 60))
    rows: list[tuple[str, int, datetime, datetime | None]] = [
        ("P1", 1, OPENS - timedelta(days=9), moved), ("P6", 1, moved, None)
    ]  # fmt: skip
    for meter, point in enumerate(("P0", "P2", "P3", "P4", "P5"), 2):
        since = OPENS + timedelta(minutes=rng.randrange(-5 * 1440, 2 * 1440))
        until = None if rng.random() < 0.5 else since + timedelta(minutes=rng.randrange(1, 4 * 1440))
        rows.append((point, meter, since, until))
    return rows


def some_blocks(rng: random.Random) -> list[Block]:
    found: list[Block] = []
    for meter in range(1, METERS):  # the last one says nothing
        for _ in range(rng.randrange(12)):
            step = rng.choice((900, 1800, 1800, 1800, 3600))
            kind = rng.choice(("interval_energy", "index", "mean_power"))
            count = rng.choice((1, 1, 3, 30, 150))
            at = OPENS + timedelta(seconds=step * rng.randrange(-4 * 86400 // step, 3 * 86400 // step))
            instants = None
            if count > 1 and rng.random() < 0.3:
                kept = sorted(rng.sample(range(count), rng.randrange(1, count)))
                instants = [at + timedelta(seconds=step * i) for i in kept]
            received = NOW - timedelta(minutes=rng.randrange(600))
            found.append((meter, at, step, kind, instants, count, received))
    return found


def stamps(block: Block) -> list[datetime]:
    _, at, step, _, instants, count, _ = block
    return instants or [at + timedelta(seconds=step * i) for i in range(count)]


def put(conn: Connection[TupleRow], block: Block) -> None:
    meter, _, step, kind, instants, _, received = block
    every = stamps(block)
    conn.execute(
        "INSERT INTO profile_block (meter_id, channel, at, last, kind, interval_s, instants, raw, status,"
        " scaler, unit, obis, digest, received_at, poll_id)"
        " VALUES (%s, 1, %s, %s, %s, %s, %s, %s, '{}', 0, 30, '1.0.1.8.0.255', %s, %s, %s)",
        [meter, every[0], every[-1], kind, step, instants, [1] * len(every), uuid.uuid4().bytes, received,
         uuid.uuid4()],
    )  # fmt: skip


def slowly(hung: list[Any], blocks: list[Block], by: By, received_by: datetime | None) -> dict[str, Any]:
    """Every half-hour of every meter, looked at one by one."""
    quarters = set()
    for block in blocks:
        meter, _, step, kind, _, _, received = block
        if received_by is not None and received > received_by:
            continue
        for stamp in stamps(block):
            start = stamp.timestamp() - (step if kind == "index" else 0)
            for quarter in range(math.floor(start / 900), math.ceil((start + step) / 900)):
                quarters.add((meter, quarter))
    where = {"P0": ("T1", ""), "P1": ("T1", "S1"), "P2": ("T2", "S2"), "P3": ("T2", "S1"),
             "P4": ("T2", "S2"), "P5": ("T1", "S2"), "P6": ("T1", "S1")}  # fmt: skip
    due: Counter[str] = Counter()
    came: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    for point, meter, since, until in hung:
        for day in range((LAST - FIRST).days + 1):
            found = []
            for slot in range(48):
                begins = OPENS + timedelta(days=day) + slot * HALF
                if since <= begins and begins + HALF <= min(until or NOW, NOW):
                    quarter = int(begins.timestamp()) // 900
                    both = {(meter, quarter), (meter, quarter + 1)} <= quarters
                    key = {
                        By.DAY: str(FIRST + timedelta(days=day)), By.HOUR: f"{slot // 2:02}:00",
                        By.STATION: where[point][0], By.BOOK: where[point][1],
                    }[by]  # fmt: skip
                    found.append((key, both))
            for key, both in found:
                due[key] += 1
                came[key] += both
                silent[key] += not any(other for _, other in found)
    return {key: (due[key], came[key], silent[key]) for key in due}


async def in_the_loop(where: Any) -> completeness.Completeness:
    connection = await psycopg.AsyncConnection.connect(where.dsn, password=where.password)
    async with connection:
        return await completeness.total_async(connection, FIRST, LAST, NOW)


@pytest.mark.parametrize("seed", range(8))
def test_completeness_is_what_a_slow_look_finds(conn: Connection[TupleRow], seed: int) -> None:
    rng = random.Random(seed)
    hung, blocks = hangings(rng), some_blocks(rng)
    for row in hung:
        conn.execute("INSERT INTO installation (point, meter_id, since, until) VALUES (%s, %s, %s, %s)", row)
    for block in blocks:
        put(conn, block)
    for received_by in (None, NOW - timedelta(hours=5)):
        sums = []
        for by in By:
            found = completeness.completeness(conn, FIRST, LAST, NOW, by, received_by)
            told = {one.of: (one.due, one.came, one.silent) for one in found}
            assert told == slowly(hung, blocks, by, received_by), by
            sums.append((sum(one.due for one in found), sum(one.came for one in found)))
        whole = completeness.total(conn, FIRST, LAST, NOW, received_by)
        assert {(whole.due, whole.came)} == set(sums)
        if received_by is None:
            assert asyncio.run(in_the_loop(conn.info)) == whole
        assert 0 < whole.came < whole.due


def slowly_lacking(hung: list[Any], blocks: list[Block]) -> dict[str, list[datetime]]:
    """The half-hours that each meter lacks, looked at one by one."""
    quarters = {
        (block[0], quarter)
        for block in blocks
        for stamp in stamps(block)
        for start in [stamp.timestamp() - (block[2] if block[3] == "index" else 0)]
        for quarter in range(math.floor(start / 900), math.ceil((start + block[2]) / 900))
    }
    found: dict[str, list[datetime]] = {}
    for _, meter, since, until in hung:
        for slot in range((LAST - FIRST).days * 48 + 48):
            begins = OPENS + slot * HALF
            quarter = int(begins.timestamp()) // 900
            both = {(meter, quarter), (meter, quarter + 1)} <= quarters
            if since <= begins and begins + HALF <= min(until or NOW, NOW) and not both:
                found.setdefault(f"M{meter}", []).append(begins)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_the_half_hours_a_meter_lacks_are_what_a_slow_look_finds(
    conn: Connection[TupleRow], seed: int
) -> None:
    rng = random.Random(seed)
    hung, blocks = hangings(rng), some_blocks(rng)
    for row in hung:
        conn.execute("INSERT INTO installation (point, meter_id, since, until) VALUES (%s, %s, %s, %s)", row)
    for block in blocks:
        put(conn, block)
    found, count = lacking.lacking(conn, FIRST, LAST, NOW)
    assert count == len(found)
    wanted = slowly_lacking(hung, blocks)
    told = {
        one.serial: [
            period.start + n * HALF for period in one.periods for n in range(period.duration // HALF)
        ]
        for one in found
    }
    assert {serial: sorted(starts) for serial, starts in told.items()} == {
        serial: sorted(starts) for serial, starts in wanted.items()
    }
    assert [one.missing for one in found] == sorted((len(each) for each in wanted.values()), reverse=True)
    for one in found:
        assert all(a.end < b.start for a, b in pairwise(one.periods)), "those that touch are one"
    assert lacking.lacking(conn, FIRST, LAST, NOW, limit=2) == (found[:2], count)
    # Station and book: what there is of each adds up to the whole.
    whole = completeness.total(conn, FIRST, LAST, NOW)
    for each in ([Within("T1"), Within("T2")], [Within(book="S1"), Within(book="S2"), Within("T1", "S9")]):
        parts = [completeness.total(conn, FIRST, LAST, NOW, None, within) for within in each]
        books = completeness.completeness(conn, FIRST, LAST, NOW, By.BOOK)
        alone = 0 if each[0].station else sum(one.due for one in books if not one.of)  # a station's own meter
        assert sum(part.due for part in parts) + alone == whole.due
        missing = sum(one.missing for within in each for one in
                      lacking.lacking(conn, FIRST, LAST, NOW, None, within)[0])  # fmt: skip
        assert missing == sum(part.due - part.came for part in parts)


def test_nothing_due_has_no_share(conn: Connection[TupleRow]) -> None:
    whole = completeness.total(conn, FIRST, LAST, NOW)
    assert (whole.due, whole.came, whole.share, whole.share_heard) == (0, 0, None, None)
    assert completeness.completeness(conn, FIRST, LAST, NOW, By.STATION) == []


def test_who_is_silent_why_reads_fail_and_how_clocks_stand(conn: Connection[TupleRow]) -> None:
    for meter in range(1, METERS + 1):
        point = f"P{meter - 1}"
        conn.execute("INSERT INTO installation (point, meter_id, since) VALUES (%s, %s, %s)",
                     [point, meter, OPENS])  # fmt: skip
    conn.execute("UPDATE modem SET last_contact = %s WHERE code = 'D1'", [NOW - timedelta(hours=30)])
    polls: list[tuple[int, int, str, str, float | None]] = [
        (1, 30, "ok", "", 4.0), (1, 10, "ok", "", -90.0), (2, 20, "timeout", "meter M2: silent", None),
        (2, 15, "no_link", "modem D1 is off", None), (3, 12, "partial", "one row", 2.0),
    ]  # fmt: skip
    for meter, ago, outcome, detail, offset in polls:
        at = NOW - timedelta(minutes=ago)
        conn.execute(
            "INSERT INTO poll VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                uuid.uuid4(),
                meter,
                f"D{1 + meter % 2}",
                at,
                at + timedelta(seconds=ago),
                outcome,
                detail,
                offset,
            ],
        )
    day = Period(midnight(LAST), NOW)
    silent = contact_reports.silent(conn, NOW, NOW - timedelta(hours=24))
    assert [(one.modem, one.last_contact is None) for one in silent] == [("D2", True), ("D1", False)]
    assert silent[1].serials == ("M2", "M4", "M6")
    assert (silent[1].outcome, silent[1].detail) == ("no_link", "modem D1 is off")
    outcomes = {
        one.outcome: (one.polls, one.meters, one.latest) for one in contact_reports.outcomes(conn, day)
    }
    assert outcomes == {
        "ok": (2, 1, None), "timeout": (1, 1, "meter M2: silent"), "no_link": (1, 1, "modem D1 is off"),
        "partial": (1, 1, "one row"),
    }  # fmt: skip
    (unread,) = contact_reports.unread(conn, day)
    assert (unread.serial, unread.tries, unread.outcome, unread.last_ok) == ("M2", 2, "no_link", None)
    assert [(one.serial, one.offset_s) for one in contact_reports.drift(conn, day)] == [
        ("M1", -90),
        ("M3", 2),
    ]
    links = {one.modem: one for one in contact_reports.links(conn, day)}
    assert (links["D2"].polls, links["D2"].polls_ok, links["D2"].median_s) == (3, 3, 12.0)
    assert (links["D1"].polls_ok, links["D1"].p95_s) == (0, None)
    yesterday = Period.of_day(LAST - timedelta(days=1))
    assert contact_reports.outcomes(conn, yesterday) == []
