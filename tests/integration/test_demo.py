"""The main job, end to end: from an empty database over real sockets to bills and warnings."""

from __future__ import annotations

import json
import random
import subprocess
from typing import Any

import psycopg
import pytest

AS_OF = "2026-11-21T09:10:00+07:00"
TURN_OF_THE_MONTH = "2026-11-01T00:00:00+07:00"  # a clock that is behind has its snapshot still to take
ACCUSING = {"phase_bypass"}
UNCOUNTED = {"phase_bypass", "stuck_meter"}
EVIDENCE = {
    "profile_block": "meter_id, channel, at, kind, interval_s, instants, raw, status, scaler, unit, obis,"
    " digest",
    "register_read": "meter_id, channel, rate, at, raw, scaler, unit, status, source",
    "answer": "meter_id, item, asked_from, asked_to, complete, digest",
    "profile_day": "meter_id, channel, day, interval_s, scaler, unit, energy, quality",
    "closing_index": "point, meter_id, channel, rate, at, raw, scaler, status",
    "bill": "point, customer, from_at, to_at, invoice_date, plan, decisions, kwh, wh, subtotal, vat, total",
}


def rows(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of evidence, days and bills, without receipt times and poll ids."""
    with psycopg.connect(dsn) as conn:
        return {
            table: conn.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}").fetchall()
            for table, columns in EVIDENCE.items()
        }


def pairs(items: list[dict[str, str]]) -> set[tuple[str, str]]:
    return {(item["meter"], item["kind"]) for item in items}


def assert_planted_found(document: dict[str, Any]) -> None:
    planted, alerts = pairs(document["planted"]), pairs(document["alerts"])
    assert planted, "the simulator planted nothing"
    assert planted <= alerts, f"not found: {sorted(planted - alerts)}"
    accused = {pair for pair in alerts if pair[1] in ACCUSING}
    assert accused <= planted, f"accused without cause: {sorted(accused - planted)}"
    uncounted = {meter for meter, kind in planted if kind in UNCOUNTED}
    visited = {one["meter"] for one in document["inspections"]}
    assert visited <= uncounted, f"to be visited without cause: {sorted(visited - uncounted)}"


def assert_customer_is_ordinary(dsn: str, document: dict[str, Any]) -> None:
    """Who looks at the demo as a customer sees a household with a bill, every half-hour and nothing odd."""
    with psycopg.connect(dsn) as conn:
        ((plan, meter, slots),) = conn.execute("""
            SELECT b.plan, m.serial, sum(slots_of(d.quality, '1'))::integer
            FROM app_user u JOIN bill b USING (customer) JOIN installation i USING (point)
            JOIN meter m ON m.id = i.meter_id
            JOIN profile_day d ON d.meter_id = m.id AND d.channel = 1
                AND d.day >= '2026-10-01' AND d.day < '2026-11-01'
            WHERE u.login = 'khach' GROUP BY b.plan, m.serial""").fetchall()
    assert (plan, slots) == ("vn-household", 31 * 48)
    assert meter not in {found for found, _ in pairs(document["planted"]) | pairs(document["alerts"])}


@pytest.mark.long
@pytest.mark.timeout(420)
def test_demo_twice_on_the_same_home(ami: Any, database: str) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    first = ami.json("demo", "--once", "--json", "--as-of", AS_OF, "--seed", str(seed), timeout=200)
    assert first["meters"] >= 60
    assert first["bills"] > 40
    assert first["wh_billed"] == first["wh_truth"] > 0
    assert first["intervals_expected"] >= first["intervals_stored"] > 0.9 * first["intervals_expected"]
    assert all(held["reason"].endswith(".") for held in first["held"])
    assert sum("measures station" in held["reason"] for held in first["held"]) == 2
    assert_planted_found(first)
    before = rows(database)
    assert_customer_is_ordinary(database, first)

    second = ami.json("demo", "--once", "--json", "--as-of", AS_OF, timeout=200)
    assert {**second, "seconds": None} == {**first, "seconds": None}
    assert rows(database) == before


@pytest.mark.soak
@pytest.mark.timeout(180)
@pytest.mark.parametrize("draw", range(10))
def test_planted_faults_of_drawn_seeds(ami: Any, draw: int) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    as_of = TURN_OF_THE_MONTH if draw % 2 else AS_OF
    document = ami.json("demo", "--once", "--json", "--as-of", as_of, "--seed", str(seed), timeout=150)
    assert document["wh_billed"] == document["wh_truth"]
    assert_planted_found(document)


@pytest.mark.long
def test_demo_stands_at_the_last_lawful_day(ami: Any) -> None:
    done = ami(
        "demo", "--once", "--json", "--customers", "20", "--as-of", "2027-02-10T09:00:00+07:00", timeout=150
    )
    assert "31/12/2026" in done.stderr
    assert json.loads(done.stdout)["bills"] > 10


def test_a_second_demo_on_the_same_home_is_refused(ami: Any) -> None:
    import fcntl

    ami.home.mkdir(parents=True)
    with (ami.home / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = ami("demo", "--once", code=1)
    assert "already running" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_another_seed_on_the_same_home_is_refused(ami: Any) -> None:
    ami.home.mkdir(parents=True)
    (ami.home / "demo.json").write_text('{"seed": 1, "epoch": "2026-11-21T09:00:00+07:00"}')
    done = ami("demo", "--once", "--seed", "2", code=2)
    assert "already shows the cooperative of seed 1" in done.stderr
    done = ami("demo", "--once", "--customers", "30", code=2)
    assert "already shows the cooperative of seed 1 with 60 customers" in done.stderr


@pytest.mark.soak
@pytest.mark.timeout(180)
def test_two_demos_on_two_homes_at_the_same_time(ami: Any, empty_database: str) -> None:
    """Both want the same port for modems that dial in, which their head-ends hold only some of the time."""
    from tests.integration.conftest import Ami

    home = ami.home.with_name("other")
    other = Ami(home, {**ami.environment, "AMI_DATABASE_URL": str(empty_database)})
    arguments = ("demo", "--once", "--json", "--as-of", AS_OF, "--seed", "3")
    first = ami.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    second = other.json(*arguments, timeout=150)
    document = json.loads(first.communicate(timeout=150)[0])
    assert {**second, "seconds": None} == {**document, "seconds": None}
