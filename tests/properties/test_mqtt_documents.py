"""Whatever a gateway sends: judged, never a crash; what is taken fits the store."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.mqtt.judge import Judge
from collector.polling.roster import Roster, Seat
from model.grid import Modem, ModemLink
from model.period import LOCAL
from model.readout import Readout
from storage.evidence_rows import encode
from storage.fleet import Line, LineMeter
from tests.mqtt_gateways import document

NOW = datetime(2026, 9, 12, 10, 2, tzinfo=LOCAL)
GOOD = json.loads(document(1, 1))


class _OneMeter:
    """A roster of one meter behind one gateway."""

    def __init__(self) -> None:
        meter = LineMeter(7, "M001", "dk-1p", 1, None, None, NOW, None)
        line = Line(Modem("G001", ModemLink.MQTT, "mqtt", registration="GW001"), (meter,))
        self.gateways = {"GW001": line}
        self.by_serial = {"M001": Seat(line, meter, cast(Any, None), cast(Any, None))}


def weigh(payload: bytes) -> tuple[str, Readout]:
    """The outcome and what is kept; it fits the store's columns."""
    judged = Judge(cast(Roster, _OneMeter())).weigh("ami/readout/GW001", payload, NOW)
    assert judged.spooled is not None
    kept = judged.spooled
    rows = encode([(kept.meter_id, kept.modem, NOW, kept.readout)])
    assert judged.outcome != "error", kept.readout.detail
    assert rows.answers or rows.rejected
    return judged.outcome, kept.readout


def profile(*rows: list[Any], **changes: Any) -> bytes:
    return json.dumps({**GOOD, "profile": {**GOOD["profile"], "rows": list(rows), **changes}}).encode()


@given(st.binary(max_size=300))
def test_any_bytes(payload: bytes) -> None:
    assert weigh(payload)[0] not in ("ok", "partial")


_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["1.0.1.8.0.255", "Wh"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.data())
def test_one_member_of_a_good_document_replaced(data: st.DataObject) -> None:
    made = json.loads(json.dumps(GOOD))
    place: Any = made
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(_ANY)
    weigh(json.dumps(made).encode())


def test_rows_in_any_order_and_twice() -> None:
    one, two = GOOD["profile"]["rows"]
    outcome, readout = weigh(profile(two, one, one))
    (block,) = readout.answers[0].blocks
    assert (outcome, block.raw) == ("ok", (1, 1))
    assert (
        block.stamps[0].isoformat() == "2026-08-31T18:00:00+00:00"
    )  # the beginning, where the row is the end
    assert {event.code for event in readout.answers[0].events} == {"rows_out_of_order", "duplicate_rows"}


def test_a_row_twice_and_different_is_used_neither_time() -> None:
    one, two = GOOD["profile"]["rows"]
    _, readout = weigh(profile(one, two, [two[0], 0, 99]))
    assert readout.answers[0].blocks[0].raw == (1,)


def test_one_part_without_a_place_costs_the_others_nothing() -> None:
    strange = {**GOOD["registers"][0], "obis": "1.0.99.8.0.255"}
    outcome, readout = weigh(json.dumps({**GOOD, "registers": [strange, *GOOD["registers"]]}).encode())
    assert outcome == "partial"
    assert (len(readout.answers[0].registers), len(readout.answers[0].blocks)) == (1, 1)
    assert "nothing here keeps 1.0.99.8.0.255" in readout.rejected[0].reason


def test_two_values_of_a_register_are_none() -> None:
    other = {**GOOD["registers"][0], "raw": 5}
    outcome, readout = weigh(json.dumps({**GOOD, "registers": [*GOOD["registers"], other]}).encode())
    assert (outcome, readout.answers[0].registers) == ("partial", ())


def test_rows_off_the_grid_or_too_short() -> None:
    off = weigh(profile(["2026-09-01T00:31:00+07:00", 0, 1]))[1].rejected[0]
    assert "ends no interval" in off.reason
    columns = [*GOOD["profile"]["columns"], {**GOOD["profile"]["columns"][0], "obis": "1.0.2.29.0.255"}]
    short = weigh(profile(*GOOD["profile"]["rows"], columns=columns))[1].rejected[0]
    assert "one value for each of the 2 columns" in short.reason
