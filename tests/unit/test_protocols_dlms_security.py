"""What a protected message must not survive, what a policy refuses, and the way there and back."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.security import (
    AUTHENTICATED_ENCRYPTED,
    NOTHING,
    MemoryCounters,
    Policy,
    Protection,
    SecurityControl,
    SecuritySetup,
    Suite,
    key_name,
)
from protocols.dlms.security.counters import HIGHEST
from protocols.dlms.security.envelopes import (
    DEDICATED,
    GLOBAL,
    INITIATE,
    PLAIN,
    GeneralDedicated,
    GeneralGlobal,
    Protected,
    ServiceCiphered,
    is_dedicated,
)
from protocols.dlms.security.general import GeneralCiphering, Header, IdentifiedKey, WrappedKey
from protocols.dlms.security.opening import envelope_of
from protocols.errors import DecodeError, LocalError, RemoteError, SecurityError, SecurityFault

CLIENT, METER, STRANGER = b"CLIENT01", b"METER001", b"STRANGE1"
GET = bytes.fromhex("C001C100080000010000FF0200")
NOTICE = bytes.fromhex("0F0063D76A0003FF")
INITIATE_REQUEST = bytes.fromhex("01000000065F1F0400007E1F04B0")
ENCRYPTED = Policy(authenticated=False)
AUTHENTICATED = Policy(encrypted=False)


def setup_of(
    title: bytes, policy: Policy = AUTHENTICATED_ENCRYPTED, suite: Suite = Suite.GCM_128
) -> SecuritySetup:
    octets = suite.key_bytes
    keys = (bytes(range(octets)), bytes(range(100, 100 + octets)))
    peer = METER if title == CLIENT else CLIENT
    return SecuritySetup(title, *keys, suite, policy, peer_system_title=peer)


def pair(
    policy: Policy = AUTHENTICATED_ENCRYPTED, suite: Suite = Suite.GCM_128
) -> tuple[Protection, Protection]:
    """Client and meter of one association."""
    return (
        Protection(setup_of(CLIENT, policy, suite), MemoryCounters()),
        Protection(setup_of(METER, policy, suite), MemoryCounters(0)),
    )


def refused(by: Protection, raw: bytes, fault: SecurityFault) -> SecurityError:
    """What `by` says of `raw`, which is the evidence of it."""
    with pytest.raises(SecurityError) as caught:
        by.unprotect(raw)
    assert caught.value.fault is fault, caught.value
    assert caught.value.raw == raw
    return caught.value


# --- changed, cut, repeated ---------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [Policy(), AUTHENTICATED], ids=["both", "authenticated"])
@pytest.mark.parametrize("general", [False, True])
def test_no_byte_may_be_changed(policy: Policy, general: bool) -> None:
    client = Protection(replace(setup_of(CLIENT, policy), general=general), MemoryCounters())
    raw = client.protect(GET)
    for at in range(len(raw)):
        for change in (0x01, 0x80, 0xFF):
            changed = raw[:at] + bytes((raw[at] ^ change,)) + raw[at + 1 :]
            meter = Protection(setup_of(METER, policy), MemoryCounters())
            with pytest.raises(RemoteError):
                meter.unprotect(changed)
            assert meter.unprotect(raw) == GET, "and what was refused has used up nothing"


def test_no_byte_may_be_missing_or_too_many() -> None:
    for general in (False, True):
        client = Protection(replace(setup_of(CLIENT), general=general), MemoryCounters())
        raw = client.protect(GET)
        _, meter = pair()
        for end in range(len(raw)):
            with pytest.raises(RemoteError):
                meter.unprotect(raw[:end])
        with pytest.raises(DecodeError):
            meter.unprotect(raw + b"\x00")


def test_a_tag_must_have_its_place_and_something_must_be_inside() -> None:
    _, meter = pair()
    short = ServiceCiphered(0xC8, Protected(SecurityControl(), 1, bytes(11)))
    refused(meter, short.to_bytes(), SecurityFault.FORM)
    refused(meter, bytes.fromhex("C80430000000"), SecurityFault.FORM)
    key = setup_of(CLIENT).key(CLIENT)
    empty = GeneralGlobal(CLIENT, Protected(SecurityControl(), 1, key.seal(SecurityControl(), 1, b"")))
    refused(meter, empty.to_bytes(), SecurityFault.FORM)
    other = ServiceCiphered(0xC9, Protected(SecurityControl(), 1, key.seal(SecurityControl(), 1, GET)))
    assert "holds C0, not C1" in refused(meter, other.to_bytes(), SecurityFault.FORM).reason


def test_a_counter_never_comes_again() -> None:
    client, meter = pair()
    first, second, third = client.protect(GET), client.protect(GET), client.protect(GET)
    assert meter.unprotect(second) == GET
    assert "counter 2 came after 2" in refused(meter, second, SecurityFault.COUNTER).reason
    refused(meter, first, SecurityFault.COUNTER)
    assert meter.unprotect(third) == GET


def test_the_first_counter_may_be_nought() -> None:
    client, meter = pair()
    raw = meter.protect(NOTICE)
    assert raw[11:16] == b"\x30\x00\x00\x00\x00"
    assert client.unprotect(raw) == NOTICE
    refused(client, raw, SecurityFault.COUNTER)


def test_a_key_is_spent_after_the_last_counter() -> None:
    client = Protection(setup_of(CLIENT), MemoryCounters(HIGHEST))
    _, meter = pair()
    assert meter.unprotect(client.protect(GET)) == GET
    with pytest.raises(LocalError, match=r"system title 434C49454E543031 has been used .* change the key"):
        client.protect(GET)


def test_counters_belong_to_key_and_title() -> None:
    setup = setup_of(CLIENT)
    assert setup.encryption_key is not None
    names = {key_name(key, title) for key in (setup.encryption_key, bytes(16)) for title in (CLIENT, METER)}
    assert len(names) == 4
    assert not any(setup.encryption_key.hex() in name for name in names)
    counters = MemoryCounters(start=5)
    assert not counters.used("a")
    assert [counters.next("a"), counters.next("a"), counters.next("b")] == [5, 6, 5]
    counters.raise_to("a", 3)
    assert counters.next("a") == 7
    counters.raise_to("a", 70)
    counters.raise_to("c", 2)
    assert (counters.next("a"), counters.next("c"), counters.used("a")) == (70, 5, True)
    counters.hear("a", 9)
    counters.hear("a", 4)
    assert (counters.heard("a"), counters.heard("b")) == (9, -1)


# --- from whom ----------------------------------------------------------------------------------------------


def test_only_the_partner_is_believed() -> None:
    _, meter = pair()
    keys = setup_of(CLIENT)
    stranger = Protection(replace(keys, system_title=STRANGER, general=True), MemoryCounters(9))
    assert "not 434C49454E543031" in refused(meter, stranger.protect(GET), SecurityFault.SYSTEM_TITLE).reason
    # Without a title in the message, the partner's is taken, and the tag then says it was another one.
    unnamed = Protection(replace(keys, system_title=STRANGER), MemoryCounters(9))
    refused(meter, unnamed.protect(GET), SecurityFault.TAG)
    ours = Protection(replace(setup_of(METER), general=True), MemoryCounters(9))
    refused(meter, ours.protect(GET), SecurityFault.SYSTEM_TITLE)


def test_the_partner_is_met_once() -> None:
    meter = Protection(replace(setup_of(METER), peer_system_title=None), MemoryCounters())
    client = Protection(setup_of(CLIENT), MemoryCounters())
    raw = client.protect(GET)
    refused(meter, raw, SecurityFault.SYSTEM_TITLE)
    assert meter.peer_system_title is None
    for wrong in (None, b"", b"short", b"far too long", METER):
        with pytest.raises(SecurityError) as caught:
            meter.meet(wrong)
        assert caught.value.fault is SecurityFault.SYSTEM_TITLE
    meter.meet(CLIENT)
    assert meter.unprotect(raw) == GET
    meter.meet(None)
    meter.meet(CLIENT)
    with pytest.raises(SecurityError, match="not 434C49454E543031"):
        meter.meet(STRANGER)


def test_nobody_makes_a_name_for_himself_without_a_tag() -> None:
    client = Protection(replace(setup_of(CLIENT, ENCRYPTED), general=True), MemoryCounters())
    meter = Protection(replace(setup_of(METER, ENCRYPTED), peer_system_title=None), MemoryCounters())
    raw = client.protect(GET)
    refused(meter, raw, SecurityFault.SYSTEM_TITLE)
    meter.meet(CLIENT)
    assert meter.unprotect(raw) == GET


def test_an_empty_title_in_a_general_message_is_the_partner() -> None:
    _, meter = pair()
    key = setup_of(CLIENT).key(CLIENT)
    part = Protected(SecurityControl(), 4, key.seal(SecurityControl(), 4, GET))
    assert meter.unprotect(GeneralGlobal(b"", part).to_bytes()) == GET
    with pytest.raises(LocalError, match="title of 3 bytes"):
        GeneralGlobal(b"abc", part).to_bytes()
    raw = bytes.fromhex("DB03616263") + bytes((len(part.to_bytes()),)) + part.to_bytes()
    refused(meter, raw, SecurityFault.FORM)


# --- what was agreed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("insists", "comes", "fault"),
    [
        (Policy(), AUTHENTICATED, SecurityFault.POLICY),
        (Policy(), ENCRYPTED, SecurityFault.POLICY),
        (AUTHENTICATED, ENCRYPTED, SecurityFault.POLICY),
        (ENCRYPTED, AUTHENTICATED, SecurityFault.POLICY),
        (Policy(), NOTHING, SecurityFault.UNPROTECTED),
        (AUTHENTICATED, NOTHING, SecurityFault.UNPROTECTED),
        (ENCRYPTED, NOTHING, SecurityFault.UNPROTECTED),
    ],
)
def test_less_than_agreed_is_refused(insists: Policy, comes: Policy, fault: SecurityFault) -> None:
    client = Protection(setup_of(CLIENT, comes), MemoryCounters())
    meter = Protection(setup_of(METER, insists), MemoryCounters())
    refused(meter, client.protect(GET), fault)
    # No protection at all in a protected envelope is less than anything.
    bare = ServiceCiphered(0xC8, Protected(SecurityControl(authenticated=False, encrypted=False), 1, GET))
    refused(meter, bare.to_bytes(), SecurityFault.POLICY)


@pytest.mark.parametrize("insists", [AUTHENTICATED, ENCRYPTED, NOTHING])
def test_more_than_agreed_is_taken(insists: Policy) -> None:
    client = Protection(setup_of(CLIENT), MemoryCounters())
    assert Protection(setup_of(METER, insists), MemoryCounters()).unprotect(client.protect(GET)) == GET


def test_an_envelope_without_protection_where_none_is_asked() -> None:
    meter = Protection(setup_of(METER, NOTHING), MemoryCounters())
    bare = ServiceCiphered(0xC8, Protected(SecurityControl(authenticated=False, encrypted=False), 1, GET))
    assert meter.unprotect(bare.to_bytes()) == GET
    assert meter.protect(GET) == GET


@pytest.mark.parametrize("octet", [0x70, 0xB0, 0x31, 0x32, 0x33, 0x3F])
def test_broadcast_compressed_and_other_suites_are_refused(octet: int) -> None:
    client, meter = pair()
    raw = client.protect(GET)
    changed = raw[:2] + bytes((octet,)) + raw[3:]
    fault = SecurityFault.POLICY if octet in (0x70, 0xB0) else SecurityFault.SUITE
    refused(meter, changed, fault)


def test_the_control_byte_says_what_it_was_told() -> None:
    for octet in (0x00, 0x10, 0x21, 0x32, 0x70, 0xB1):
        assert SecurityControl.from_byte(octet).to_byte() == octet
    with pytest.raises(SecurityError, match="suite 9 does not exist") as caught:
        SecurityControl.from_byte(0x39)
    assert caught.value.raw == b"\x39"


def test_errors_of_a_meter_that_cannot_decipher_come_through() -> None:
    client, _ = pair()
    for raw in (b"\xd8\x01\x05", b"\x0e\x01\x06\x01"):
        assert client.unprotect(raw) == raw
    refused(client, b"\xc4\x01\xc1\x00\x11\x05", SecurityFault.UNPROTECTED)
    refused(client, b"\x61\x00", SecurityFault.UNPROTECTED)
    refused(client, b"", SecurityFault.UNPROTECTED)
    with pytest.raises(LocalError, match="empty"):
        client.protect(b"")


def test_ciphered_where_we_hold_no_keys() -> None:
    client, _ = pair()
    bare = Protection(SecuritySetup(METER, policy=NOTHING, peer_system_title=CLIENT), MemoryCounters())
    refused(bare, client.protect(GET), SecurityFault.KEY)
    with pytest.raises(LocalError, match="needs an encryption key"):
        Protection(SecuritySetup(METER), MemoryCounters())


# --- dedicated keys and general-ciphering -------------------------------------------------------------------


def test_dedicated_keys() -> None:
    session = bytes(range(50, 66))
    client = Protection(replace(setup_of(CLIENT), dedicated_key=session), MemoryCounters())
    _, meter = pair()
    assert client.protect(GET)[0] == 0xC8
    client.dedicate()
    raw = client.protect(GET)
    assert raw[0] == 0xD0
    assert raw[3:7] == b"\x00\x00\x00\x01", "the new key's own counter"
    refused(meter, raw, SecurityFault.KEY)
    meter.dedicate(session)
    assert meter.unprotect(raw) == GET
    assert is_dedicated(raw)
    assert is_dedicated(b"\xdc")
    assert not is_dedicated(b"\xc8\x00")
    assert not is_dedicated(b"")
    assert client.protect(INITIATE_REQUEST)[0] == 0x21
    assert client.protect(NOTICE)[0] == GeneralDedicated.TAG
    assert client.unprotect(meter.protect(NOTICE)) == NOTICE
    _, fresh = pair()
    with pytest.raises(LocalError, match="no dedicated key"):
        fresh.dedicate()
    with pytest.raises(SecurityError, match="of 3 bytes, 16 are due") as caught:
        fresh.dedicate(b"abc")
    assert caught.value.fault is SecurityFault.KEY


def test_general_ciphering_for_us_under_the_global_key() -> None:
    setup = setup_of(CLIENT)
    key, control = setup.key(CLIENT), SecurityControl()
    _, meter = pair()

    def message(header: Header, info: IdentifiedKey | WrappedKey | None, counter: int) -> bytes:
        return GeneralCiphering.sealed(header, info, key, control, counter, GET).to_bytes()

    assert meter.unprotect(message(Header(b"1", CLIENT, METER), IdentifiedKey(), 1)) == GET
    assert meter.unprotect(message(Header(), None, 2)) == GET
    refused(meter, message(Header(b"1", CLIENT, STRANGER), None, 3), SecurityFault.SYSTEM_TITLE)
    refused(meter, message(Header(b"1", STRANGER, METER), None, 3), SecurityFault.SYSTEM_TITLE)
    refused(meter, message(Header(b"1", CLIENT, METER), IdentifiedKey(1), 3), SecurityFault.KEY)
    refused(meter, message(Header(b"1", CLIENT, METER), WrappedKey(bytes(24)), 3), SecurityFault.KEY)
    raw = message(Header(b"1", CLIENT, METER, b"", b"other"), None, 3)
    for at in range(1, len(raw)):
        if raw[at] or at < len(raw) - 40:
            with pytest.raises(RemoteError):
                meter.unprotect(raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :])
    assert meter.unprotect(raw) == GET


# --- there and back -----------------------------------------------------------------------------------------


def test_every_service_has_its_tag() -> None:
    assert (GLOBAL[0x01], GLOBAL[0x08], GLOBAL[0x0E]) == (0x21, 0x28, 0x2E)
    assert [GLOBAL[tag] for tag in (0xC0, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC7)] == [
        0xC8, 0xC9, 0xCA, 0xCB, 0xCC, 0xCD, 0xCF,
    ]  # fmt: skip
    assert [DEDICATED[tag] for tag in (0x01, 0x05, 0x06, 0x08, 0x0C, 0x0D, 0x0E, 0x16, 0x18)] == [
        0x41, 0x45, 0x46, 0x48, 0x4C, 0x4D, 0x4E, 0x56, 0x58,
    ]  # fmt: skip
    assert len(PLAIN) == len(GLOBAL) + len(DEDICATED)
    assert envelope_of(b"\xc4\x01") is None
    with pytest.raises(DecodeError, match="C4 is no service-specific"):
        ServiceCiphered.from_bytes(b"\xc4\x00")


@given(
    body=st.binary(max_size=400),
    tag=st.sampled_from([*GLOBAL, 0x0F, 0xD9, 0xDA]),
    suite=st.sampled_from(Suite),
    policy=st.sampled_from([Policy(), AUTHENTICATED, ENCRYPTED]),
    general=st.booleans(),
    dedicated=st.booleans(),
)
def test_there_and_back(
    body: bytes, tag: int, suite: Suite, policy: Policy, general: bool, dedicated: bool
) -> None:
    client = Protection(replace(setup_of(CLIENT, policy, suite), general=general), MemoryCounters())
    meter = Protection(setup_of(METER, policy, suite), MemoryCounters())
    if dedicated:
        session = bytes(range(7, 7 + suite.key_bytes))
        client.dedicate(session)
        meter.dedicate(session)
    message = bytes((tag,)) + body
    raw = client.protect(message)
    assert (raw[0] in (0xDB, 0xDC)) == (tag not in GLOBAL or (general and tag not in INITIATE))
    envelope = envelope_of(raw)
    assert envelope is not None
    assert envelope.to_bytes() == raw
    assert meter.unprotect(raw) == message


@given(st.binary(max_size=80), st.sampled_from([*PLAIN, 0xDB, 0xDC, 0xDD]))
def test_any_bytes_are_refused_as_the_protocol_refuses(rest: bytes, tag: int) -> None:
    _, meter = pair()
    meter.dedicate(bytes(16))
    with pytest.raises(RemoteError):
        meter.unprotect(bytes((tag,)) + rest)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"system_title": b"short"}, "the system title has 5 bytes: 8 are due"),
        ({"peer_system_title": b""}, "the peer system title has 0 bytes"),
        ({"peer_system_title": CLIENT}, "cannot have the same system title"),
        ({"encryption_key": bytes(32)}, "the encryption key has 32 bytes: 16 are due in suite 0"),
        ({"suite": Suite.ECDSA_P384}, "32 are due in suite 2"),
        ({"dedicated_key": b"1"}, "the dedicated key has 1 bytes"),
        ({"signing_key": bytes(32)}, "suite 0 has no signatures"),
        ({"suite": Suite.ECDSA_P256, "signing_key": bytes(31)}, "the signing key has 31 bytes"),
        ({"suite": Suite.ECDSA_P256, "peer_verifying_key": bytes(65)}, "64 are due"),
        ({"suite": Suite.ECDSA_P256, "policy": Policy(signed=True)}, "need our signing key"),
    ],
)
def test_setups_that_do_not_fit(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(LocalError, match=reason):
        replace(setup_of(CLIENT), **wrong)


def test_no_key_is_ever_printed() -> None:
    setup = setup_of(CLIENT)
    for shown in (repr(setup), repr(setup.key(CLIENT)), repr(Protection(setup, MemoryCounters()))):
        for key in (setup.encryption_key, setup.authentication_key):
            assert key is not None
            assert key.hex() not in shown.lower()
            assert repr(key)[2:-1] not in shown
