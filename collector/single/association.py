"""Opening the association that an address asks for: framing, secrets, and counters the meter will take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Final

from collector.errors import CollectorError
from collector.exchange.conversation import Conversation
from collector.links.wire import ByteStream
from collector.single.routes import PUBLIC, DlmsAddress, DlmsFraming, UdpRoute
from collector.single.session_counters import SessionCounters
from protocols.dlms import axdr, objects
from protocols.dlms.apdu import Attribute
from protocols.dlms.axdr import integer_of
from protocols.dlms.client_settings import BY_KEYS, ClientSettings
from protocols.dlms.enums import Mechanism
from protocols.dlms.framing import Framing, WrapperFraming
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.security import CounterStore, MemoryCounters, SecuritySetup, Suite, key_name
from protocols.dlms.security.setup import NOTHING
from protocols.errors import ProtocolError
from protocols.obis import Obis

Call = Callable[[], AbstractAsyncContextManager[ByteStream]]
"""Calls the meter; the line is hung up when the context ends."""
COUNTER: Final = Attribute(InterfaceClass.DATA, Obis(0, 0, 43, 1, 0, 255), objects.VALUE)
"""Where meters keep the last invocation counter they heard under the unicast key (IEC 62056-6-1)."""

BELIEVED: Final = 0x8000_0000
"""What a meter says of its counters is not authenticated: nobody may use up a key by lying about them."""

FAREWELL_S: Final = 3.0
"""What a meter is given for its farewell: everything has been said by then."""


@asynccontextmanager
async def associated(call: Call, address: DlmsAddress, counters: CounterStore) -> AsyncIterator[Conversation]:
    """A conversation with the meter, its association open; it is released when all went well,
    and a rude farewell of the meter changes nothing.

    Raises `NotAdmitted` when the meter lets nobody in, and what `Conversation` raises.
    """
    if address.keys is not None:
        await _count_on(call, address, counters)
    async with call() as stream:
        talk = Conversation(stream, settings_of(address, counters), framing_of(address))
        await talk.associate()
        yield talk
        await _take_leave(talk, stream, address)


async def _take_leave(talk: Conversation, stream: ByteStream, address: DlmsAddress) -> None:
    """Release and hang up; a meter that takes it ill, or not at all, does not undo what it has said."""
    try:
        async with asyncio.timeout(min(FAREWELL_S, address.timeout_s)):
            await talk.release()
    except (ProtocolError, CollectorError, TimeoutError):
        stream.poison("the meter did not take its leave properly")


def settings_of(address: DlmsAddress, counters: CounterStore) -> ClientSettings:
    """What the address says, as the protocol wants it."""
    security = _security(address) if address.mechanism in BY_KEYS else None
    if address.keys is not None and address.keys.dedicated:
        counters = SessionCounters(counters, address.keys.encryption)
    return ClientSettings(
        client_address=address.client,
        server_address=address.server,
        mechanism=address.mechanism,
        password=None if address.password is None else address.password.encode(),
        max_pdu=address.max_pdu,
        answer_seconds=address.timeout_s,
        security=security,
        counters=None if security is None else counters,
        general_window=address.general_window,
    )


def _security(address: DlmsAddress) -> SecuritySetup:
    """Our side of a secured association; without keys only our title, which HLS with SHA-256 needs."""
    keys = address.keys
    if keys is None:
        return SecuritySetup(address.title, suite=Suite(address.suite), policy=NOTHING)
    return SecuritySetup(
        address.title,
        keys.encryption,
        keys.authentication,
        Suite(address.suite),
        address.protection,
        general=address.general,
        dedicated_key=keys.draw_dedicated(),
    )


def framing_of(address: DlmsAddress) -> Framing:
    """The wrapper, or HDLC to the meter's address."""
    if address.framing is DlmsFraming.WRAPPER:
        datagrams = isinstance(address.route, UdpRoute)
        return WrapperFraming(address.client, address.server, datagrams=datagrams)
    # As much as HDLC allows: a meter that can do less says so in its UA.
    info, window = address.info, address.window
    proposal = LinkParameters(info, info, window, window)
    return HdlcFraming(address.client, station_of(address), proposal)


def station_of(address: DlmsAddress) -> HdlcAddress:
    """The meter's HDLC address; `LocalError` where its numbers do not fit its bytes."""
    lower, octets = address.physical, address.address_size
    if lower is None and octets in (2, 4):
        lower = address.server
    return HdlcAddress(address.server, lower, octets or 0)


def speakable(address: DlmsAddress) -> None:
    """Raise `LocalError` for an address that nothing can be sent to."""
    if address.framing is DlmsFraming.HDLC:
        station_of(address)
    settings_of(address, MemoryCounters())


async def _count_on(call: Call, address: DlmsAddress, counters: CounterStore) -> None:
    """Raise our counter above what the meter has heard, so that it believes us.

    Asked once for a key nobody here has used yet, as the public client, which needs no proof; a meter that
    does not tell is spoken to with the counter there is.
    """
    assert address.keys is not None
    name = key_name(address.keys.encryption, address.title)
    if address.counter is not None:
        counters.raise_to(name, address.counter)
    elif not counters.used(name):
        heard = await _heard(call, address)
        if heard is not None and heard < BELIEVED:
            counters.raise_to(name, heard + 1)


async def _heard(call: Call, address: DlmsAddress) -> int | None:
    public = replace(address, client=PUBLIC, mechanism=Mechanism.NONE, keys=None)
    try:
        async with call() as stream:
            talk = Conversation(stream, settings_of(public, MemoryCounters()), framing_of(public))
            await talk.associate()
            heard = integer_of(axdr.decode(await talk.get(COUNTER)), "invocation counter")
            await _take_leave(talk, stream, public)
            return heard
    except (ProtocolError, CollectorError):
        return None  # whoever hangs up on the public client may still listen to us
