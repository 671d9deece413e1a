"""Telling a meter something: look how it stands, claim the order, say it once, read back what became of it.

Nothing that changes a meter is sent before `Sending.may` has said yes, and that yes is given once. Where the
answer to a command is lost nobody says it again: how the meter stands is read later, and settles it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from collector.exchange import conversed
from collector.exchange.clock_setting import Verdict, interval_of, set_clock
from collector.exchange.clock_setting import look as look_at_clock
from collector.exchange.conversation import Conversation
from collector.exchange.course import Course
from collector.exchange.dlms import opening, read_registers, take_leave
from collector.exchange.kit import kit_of
from collector.exchange.notebook import Notebook
from collector.exchange.opened import associated
from collector.exchange.scales import Scales
from collector.exchange.switches import Switch, read_limit, read_switch
from collector.keys.fleet_keys import OurSide
from collector.links.wire import ByteStream
from collector.polling.clock_limits import ClockLimits
from collector.polling.known import FINAL
from collector.polling.plan import Wanted
from model.clock import Clock
from model.readout import Answer, MeterEvent, Readout
from protocols.dlms import axdr
from protocols.dlms.axdr import Data
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.objects.disconnecting import ControlMode, ControlState, DisconnectControl
from protocols.dlms.reference import Attribute
from protocols.errors import DecodeError, LocalError, Refused, ServiceRefused
from protocols.meter_models.model import MeterModel
from storage.fleet import LineMeter
from storage.orders import Order, OrderKind, OrderState

SEND_WITHIN_S: Final = 10.0
"""A command goes out within so many seconds of its claim or not at all; who settles it waits for longer."""
LOOKS: Final = 4  # at a switch that takes its time
PAUSE_S: Final = 1.0
Claim = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an order, in one sentence and in facts. APPROVED: nothing was sent, it waits on."""

    state: OrderState
    said: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Sending:
    """The one permission to send. `sent`: a byte of it may be on its way; `obeyed`: the meter said yes."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._until = self._until_by_the_wall = 0.0
        self.claimed = self.sent = self.obeyed = False

    async def may(self) -> bool:
        """Claim the order; False when it is somebody else's, cancelled, too old or stopped."""
        asked, by_the_wall = asyncio.get_running_loop().time(), time.time()
        self.claimed = await self._claim()
        self._until, self._until_by_the_wall = asked + SEND_WITHIN_S, by_the_wall + SEND_WITHIN_S
        return self.claimed

    def now(self) -> None:
        """Said right before the bytes go out. A process that slept meanwhile (`LocalError`) sends nothing.

        Two clocks, for the loop's stands still while the machine is suspended.
        """
        late = asyncio.get_running_loop().time() > self._until or time.time() > self._until_by_the_wall
        if not self.claimed or late:
            raise LocalError("the claim of the order is too old: nothing was sent")
        self.sent = True


@dataclass(slots=True)
class _Visit:
    """One conversation about one order."""

    talk: Conversation
    meter: LineMeter
    model: MeterModel
    order: Order
    notes: Notebook
    sending: Sending
    limits: ClockLimits
    found: Outcome | None = None

    @property
    def who(self) -> str:
        return f"meter {self.meter.serial}"

    def event(self, item: str, raw: bytes, code: str, said: str) -> None:
        told = f"order {self.order.id}: {said}"
        self.notes.take(Answer(item, raw, events=(MeterEvent(self.notes.now(), code, told),)))


async def command(
    stream: ByteStream,
    meter: LineMeter,
    order: Order,
    *,
    clock: Clock,
    answer_s: float,
    limits: ClockLimits,
    claim: Claim,
    ours: OurSide | None = None,
) -> tuple[Outcome, Readout]:
    """Carry out an order that was approved; `claim` takes it, once, right before it is sent."""
    return await _visit(stream, meter, order, _OBEY[order.kind], clock, answer_s, limits, claim, ours)


async def settle(
    stream: ByteStream, meter: LineMeter, order: Order, *, clock: Clock, answer_s: float, limits: ClockLimits,
    ours: OurSide | None = None,
) -> tuple[Outcome, Readout]:  # fmt: skip
    """Find out what became of an order that was sent and never heard of again, by how the meter stands.

    Only reads. UNKNOWN when the meter cannot be asked now.
    """

    async def never() -> bool:
        return False

    outcome, readout = await _visit(stream, meter, order, _settled, clock, answer_s, limits, never, ours)
    if outcome.state in (OrderState.APPROVED, OrderState.REFUSED):
        # Refused is only the look: the command itself may have been obeyed.
        outcome = Outcome(OrderState.UNKNOWN, outcome.said, outcome.facts)
    return outcome, readout


async def _visit(
    stream: ByteStream,
    meter: LineMeter,
    order: Order,
    obey: Callable[[_Visit], Awaitable[Outcome]],
    clock: Clock,
    answer_s: float,
    limits: ClockLimits,
    claim: Claim,
    ours: OurSide | None,
) -> tuple[Outcome, Readout]:
    notes = Notebook(meter.serial, clock, meter.model)
    sending = Sending(claim)
    visits: list[_Visit] = []

    async def talk(model: MeterModel) -> None:
        line = await associated(stream, meter, model, Course(answer_s), ours)
        if await opening(line, meter, model, Wanted(), notes) is None:
            return
        visit = _Visit(line, meter, model, order, notes, sending, limits)
        visits.append(visit)
        try:
            visit.found = await obey(visit)
        except (Refused, ServiceRefused) as no:
            notes.reject(no.reason, no.raw)
            if not sending.obeyed:  # else what was refused is the look at what became of it
                visit.found = Outcome(OrderState.REFUSED, f"meter {meter.serial}: {no.reason}")
        await take_leave(line, stream, meter)

    readout = await conversed(stream, meter, notes, talk)
    found = visits[0].found if visits else None
    return found or broken_off(readout, sending), readout


def broken_off(readout: Readout, sending: Sending) -> Outcome:
    """What is known of an order whose conversation broke off."""
    if sending.sent:
        return Outcome(OrderState.UNKNOWN, f"it was sent, and then: {readout.detail}")
    if sending.claimed:
        return Outcome(OrderState.FAILED, f"it was not sent: {readout.detail}")
    if readout.outcome in FINAL:
        return Outcome(OrderState.REFUSED, readout.detail)
    return Outcome(OrderState.APPROVED, readout.detail)


_NOT_OURS: Final = Outcome(OrderState.APPROVED, "")
"""It was not given to us: whoever has it says what becomes of it."""


async def _switch(visit: _Visit) -> Outcome:
    wanted_off = visit.order.kind is OrderKind.DISCONNECT
    obis = visit.model.control.switch
    if obis is None:
        return Outcome(OrderState.REFUSED, f"{visit.who} has no switch that works from afar")
    before = await read_switch(visit.talk, obis, visit.notes)
    if before.held.mode is ControlMode.ALWAYS_CONNECTED:
        return Outcome(OrderState.REFUSED, f"the switch of {visit.who} is set never to open", before.facts)
    if not wanted_off:
        # While the switch is open nothing is counted: this is the index at the reconnection.
        await _registers(visit)
    if not await visit.sending.may():
        return _NOT_OURS
    word = "disconnected" if wanted_off else "connected"
    if _stands(before, visit.order.kind):
        return Outcome(
            OrderState.DONE, f"{visit.who} was {_standing(before)} already: nothing was sent",
            {**before.facts, "already": True},
        )  # fmt: skip
    number = DisconnectControl.REMOTE_DISCONNECT if wanted_off else DisconnectControl.REMOTE_RECONNECT
    method = Attribute(InterfaceClass.DISCONNECT_CONTROL, obis, number)
    visit.notes.asking = (word, None)
    visit.sending.now()
    await visit.talk.act(method, axdr.integer(0))
    visit.sending.obeyed = True
    after = await read_switch(visit.talk, obis, visit.notes)
    for _ in range(LOOKS - 1):
        if _stands(after, visit.order.kind):
            break
        await asyncio.sleep(PAUSE_S)
        after = await read_switch(visit.talk, obis, visit.notes)
    facts = {"before": before.facts, **after.facts}
    if not _stands(after, visit.order.kind):
        said = f"{visit.who} took the command, and its switch is {_standing(after)} all the same"
        visit.event(word, after.raw, "switch_failed", said)
        return Outcome(OrderState.FAILED, said, facts)
    said = f"{visit.who} is {_standing(after)}"
    visit.event(word, after.raw, word, said)
    visit.found = Outcome(OrderState.DONE, said, facts)  # whatever becomes of the index
    if wanted_off:
        await _registers(visit)
    return visit.found


def _stands(switch: Switch, kind: OrderKind) -> bool:
    """Whether it stands as was ordered; a customer may have to press the meter's button to be connected."""
    if kind is OrderKind.DISCONNECT:
        return not switch.held.output and switch.held.state is not ControlState.CONNECTED
    return switch.held.state is not ControlState.DISCONNECTED


def _standing(switch: Switch) -> str:
    if switch.held.state is ControlState.READY_FOR_RECONNECTION:
        return "ready to be connected: somebody has to press the meter's button"
    return "connected" if switch.held.output else "disconnected"


async def _registers(visit: _Visit) -> None:
    scales = Scales()
    await scales.learn(visit.talk, scales.unknown((kit_of(visit.model).registers,)))
    await read_registers(visit.talk, kit_of(visit.model), visit.notes, scales)


async def _limit(visit: _Visit) -> Outcome:
    place = visit.model.control.limiter
    watts = visit.order.parameters.get("limit_w")
    if place is None or not isinstance(watts, int):
        return Outcome(OrderState.REFUSED, f"{visit.who} has no limiter")
    before = await read_limit(visit.talk, place, visit.notes)
    raw = round(watts / 10.0**before.scaler)
    value = Data(before.tag, raw)
    axdr.encode(value)  # what does not fit is found out before anything is claimed
    if not await visit.sending.may():
        return _NOT_OURS
    visit.notes.asking = ("limit", None)
    visit.sending.now()
    await visit.talk.set(place.dlms, value)
    visit.sending.obeyed = True
    after = await read_limit(visit.talk, place, visit.notes)
    facts = {"before": before.facts, **after.facts}
    if after.normal != raw:
        said = f"{visit.who} took the limit, and shows {after.watts:g} W all the same"
        visit.event("limit", after.raw, "limit_failed", said)
        return Outcome(OrderState.FAILED, said, facts)
    said = f"{visit.who} lets {after.watts:g} W through"
    visit.event("limit", after.raw, "limit_set", said)
    return Outcome(OrderState.DONE, said, facts)


async def _clock(visit: _Visit) -> Outcome:
    clock = visit.model.clock
    if clock is None or not visit.model.control.clock:
        return Outcome(OrderState.REFUSED, f"the clock of {visit.who} cannot be set from afar")

    async def leave() -> bool:
        if not await visit.sending.may():
            return False
        visit.sending.now()
        return True

    jump = "jump" in visit.order.parameters
    done = await set_clock(
        visit.talk, clock, visit.notes, visit.limits, interval_of(visit.model), jump=jump, leave=leave
    )
    facts = {"offset_before_s": done.before_s, "offset_s": done.after_s}
    off = f"the clock of {visit.who} is {done.after_s:+z.0f} s off"
    match done.verdict:
        case Verdict.SET:
            good = abs(done.after_s) <= max(visit.limits.tolerance_s, 2.0)
            state = OrderState.DONE if good else OrderState.FAILED
            return Outcome(state, f"{off}, after {done.before_s:+z.0f} s", facts)
        case Verdict.LATER:
            said = f"{off}; it is not set so near to the end of an interval"
            return Outcome(OrderState.APPROVED, said, facts)
        case Verdict.TOO_FAR:
            said = f"{off}, over {visit.limits.limit_s:g} s: order a jump if it has to be (--jump)"
            return Outcome(OrderState.REFUSED, said, facts)
        case Verdict.KEPT_FROM:
            return _NOT_OURS
    if not await visit.sending.may():
        return _NOT_OURS
    return Outcome(OrderState.DONE, f"{off}: nothing had to be done", facts)


_OBEY: Final[dict[OrderKind, Callable[[_Visit], Awaitable[Outcome]]]] = {
    OrderKind.CONNECT: _switch,
    OrderKind.DISCONNECT: _switch,
    OrderKind.SET_LIMIT: _limit,
    OrderKind.SET_CLOCK: _clock,
}


async def _settled(visit: _Visit) -> Outcome:
    """How it stands now says whether the command arrived."""
    control, order = visit.model.control, visit.order
    facts: Mapping[str, Any]
    match order.kind:
        case OrderKind.SET_CLOCK if visit.model.clock is not None:
            seen = await look_at_clock(visit.talk, visit.model.clock, visit.notes)
            arrived = abs(seen.offset_s) <= max(visit.limits.tolerance_s, 2.0)
            raw, stands, facts = (
                seen.raw,
                f"its clock {seen.offset_s:+z.0f} s off",
                {"offset_s": seen.offset_s},
            )
        case OrderKind.SET_LIMIT if control.limiter is not None:
            limit = await read_limit(visit.talk, control.limiter, visit.notes)
            arrived = limit.normal == round(order.parameters["limit_w"] / 10.0**limit.scaler)
            raw, stands, facts = limit.raw, f"limited to {limit.watts:g} W", limit.facts
        case OrderKind.CONNECT | OrderKind.DISCONNECT if control.switch is not None:
            switch = await read_switch(visit.talk, control.switch, visit.notes)
            arrived = _stands(switch, order.kind)
            raw, stands, facts = switch.raw, _standing(switch), switch.facts
        case _:
            raise DecodeError(f"nothing at {visit.who} says what became of order {order.id}")
    state = OrderState.DONE if arrived else OrderState.FAILED
    said = f"found out by reading: {visit.who} is {stands}"
    visit.event("settled", raw, "order_settled", said)
    return Outcome(state, said, {**facts, "settled": True})
