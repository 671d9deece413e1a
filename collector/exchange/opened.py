"""Opening the association that a meter's model asks for, with its password or its keys, and never with less.

A meter with keys is asked first, by the public client, for the highest counter it has heard: another head-end
may have spoken to it since. Nobody proves that number; it is believed within bounds, and a lie about it costs
numbers, never a nonce.
"""

from __future__ import annotations

from typing import Final

from collector.exchange.conversation import Conversation
from collector.exchange.course import Course
from collector.exchange.framings import framing
from collector.keys.fleet_keys import OurSide
from collector.links.wire import ByteStream
from collector.watch.metrics import AUTH_FAILURES
from protocols.dlms import axdr, objects
from protocols.dlms.apdu import Attribute
from protocols.dlms.axdr import integer_of
from protocols.dlms.client import ClientSettings
from protocols.dlms.enums import Mechanism
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.security import SecuritySetup, Suite
from protocols.errors import (
    AssociationRefused,
    DecodeError,
    LocalError,
    Refused,
    SecurityError,
    ServiceRefused,
)
from protocols.meter_models.model import Keyed, MeterModel, Speech
from storage.fleet import LineMeter
from storage.meter_keys import KeyPair

BELIEVED: Final = 0x8000_0000
"""What a meter says of its counters is not authenticated: nobody may use up a key by lying about them."""
NOT_WITH_THESE: Final = (AssociationRefused, SecurityError, ServiceRefused)


def lacking(meter: LineMeter, model: MeterModel) -> str:
    """The sentence why the meter is not even asked: what it is opened with is missing. Else empty."""
    serial = meter.serial
    if meter.sealed:
        return (
            f"meter {serial} is not asked: what it is opened with does not open with the wrapping key; "
            f"give its password or keys again (`ami meter change {serial}`)"
        )
    if model.speech is Speech.DLMS and model.dlms.mechanism is Mechanism.LLS and not meter.password:
        return (
            f"meter {serial} is not asked: its model wants a password, and none is known; give it "
            f"(AMI_METER_PASSWORD=… ami meter change {serial})"
        )
    return ""


def settings_of(
    meter: LineMeter, model: MeterModel, answer_s: float, security: SecuritySetup | None = None,
    ours: OurSide | None = None,
) -> ClientSettings:  # fmt: skip
    """How to speak to this meter; the address is its own, the rest its model's."""
    dlms = model.dlms
    password = (meter.password or "").encode() if dlms.mechanism is Mechanism.LLS else None
    return ClientSettings(
        client_address=dlms.client,
        server_address=meter.address,
        mechanism=dlms.mechanism,
        password=password,
        max_pdu=dlms.max_pdu,
        answer_seconds=answer_s,
        security=security,
        counters=None if security is None or ours is None else ours.counters,
    )


async def associated(
    stream: ByteStream, meter: LineMeter, model: MeterModel, course: Course, ours: OurSide | None
) -> Conversation:
    """A conversation with the meter, its association open. Raises what `Conversation` raises, and
    `LocalError` where its model wants keys and there are none."""
    keyed = model.dlms.keyed
    if keyed is None:
        settings = settings_of(meter, model, course.answer_s)
        talk = Conversation(stream, settings, framing(stream, settings), course=course)
        await talk.associate()
        return talk
    if ours is None or not meter.keys.candidates:
        raise LocalError(
            f"its model wants keys, and none are known: give them (AMI_METER_KEYS=FILE ami meter change "
            f"{meter.serial}); with less it is not read"
        )
    candidates = ours.in_order(meter.meter_id, meter.keys)
    for pair in candidates:
        try:
            return await with_keys(stream, meter, model, keyed, pair, course, ours)
        except NOT_WITH_THESE:
            if pair is candidates[-1]:
                raise
            AUTH_FAILURES.inc()
    raise AssertionError("there is no key to try")


async def with_keys(
    stream: ByteStream, meter: LineMeter, model: MeterModel, keyed: Keyed, pair: KeyPair, course: Course,
    ours: OurSide,
) -> Conversation:  # fmt: skip
    """The association under these keys and no others."""
    counted = ours.counts_on(meter.meter_id, pair)
    while True:
        if not counted:
            await _count_on(stream, meter, model, keyed, pair, course, ours)
        security = SecuritySetup(ours.title, pair.encryption, pair.authentication, Suite(keyed.suite))
        settings = settings_of(meter, model, course.answer_s, security, ours)
        talk = Conversation(stream, settings, framing(stream, settings), course=course)
        try:
            await talk.associate()
        except NOT_WITH_THESE:
            ours.forget(meter.meter_id)
            if not counted:
                raise
            counted = False  # somebody else may have spoken to it: what it has heard is asked once more
        else:
            ours.opened(meter.meter_id, pair)
            ours.met(meter.meter_id, talk.their_title)
            return talk


async def _count_on(
    stream: ByteStream, meter: LineMeter, model: MeterModel, keyed: Keyed, pair: KeyPair, course: Course,
    ours: OurSide,
) -> None:  # fmt: skip
    """Raise our counter above what the meter has heard, so that it believes us.

    One that does not tell is spoken to with the counter there is.
    """
    if keyed.counter is None:
        return
    settings = ClientSettings(
        client_address=keyed.public_client,
        server_address=meter.address,
        max_pdu=model.dlms.max_pdu,
        answer_seconds=course.answer_s,
    )
    talk = Conversation(stream, settings, framing(stream, settings), course=course)
    try:
        await talk.associate()
        asked = Attribute(InterfaceClass.DATA, keyed.counter, objects.VALUE)
        heard = integer_of(axdr.decode(await talk.get(asked)), "invocation counter")
        await talk.release()
    except (AssociationRefused, Refused, ServiceRefused, DecodeError):
        return
    if 0 <= heard < BELIEVED:
        ours.counters.raise_to(ours.name(pair), heard + 1)
