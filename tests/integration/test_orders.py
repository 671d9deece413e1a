"""Orders from the command line to simulated meters and back: two persons, once, and as the meter stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.remote_orders import acts, deeds, finished, order, people, present_fleet, told
from tests.simulated_fleet import Fleet


@pytest.fixture
def fleet(ami: Any, tmp_path: Path, free_ports: Callable[[], int]) -> Iterator[Fleet]:
    """A hamlet in the running present, registered, with people who may order."""
    port = free_ports()
    ami.environment |= {"AMI_LISTEN_PORT": str(port), "AMI_ANSWER_S": "3", "AMI_DIAL_IN_WAIT_S": "3"}
    with present_fleet(ami, port, "--customers", "20") as running:
        running.register_in(ami, tmp_path)
        people(ami, customer=running.register["customers"][0]["code"])
        yield running


def meter_of(fleet: Fleet, model: str) -> str:
    """A meter of a model that hangs behind a modem that is called."""
    called = {modem["code"] for modem in fleet.register["modems"] if modem["link"] == "dial_out"}
    gone = {one["serial"] for one in fleet.register["installations"] if one["until"]}
    for meter in fleet.register["meters"]:
        if meter["model"] == model and meter["modem"] in called and meter["serial"] not in gone:
            return str(meter["serial"])
    raise AssertionError(model)


def test_a_disconnection_needs_two_and_is_done_once(ami: Any, fleet: Fleet, database: str) -> None:
    serial = meter_of(fleet, "dk-1p")
    placed = acts(ami, "lan", "disconnect", serial, "--reason", "unpaid since July")
    number = placed["id"]
    assert (placed["state"], placed["two_persons"]) == ("requested", True)
    ami("order", "carry-out")
    assert order(ami, number)["state"] == "requested"
    assert told(fleet, serial) == {}

    said = acts(ami, "lan", "approve", str(number), code=5)
    assert "was placed by lan" in said
    assert "second person" in said
    wrong = ami(
        "order", "approve", str(number), "--as", "minh", "--password-stdin", stdin="guessed\n", code=5
    )
    assert "do not fit" in wrong.stderr
    assert acts(ami, "minh", "approve", str(number))["state"] == "approved"
    ami("order", "carry-out")

    done = order(ami, number)
    assert done["state"] == "done", done
    assert done["result"]["state"] == "disconnected"
    assert done["result"]["before"]["state"] == "connected"
    assert done["result"]["registers"][0]["unit"] == "Wh"
    stands = told(fleet, serial)
    assert stands["switch"] == "disconnected"
    assert [act["what"] for act in stands["acts"]] == ["remote_disconnect"]
    steps = [("lan", "order.place"), ("minh", "order.approve"), ("ami", "order.send"), ("ami", "order.done")]
    assert deeds(database, number) == steps

    ami("order", "carry-out")  # what is done is done
    assert len(told(fleet, serial)["acts"]) == 1
    with psycopg.connect(database) as conn:
        events = conn.execute("SELECT code, detail FROM meter_event WHERE code = 'disconnected'").fetchall()
        kept = conn.execute("SELECT count(*) FROM answer WHERE item = 'disconnected'").fetchone()
    assert [code for code, _ in events] == ["disconnected"]
    assert f"order {number}" in events[0][1]
    assert kept == (1,)

    back = acts(ami, "hoa", "connect", serial)
    assert back["state"] == "approved"
    ami("order", "carry-out")
    assert order(ami, back["id"])["result"]["state"] == "connected"
    assert told(fleet, serial)["switch"] == "connected"


def test_reading_now_tells_what_the_meter_shows(ami: Any, fleet: Fleet) -> None:
    serial = meter_of(fleet, "dk-1p")
    items = ("registers", "instants", "profile", "switch", "limit")
    waits = ami("order", "read", serial, *items, "--as", "lan", "--json", code=3)
    assert '"state": "approved"' in waits.stdout
    ami("order", "carry-out")
    (found,) = ami.json("order", "list", "--meter", serial, "--json")["orders"]
    assert found["state"] == "done"
    result = found["result"]
    assert result["switch"] == {"closed": True, "mode": 4, "state": "connected"}
    assert result["instants"]["voltage_v"][0] > 200
    assert [one["rate"] for one in result["registers"]] == ["KT"]
    assert result["profile"][0]["interval_s"] == 1800
    assert abs(result["clock_offset_s"]) < 5


def test_a_limit_is_set_by_two_and_read_back(ami: Any, fleet: Fleet) -> None:
    serial = meter_of(fleet, "dk-1p")
    placed = acts(ami, "lan", "limit", serial, "1100", "--reason", "contract of 1,1 kW")
    assert "waits for no approval" in acts(ami, "hoa", "approve", str(_cancelled(ami, serial)), code=5)
    acts(ami, "hoa", "approve", str(placed["id"]))
    ami("order", "carry-out")
    assert order(ami, placed["id"])["result"]["limit_w"] == 1100
    assert told(fleet, serial)["limit_w"] == 1100


def _cancelled(ami: Any, serial: str) -> int:
    number = int(acts(ami, "lan", "disconnect", serial, "--reason", "a mistake")["id"])
    assert acts(ami, "hoa", "cancel", str(number))["state"] == "cancelled"
    return number


def test_who_may_not_and_what_cannot_be(ami: Any, fleet: Fleet, database: str) -> None:
    """Each no is one sentence, and nothing reaches a meter."""
    serial, modbus, behind = (meter_of(fleet, model) for model in ("dk-1p", "dk-mb", "dk-head"))
    assert "Placing a disconnection is for the role engineer or billing, not for khach" in acts(
        ami, "khach", "disconnect", serial, "--reason", "revenge", code=5
    )
    assert "not for khach" in ami("order", "read", serial, "--as", "khach", code=5).stderr
    assert "for the role engineer" in acts(ami, "lan", "clock", serial, code=5)
    assert "no switch" in acts(ami, "lan", "disconnect", behind, "--reason", "unpaid", code=5)
    assert "no limiter" in acts(ami, "lan", "limit", modbus, "500", "--reason", "x", code=5)
    assert "no clock" in acts(ami, "minh", "clock", modbus, code=5)
    assert "There is no meter" in acts(ami, "lan", "connect", "none", code=5)
    number = str(acts(ami, "lan", "disconnect", serial, "--reason", "unpaid")["id"])
    assert "is the same" in acts(ami, "hoa", "disconnect", serial, "--reason", "unpaid", code=5)
    assert "not for khach" in acts(ami, "khach", "approve", number, code=5)
    assert "not for khach" in acts(ami, "khach", "cancel", number, code=5)
    ami("user", "disable", "hoa")
    assert "do not fit" in acts(ami, "hoa", "approve", number, code=5)
    with psycopg.connect(database) as conn:
        refused = conn.execute("SELECT count(*) FROM audit WHERE action = 'refused' AND login = 'khach'")
        assert refused.fetchone() == (4,)
    assert told(fleet, serial) == {}


def test_too_many_disconnections_stop_them_all(ami: Any, fleet: Fleet) -> None:
    ami.environment["AMI_DISCONNECTIONS_PER_HOUR"] = "1"
    gone = {one["serial"] for one in fleet.register["installations"] if one["until"]}
    serials = [
        meter["serial"] for meter in fleet.register["meters"]
        if meter["model"] in ("dk-1p", "dk-3p") and meter["serial"] not in gone
    ][:3]  # fmt: skip
    numbers = [str(acts(ami, "lan", "disconnect", serial, "--reason", "unpaid")["id"]) for serial in serials]
    acts(ami, "minh", "approve", numbers[0])
    assert "are stopped since" in acts(ami, "minh", "approve", numbers[1], code=5)
    assert "are stopped since" in acts(ami, "hoa", "approve", numbers[1], code=5)
    ami("order", "carry-out")
    assert order(ami, int(numbers[0]))["state"] == "approved", "what was approved waits behind the stop"
    assert "somebody else has to lift" in acts(ami, "minh", "lift", "--reason", "it is right so", code=5)
    listed = ami.json("order", "list", "--json")
    assert (listed["stop"]["tripped_by"], listed["stop"]["allowed"]) == ("minh", 1)
    acts(ami, "hoa", "lift", "--reason", "checked one by one")
    ami("order", "carry-out")
    assert order(ami, int(numbers[0]))["state"] == "done"
    acts(ami, "hoa", "approve", numbers[1])
    assert "are stopped since" in acts(ami, "hoa", "approve", numbers[2], code=5)


def test_a_clock_is_set_within_limits_and_jumps_only_when_ordered(ami: Any, fleet: Fleet) -> None:
    serial = meter_of(fleet, "dk-1p")
    before = told(fleet, serial).get("clock_offset_s", 0)
    assert before == 0
    fleet.order(do="drift", meter=serial, seconds=200)
    placed = acts(ami, "minh", "clock", serial)
    ami("order", "carry-out")
    done = order(ami, placed["id"])
    assert done["state"] == "refused"
    assert "over 60 s" in done["result"]["said"]
    assert told(fleet, serial)["clock_offset_s"] == 200
    assert "needs a reason" in acts(ami, "minh", "clock", serial, "--jump", code=5)
    placed = acts(ami, "minh", "clock", serial, "--jump", "--reason", "battery changed")
    assert placed["state"] == "requested"
    assert "for the role engineer" in acts(ami, "lan", "approve", str(placed["id"]), code=5)
    ami("user", "add", "tam", "--role", "engineer", "--password-stdin", stdin="a-long-word-of-khach1\n")
    acts(ami, "tam", "approve", str(placed["id"]))
    ami("order", "carry-out")
    done = order(ami, placed["id"])
    assert done["state"] == "done", done
    assert abs(done["result"]["offset_before_s"] - 200) < 3
    assert abs(told(fleet, serial)["clock_offset_s"]) <= 2


def test_an_order_lapses(ami: Any, fleet: Fleet) -> None:
    serial = meter_of(fleet, "dk-1p")
    placed = acts(ami, "lan", "disconnect", serial, "--reason", "unpaid", "--within", "0.02")
    approved = acts(ami, "lan", "connect", serial, "--within", "0.02")
    with psycopg.connect(ami.environment["AMI_DATABASE_URL"]) as conn:  # 72 s later
        conn.execute("ALTER TABLE remote_order DISABLE TRIGGER remote_order_goes_its_way")
        conn.execute(
            "UPDATE remote_order SET requested_at = requested_at - interval '1 h', "
            "expires_at = expires_at - interval '1 h'"
        )
        conn.execute("ALTER TABLE remote_order ENABLE TRIGGER remote_order_goes_its_way")
    assert "is expired" in acts(ami, "hoa", "approve", str(placed["id"]), code=5)
    ami("order", "carry-out")
    assert order(ami, approved["id"])["state"] == "expired"
    assert told(fleet, serial) == {}


def test_a_head_end_at_work_carries_out_what_is_ordered(ami: Any, fleet: Fleet) -> None:
    serial = meter_of(fleet, "dk-1p")
    head_end = ami.start("collect", "--node", "north")
    try:
        read = acts_when_held(ami, serial)
        assert read["state"] == "done"
        assert read["node"] == "north"
        assert read["epoch"] > 0
        number = acts(ami, "lan", "disconnect", serial, "--reason", "unpaid")["id"]
        acts(ami, "minh", "approve", str(number))
        done = finished(ami, number, state="done")
        assert done["node"] == "north"
        assert told(fleet, serial)["switch"] == "disconnected"
        said = ami("order", "carry-out", code=1).stderr
        assert "north is at work" in said
    finally:
        head_end.terminate()
        head_end.wait(20)


def acts_when_held(ami: Any, serial: str) -> dict[str, Any]:
    """A reading, once a head-end holds the line."""
    for _ in range(40):
        done = ami("order", "read", serial, "--as", "lan", "--json", code=None)
        if done.returncode == 0:
            return dict(json.loads(done.stdout))
    raise AssertionError(done.stderr)
