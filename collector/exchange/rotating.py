"""New keys for a meter: written down, sent under the master key, proved by an association, then current.

Whoever comes to a change that was broken off finds out which keys the meter has by opening it, and settles it
by that alone: nothing is sent a second time.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from collector.errors import StoreAway
from collector.exchange import conversed
from collector.exchange.command import Claim, Outcome, Sending, broken_off
from collector.exchange.conversation import Conversation
from collector.exchange.course import Course
from collector.exchange.dlms import opening, take_leave
from collector.exchange.notebook import Notebook
from collector.exchange.opened import NOT_WITH_THESE, with_keys
from collector.keys.fleet_keys import OurSide
from collector.links.wire import ByteStream
from collector.polling.plan import Wanted
from collector.watch.metrics import AUTH_FAILURES
from model.clock import Clock
from model.readout import Answer, MeterEvent, Readout
from protocols.dlms.objects.securing import KeyKind, SecurityObject, WrappedKey
from protocols.dlms.reference import Attribute
from protocols.dlms.security import Suite, key_wrap
from protocols.errors import LocalError, Refused, ServiceRefused
from protocols.meter_models.model import Keyed, MeterModel
from storage.fleet import LineMeter
from storage.meter_keys import KeyPair, StoredKeys
from storage.orders import Order, OrderState

Draw = Callable[[int], bytes]


class Vault(Protocol):
    """Where the keys of the meter lie. All raise `StoreAway`; what they return True for is committed."""

    async def keys(self) -> StoredKeys:
        """As they stand."""

    async def propose(self, pair: KeyPair) -> bool:
        """Keep these as pending; False: the order is no longer ours to send."""

    async def adopt(self, pair: KeyPair) -> bool:
        """These open the meter: they are the current ones."""

    async def give_up(self) -> bool:
        """The meter has its current keys: what was pending is put aside."""

    async def changed(self) -> bool:
        """Whether this order has changed the keys already."""


class _Rotation:
    """One visit to a meter whose keys are to be changed, or were."""

    def __init__(
        self, stream: ByteStream, meter: LineMeter, order: Order, notes: Notebook, course: Course,
        ours: OurSide, vault: Vault, sending: Sending, draw: Draw,
    ) -> None:  # fmt: skip
        self.stream, self.meter, self.order, self.notes, self.course = stream, meter, order, notes, course
        self.ours, self.vault, self.sending, self.draw = ours, vault, sending, draw
        self.found: Outcome | None = None

    @property
    def who(self) -> str:
        return f"meter {self.meter.serial}"

    async def go(self, model: MeterModel, *, settle: bool) -> None:
        keyed = model.dlms.keyed
        if keyed is None or keyed.setup is None:
            self.found = Outcome(OrderState.REFUSED, f"{self.who} takes no new keys from afar")
            return
        keys = await self.vault.keys()
        if keys.current is None or keys.master is None:
            self.found = Outcome(OrderState.REFUSED, f"the keys of {self.who} are not all known")
            return
        talk, pair = await self._opened(model, keyed, _possible(keys))
        if await opening(talk, self.meter, model, Wanted(), self.notes) is None:
            return
        if pair != keys.current:
            if await self.vault.adopt(pair):
                await self._settled(talk, pair == keys.pending, settle=settle)
        elif settle:
            await self._unchanged(talk, keys)
        else:
            talk = await self._change(talk, model, keyed, keys)
        await take_leave(talk, self.stream, self.meter)

    async def _opened(
        self, model: MeterModel, keyed: Keyed, pairs: list[KeyPair]
    ) -> tuple[Conversation, KeyPair]:
        for pair in pairs:
            try:
                opened = await with_keys(self.stream, self.meter, model, keyed, pair, self.course, self.ours)
            except NOT_WITH_THESE:
                if pair is pairs[-1]:
                    raise
                AUTH_FAILURES.inc()
            else:
                return opened, pair
        raise LocalError("there is no key to try")

    async def _settled(self, talk: Conversation, whole: bool, *, settle: bool) -> None:
        """Other keys than the current opened it: an earlier transfer had arrived."""
        if settle and whole:
            said = f"found out by opening it: {self.who} has the new keys"
            self.found = Outcome(OrderState.DONE, said, {"settled": True})
        elif settle:
            said = f"{self.who} has taken a part of new keys, which are known now: order the change anew"
            self.found = Outcome(OrderState.FAILED, said, {"settled": True})
        else:  # of the order nothing was sent; it goes on with the next visit
            said = f"{self.who} had other keys than the last known, which are known now"
            self.found = Outcome(OrderState.APPROVED, said)
        self._note("keys_settled", said)

    async def _unchanged(self, talk: Conversation, keys: StoredKeys) -> None:
        if keys.pending is not None:
            await self.vault.give_up()
        elif await self.vault.changed():
            said = f"{self.who} has the new keys"
            self.found = Outcome(OrderState.DONE, said, {"settled": True})
            return
        said = f"found out by opening it: {self.who} has the keys it had, the new ones never arrived"
        self.found = Outcome(OrderState.FAILED, said, {"settled": True})
        self._note("keys_settled", said)

    async def _change(
        self, talk: Conversation, model: MeterModel, keyed: Keyed, keys: StoredKeys
    ) -> Conversation:
        assert keyed.setup is not None
        assert keys.master is not None
        suite = Suite(keyed.suite)
        fresh = KeyPair(self.draw(suite.key_bytes), self.draw(suite.key_bytes))
        wrapped = (
            WrappedKey(KeyKind.GLOBAL_UNICAST, key_wrap.wrap(suite, keys.master, fresh.encryption)),
            WrappedKey(KeyKind.AUTHENTICATION, key_wrap.wrap(suite, keys.master, fresh.authentication)),
        )
        method = Attribute(SecurityObject.CLASS_ID, keyed.setup, SecurityObject.KEY_TRANSFER)
        if not await self.sending.may():
            self.found = Outcome(OrderState.APPROVED, "")
            return talk
        if not await self.vault.propose(fresh):
            return talk
        self.meter = replace(self.meter, keys=replace(keys, pending=fresh))
        self.notes.asking = ("keys", None)
        self.sending.now()
        try:
            await talk.act(method, SecurityObject.key_transfer(wrapped))
        except (Refused, ServiceRefused) as no:
            self.notes.reject(no.reason)
            await self.vault.give_up()
            self.found = Outcome(OrderState.REFUSED, f"{self.who}: {no.reason}")
            return talk
        self.sending.obeyed = True
        # Not released: the keys of this association may be gone. Another one opens in its place.
        assert keys.current is not None
        talk, pair = await self._opened(model, keyed, [fresh, keys.current])
        if pair != fresh:
            await self.vault.give_up()
            said = f"{self.who} said it took the new keys, and has those it had"
            self.found = Outcome(OrderState.FAILED, said)
            self._note("keys_failed", said)
        elif await self.vault.adopt(fresh):
            said = f"{self.who} has new keys"
            self.found = Outcome(OrderState.DONE, said)
            self._note("keys_changed", said)
        return talk

    def _note(self, code: str, said: str) -> None:
        event = MeterEvent(self.notes.now(), code, f"order {self.order.id}: {said}")
        self.notes.take(Answer("keys", b"", events=(event,)))


def _possible(keys: StoredKeys) -> list[KeyPair]:
    """What the meter may have, the likeliest first; of two keys sent it may have taken one."""
    found = list(keys.candidates)
    if keys.pending is not None and keys.current is not None:
        found.append(KeyPair(keys.pending.encryption, keys.current.authentication))
        found.append(KeyPair(keys.current.encryption, keys.pending.authentication))
    return found


async def rotate(
    stream: ByteStream,
    meter: LineMeter,
    order: Order,
    *,
    clock: Clock,
    answer_s: float,
    ours: OurSide,
    vault: Vault,
    claim: Claim,
    settle: bool,
    draw: Draw = secrets.token_bytes,
) -> tuple[Outcome, Readout]:
    """Change the keys of a meter by an order that was approved, or (`settle`) find out what became of it."""
    notes = Notebook(meter.serial, clock, meter.model)
    sending = Sending(claim)
    visit = _Rotation(stream, meter, order, notes, Course(answer_s), ours, vault, sending, draw)

    async def talk(model: MeterModel) -> None:
        try:
            await visit.go(model, settle=settle)
        except StoreAway as error:
            stream.poison(f"meter {meter.serial}: {error.sentence}")
            notes.ended("partial", error.sentence)

    readout = await conversed(stream, meter, notes, talk)
    outcome = visit.found or broken_off(readout, sending)
    if settle and (visit.found is None or outcome.state in (OrderState.APPROVED, OrderState.REFUSED)):
        outcome = Outcome(OrderState.UNKNOWN, outcome.said or readout.detail)
    return outcome, readout
