"""What a billing run is checked for: use far from before, open cases, stations; held, and let go again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from model.day import Finding
from model.quality import Severity
from model.series import ReadingSource
from operations import bill, cases, close, wording
from operations.errors import RunRefused
from operations.runs import stages
from storage import bill_holds, billing_runs, days
from storage import cases as queue
from storage.fleet import meter_ids
from storage.pool import Pool
from tests.billing_run_steps import LAN, drafted, items_of, october_closed
from tests.operations_grid import NOW, OCTOBER, SEPTEMBER, bring, read


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with october_closed(database) as pool:
        yield pool


def _before(database: str, pool: Pool, raw: int) -> None:
    """HOUSE's September, from `raw` to the 1,000,000 Wh at which October begins."""
    bring(database, read("H1", SEPTEMBER.start, raw))
    close.run(pool, SEPTEMBER, NOW)
    bill.run(pool, SEPTEMBER, date(2026, 10, 2), NOW)


# October: 134.6 kWh (135) in 31 days, 4.35 a day; September has 30.
@pytest.mark.parametrize(("before", "held"), [(110, False), (100, True), (180, False), (200, True)])
def test_use_far_from_the_month_before_waits_for_a_second_reading(
    database: str, pool: Pool, before: int, held: bool
) -> None:
    _before(database, pool, 1_000_000 - before * 1000)
    run = drafted(pool)
    stages.check(pool, LAN, run.id, NOW)
    house = items_of(pool, run.id)["HOUSE"]
    assert (house.outcome == "held") is held
    if held:
        assert house.kind == "read_again"
        assert house.reason.startswith(f"Meter H1 went on by 135 kWh, {before} kWh before (")
        assert "read it again" in house.reason
        with pool.connection() as conn:
            assert "HOUSE" in {row.hold.point for row in bill_holds.holds(conn, LAN)}


def test_a_second_reading_or_a_reason_lets_it_go(database: str, pool: Pool) -> None:
    _before(database, pool, 950_000)
    run = drafted(pool)
    stages.check(pool, LAN, run.id, NOW)
    with pytest.raises(RunRefused, match="needs a reason"):
        stages.accept(pool, LAN, run.id, "HOUSE", " ", NOW)
    with pytest.raises(RunRefused, match="bill of point SHOP is not held by a check"):
        stages.accept(pool, LAN, run.id, "SHOP", "looked", NOW)
    stages.accept(pool, LAN, run.id, "HOUSE", "a new cooker", NOW)
    stages.check(pool, LAN, run.id, NOW)
    assert items_of(pool, run.id)["HOUSE"].outcome == "bill"
    with pool.connection() as conn:
        assert "HOUSE" not in {row.hold.point for row in bill_holds.holds(conn, LAN)}
        [entry] = conn.execute("SELECT login, detail FROM audit WHERE action = 'bills.accept'").fetchall()
        assert entry == ("lan", {"point": "HOUSE", "kind": "read_again", "why": "a new cooker"})
        conn.execute("DELETE FROM billing_run_acceptance")
    stages.check(pool, LAN, run.id, NOW)
    assert items_of(pool, run.id)["HOUSE"].outcome == "held"
    bring(database, read("H1", NOW - timedelta(hours=1), 1_140_000, source=ReadingSource.MANUAL))
    stages.check(pool, LAN, run.id, NOW)
    assert items_of(pool, run.id)["HOUSE"].outcome == "bill"


def test_an_open_red_case_holds_the_bill_of_its_days_until_somebody_has_judged_it(
    database: str, pool: Pool
) -> None:
    day = date(2026, 10, 12)
    with pool.connection() as conn:
        meter = meter_ids(conn, ["H1"])["H1"]
        finding = Finding("negative", "H1", day, Severity.RED, {"current_wh": 5})
        days.save_findings(conn, [(meter, finding)], {(meter, day)})
        queue.take(conn, {(meter, day)}, NOW)
        (case,) = cases.open_cases(conn, ["HOUSE"], OCTOBER)
    run = drafted(pool)
    stages.check(pool, LAN, run.id, NOW)
    house = items_of(pool, run.id)["HOUSE"]
    assert (house.outcome, house.kind) == ("held", "open_case")
    assert house.reason == (
        f"Case {case.case} of meter H1 (negative, 12/10/2026) waits for somebody to judge it: "
        f"`ami case show {case.case}`; then check again."
    )
    cases.accept(pool, LAN, case.case, reason="seen on site", now=NOW)
    stages.check(pool, LAN, run.id, NOW)
    assert items_of(pool, run.id)["HOUSE"].outcome == "bill"


def test_three_times_as_much_from_400_kwh_on_wants_the_customers_signature(database: str, pool: Pool) -> None:
    with pool.connection() as conn:
        conn.execute("UPDATE meter SET model = 'dk-1p' WHERE serial = 'H1'")
        conn.execute("UPDATE closing_index SET raw = 2500000 WHERE point = 'HOUSE' AND raw = 1134600")
    _before(database, pool, 550_000)
    bring(database, read("H1", NOW - timedelta(hours=1), 2_600_000, source=ReadingSource.MANUAL))
    run = drafted(pool)
    stages.check(pool, LAN, run.id, NOW)
    house = items_of(pool, run.id)["HOUSE"]
    assert (house.outcome, house.kind) == ("held", "customer_signs")
    assert "have the customer sign the reading" in house.reason


def test_a_station_that_sold_more_than_it_got_is_told(database: str, pool: Pool) -> None:
    with pool.connection() as conn:
        conn.execute("INSERT INTO point (code, role, station) VALUES ('HEAD', 'station_head', 'T1')")
        conn.execute("INSERT INTO point_multiplier VALUES ('HEAD', '2025-01-01', 40)")
        conn.execute("INSERT INTO meter (serial, model, modem) VALUES ('HD', 'dk-3p-ct', 'M1')")
        conn.execute(
            "INSERT INTO installation (point, meter_id, since) "
            "SELECT 'HEAD', id, '2025-01-01' FROM meter WHERE serial = 'HD'"
        )
        conn.execute("UPDATE installation SET until = '2026-09-01' WHERE point = 'BLIND'")
    bring(database, read("HD", OCTOBER.start, 0), read("HD", OCTOBER.end, 15_000))
    close.run(pool, OCTOBER, NOW)
    run = drafted(pool)
    found = {one.object: one for one in stages.check(pool, LAN, run.id, NOW)}
    assert (found["T1"].kind, found["T1"].holds) == ("station_sum", False)
    assert found["T1"].said.startswith("Station T1 was delivered 600 kWh and sold ")
    with pool.connection() as conn:
        [kept] = [one for one in billing_runs.findings(conn, run.id) if one.object == "T1"]
    vi, en = (wording.noticed(kept.kind, "T1", kept.said, kept.facts, each) for each in ("vi", "en"))
    assert vi.startswith("Trạm T1 nhận 600 kWh mà bán ")
    assert en == kept.said
    before = wording.noticed(kept.kind, "T1", kept.said, {}, "vi")
    assert before == kept.said, "what was noticed before figures were kept stays as it was said"
