"""Every class that is made of bytes comes back from its own: looked for, so that the newest is among them."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dlms import apdu
from protocols.dlms.clock import CosemDate, CosemDateTime, CosemTime
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.frame import HdlcFrame
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.rejection import Rejection
from protocols.dlms.initiate import InitiateRequest, InitiateResponse
from protocols.dlms.notice import DataNotificationConfirm
from protocols.dlms.reference import LongInvokeId
from protocols.dlms.security import MemoryCounters, Policy, Protection, SecuritySetup, Suite
from protocols.dlms.security.control import SecurityControl
from protocols.dlms.security.envelopes import (
    PLAIN,
    GeneralDedicated,
    GeneralGlobal,
    Protected,
    ServiceCiphered,
)
from protocols.dlms.security.general import (
    AgreedKey,
    GeneralCiphering,
    GeneralSigning,
    Header,
    IdentifiedKey,
    WrappedKey,
)
from protocols.iec62056_21.identification import BITS_PER_SECOND, Identification
from protocols.iec62056_21.messages import OptionSelect, SignOn
from protocols.obis import Obis
from tests.dlms_strategies import APDUS, conformances, dates, octet, pdus, secrets, stamps, times
from tests.fuzz.discovery import classes

flags = st.booleans()
octets = st.binary(max_size=200)
controls = st.builds(SecurityControl, st.sampled_from(Suite), flags, flags, flags, flags)
protected = st.builds(Protected, controls, st.integers(0, 0xFFFFFFFF), octets)
headers = st.builds(Header, *[st.binary(max_size=20)] * 5)
keys = st.none() | st.one_of(
    st.builds(IdentifiedKey, octet),
    st.builds(WrappedKey, octets, octet),
    st.builds(AgreedKey, octets, octets),
)
addresses = st.one_of(
    st.builds(HdlcAddress, st.integers(0, 0x7F)),
    st.builds(HdlcAddress, st.integers(0, 0x7F), st.integers(0, 0x7F)),
    st.builds(HdlcAddress, st.integers(0, 0x3FFF), st.integers(0, 0x3FFF), st.just(4)),
)
lengths, windows = st.integers(8, 2030), st.integers(1, 7)
shown = st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="/!\\")
qualities = st.none() | st.integers(-128, 127)

WRITTEN: dict[type, st.SearchStrategy[Any]] = {
    **APDUS,
    CosemDate: dates,
    CosemTime: times,
    CosemDateTime: stamps,
    HdlcAddress: addresses,
    HdlcFrame: st.builds(HdlcFrame, addresses, addresses, octet, octets, flags),
    LinkParameters: st.builds(LinkParameters, lengths, lengths, windows, windows),
    Rejection: st.builds(Rejection, octet, st.integers(0, 7), st.integers(0, 7), *[flags] * 4),
    InitiateRequest: st.builds(InitiateRequest, conformances, pdus, secrets, flags, qualities, octet),
    InitiateResponse: st.builds(InitiateResponse, conformances, pdus, qualities, octet, pdus),
    ServiceCiphered: st.builds(ServiceCiphered, st.sampled_from(sorted(PLAIN)), protected),
    GeneralGlobal: st.builds(GeneralGlobal, st.just(b"") | st.binary(min_size=8, max_size=8), protected),
    GeneralDedicated: st.builds(GeneralDedicated, st.binary(min_size=8, max_size=8), protected),
    GeneralCiphering: st.builds(GeneralCiphering, headers, keys, protected),
    DataNotificationConfirm: st.builds(
        DataNotificationConfirm, st.builds(LongInvokeId, st.integers(0, (1 << 24) - 1), *[flags] * 4)
    ),
    GeneralSigning: st.builds(GeneralSigning, headers, octets, octets),
    Identification: st.builds(
        Identification,
        st.text("ABCxyz", min_size=3, max_size=3),
        st.sampled_from(sorted(BITS_PER_SECOND)),
        st.text(shown, max_size=16),
        st.lists(shown, max_size=2).map(tuple),
    ),
    SignOn: st.builds(SignOn, st.text("0123456789AZaz", max_size=32), st.sampled_from("?!#1")),
    OptionSelect: st.builds(
        OptionSelect, st.sampled_from("0123456"), st.sampled_from("0123456789"), st.sampled_from("0123")
    ),
    Obis: st.builds(Obis, *[octet] * 6),
}


def test_none_is_left_out() -> None:
    made_of_bytes = {
        kind
        for kind in classes()
        if hasattr(kind, "from_bytes") and len(inspect.signature(kind.from_bytes).parameters) == 1
    }
    assert made_of_bytes == set(WRITTEN)
    assert len(made_of_bytes) >= 50


@pytest.mark.parametrize("kind", WRITTEN, ids=lambda kind: kind.__name__)
@settings(max_examples=25)
@given(data=st.data())
def test_what_was_written_is_read(kind: Any, data: st.DataObject) -> None:
    message = data.draw(WRITTEN[kind])
    raw = bytes(message.to_bytes())
    assert kind.from_bytes(raw) == message
    if kind in APDUS:
        assert apdu.decode(raw) == message


CLIENT, METER = b"DKE\0\0\0\0\1", b"DKE\0\0\0\0\2"
POLICIES = st.sampled_from([Policy(), Policy(encrypted=False), Policy(authenticated=False)])
SUITES = st.sampled_from([Suite(0), Suite(2)])


@given(
    st.one_of(*APDUS.values())
    .map(lambda message: message.to_bytes())
    .filter(lambda raw: raw[0] not in range(0x60, 0x64)),
    POLICIES,
    SUITES,
    st.booleans(),
    st.booleans(),
)
def test_what_was_protected_is_believed_once(
    plain: bytes, policy: Policy, suite: Suite, general: bool, dedicated: bool
) -> None:
    """Every message under every policy: read as it was by the partner, and never a second time."""
    key = bytes(range(suite.key_bytes))

    def side(title: bytes, other: bytes) -> Protection:
        setup = SecuritySetup(title, key, key[::-1], suite, policy, general, dedicated_key=key[1:] + b"\0")
        made = Protection(setup, MemoryCounters())
        made.meet(other)
        if dedicated:
            made.dedicate()
        return made

    client, meter = side(CLIENT, METER), side(METER, CLIENT)
    raw = client.protect(plain)
    assert (plain in raw) == (not policy.encrypted)
    assert meter.unprotect(raw) == plain
    with pytest.raises(Exception, match="replayed or out of order"):
        meter.unprotect(raw)
