"""Challenges, their answers, signatures and keys on their way: what is refused, and by whom."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.enums import Mechanism
from protocols.dlms.security import (
    NOTHING,
    Challenge,
    MemoryCounters,
    Policy,
    Protection,
    SecurityControl,
    SecuritySetup,
    Suite,
    key_name,
    new_challenge,
)
from protocols.dlms.security.agreement import agreed_key
from protocols.dlms.security.general import (
    AgreedKey,
    GeneralCiphering,
    GeneralSigning,
    Header,
    IdentifiedKey,
    KeyInfo,
    WrappedKey,
)
from protocols.dlms.security.key_wrap import unwrap, wrap
from protocols.dlms.security.signing import point_of, private_key, public_key, sign, verify
from protocols.errors import DecodeError, LocalError, RemoteError, SecurityError, SecurityFault

CLIENT, METER = b"CLIENT01", b"METER001"
CTOS, STOC = b"from the client.", b"from the meter.."
KEYS = (bytes(range(16)), bytes(range(16, 32)))
GET = bytes.fromhex("C001C100080000010000FF0200")
SECRET = b"sixteen letters."
CURVES = [Suite.ECDSA_P256, Suite.ECDSA_P384]
EVERY = [
    Mechanism.HLS, Mechanism.HLS_MD5, Mechanism.HLS_SHA1, Mechanism.HLS_GMAC, Mechanism.HLS_SHA256,
    Mechanism.HLS_ECDSA,
]  # fmt: skip


def scalar_of(suite: Suite, seed: int) -> bytes:
    return bytes((seed,)) * suite.coordinate_bytes


def signing(title: bytes, suite: Suite, policy: Policy = NOTHING) -> SecuritySetup:
    """A setup with keys of every kind."""
    mine, its = (1, 2) if title == CLIENT else (2, 1)
    octets = suite.key_bytes
    return SecuritySetup(
        title, bytes(range(octets)), bytes(range(octets)), suite, policy,
        peer_system_title=METER if title == CLIENT else CLIENT,
        signing_key=scalar_of(suite, mine), peer_verifying_key=point_of(suite, scalar_of(suite, its)),
    )  # fmt: skip


def halves(mechanism: Mechanism, ctos: bytes = CTOS, stoc: bytes = STOC) -> tuple[Challenge, Challenge]:
    """The client's and the meter's view of one exchange."""
    suite = Suite.ECDSA_P256
    client = Challenge(mechanism, ctos, stoc, SECRET, signing(CLIENT, suite), MemoryCounters(), METER)
    meter = Challenge(mechanism, stoc, ctos, SECRET, signing(METER, suite), MemoryCounters(7), CLIENT)
    return client, meter


@pytest.mark.parametrize("mechanism", EVERY)
def test_both_passes(mechanism: Mechanism) -> None:
    client, meter = halves(mechanism)
    pass_3 = client.answer()
    meter.check(pass_3)
    pass_4 = meter.answer()
    client.check(pass_4)
    for challenge, answer in ((meter, pass_3), (client, pass_4)):
        for at in range(len(answer)):
            changed = answer[:at] + bytes((answer[at] ^ 0x10,)) + answer[at + 1 :]
            with pytest.raises(SecurityError) as caught:
                challenge.check(changed)
            assert caught.value.fault in (
                SecurityFault.CHALLENGE, SecurityFault.SIGNATURE, SecurityFault.SUITE,
            )  # fmt: skip
            assert caught.value.raw
        for wrong in (b"", answer[:-1], answer + b"\x00"):
            with pytest.raises(SecurityError):
                challenge.check(wrong)
    with pytest.raises(SecurityError):
        client.check(pass_3)


@pytest.mark.parametrize("mechanism", EVERY)
def test_an_answer_belongs_to_one_challenge(mechanism: Mechanism) -> None:
    client, _ = halves(mechanism)
    _, later = halves(mechanism, stoc=b"another challenge")
    with pytest.raises(SecurityError):
        later.check(client.answer())


def test_what_is_no_challenge() -> None:
    for length in (0, 7, 65, 1000):
        with pytest.raises(SecurityError, match="8 to 64 are due") as caught:
            Challenge(Mechanism.HLS_MD5, CTOS, bytes(length), SECRET)
        assert caught.value.fault is SecurityFault.CHALLENGE
    with pytest.raises(SecurityError, match="our own challenge came back") as caught:
        Challenge(Mechanism.HLS_GMAC, CTOS, CTOS)
    assert caught.value.raw == CTOS
    for length in (8, 64):
        Challenge(Mechanism.HLS_MD5, CTOS, bytes(length), SECRET).answer()


def test_challenges_are_drawn() -> None:
    assert len({new_challenge() for _ in range(20)}) == 20
    assert new_challenge(9, bytes) == bytes(9)
    for length in (7, 65):
        with pytest.raises(LocalError, match="8 to 64"):
            new_challenge(length)


def test_what_is_missing_is_said() -> None:
    bare = SecuritySetup(CLIENT, policy=NOTHING)
    curved = SecuritySetup(CLIENT, suite=Suite.ECDSA_P256, policy=NOTHING)
    for challenge, what in (
        (Challenge(Mechanism.HLS_MD5, CTOS, STOC), "HLS_MD5 needs a secret"),
        (Challenge(Mechanism.LLS, CTOS, STOC, SECRET), "LLS has no challenge"),
        (Challenge(Mechanism.HLS, CTOS, STOC, b"short"), "16 bytes, not 5"),
        (Challenge(Mechanism.HLS_SHA256, CTOS, STOC, SECRET, bare), "other side's system title"),
        (Challenge(Mechanism.HLS_SHA256, CTOS, STOC, SECRET, None, None, METER), "needs a security setup"),
        (Challenge(Mechanism.HLS_GMAC, CTOS, STOC), "needs a security setup"),
        (Challenge(Mechanism.HLS_GMAC, CTOS, STOC, setup=bare), "needs invocation counters"),
    ):
        with pytest.raises(LocalError, match=what):
            challenge.answer()
    signer = Challenge(Mechanism.HLS_ECDSA, CTOS, STOC, setup=curved, peer_system_title=METER)
    with pytest.raises(LocalError, match="needs our signing key"):
        signer.answer()
    with pytest.raises(LocalError, match="other side's public key"):
        signer.check(bytes(64))
    keyless = Challenge(Mechanism.HLS_GMAC, CTOS, STOC, None, bare, MemoryCounters(), METER)
    with pytest.raises(LocalError, match="needs an encryption key"):
        keyless.answer()


def test_short_challenges_of_mechanism_2_are_filled_with_noughts() -> None:
    """As the common libraries do it; shown with foreign peers in tests/interop."""
    short = Challenge(Mechanism.HLS, CTOS, b"ten bytes.", SECRET).answer()
    assert short == Challenge(Mechanism.HLS, CTOS, b"ten bytes.".ljust(16, b"\x00"), SECRET).answer()


def test_a_gmac_answer_raises_what_was_heard_and_never_lowers_it() -> None:
    client, meter = halves(Mechanism.HLS_GMAC)
    assert meter.counters is not None
    assert client.setup is not None
    name = key_name(client.setup.encryption_key or b"", CLIENT)
    meter.counters.hear(name, 1)
    answer = client.answer()
    meter.check(answer)
    assert meter.counters.heard(name) == 1
    later = client.answer()
    meter.check(later)
    assert meter.counters.heard(name) == 2
    assert repr(SECRET)[2:-1] not in repr(client)


# --- signatures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", CURVES)
def test_signatures(suite: Suite) -> None:
    scalar = scalar_of(suite, 3)
    point, signature = point_of(suite, scalar), sign(suite, scalar, b"index 12,345 kWh")
    assert len(signature) == len(point) == 2 * suite.coordinate_bytes
    verify(suite, point, b"index 12,345 kWh", signature)
    for wrong in (signature[:-1], signature + b"\x00", b"", bytes(len(signature)), signature[::-1]):
        with pytest.raises(SecurityError) as caught:
            verify(suite, point, b"index 12,345 kWh", wrong)
        assert caught.value.fault is SecurityFault.SIGNATURE
    for no_point in (point[:-1] + bytes((point[-1] ^ 1,)), point[1:], bytes(len(point)), b""):
        with pytest.raises(SecurityError) as caught:
            public_key(suite, no_point)
        assert caught.value.fault is SecurityFault.KEY


@pytest.mark.parametrize("suite", CURVES)
def test_private_keys_that_are_none(suite: Suite) -> None:
    octets = suite.coordinate_bytes
    for scalar in (b"", bytes(octets - 1), bytes(octets), b"\xff" * octets):
        with pytest.raises(LocalError):
            private_key(suite, scalar)


def test_suite_0_has_no_curve() -> None:
    with pytest.raises(LocalError, match="use suite 1 or 2"):
        sign(Suite.GCM_128, bytes(32), b"")


@pytest.mark.parametrize("suite", CURVES)
def test_both_sides_agree_on_a_key(suite: Suite) -> None:
    one, other = scalar_of(suite, 4), scalar_of(suite, 5)
    mine = agreed_key(suite, one, point_of(suite, other), CLIENT, METER)
    assert len(mine) == suite.key_bytes
    assert mine == agreed_key(suite, other, point_of(suite, one), CLIENT, METER)
    assert mine != agreed_key(suite, one, point_of(suite, other), METER, CLIENT)
    each = {agreed_key(suite, one, point_of(suite, other), CLIENT, METER, bytes((n,))) for n in range(3)}
    assert len({mine, *each}) == 4


@pytest.mark.parametrize("suite", CURVES)
def test_signed_messages_of_an_association(suite: Suite) -> None:
    policy = Policy(signed=True)
    client = Protection(signing(CLIENT, suite, policy), MemoryCounters())
    meter = Protection(signing(METER, suite, policy), MemoryCounters())
    raw = client.protect(GET)
    assert raw[0] == 0xDB
    assert meter.unprotect(raw) == GET
    initiate = bytes.fromhex("01000000065F1F0400007E1F04B0")
    assert meter.unprotect(client.protect(initiate)) == initiate, "nobody signs an initiate message"
    unsigned = Protection(replace(client.setup, policy=Policy()), MemoryCounters(9))
    with pytest.raises(SecurityError, match="is not signed") as caught:
        meter.unprotect(unsigned.protect(GET))
    assert caught.value.fault is SecurityFault.POLICY
    trusting = Protection(
        replace(meter.setup, policy=Policy(), signing_key=None, peer_verifying_key=None), MemoryCounters()
    )
    with pytest.raises(SecurityError, match="public key is not known") as caught:
        trusting.unprotect(raw)
    assert caught.value.fault is SecurityFault.KEY
    forger = Protection(replace(client.setup, signing_key=scalar_of(suite, 9)), MemoryCounters(10))
    with pytest.raises(SecurityError, match="signature does not fit") as caught:
        meter.unprotect(forger.protect(GET))
    assert caught.value.fault is SecurityFault.SIGNATURE
    # What was refused for its signature has used up no counter.
    assert meter.unprotect(client.protect(GET)) == GET


def test_signed_for_somebody_else_or_by_somebody_else() -> None:
    suite = Suite.ECDSA_P256
    policy = Policy(signed=True)
    client = signing(CLIENT, suite, policy)
    meter = Protection(signing(METER, suite, policy), MemoryCounters())
    carrier = Protection(replace(client, policy=Policy()), MemoryCounters())
    for header in (Header(b"1", CLIENT, b"STRANGE1"), Header(b"1", b"STRANGE1", METER)):
        signed = GeneralSigning.signed(suite, scalar_of(suite, 1), header, GET)
        with pytest.raises(SecurityError) as caught:
            meter.unprotect(carrier.protect(signed.to_bytes()))
        assert caught.value.fault is SecurityFault.SYSTEM_TITLE


def test_a_signature_alone_has_no_counter() -> None:
    with pytest.raises(LocalError, match="authenticated or encrypted as well"):
        Policy(authenticated=False, encrypted=False, signed=True)


# --- general messages --------------------------------------------------------------------------------------

OCTETS = st.binary(max_size=200)
KEY_INFOS: st.SearchStrategy[KeyInfo | None] = st.one_of(
    st.none(),
    st.builds(IdentifiedKey, st.integers(0, 255)),
    st.builds(WrappedKey, OCTETS, st.integers(0, 255)),
    st.builds(AgreedKey, OCTETS, OCTETS),
)


@given(header=st.builds(Header, OCTETS, OCTETS, OCTETS, OCTETS, OCTETS), info=KEY_INFOS, message=OCTETS)
def test_general_messages_there_and_back(header: Header, info: KeyInfo | None, message: bytes) -> None:
    setup = SecuritySetup(CLIENT, *KEYS)
    sealed = GeneralCiphering.sealed(header, info, setup.key(CLIENT), SecurityControl(), 5, message)
    assert GeneralCiphering.from_bytes(sealed.to_bytes()) == sealed
    signed = GeneralSigning(header, message, bytes(64))
    assert GeneralSigning.from_bytes(signed.to_bytes()) == signed


@given(st.binary(max_size=120), st.sampled_from([0xDD, 0xDF]))
def test_any_bytes_are_no_general_message_or_one(rest: bytes, tag: int) -> None:
    message = GeneralCiphering if tag == GeneralCiphering.TAG else GeneralSigning
    with suppress(RemoteError):
        assert message.from_bytes(bytes((tag,)) + rest).to_bytes()[0] == tag


def test_general_messages_that_are_none() -> None:
    for raw in (
        bytes.fromhex("DD0000000000 02 0000"),
        bytes.fromhex("DD0000000000 01 03 0000"),
        bytes.fromhex("DD0000000000 00 05 3000000000 FF"),
        bytes.fromhex("DF00000000000000 FF"),
        bytes.fromhex("DF0084FFFFFFFF"),
    ):
        message = GeneralCiphering if raw[0] == GeneralCiphering.TAG else GeneralSigning
        with pytest.raises(DecodeError):
            message.from_bytes(raw)


def test_keys_are_wrapped_and_unwrapped() -> None:
    for suite in Suite:
        master, key = bytes(range(suite.key_bytes)), bytes(range(50, 50 + suite.key_bytes))
        wrapped = wrap(suite, master, key)
        assert unwrap(suite, master, wrapped) == key
        for at in range(len(wrapped)):
            with pytest.raises(SecurityError) as caught:
                unwrap(suite, master, wrapped[:at] + bytes((wrapped[at] ^ 1,)) + wrapped[at + 1 :])
            assert caught.value.fault is SecurityFault.TAG
        with pytest.raises(SecurityError, match="are due") as caught:
            unwrap(suite, master, wrapped[:-8])
        assert caught.value.fault is SecurityFault.FORM
        with pytest.raises(LocalError, match="master key of 3 bytes"):
            wrap(suite, b"abc", key)
        with pytest.raises(LocalError, match="key to wrap of 3 bytes"):
            wrap(suite, master, b"abc")
