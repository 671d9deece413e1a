"""Orders from the command line to simulated meters and back: two persons, once, and as the meter stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.remote_orders import acts, deeds, finished, here, order, people, present_fleet, registered, told
from tests.simulated_fleet import Fleet


@pytest.fixture
def fleet(ami: Any, tmp_path: Path, free_ports: Callable[[], int]) -> Iterator[Fleet]:
    """Four meters behind two modems in the running present, registered, with people who may order."""
    port = free_ports()
    ami.environment |= {"AMI_LISTEN_PORT": str(port), "AMI_ANSWER_S": "3", "AMI_DIAL_IN_WAIT_S": "3"}
    with present_fleet(ami, port, "--meters", "4", "--modems", "2", "--dial-in", "0.5") as running:
        registered(ami, running, tmp_path)
        people(ami, customer=running.register["customers"][0]["code"])
        yield running


def serials(fleet: Fleet, link: str = "dial_out") -> list[str]:
    """The meters behind modems of a kind."""
    modems = {modem["code"] for modem in fleet.register["modems"] if modem["link"] == link}
    return [meter["serial"] for meter in fleet.register["meters"] if meter["modem"] in modems]


def test_what_is_ordered_is_done_once_and_as_ordered(ami: Any, fleet: Fleet, database: str) -> None:
    """Three orders of several kinds at once, carried out by a process that then ends."""
    (off, limited), (called, _) = serials(fleet), serials(fleet, "dial_in")
    placed = acts(ami, "lan", "disconnect", off, "--reason", "unpaid since July")
    number, cap = placed["id"], acts(ami, "lan", "limit", limited, "1100", "--reason", "1,1 kW")["id"]
    items = ("registers", "instants", "profile", "switch", "limit")
    waits = here(ami, "order", "read", called, *items, "--as", "lan", "--json", code=3)
    read = json.loads(waits.stdout)
    assert (placed["state"], placed["two_persons"]) == ("requested", True)
    assert (read["state"], read["two_persons"]) == ("approved", False)
    assert "was placed by lan: a second person" in acts(ami, "lan", "approve", str(number), code=5)
    acts(ami, "hoa", "approve", str(cap))
    ami("order", "carry-out")
    assert order(ami, number)["state"] == "requested"
    assert told(fleet, off) == {}
    assert order(ami, cap)["result"]["limit_w"] == 1100
    assert told(fleet, limited)["limit_w"] == 1100
    _read_all_of(order(ami, read["id"]))

    wrong = ("order", "approve", str(number), "--as", "minh", "--password-stdin")
    assert "do not fit" in here(ami, *wrong, stdin="guessed\n", code=5).stderr
    assert acts(ami, "minh", "approve", str(number))["state"] == "approved"
    ami("order", "carry-out")
    done = order(ami, number)
    assert done["state"] == "done", done
    assert done["result"]["state"] == "disconnected"
    assert done["result"]["before"]["state"] == "connected"
    assert done["result"]["registers"][0]["unit"] == "Wh"
    stands = told(fleet, off)
    assert stands["switch"] == "disconnected"
    assert [act["what"] for act in stands["acts"]] == ["remote_disconnect"]
    steps = [("lan", "order.place"), ("minh", "order.approve"), ("ami", "order.send"), ("ami", "order.done")]
    assert deeds(database, number) == steps

    back = acts(ami, "hoa", "connect", off)
    assert back["state"] == "approved"
    ami("order", "carry-out")
    assert order(ami, back["id"])["result"]["state"] == "connected"
    assert [act["what"] for act in told(fleet, off)["acts"]] == ["remote_disconnect", "remote_reconnect"]
    with psycopg.connect(database) as conn:
        events = conn.execute("SELECT code, detail FROM meter_event WHERE code LIKE '%connected'").fetchall()
        kept = conn.execute("SELECT count(*) FROM answer WHERE item = 'disconnected'").fetchone()
    assert sorted(code for code, _ in events) == ["connected", "disconnected"]
    assert any(f"order {number}" in detail for _, detail in events)
    assert kept == (1,)


def _read_all_of(found: dict[str, Any]) -> None:
    assert found["state"] == "done", found
    result = found["result"]
    assert result["switch"] == {"closed": True, "mode": 4, "state": "connected"}
    assert result["instants"]["voltage_v"][0] > 200
    assert [one["rate"] for one in result["registers"]] == ["KT"]
    assert result["profile"][0]["interval_s"] == 1800
    assert abs(result["clock_offset_s"]) < 5


def test_a_clock_jumps_only_when_two_order_it(ami: Any, fleet: Fleet) -> None:
    serial = serials(fleet)[0]
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
    here(ami, "user", "add", "tam", "--role", "engineer", "--password-stdin", stdin="a-long-word-of-khach1\n")
    acts(ami, "tam", "approve", str(placed["id"]))
    ami("order", "carry-out")
    done = order(ami, placed["id"])
    assert done["state"] == "done", done
    assert abs(done["result"]["offset_before_s"] - 200) < 3
    assert abs(told(fleet, serial)["clock_offset_s"]) <= 2


def test_a_head_end_at_work_carries_out_what_is_ordered(ami: Any, fleet: Fleet) -> None:
    """Called and calling modems; within seconds of the order, by the node that holds the line."""
    head_end = ami.start("collect", "--node", "north")
    try:
        for serial in (serials(fleet)[0], serials(fleet, "dial_in")[0]):
            read = read_when_held(ami, serial)
            assert (read["state"], read["node"]) == ("done", "north")
            assert read["epoch"] > 0
            number = acts(ami, "lan", "disconnect", serial, "--reason", "unpaid")["id"]
            acts(ami, "minh", "approve", str(number))
            assert finished(ami, number, state="done")["node"] == "north"
            assert told(fleet, serial)["switch"] == "disconnected"
        assert "north is at work" in here(ami, "order", "carry-out", code=1).stderr
    finally:
        head_end.terminate()
        head_end.wait(20)


def read_when_held(ami: Any, serial: str) -> dict[str, Any]:
    """A reading, once a head-end holds the line."""
    for _ in range(100):
        done = ami("order", "read", serial, "--as", "lan", "--json", code=None)
        if done.returncode == 0:
            return dict(json.loads(done.stdout))
    raise AssertionError(done.stderr)
