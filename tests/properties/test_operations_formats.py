"""Out and in again is the identity in every format, and no file whatever is answered with a traceback."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.quality import Quality
from operations.formats import flags, greenbutton, greenbutton_write, nem12, nem_write, table
from operations.formats.numbers import offset
from operations.formats.opening import unpacked
from operations.formats.reading import READERS
from operations.formats.values import FileReadings, IndexPair, Intervals, Unusable
from operations.spreadsheet import csv_text

MADE = datetime(2026, 11, 1, 9, tzinfo=UTC)
ZONES = st.sampled_from([offset("+07:00"), offset("+10:00"), offset("-03:30"), offset("+00:00")])
NAMES = st.text("ABCXYZabc0123456789_-. đố", min_size=1, max_size=12).map(str.strip).filter(bool)
VALUES = st.one_of(
    st.decimals(0, 10**6, allow_nan=False, places=3),
    st.integers(0, 10**6).map(Decimal),
    st.decimals(0, 1, allow_nan=False, places=7),
)
GOOD = [quality for quality in Quality if quality is not Quality.MISSING]
LENGTHS = st.sampled_from([300, 900, 1800])


@st.composite
def intervals(draw: st.DrawFn, zone: timezone, names: list[str], unit: str, missing: bool) -> list[Intervals]:
    """Channels of one meter over whole days of the zone, each slot with a quality, some missing."""
    meter = draw(NAMES)
    found = []
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
        step = draw(LENGTHS)
        first = datetime(2026, draw(st.integers(1, 12)), draw(st.integers(1, 28)), tzinfo=zone)
        one = Intervals(meter, name, unit, step, meter)
        runs = draw(
            st.lists(st.tuples(st.integers(1, 40), st.sampled_from([*GOOD, None])), min_size=1, max_size=6)
        )
        values = draw(st.lists(VALUES, min_size=1, max_size=5))
        qualities = [quality for count, quality in runs for _ in range(count)]
        slots = 86_400 // step * draw(st.integers(1, 2))
        for slot in range(slots):
            quality = qualities[slot % len(qualities)]
            at = int(first.timestamp()) + slot * step
            if quality is not None:
                one.add(at, values[slot % len(values)], quality.name)
            elif missing:
                one.add(at, None, Quality.MISSING.name)
        if one.at and any(value is not None for value in one.value):
            found.append(one)
    return found


def flagged(channels: list[Intervals], words: dict[Quality, object]) -> list[Intervals]:
    for one in channels:
        one.flag = [str(words[Quality[name]]) for name in one.flag]
    return channels


def same(found: list[Intervals], given: list[Intervals]) -> None:
    def rows(many: list[Intervals]) -> dict[tuple[str, ...], list[tuple[object, ...]]]:
        return {
            (o.meter, o.channel, o.unit, str(o.interval_s)): sorted(o.rows(), key=lambda r: r[0])
            for o in many
        }

    assert rows(found) == rows(given)


@given(st.data(), ZONES)
@settings(max_examples=40)
def test_nem12_out_and_in_is_the_identity(data: st.DataObject, zone: timezone) -> None:
    channels = flagged(
        data.draw(intervals(zone, ["E1", "B1", "Q1", "K2"], "kWh", True)),
        {quality: flags.nem(quality) for quality in Quality},
    )
    if not channels:
        return
    text = nem_write.nem12(channels, zone, MADE, "A", "B")
    found = nem12.read(text.encode(), zone)
    assert not found.rejected
    same(list(found.intervals), channels)
    assert nem_write.nem12(found.intervals, zone, MADE, "A", "B") == text


@given(st.data(), ZONES)
@settings(max_examples=40)
def test_green_button_out_and_in_is_the_identity(data: st.DataObject, zone: timezone) -> None:
    channels = flagged(
        data.draw(intervals(zone, ["active_import", "active_export"], "Wh", False)), dict(flags.ESPI_OF)
    )
    if not channels:
        return
    for one in channels:
        assert one.meter == channels[0].meter
    text = greenbutton_write.write(channels[0].meter, channels, zone, MADE)
    found = greenbutton.read(text.encode())
    assert not found.rejected
    same(list(found.intervals), channels)


@given(st.data(), ZONES)
@settings(max_examples=40)
def test_a_table_out_and_in_is_the_identity(data: st.DataObject, zone: timezone) -> None:
    words: dict[Quality, object] = {quality: flags.words(quality) for quality in Quality}
    channels = flagged(data.draw(intervals(zone, ["active_import", "active_export"], "kWh", True)), words)
    if not channels:
        return
    rows = [
        (one.meter, datetime.fromtimestamp(at, zone).isoformat(), "" if value is None else f"{value:f}",
         one.unit, one.channel, flag)
        for one in channels for at, value, flag in one.rows()
    ]  # fmt: skip
    headings = ("meter", "timestamp", "value", "unit", "channel", "quality")
    found = table.read(csv_text(headings, rows).encode(), zone)
    assert not found.rejected
    same(list(found.intervals), channels)


@given(
    st.lists(st.tuples(VALUES, VALUES, st.sampled_from(["A", "S61", "E52"])), min_size=1, max_size=5), ZONES
)
@settings(max_examples=40)
def test_nem13_out_and_in_is_the_identity(
    readings: list[tuple[Decimal, Decimal, str]], zone: timezone
) -> None:
    start = datetime(2026, 1, 1, 8, 15, tzinfo=zone)
    pairs = [
        IndexPair(
            "NMI", "E1", "kWh", start + timedelta(days=30 * i), start + timedelta(days=30 * i + 30), before,
            after, after - before, flag, "A", "S1", 2 + i, {"direction": "E"},
        )
        for i, (before, after, flag) in enumerate(readings)
    ]  # fmt: skip
    found = nem12.read(nem_write.nem13(pairs, zone, MADE, "A", "B").encode(), zone)
    assert list(found.indices) == pairs


def workbook() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    book.active.append(["meter", "timestamp", "kwh"])
    book.active.append(["A", "2026-10-01T00:00:00", 1])
    book.save(out)
    return out.getvalue()


ZONE = offset("+07:00")
DAY = ",".join(["1"] * 48)
GOOD_FILES = {
    "nem12": (
        f"100,NEM12,202611010900,A,B\n200,N,E1,1,E1,,S,kWh,30,\n300,20261001,{DAY},V,,,,\n400,1,48,A,,\n900\n"
    ).encode(),
    "csv": b"meter,timestamp,kwh\nA,2026-10-01T00:00:00+07:00,1\nA,2026-10-01T00:30:00+07:00,2\n",
    "greenbutton": greenbutton_write.write(
        "A",
        [Intervals("A", "active_import", "Wh", 1800, at=[10**9], value=[Decimal(1)], flag=["17"])],
        ZONE,
        MADE,
    ).encode(),
    "xlsx": workbook(),
    "handheld": b"SERY_CTO,LOAI_BCS,NGAY_CU,NGAY_MOI,CS_CU,CS_MOI\nM1,KT,01/10/2026,01/11/2026,1,2\n",
}


def outcome(form: str, raw: bytes) -> FileReadings | str:
    """What is in it, or the sentence it is refused with; anything else fails the test."""
    try:
        return READERS[form](unpacked(raw, largest=10**6), ZONE)
    except Unusable as refused:
        return str(refused)


@pytest.mark.parametrize("form", GOOD_FILES)
@given(st.data())
@settings(max_examples=80)
def test_a_spoiled_file_is_read_or_refused_and_nothing_else(form: str, data: st.DataObject) -> None:
    raw = bytearray(GOOD_FILES[form])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        what = data.draw(st.sampled_from(["change", "cut", "drop", "insert", "repeat"]))
        some = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b",", b"\n", b'"', b"-", b"9" * 30, b"\xff"]))
        )
        if what == "change":
            raw[at : at + len(some)] = some
        elif what == "cut":
            del raw[at:]
        elif what == "drop":
            del raw[at : at + 3]
        elif what == "insert":
            raw[at:at] = some
        else:
            raw[at:at] = raw[at : at + 40]
        if not raw:
            break
    found = outcome(form, bytes(raw))
    if isinstance(found, str):
        assert "\n" not in found
    else:
        assert all(len(one.at) == len(set(one.at)) for one in found.intervals)


@given(
    st.sampled_from(sorted(READERS)),
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)),
)
@settings(max_examples=150)
def test_any_bytes_are_read_or_refused(form: str, raw: bytes) -> None:
    found = outcome(form, raw)
    assert not isinstance(found, str) or "\n" not in found
