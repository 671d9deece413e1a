"""Messages as the DLMS User Association and a Dutch platform published them, with the wrapper around them.

[Y] DLMS UA 1001-1, Conformance testing process ("Yellow Book"), edition 5 (2015), figures 16 and 17: what its
test tool and a meter said over TCP, with a ciphered association under the example keys of the Green Book;
[O] OSGP/open-smart-grid-platform at d6078460 (Apache-2.0), Mx382AlarmDecoderTest: what Kaifa meters of the
Netherlands send when their voltage is gone, and when they come back, from its logs.
"""

from datetime import UTC, datetime

import pytest

from protocols.dlms.apdu import (
    Aare,
    Aarq,
    ActionRequestNormal,
    ActionResponseNormal,
    Attribute,
    EventNotification,
    ExceptionResponse,
    GetRequestNormal,
    GetResponseNormal,
    InvokeId,
    Rlre,
    Rlrq,
    decode,
)
from protocols.dlms.enums import (
    AssociationResult,
    Conformance,
    Mechanism,
    ServiceError,
    StateError,
    UserDiagnostic,
)
from protocols.dlms.initiate import InitiateRequest, InitiateResponse
from protocols.dlms.security import Challenge, MemoryCounters, Protection, SecuritySetup
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.obis import obis

BOTH = InvokeId(1)
ASSOCIATION = Attribute(15, obis("0.0.40.0.0"), 1)
FRAMES = {
    "a question without an association [Y]": "000100100001000dc001c1000f0000280000ff0100",
    "not now [Y]": "0001000100100003d80101",
    "AARQ, no security [Y]": (
        "000100100001001f601da109060760857405080101be10040e01000000065f1f040060fe9fffff"
    ),
    "AARE, no security [Y]": (
        "00010001001000346132a109060760857405080101a203020100a305a103020100890760857405080200be10040e0800065f1f0400"
        "601a9d05000007"
    ),
    "an answer [Y]": "000100010010000cc401c10009060000280000ff",
    "RLRQ [Y]": "00010010000100056203800100",
    "RLRE [Y]": "00010001001000056303800100",
    "AARQ, GMAC [Y]": (
        "000100010001005a6058a109060760857405080103a60a040843545430303030308a0207808b0760857405080205ac0d800bac93a2"
        "48c8fc1ca5c20b27be230421211f3026ecf3dac94c41b52f6118d3faaf68ba253187948cf66d01fd93264bdcc9"
    ),
    "AARE, GMAC [Y]": (
        "000100010001006b6169a109060760857405080103a203020100a305a10302010ea40a040849435530303030308802078089076085"
        "7405080205aa1280106a495f8d185723e288a794a19ae64024be230421281f3026ecf3dfba974dd84aa9262fa3fd4349f7a268d0b4"
        "1b4bbcda8448715093"
    ),
    "pass 3 [Y]": (
        "000100010001003cdb084354543030303030313026ecf3e01acf25914e9576dc0da746172438c8242066f456e2d73f4eab5264c69b"
        "2608dd37694ccf5beb4fa71d51424d"
    ),
    "pass 4 [Y]": (
        "0001000100010035db0849435530303030302a3026ecf3e1e385cba72f04af871ce9c0760ac57172d7f69120791d8fc5e0a2c5e74b"
        "b43b53d2e1560671"
    ),
    "a question in that association [Y]": "000100010001000dc001c1000f0000280000ff0100",
    "its answer [Y]": "000100010001000cc401c10009060000280000ff",
    "RLRQ, ciphered [Y]": (
        "000100010001002a6228800100be230421211f3026ecf3e1b2cc46bb00c666e7b147f7c2005397473d1862bc5d0257f64359"
    ),
    "last gasp [O]": (
        "000100670066002ac2090c07e70706040a362600ff888000018080808080000209104b413650303035303339303231313130"
    ),
    "back again [O]": (
        "000100670066002ac2090c07e70a19030b122900ff888000010000600101ff0209104b414c37303035303838313136373132"
    ),
}
LAST_GASP = {
    "without a time [O]": "c200000180808080800002" + "09104b413650303035303339303231313130",
    "without a time, a longer name [O]": "c200000180808080800002" + "09114b414c3730303035303838313136373132",
}
"""[O] builds these two from their parts, which are its table of the message."""


def payload(name: str) -> bytes:
    """The message in a frame."""
    return bytes.fromhex(FRAMES[name])[8:]


@pytest.mark.parametrize("name", FRAMES)
def test_wrapper(name: str) -> None:
    raw = bytes.fromhex(FRAMES[name])
    source, destination = int.from_bytes(raw[2:4], "big"), int.from_bytes(raw[4:6], "big")
    frame = Frame(source, destination, raw[8:])
    assert Unwrapper().feed(raw) == [frame]
    assert frame.to_bytes() == raw


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a question without an association [Y]", GetRequestNormal(BOTH, ASSOCIATION)),
        ("not now [Y]",
         ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE)),
        ("an answer [Y]", GetResponseNormal(BOTH, bytes.fromhex("09060000280000ff"))),
    ],
)  # fmt: skip
def test_messages(name: str, message: object) -> None:
    assert decode(payload(name)) == message
    assert decode(payload(name)).to_bytes() == payload(name)


def test_an_association_without_security() -> None:
    """[Y] the meter names the mechanism of the lowest level, which we leave out."""
    asked, granted = decode(payload("AARQ, no security [Y]")), decode(payload("AARE, no security [Y]"))
    assert isinstance(asked, Aarq)
    assert isinstance(granted, Aare)
    assert asked.to_bytes() == payload("AARQ, no security [Y]")
    assert (granted.result, granted.mechanism) == (AssociationResult.ACCEPTED, Mechanism.NONE)
    grant, proposal = granted.initiate(), asked.initiate()
    assert isinstance(grant, InitiateResponse)
    assert isinstance(proposal, InitiateRequest)
    assert grant.max_pdu == 1280
    assert Conformance.GENERAL_PROTECTION in grant.conformance & proposal.conformance
    for name, kind in (("RLRQ [Y]", Rlrq), ("RLRE [Y]", Rlre)):
        release = decode(payload(name))
        assert isinstance(release, kind)
        assert release.to_bytes() == payload(name)


def test_a_ciphered_association() -> None:
    """[Y] GMAC in four passes, general-glo-ciphering: both halves opened and every message made again."""
    keys = bytes(range(16)), bytes(range(0xD0, 0xE0))
    asked, answered = decode(payload("AARQ, GMAC [Y]")), decode(payload("AARE, GMAC [Y]"))
    assert isinstance(asked, Aarq)
    assert isinstance(answered, Aare)
    assert (asked.mechanism, answered.diagnostic) == (
        Mechanism.HLS_GMAC, UserDiagnostic.AUTHENTICATION_REQUIRED,
    )  # fmt: skip
    assert (asked.system_title, answered.system_title) == (b"CTT00000", b"ICU00000")
    for message, name in ((asked, "AARQ, GMAC [Y]"), (answered, "AARE, GMAC [Y]")):
        assert message.to_bytes() == payload(name)

    def side(title: bytes, peer: bytes, count: int) -> Protection:
        setup = SecuritySetup(title, *keys, general=True, peer_system_title=peer)
        return Protection(setup, MemoryCounters(count))

    opening = asked.user_information
    client = side(b"CTT00000", b"ICU00000", int.from_bytes(opening[3:7], "big"))
    meter = side(b"ICU00000", b"CTT00000", 0x26ECF3DF)
    proposal = meter.unprotect(opening)
    assert InitiateRequest.from_bytes(proposal).to_bytes() == proposal
    assert client.protect(proposal) == opening
    grant = client.unprotect(answered.user_information or b"")
    assert meter.protect(grant) == answered.user_information
    pass_3 = decode(meter.unprotect(payload("pass 3 [Y]")))
    assert isinstance(pass_3, ActionRequestNormal)
    assert pass_3.parameters is not None
    challenge = Challenge(
        Mechanism.HLS_GMAC, answered.challenge or b"", asked.password or b"", setup=meter.setup,
        counters=MemoryCounters(0x26ECF3E0), peer_system_title=b"CTT00000",
    )  # fmt: skip
    challenge.check(pass_3.parameters.value)
    pass_4 = decode(client.unprotect(payload("pass 4 [Y]")))
    assert isinstance(pass_4, ActionResponseNormal)
    assert pass_4.outcome.returned == b"\x09\x11" + challenge.answer()
    for title, peer, count, name, message in (
        (b"CTT00000", b"ICU00000", 0x26ECF3E0, "pass 3 [Y]", pass_3),
        (b"ICU00000", b"CTT00000", 0x26ECF3E1, "pass 4 [Y]", pass_4),
    ):
        assert side(title, peer, count).protect(message.to_bytes()) == payload(name)
    release = decode(payload("RLRQ, ciphered [Y]"))
    assert isinstance(release, Rlrq)
    assert release.to_bytes() == payload("RLRQ, ciphered [Y]")
    assert side(b"ICU00000", b"CTT00000", 1).unprotect(release.user_information or b"") == proposal


@pytest.mark.parametrize(
    ("name", "at", "meter"),
    [
        ("last gasp [O]", datetime(2023, 7, 6, 8, 54, 38, tzinfo=UTC), b"KA6P005039021110"),
        ("back again [O]", datetime(2023, 10, 25, 9, 18, 41, tzinfo=UTC), b"KAL7005088116712"),
    ],
)
def test_events_whose_time_has_a_tag(name: str, at: datetime, meter: bytes) -> None:
    """[O] these meters write 09 where the standard has 01; we write 01."""
    event = EventNotification.from_bytes(payload(name))
    assert event.stamp is not None
    assert event.stamp.to_datetime() == at
    assert event.value().value == meter
    again = event.to_bytes()
    assert again == b"\xc2\x01" + payload(name)[2:]
    assert EventNotification.from_bytes(again) == event


@pytest.mark.parametrize("name", LAST_GASP)
def test_events_without_a_time(name: str) -> None:
    raw = bytes.fromhex(LAST_GASP[name])
    event = decode(raw)
    assert isinstance(event, EventNotification)
    assert (event.stamp, event.attribute.class_id, event.attribute.number) == (None, 1, 2)
    assert event.to_bytes() == raw
