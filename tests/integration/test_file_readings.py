"""Readings from files become evidence with their quality: known meters only, once, and as validated days."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from analytics.vee.methods import Method
from model.clock import frozen
from model.period import LOCAL, Period
from model.quality import Quality
from model.series import Channel
from operations import cases, file_readings, hand_reads, importing, jobs, route
from operations.formats import flags, handheld, nem_write
from operations.formats.values import Intervals
from storage import days, people, profiles
from storage.fleet import meter_ids
from storage.pool import open_pool
from tests.operations_grid import NOW, OCTOBER, grid

from .conftest import Ami

ZONE = timezone(timedelta(hours=7))
DAY = datetime(2026, 10, 5, tzinfo=LOCAL)


@pytest.fixture
def known(database: str) -> str:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
    return database


def channel(meter: str, name: str = "E1", unit: str = "kWh", *, serial: str = "") -> Intervals:
    one = Intervals(meter, name, unit, 1800, serial)
    for slot in range(96):
        flag = {10: "F14", 11: "F14", 12: "F11", 13: "F57", 60: "N"}.get(slot, "A")
        one.add(int(DAY.timestamp()) + 1800 * slot, None if flag == "N" else Decimal(slot) / 8, flag)
    return one


def nem12(path: Path, *channels: Intervals) -> Path:
    path.write_text(nem_write.nem12(channels, ZONE, NOW, "A", "B"), encoding="utf-8", newline="")
    return path


def rows(dsn: str, serial: str, channel: Channel = Channel.ACTIVE_IMPORT) -> list[profiles.IntervalRow]:
    with open_pool(dsn) as pool, pool.connection() as conn:
        period = Period(DAY, DAY + timedelta(days=2))
        return list(profiles.rows(conn, serial, period, channel=channel))


def counts(dsn: str) -> tuple[int, ...]:
    with open_pool(dsn) as pool, pool.connection() as conn:
        tables = ("profile_block", "register_read", "answer", "poll")
        found = [conn.execute(f"SELECT count(*) FROM {table}").fetchone() for table in tables]  # type: ignore[call-overload]
    return tuple(row[0] for row in found if row is not None)


def test_a_file_is_kept_with_its_quality_and_brought_again_adds_nothing(
    known: str, ami: Ami, tmp_path: Path
) -> None:
    file = nem12(tmp_path / "readings.csv", channel("H1"), channel("NMI0000042", "Q1", "kvarh", serial="H1"))
    packed = tmp_path / "readings.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    entries = ami.json("import", str(packed), "--format", "nem12", "--json")
    assert [(e["meter"], e["channel"], e["unit"], e["intervals"]) for e in entries] == [
        ("H1", "E1", "kWh", 96),
        ("NMI0000042", "Q1", "kvarh", 96),
    ]
    assert entries[0]["quality"] == {"A": 91, "F14": 2, "F11": 1, "F57": 1, "N": 1}
    assert entries[0]["total"] == sum(range(96)) / 8 - 7.5
    before = counts(known)
    assert ami.json("import", "readings", str(file), "--format", "nem12", "--json") == entries
    assert counts(known) == before
    assert before[3] == 0  # a file is no conversation

    jobs.run_now(known, "validate", clock=frozen(NOW))
    found = rows(known, "H1")
    assert [row.wh for row in found[:14]] == [125 * slot for slot in range(14)]
    assert {row.quality for row in found[10:14]} == {Quality.LIKE_DAY}
    how = [Method.LIKE_DAY, Method.LIKE_DAY, Method.CHECK_METER, Method.CLASS_PROFILE]
    assert [row.method for row in found[10:14]] == how
    assert found[60].quality.is_estimated
    assert {row.quality for row in [*found[:10], *found[14:60]]} == {Quality.ACTUAL}
    assert rows(known, "H1", Channel.REACTIVE_IMPORT)[3].wh == 375
    with open_pool(known) as pool, pool.connection() as conn:
        entry = people.audited(conn, action="readings.import")[-1]
        assert (entry.object, entry.detail["meters"]) == ("readings.csv.gz", ["H1"])


def test_unknown_meters_are_named_and_the_others_kept(known: str, ami: Ami, tmp_path: Path) -> None:
    file = nem12(tmp_path / "two.csv", channel("H1"), channel("STRANGER"))
    entries = ami.json("import", str(file), "--format", "nem12", "--json", code=3)
    assert [(e["meter"], e["intervals"]) for e in entries] == [("H1", 96), ("STRANGER", 0)]
    [left] = entries[1]["rejected"]
    assert left["line"] == 13
    assert "no meter STRANGER is registered" in left["why"]
    done = ami("import", str(nem12(tmp_path / "one.csv", channel("STRANGER"))), "--format", "nem12", code=5)
    assert "one.csv, line 2: no meter STRANGER is registered" in done.stderr
    assert counts(known)[0] == 1


def test_energy_really_used_is_divided_for_a_meter_behind_transformers(
    known: str, ami: Ami, tmp_path: Path
) -> None:
    file = tmp_path / "shop.csv"
    lines = [
        f"SHOP,{DAY + timedelta(minutes=30 * i):%Y-%m-%dT%H:%M:%S+07:00},{i * 0.04:.2f}" for i in range(48)
    ]
    file.write_text("\n".join(["meter,timestamp,kwh", *lines]), encoding="utf-8")
    ami("import", str(file), "--format", "csv")  # the point's own name
    with open_pool(known) as pool, pool.connection() as conn:
        [block] = days.blocks(conn, [meter_ids(conn, ["CT"])["CT"]], OCTOBER)
        assert (block.raw[:3].tolist(), block.scaler, block.obis) == ([0, 1, 2], 0, "file:csv")
    jobs.run_now(known, "validate", clock=frozen(NOW))
    assert [row.wh for row in rows(known, "CT")[:3]] == [0, 40, 80]


def test_nem13_readings_are_register_readings(known: str, ami: Ami, tmp_path: Path) -> None:
    file = tmp_path / "nem13.csv"
    pairs = (("H1", "1000.5", "A", "1150.75", "A", "150.25"), ("MB", "10", "A", "20", "E62", "10"))
    lines = ["100,NEM13,202611020900,A,B"]
    for meter, old, first, new, second, kwh in pairs:
        lines.append(
            f"250,{meter},E1,1,E1,,{meter},E,{old},20261001000000,{first},,,"
            f"{new},20261101000000,{second},,,{kwh},kWh,,20261102090000,"
        )
    file.write_text("\r\n".join([*lines, "900", ""]), encoding="utf-8")
    entries = ami.json("import", str(file), "--format", "nem12", "--json")
    assert [(e["meter"], e["total"], e["previous"], e["current"]) for e in entries] == [
        ("H1", 150.25, 1000.5, 1150.75),
        ("MB", 10, 10, 20),
    ]
    with open_pool(known) as pool, pool.connection() as conn:
        ids = meter_ids(conn, ["H1", "MB"])
        found = days.registers(conn, list(ids.values()), OCTOBER)
    assert sorted((read.meter_id == ids["H1"], str(read.source)) for read in found) == [
        (False, "import"),  # the estimated index of November is no reading
        (True, "import"),
        (True, "import"),
    ]
    assert counts(known)[1] == 3


def test_what_a_device_brings_back_is_an_index_read_by_hand(known: str, ami: Ami, tmp_path: Path) -> None:
    file = tmp_path / "route.csv"
    head = (
        "MA_GC,MA_DDO,SERY_CTO,LOAI_BCS,NGAY_CU,NGAY_MOI,CS_CU,CS_MOI,SL_CU,TTR_MOI,SO_CHU_SO,ANH,CHUOI_GIA"
    )
    file.write_text(
        f"{head}\n1,BLIND,MB,KT,01/10/2026,01/11/2026,7543.2,7643.2,105,,6,p-17.jpg,vn-household\n"
        "2,HOUSE,H1,KT,01/10/2026,01/11/2026,1000,900,100,,6,,\n"
        "3,HOUSE,STRANGER,KT,01/10/2026,01/11/2026,1000,1100,100,,6,,\n",
        encoding="utf-8",
    )
    entries = ami.json("import", str(file), "--format", "handheld", "--json", code=3)
    good, bad, stranger = entries
    assert (good["meter"], good["total"], good["bill"]["total"]) == ("MB", 100, 217_836)
    assert "fell from 1000 to 900" in bad["rejected"][0]["why"]
    assert stranger["rejected"] == [
        {"line": 4, "why": "meter STRANGER is not registered: see `ami meter list`"}
    ]
    ami("import", str(file), "--format", "handheld", code=3)
    with open_pool(known) as pool, pool.connection() as conn:
        [read] = days.registers(conn, [meter_ids(conn, ["MB"])["MB"]], OCTOBER)
        [entry] = people.audited(conn, action="meter.index")
    assert (str(read.source), read.at) == ("manual", OCTOBER.end)
    assert (entry.detail["photo"], entry.detail["file"]) == ("p-17.jpg", "route.csv")


def test_what_a_meter_reader_found_instead_of_an_index_is_a_case(known: str) -> None:
    """Burnt holds the bill until somebody judges it; absent is over when the meter is read."""
    lines = ("H1,KT,C,,", "MB,KT,V,,p-3.jpg", "CT,BT,V,,", "CT,CD,K,,", "CT,TD,,1100,", "STRANGER,KT,V,,")
    head = "SERY_CTO,LOAI_BCS,TTR_MOI,CS_MOI,ANH,NGAY_CU,NGAY_MOI,CS_CU"
    text = "\n".join([head, *(f"{line},01/10/2026,01/11/2026,1000" for line in lines)])
    found = handheld.read(text.encode(), ZONE)
    source = file_readings.Source("route.csv", "handheld", "ab" * 32)
    kept = file_readings.store(known, source, found, by="lan", now=NOW)
    assert [one.serial for one in kept.unread] == ["H1", "MB", "CT", "CT"]
    assert "STRANGER is not registered" in {one.line: one.why for one in kept.rejected}[7]
    file_readings.store(known, source, found, by="lan", now=NOW)  # again: nothing more
    assert _cases(known) == {("H1", "open", 3), ("MB", "open", 2), ("CT", "open", 3)}
    with open_pool(known) as pool:
        sent = route.route(pool, "S1", OCTOBER, again=True)
        assert {row["SERY_CTO"] for row in sent.rows} == {"H1", "MB", "CT"}
        with pool.connection() as conn:
            steps = conn.execute("SELECT count(*) FROM case_step").fetchone()
            held = {one.point for one in cases.open_cases(conn, None, OCTOBER)}
        assert steps == (3,)
        assert held == {"HOUSE", "SHOP"}
        hand_reads.enter(pool, "MB", NOW, [("KT", Decimal(1100))], by="lan", now=NOW)
        hand_reads.enter(pool, "H1", NOW, [("KT", Decimal(1100))], by="lan", now=NOW)
        assert _cases(known) == {("H1", "open", 3), ("MB", "closed", 2), ("CT", "open", 3)}
        hand_reads.enter(pool, "H1", OCTOBER.end, [("KT", Decimal(1090))], by="lan", now=NOW)
    assert _cases(known) == {("H1", "closed", 3), ("MB", "closed", 2), ("CT", "open", 3)}


def test_another_multiplier_at_the_meter_than_in_the_register_is_a_case(known: str) -> None:
    head = "SERY_CTO,LOAI_BCS,HSN,CS_MOI,NGAY_CU,NGAY_MOI,CS_CU"

    def brought(multiplier: int, month: int) -> None:
        days = f"01/{month:02}/2026,01/{month + 1:02}/2026"
        lines = [f"CT,{code},{multiplier},{1000 + month},{days},{999 + month}" for code in ("BT", "CD", "TD")]
        found = handheld.read("\n".join([head, *lines]).encode(), ZONE)
        source = file_readings.Source("route.csv", "handheld", f"{month:02}" * 32)
        assert file_readings.store(known, source, found, by="lan", now=NOW).rejected == []

    brought(60, 9)  # 40 in the register
    assert _cases(known) == {("CT", "open", 3)}
    with open_pool(known) as pool, pool.connection() as conn:
        assert conn.execute("SELECT detail FROM finding").fetchall() == [
            ({"registered": "40", "meter": "60"},)
        ]
    brought(40, 10)
    assert _cases(known) == {("CT", "closed", 3)}


def _cases(dsn: str) -> set[tuple[str, str, int]]:
    with open_pool(dsn, 1) as pool, pool.connection() as conn:
        return set(
            conn.execute(
                "SELECT serial, state, severity FROM validation_case JOIN meter m ON m.id = meter_id"
            ).fetchall()
        )


def test_every_quality_has_a_flag_of_its_own_in_each_format() -> None:
    for quality in Quality:
        assert flags.of_nem(flags.nem(quality))[0] is quality
        assert flags.of_word(flags.words(quality)) == (quality, Method.NONE)
        if quality is not Quality.MISSING:
            said = flags.of_espi(flags.ESPI_OF[quality])
            assert said is not None
            assert said[0] is quality


def test_methods_go_out_and_come_back() -> None:
    for method in (
        Method.CHECK_METER,
        Method.LIKE_DAY,
        Method.CLASS_PROFILE,
        Method.AVERAGE_DAY,
        Method.OUTAGE,
    ):
        for quality in (Quality.LIKE_DAY, Quality.UNSCALED):
            assert flags.of_nem(flags.nem(quality, method)) == (quality, method)
            assert flags.of_word(flags.words(quality, method)) == (quality, method)
    assert flags.of_word("like_day moonlight") is None
