"""Commands across implementations: gurux-dlms tells our meter, we tell the meter of pydlms-client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector.exchange.command import command, settle
from collector.links.kinds import DialOut
from collector.polling.clock_limits import ClockLimits
from model.grid import Modem, ModemLink
from storage.fleet import LineMeter
from storage.orders import Order, OrderKind, OrderState
from tests.foreign_peers import Peers, our_meter

SWITCH, LIMITER = "0.0.96.3.10.255", "0.0.17.0.0.255"
AS_OF = datetime.fromisoformat("2026-10-20T09:10:00+07:00")
PASSWORD = "12345678"
NOW = datetime(2026, 11, 20, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
def test_a_foreign_client_tells_our_meter(peers: Peers, free_ports: Callable[[], int], framing: str) -> None:
    arguments = ("--wrapper", free_ports(), "--hdlc", free_ports(), "--auth", "lls")
    with our_meter(*map(str, arguments), "--as-of", AS_OF.isoformat()) as served:
        plan = {
            "host": "127.0.0.1", "port": served["ports"][framing], "framing": framing, "max_pdu": 1024,
            "client": served["clients"]["lls"], "server": served["server"], "auth": "lls",
            "password": served["password"], "switch": SWITCH, "limiter": LIMITER, "limit": 3300,
            "time": "2026-10-20T09:12:30+07:00",
        }  # fmt: skip
        found = peers.run("gurux_switch.py", plan)
    assert (found["before"], found["opened"], found["closed"]) == ([True, 1, 4], [False, 0, 4], [True, 1, 4])
    assert found["again"], "a switch that stands open was opened again"
    assert found["limit"] == [3300, 3300]
    assert datetime.fromisoformat(found["clock"]) == datetime.fromisoformat(plan["time"])


def order(kind: OrderKind, **parameters: Any) -> Order:
    return Order(
        1, "PYD0000000001", 1, "dk-1p", "M", kind, parameters, "", "lan", NOW, "", None,
        NOW + timedelta(hours=1), OrderState.APPROVED, "", None, None, None, {}, False,
    )  # fmt: skip


async def test_we_tell_a_foreign_meter(peers: Peers, free_ports: Callable[[], int]) -> None:
    """Whole conversations: serial, claim, command, and how it stands after; then settled by reading alone."""
    plan = {
        "max_pdu": 1024, "auth": ["lls"], "password": PASSWORD, "switch": True, "wrapper": free_ports(),
        "hdlc": free_ports(),
    }  # fmt: skip
    meter = LineMeter(1, "PYD0000000001", "dk-1p", 1, 6, PASSWORD, NOW, None)
    claims = 0

    async def claim() -> bool:
        nonlocal claims
        claims += 1
        return True

    with peers.serving("pydlms_meter.py", plan) as held:
        link = DialOut(Modem("M", ModemLink.DIAL_OUT, host="127.0.0.1", port=held["ports"]["wrapper"]))

        async def tell(wanted: Order) -> tuple[OrderState, dict[str, Any]]:
            async with link.lease() as stream:
                outcome, readout = await command(
                    stream, meter, wanted, clock=lambda: NOW, answer_s=5, limits=ClockLimits(), claim=claim
                )
            link.rest()
            assert readout.outcome == "ok", readout
            return outcome.state, dict(outcome.facts)

        state, facts = await tell(order(OrderKind.DISCONNECT))
        assert (state, facts["state"], facts["before"]["state"]) == (
            OrderState.DONE, "disconnected", "connected",
        )  # fmt: skip
        async with link.lease() as stream:
            outcome, _ = await settle(
                stream,
                meter,
                order(OrderKind.DISCONNECT),
                clock=lambda: NOW,
                answer_s=5,
                limits=ClockLimits(),
            )
        assert (outcome.state, outcome.facts["settled"]) == (OrderState.DONE, True)
        state, facts = await tell(order(OrderKind.DISCONNECT))
        assert (state, facts["already"]) == (OrderState.DONE, True)
        state, facts = await tell(order(OrderKind.CONNECT))
        assert (state, facts["state"]) == (OrderState.DONE, "connected")
        state, facts = await tell(order(OrderKind.SET_LIMIT, limit_w=2200))
        assert (state, facts["limit_w"]) == (OrderState.DONE, 2200)
        state, facts = await tell(order(OrderKind.SET_CLOCK))
        assert state is OrderState.REFUSED, "two years are no drift"
        state, facts = await tell(order(OrderKind.SET_CLOCK, jump=True))
        assert state is OrderState.DONE
        assert abs(facts["offset_s"]) <= 1
        link.close()
    assert claims == 5
