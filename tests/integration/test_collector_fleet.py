"""The head-end against a simulated cooperative and a real database: all of it, once, whatever happens."""

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from collector.headend import run
from collector.polling.plan import OLDEST_ROW
from collector.spool.spool import HELD
from model.clock import frozen
from simulators.fault_proxy import FaultProxy
from tests.collector_fleet import AS_OF, Cooperative, cooperative

# Everything a run leaves, receipt times and poll ids aside.
EVIDENCE = (
    "SELECT meter_id, item, asked_from, asked_to, complete, digest FROM answer",
    "SELECT meter_id, item, spans FROM answered",
    "SELECT meter_id, channel, at, kind, interval_s, instants, raw, status, scaler, unit, obis"
    " FROM profile_block",
    "SELECT meter_id, channel, rate, at, raw, scaler, unit, status, source FROM register_read",
    "SELECT meter_id, at, voltage_v, current_a, power_w, reactive_var, cos_phi, frequency_hz"
    " FROM instant_read",
    "SELECT meter_id, at, code, detail FROM meter_event",
    "SELECT meter_id, day FROM validation_due",
    "SELECT DISTINCT meter_id FROM poll WHERE outcome = 'ok'",  # how many depends on who waited for whom
)
TABLES = (
    "answer, answered, profile_block, register_read, instant_read, meter_event, validation_due, "
    "poll, rejected_frame, finding"
)


@pytest.fixture
def village(database: str, tmp_path: Path, free_port: int) -> Iterator[Cooperative]:
    with cooperative(database, tmp_path, free_port) as found:
        yield found


def evidence(village: Cooperative) -> list[list[tuple[Any, ...]]]:
    return [sorted(village.rows(query), key=repr) for query in EVIDENCE]


UNDISTURBED: list[list[tuple[Any, ...]]] = []


async def undisturbed_run(village: Cooperative) -> list[list[tuple[Any, ...]]]:
    """What a run leaves that nothing happens to; the fleet is the same in every test, so is this."""
    if not UNDISTURBED:
        await run(village.settings(), clock=frozen(AS_OF), once=True)
        UNDISTURBED.extend(evidence(village))
        forget(village)
    return UNDISTURBED


def forget(village: Cooperative) -> None:
    with psycopg.connect(village.dsn) as connection:
        connection.execute(f"TRUNCATE {TABLES}")
        connection.execute("UPDATE modem SET last_contact = NULL")


async def test_everything_is_read_once_and_a_second_run_finds_nothing_to_ask(village: Cooperative) -> None:
    steps: list[tuple[int, int]] = []
    settings = village.settings()
    report = await run(
        settings, clock=frozen(AS_OF), once=True, progress=lambda done, total, _: steps.append((done, total))
    )
    silent = [meter for meter in report.failed if meter.outcome == "no_link"]
    assert list(report.failed) == silent
    assert len({meter.modem for meter in silent}) == 1  # the planted one
    assert report.waiting == report.set_aside == report.rejected == 0
    assert report.stopped == ""
    assert steps[-1][0] == steps[-1][1] > 200
    assert steps == sorted(steps)
    # Every complete half-hour since hanging, of every meter that keeps them, exactly once.
    gaps = village.rows("""
        WITH slot AS (
            SELECT meter_id, channel, coalesce(instants[n], at + (n - 1) * make_interval(secs => interval_s))
                + CASE WHEN kind = 'index' THEN interval '0' ELSE interval '30 minutes' END AS ends
            FROM profile_block, LATERAL generate_series(1, cardinality(raw)) n)
        SELECT m.serial, m.model, count(*), count(*) - count(DISTINCT ends), i.since, i.until,
            min(ends), max(ends)
        FROM slot s JOIN meter m ON m.id = s.meter_id JOIN installation i ON i.meter_id = m.id
        WHERE m.model <> 'dk-mb' GROUP BY m.serial, m.model, i.since, i.until, s.channel""")
    assert len(gaps) > 20
    for serial, model, count, doubled, since, until, first, last in gaps:
        end = min(until or AS_OF, AS_OF)
        drifted = (AS_OF - last).total_seconds() == 1800  # a clock five minutes slow has not got there yet
        whole = (last - first).total_seconds() / 1800 + 1
        assert doubled == 0, serial
        assert count == whole, (serial, model)
        assert (first - since).total_seconds() in (0, 1800), (serial, model)
        assert last == end or drifted, (serial, model)
    before = evidence(village)
    again = await run(settings, clock=frozen(AS_OF), once=True)
    assert again.conversations == len(silent)
    assert evidence(village) == before


async def test_an_answer_spoilt_on_the_way_is_kept_with_its_reason_and_read_again(
    village: Cooperative,
) -> None:
    assert village.order(do="corrupt", answers=3) == {"corrupt": 3}
    report = await run(village.settings(), clock=frozen(AS_OF), once=True)
    assert report.rejected == 3
    kept = village.rows("SELECT item, reason, length(raw), asked_from FROM rejected_frame")
    assert len(kept) == 3
    assert all(
        reason and ((size > 100 and asked) or item == OLDEST_ROW) for item, reason, size, asked in kept
    )
    assert all(meter.outcome in ("ok", "no_link") for meter in report.meters)
    disturbed = evidence(village)[2:7]
    forget(village)
    assert (await undisturbed_run(village))[2:7] == disturbed


async def test_killed_again_and_again_it_ends_where_an_undisturbed_run_ends(village: Cooperative) -> None:
    undisturbed = await undisturbed_run(village)
    drawn = random.Random(4)
    seen = []
    for _ in range(5):
        process = village.head_end()
        assert process.stdout is not None
        for line in process.stdout:  # pragma: no branch - it is killed before it ends
            done, total, _ = line.split(" ", 2)
            if int(done) > drawn.uniform(0.0, 0.35) * int(total):
                break
        process.kill()
        process.stdout.close()
        process.wait()
        seen.append(village.rows("SELECT count(*) FROM answer")[0][0])
    assert seen[-1] < len(undisturbed[0])  # there was something left to lose
    await run(village.settings(), clock=frozen(AS_OF), once=True)
    assert evidence(village) == undisturbed


async def test_a_database_that_goes_away_in_the_middle_costs_nothing(
    village: Cooperative, free_ports: Any, caplog: pytest.LogCaptureFixture
) -> None:
    undisturbed = await undisturbed_run(village)
    there = conninfo_to_dict(village.dsn)
    port = free_ports()
    held = 0
    async with FaultProxy((str(there["host"]), int(str(there["port"])))).serving(port) as proxy:
        dsn = make_conninfo(village.dsn, host="127.0.0.1", port=port)
        away = asyncio.Event()

        def progress(done: int, total: int, text: str) -> None:
            if done > total / 5:
                away.set()

        async def outage() -> None:
            nonlocal held
            await away.wait()
            proxy.cut()
            await asyncio.sleep(2)
            database = sqlite3.connect(village.home / "spool.sqlite")
            held = database.execute(HELD).fetchone()[0]
            database.close()
            await proxy.mend()

        settings = village.settings(dsn=dsn, concurrency=2)
        report, _ = await asyncio.gather(
            run(settings, clock=frozen(AS_OF), once=True, progress=progress), outage()
        )
    assert held > 0  # polling went on meanwhile
    assert report.waiting == 0
    assert report.stopped == ""
    assert evidence(village) == undisturbed
    said = [record.getMessage() for record in caplog.records if record.name == "ami.ingest"]
    assert sum("away" in line for line in said) == 1
    assert sum("is back" in line for line in said) == 1


async def test_a_database_that_stays_away_leaves_everything_in_the_spool(
    village: Cooperative, free_ports: Any
) -> None:
    there = conninfo_to_dict(village.dsn)
    port = free_ports()
    async with FaultProxy((str(there["host"]), int(str(there["port"])))).serving(port) as proxy:
        dsn = make_conninfo(village.dsn, host="127.0.0.1", port=port)

        def progress(done: int, total: int, text: str) -> None:
            if done == 0:
                proxy.cut()

        report = await run(
            village.settings(dsn=dsn, store_patience_s=2.0), clock=frozen(AS_OF), once=True, progress=progress
        )
    assert report.waiting > 20
    assert "come in with the next run" in report.stopped
    again = await run(village.settings(), clock=frozen(AS_OF), once=True)
    assert again.waiting == 0
    assert again.conversations < 3  # what lay in the spool is not asked again
    assert village.rows("SELECT count(*) FROM answer")[0][0] == sum(
        len(rows) for rows in evidence(village)[:1]
    )


async def test_a_full_spool_stops_polling_with_one_sentence_and_goes_on_with_the_next_run(
    village: Cooperative,
) -> None:
    undisturbed = await undisturbed_run(village)
    stopped = []
    for _ in range(40):
        report = await run(village.settings(spool_limit_bytes=300_000), clock=frozen(AS_OF), once=True)
        if not report.stopped:
            break
        stopped.append(report.stopped)
    assert stopped
    assert all("is full" in sentence and "check the database" in sentence for sentence in stopped)
    assert evidence(village) == undisturbed
