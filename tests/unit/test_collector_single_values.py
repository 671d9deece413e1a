"""Values of COSEM objects as `ami read` prints them."""

import json
from datetime import datetime
from typing import Any

import pytest

from collector.single.found import Found, unit_word
from collector.single.values import cell, plain
from model.period import LOCAL
from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.clock import CosemDateTime, CosemTime

STAMP = CosemDateTime.from_datetime(datetime(2026, 10, 20, 9, 0, tzinfo=LOCAL))


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (Data(Tag.DOUBLE_LONG, -5), -5),
        (Data(Tag.BOOLEAN, True), 1),
        (Data(Tag.FLOAT32, 230.10000610351562), 230.1),
        (Data(Tag.FLOAT32, float("inf")), None),
        (Data(Tag.FLOAT64, float("nan")), None),
        (Data(Tag.FLOAT64, 1e300), 1e300),
        (Data(Tag.FLOAT64, 230.10000610351562), 230.10000610351562),
        (axdr.octet_string(b"DKE-1"), "DKE-1"),
        (axdr.octet_string(bytes.fromhex("0102ff")), "0102ff"),
        (axdr.octet_string(STAMP.to_bytes()), "2026-10-20T09:00:00+07:00"),
        (Data(Tag.DATE_TIME, STAMP), "2026-10-20T09:00:00+07:00"),
        (Data(Tag.DATE_TIME, CosemDateTime(STAMP.date, CosemTime())), "07ea0a1402ffffffff8000ff"),
        (Data(Tag.BIT_STRING, "1010"), "1010"),
        (axdr.structure(axdr.integer(1), axdr.array(axdr.octet_string(b"a"))), [1, ["a"]]),
    ],
)
def test_every_kind_of_value_fits_json(data: Data, shown: Any) -> None:
    assert plain(data) == shown
    assert json.loads(json.dumps(plain(data))) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(230.10000610351562, 230.1), (230.1, 230.1), (1e300, 1e300), (0.5, 0.5), (float("nan"), None)],
)
def test_a_cell_of_a_profile_is_shown_as_a_register_is(value: float, shown: float | None) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize(
    ("code", "word"), [(27, "W"), (28, "VA"), (31, "VAh"), (56, "%"), (9, "°C"), (99, "99"), (255, "")]
)
def test_units_are_named(code: int, word: str) -> None:
    assert unit_word(code) == word


def test_a_value_is_written_out_exactly() -> None:
    found = Found()
    found.register("a", 12345678901234567890, -3, "Wh")
    found.register("b", 230.1, 0, "V")
    found.register("c", -7, 3)
    found.register("d", [1, 2])
    assert [one["value"] for one in found.registers] == ["12345678901234567.890", "230.1", "-7000", None]
