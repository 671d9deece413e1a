"""Clocks, selections, profiles and values of attributes as others published them.

[P] pwitab/dlms-cosem at dc41293e (MIT), tests/ (test_time, test_selective_access, test_a_xdr, test_parsers);
[A] toreamun/amshan at 3571bed4 (MIT), tests/.
"""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from protocols.dlms import axdr
from protocols.dlms.apdu import GetRequestNormal
from protocols.dlms.clock import CosemDateTime, read_clock, write_clock
from protocols.dlms.objects import ScalerUnit
from protocols.dlms.profile import decode_rows
from protocols.dlms.selection import (
    CLOCK_COLUMN,
    CaptureObject,
    RangeAsked,
    RangeSelection,
    read_selection,
)
from protocols.obis import obis


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("07e40101ff000300 00ff8800", datetime(2020, 1, 1, 0, 3, tzinfo=timezone(timedelta(hours=2)))),
        ("07e40106ff000300 00ffc400", datetime(2020, 1, 6, 0, 3, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_clock(text: str, moment: datetime) -> None:
    """[P test_time] they leave the weekday open, we write it."""
    raw = bytes.fromhex(text)
    assert read_clock(raw) == moment
    written = bytearray(write_clock(moment))
    assert written[4] == moment.isoweekday()
    written[4] = 0xFF
    assert bytes(written) == raw


def test_clock_without_deviation_is_no_instant_by_itself() -> None:
    """[P test_time]"""
    raw = bytes.fromhex("07e2020cff00000000800000")
    assert isinstance(read_clock(raw), CosemDateTime)
    assert read_clock(raw, UTC) == datetime(2018, 2, 12, tzinfo=UTC)


FIVE_DAYS = (
    "010204020412000809060000010000ff0f02120000090c07e40101ff00030000ff8800090c07e40106ff00030000ffc4000100"
)
"""A selection alone [P test_selective_access, test_range_descriptor_to_bytes]."""
QUARTERS = (
    "c001c100070100630100ff0201010204020412000809060000010000ff0f02120000"
    "090c07e10a010700000000ffc480090c07e10a010701000000ffc4800100"
)
"""Quarter-hours of 2017-10-01, midnight to one, daylight saving bit set [P test_selective_access]."""


def test_range_on_the_wire() -> None:
    """Apart from the weekdays, which we write."""
    wish = RangeSelection(
        datetime(2020, 1, 1, 0, 3, tzinfo=timezone(timedelta(hours=2))),
        datetime(2020, 1, 6, 0, 3, tzinfo=timezone(timedelta(hours=1))),
    )
    access = wish.to_access()
    written = bytearray(bytes((access.selector,)) + axdr.encode(access.parameters))
    # Wednesday and Monday stand where the vector leaves the day of the week open.
    assert (written[27], written[41]) == (3, 1)
    written[27] = written[41] = 0xFF
    assert bytes(written) == bytes.fromhex(FIVE_DAYS)


def test_range_request_of_a_real_client() -> None:
    request = GetRequestNormal.from_bytes(bytes.fromhex(QUARTERS))
    assert request.to_bytes().hex() == QUARTERS
    assert request.access is not None
    asked = read_selection(request.access)
    assert isinstance(asked, RangeAsked)
    assert asked.restricting == CLOCK_COLUMN
    assert asked.first.to_datetime() == datetime(2017, 9, 30, 23, tzinfo=UTC)
    assert asked.last.to_datetime() == datetime(2017, 10, 1, 0, tzinfo=UTC)
    assert asked.columns == ()


def test_a_capture_object() -> None:
    """[P test_selective_access]"""
    assert axdr.encode(CLOCK_COLUMN.to_data()).hex() == "020412000809060000010000ff0f02120000"


IMPORT, EXPORT = CaptureObject(3, obis("1.0.1.8.0")), CaptureObject(3, obis("1.0.2.8.0"))


STATUS = CaptureObject(1, obis("0.0.96.10.1"))
HOURS = bytes.fromhex(
    "0118"
    + "".join(
        f"0203090c07e2020c05{hour:02x}00000080000011000600{0x186A0 + 0x1A0 * hour:06x}" for hour in range(24)
    )
)
"""24 hourly rows of clock, status, index [P test_a_xdr]."""


def test_a_day_of_a_foreign_load_profile() -> None:
    """What makes slots of it: tests/interop/test_foreign_day.py."""
    assert len(HOURS) == 554
    decoded = decode_rows(HOURS, (CLOCK_COLUMN, STATUS, IMPORT), UTC)
    index = decoded.column("1.0.1.8.0.255").values
    assert decoded.stamps[0] == datetime(2018, 2, 12, tzinfo=UTC).timestamp()
    assert set(decoded.stamps[1:] - decoded.stamps[:-1]) == {3600}
    assert (index[0], index[-1]) == (0x186A0, 0x1AC00)


def test_a_foreign_profile_with_null_stamps() -> None:
    """[P test_parsers] hourly rows after 2019-12-31 23:00+01:00, only the first with its stamp."""
    row = "11060600000 5ed0600000654".replace(" ", "")
    raw = bytes.fromhex(f"01040204090c07e30c1f0217000000ffc400{row}" + f"020400{row}" * 3)
    status = CaptureObject(1, obis("0.0.96.10.1"))
    rows = decode_rows(raw, (CLOCK_COLUMN, status, IMPORT, EXPORT), interval_seconds=3600)
    first = datetime(2019, 12, 31, 22, tzinfo=UTC).timestamp()
    assert rows.stamps.tolist() == [first + 3600 * hour for hour in range(4)]
    assert [column.values.tolist() for column in rows.columns] == [[6] * 4, [0x5ED] * 4, [0x654] * 4]


def test_cells_of_a_modem_object() -> None:
    """[P test_a_xdr] GSM diagnostics: cell info."""
    raw = bytes.fromhex("0207060000000012000011001100120000120000120000")
    value = axdr.decode(raw)
    assert [item.value for item in value.value] == [0] * 7
    assert axdr.encode(value) == raw


def test_structures_of_a_modem_object() -> None:
    """[P test_a_xdr] LTE monitoring: quality of service."""
    raw = bytes.fromhex("02051202d0120ca8111211" + "1e0fc0")
    value = axdr.decode(raw)
    assert [item.value for item in value.value] == [720, 3240, 18, 30, -64]
    assert axdr.encode(value) == raw


@pytest.mark.parametrize(
    ("text", "scaler", "unit", "raw", "value"),
    [
        ("02020f00161b", 0, 27, 0x118, Decimal(280)),
        ("02020fff1621", -1, 33, 0x0D, Decimal("1.3")),
        ("02020fff1623", -1, 35, 0x8E2, Decimal("227.4")),
        ("02020f01161e", 1, 30, 0x22AB8A, Decimal(22721380)),
    ],
)
def test_scaler_and_unit(text: str, scaler: int, unit: int, raw: int, value: Decimal) -> None:
    """[A test_aidon]"""
    found = ScalerUnit.from_data(axdr.decode(bytes.fromhex(text)))
    assert (found.scaler, found.unit, found.value(raw)) == (scaler, unit, value)
    assert axdr.encode(found.to_data()).hex() == text
