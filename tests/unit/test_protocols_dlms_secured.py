"""Associations with HLS and ciphering: both halves with each other, and either with one without keys."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms import axdr
from protocols.dlms.acse import Aare, Aarq, Rlrq
from protocols.dlms.apdu import ExceptionResponse, GetRequestNormal, InitiateRequest, InvokeId, decode
from protocols.dlms.client import DEFAULT_CONFORMANCE, ClientConnection, ClientSettings
from protocols.dlms.client_states import State
from protocols.dlms.enums import Conformance, Context, Mechanism, ServiceError, StateError, UserDiagnostic
from protocols.dlms.events import Acted, Associated, Failed, Got, Notified, Released, Send
from protocols.dlms.notice import EventNotification
from protocols.dlms.security import NOTHING, MemoryCounters, Policy, Protection, SecuritySetup, Suite
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import (
    AssociationRefused,
    LocalError,
    ProtocolError,
    RemoteError,
    SecurityError,
    SecurityFault,
)
from tests.dlms_line import ECHO, ENERGY, TEXT, Desk, associated, exchange

KEY, AUTHENTICATION, DEDICATED = bytes(range(16)), bytes(range(0xD0, 0xE0)), bytes(range(0x40, 0x50))
HEAD_END, METER = bytes.fromhex("4D4D4D0000000001"), bytes.fromhex("4D4D4D0000BC614E")
SECRET = b"0123456789abcdef"
GMAC = Mechanism.HLS_GMAC


def setup(title: bytes, **changes: object) -> SecuritySetup:
    return replace(SecuritySetup(title, KEY, AUTHENTICATION), **changes)  # type: ignore[arg-type]


def settings(security: SecuritySetup | None = None, **changes: object) -> ClientSettings:
    plain = ClientSettings(1, 1, GMAC, security=security or setup(HEAD_END), counters=MemoryCounters())
    return replace(plain, **changes)  # type: ignore[arg-type]


def meter(security: SecuritySetup | None = None, **access: object) -> ServerConnection:
    plain = ClientAccess(GMAC, security=security or setup(METER), counters=MemoryCounters())
    return ServerConnection({1: Device(Desk(), {1: replace(plain, **access)}, 300)})  # type: ignore[arg-type]


def payloads(stream: bytes) -> list[bytes]:
    return [frame.payload for frame in Unwrapper().feed(stream)]


POLICIES = {
    "authenticated and encrypted": Policy(),
    "authenticated": Policy(encrypted=False),
    "encrypted": Policy(authenticated=False),
    "keys for the proof only": NOTHING,
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("general", [False, True])
@pytest.mark.parametrize("dedicated", [None, DEDICATED])
def test_a_ciphered_conversation(policy: str, general: bool, dedicated: bytes | None) -> None:
    """Every message but ACSE's is protected as the policy says, blocks and all."""
    chosen = POLICIES[policy]
    line = meter(setup(METER, policy=chosen, general=general))
    ours = setup(HEAD_END, policy=chosen, general=general, dedicated_key=dedicated)
    client = ClientConnection(settings(ours))
    tags: list[int] = []

    def seen(asked: bytes, answered: bytes) -> None:
        tags.extend(payload[0] for payload in payloads(asked) + payloads(answered))

    (opened,) = exchange(client, line, client.associate(), seen)
    assert isinstance(opened, Associated)
    assert len(tags) == 4
    (got,) = exchange(client, line, client.get(TEXT), seen)
    assert isinstance(got, Got)
    assert axdr.decode(got.raw()).value == bytes(range(256)) * 20
    (acted,) = exchange(client, line, client.act(ECHO, axdr.octet_string(bytes(500))), seen)
    assert isinstance(acted, Acted)
    assert acted.raw() == axdr.encode(axdr.octet_string(bytes(500)))
    assert exchange(client, line, client.release(), seen) == [Released()]
    inner = set(tags[4:-2])
    if chosen is NOTHING:
        assert inner == {0xC0, 0xC4, 0xC3, 0xC7}
    elif general:
        assert inner == ({0xDB} if dedicated is None else {0xDC})
    else:
        assert inner == ({0xC8, 0xCC, 0xCB, 0xCF} if dedicated is None else {0xD0, 0xD4, 0xD3, 0xD7})
    assert tags[:2] + tags[-2:] == [0x60, 0x61, 0x62, 0x63]


@pytest.mark.parametrize(
    ("mechanism", "security"),
    [
        (Mechanism.HLS, None),
        (Mechanism.HLS_MD5, None),
        (Mechanism.HLS_SHA1, None),
        (Mechanism.HLS_SHA256, SecuritySetup(HEAD_END, policy=NOTHING)),
        (Mechanism.LLS, SecuritySetup(HEAD_END, KEY, AUTHENTICATION)),
    ],
)
def test_secrets_prove_who_speaks(mechanism: Mechanism, security: SecuritySetup | None) -> None:
    counters = None if security is None else MemoryCounters()
    theirs = None if security is None else replace(security, system_title=METER)
    access = ClientAccess(mechanism, SECRET, security=theirs, counters=counters)
    line = ServerConnection({1: Device(Desk(), {1: access})})
    ours = None if security is None else MemoryCounters()
    right = ClientSettings(1, 1, mechanism, SECRET, security=security, counters=ours)
    client = associated(line, right)
    (got,) = exchange(client, line, client.get(ENERGY))
    assert isinstance(got, Got)
    assert SECRET.decode() not in repr(right) + repr(access)
    wrong = ClientConnection(replace(right, password=b"0123456789abcdeF"))
    with pytest.raises(AssociationRefused) as refused:
        exchange(wrong, line, wrong.associate())
    assert refused.value.diagnostic is UserDiagnostic.AUTHENTICATION_FAILURE


def test_signatures_prove_who_speaks() -> None:
    def pair() -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        point = key.public_key().public_numbers()
        return key.private_numbers().private_value.to_bytes(32, "big"), b"".join(
            number.to_bytes(32, "big") for number in (point.x, point.y)
        )

    (ours, our_point), (theirs, their_point) = pair(), pair()
    head_end = SecuritySetup(
        HEAD_END, suite=Suite.ECDSA_P256, policy=NOTHING, signing_key=ours, peer_verifying_key=their_point
    )
    there = replace(head_end, system_title=METER, signing_key=theirs, peer_verifying_key=our_point)
    access = ClientAccess(Mechanism.HLS_ECDSA, security=there, counters=MemoryCounters())
    line = ServerConnection({1: Device(Desk(), {1: access})})
    associated(line, ClientSettings(1, 1, Mechanism.HLS_ECDSA, security=head_end, counters=MemoryCounters()))
    stranger = replace(head_end, signing_key=theirs)
    client = ClientConnection(
        ClientSettings(1, 1, Mechanism.HLS_ECDSA, security=stranger, counters=MemoryCounters())
    )
    with pytest.raises(AssociationRefused):
        exchange(client, line, client.associate())


@pytest.mark.parametrize(
    ("changes", "diagnostic"),
    [
        ({"encryption_key": bytes(16)}, UserDiagnostic.AUTHENTICATION_FAILURE),
        ({"authentication_key": bytes(16)}, UserDiagnostic.AUTHENTICATION_FAILURE),
        ({"policy": Policy(encrypted=False)}, UserDiagnostic.AUTHENTICATION_FAILURE),
        ({"policy": NOTHING}, UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED),
        ({"system_title": METER}, UserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED),
        ({"system_title": HEAD_END[::-1]}, UserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED),
    ],
)
def test_the_meter_lets_nobody_in_with_less_than_its_policy(
    changes: dict[str, object], diagnostic: UserDiagnostic
) -> None:
    line = meter(setup(METER, peer_system_title=HEAD_END))
    client = ClientConnection(settings(setup(HEAD_END, **changes)))
    with pytest.raises(AssociationRefused) as refused:
        exchange(client, line, client.associate())
    assert refused.value.diagnostic is diagnostic


def test_keys_alone_do_not_open_a_meter_whose_proof_is_wrong() -> None:
    """The initiate request fits, the answer to the challenge does not: nothing is served, the door shuts."""
    line = meter(setup(METER, policy=NOTHING))
    client = ClientConnection(settings(setup(HEAD_END, policy=NOTHING, authentication_key=bytes(16))))
    with pytest.raises(AssociationRefused):
        exchange(client, line, client.associate())
    get = GetRequestNormal(InvokeId(1), ENERGY).to_bytes()
    (answer,) = payloads(line.receive(Frame(1, 1, get).to_bytes()))
    assert decode(answer) == ExceptionResponse(
        StateError.SERVICE_NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE
    )


def test_a_wrong_proof_is_the_last_word() -> None:
    """The right one after it is not heard any more."""
    line = meter(setup(METER, policy=NOTHING))
    client = ClientConnection(settings(setup(HEAD_END, policy=NOTHING)))
    (accepted,) = payloads(line.receive(client.associate()))
    (proof,) = client.receive(Frame(1, 1, accepted).to_bytes())
    assert isinstance(proof, Send)
    wrong = bytearray(proof.raw)
    wrong[-1] ^= 1
    assert payloads(line.receive(bytes(wrong)))[0][:4].hex() == "c701c1fa"
    assert payloads(line.receive(proof.raw))[0][0] == 0xD8


def test_nothing_is_served_before_the_proof() -> None:
    line = meter(setup(METER, policy=NOTHING))
    client = ClientConnection(settings(setup(HEAD_END, policy=NOTHING)))
    (accepted,) = payloads(line.receive(client.associate()))
    for request in (GetRequestNormal(InvokeId(1), ENERGY).to_bytes(), b"\xc0\x01", b"\xe0\x80\x00\x01"):
        (answer,) = payloads(line.receive(Frame(1, 1, request).to_bytes()))
        assert answer[0] == 0xD8
    (sent,) = client.receive(Frame(1, 1, accepted).to_bytes())
    assert isinstance(sent, Send)
    (opened,) = exchange(client, line, sent.raw)
    assert isinstance(opened, Associated)


def test_a_meter_without_our_keys_is_found_out() -> None:
    """It accepts, and answers our challenge with another key."""
    line = meter(setup(METER, policy=NOTHING))
    client = ClientConnection(settings(setup(HEAD_END, policy=NOTHING)))
    (accepted,) = payloads(line.receive(client.associate()))
    (proof,) = client.receive(Frame(1, 1, accepted).to_bytes())
    assert isinstance(proof, Send)
    answer = bytearray(payloads(line.receive(proof.raw))[0])
    answer[-1] ^= 1
    with pytest.raises(SecurityError) as wrong:
        client.receive(Frame(1, 1, bytes(answer)).to_bytes())
    assert wrong.value.fault is SecurityFault.CHALLENGE
    assert client.state is State.BROKEN


def changed(**fields: object) -> Callable[[bytes], bytes]:
    return lambda raw: replace(Aare.from_bytes(raw), **fields).to_bytes()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tamper", "kind"),
    [
        (changed(context=Context.LN), RemoteError),
        (changed(mechanism=Mechanism.NONE), RemoteError),
        (changed(mechanism=Mechanism.HLS_MD5), RemoteError),
        (changed(challenge=None), RemoteError),
        (changed(challenge=b"short"), SecurityError),
        (changed(system_title=None), SecurityError),
        (changed(system_title=HEAD_END), SecurityError),
        (changed(system_title=b"1234567"), SecurityError),
        (changed(user_information=InitiateRequest(DEFAULT_CONFORMANCE).to_bytes()), SecurityError),
        (changed(user_information=None), SecurityError),
    ],
)
def test_an_answer_with_less_than_was_asked_is_not_taken(
    tamper: Callable[[bytes], bytes], kind: type[ProtocolError]
) -> None:
    line, client = meter(), ClientConnection(settings())
    (accepted,) = payloads(line.receive(client.associate()))
    with pytest.raises(kind):
        client.receive(Frame(1, 1, tamper(accepted)).to_bytes())
    assert client.state is State.BROKEN


def test_replayed_and_changed_requests_are_told_apart() -> None:
    line = meter()
    client = associated(line, settings())
    ask = client.get(ENERGY)
    exchange(client, line, ask)
    (replayed,) = payloads(line.receive(ask))
    spent = int.from_bytes(payloads(ask)[0][3:7], "big")
    assert decode(replayed) == ExceptionResponse(
        StateError.SERVICE_NOT_ALLOWED, ServiceError.INVOCATION_COUNTER_ERROR, spent + 1
    )
    forged = bytearray(client.get(ENERGY))
    forged[-1] ^= 1
    (failed,) = client.receive(line.receive(bytes(forged)))
    assert isinstance(failed, Failed)
    assert failed.error.errors[1] is ServiceError.DECIPHERING_ERROR
    plain = Frame(1, 1, GetRequestNormal(InvokeId(2), ENERGY).to_bytes()).to_bytes()
    assert payloads(line.receive(plain))[0][0] == 0xD8
    (got,) = exchange(client, line, client.get(ENERGY))
    assert isinstance(got, Got)


@pytest.mark.parametrize("at", [5, 20, -1])
def test_a_changed_answer_breaks_the_connection(at: int) -> None:
    line = meter()
    client = associated(line, settings())
    answer = bytearray(payloads(line.receive(client.get(ENERGY)))[0])
    answer[at] ^= 0x01
    with pytest.raises(RemoteError):
        client.receive(Frame(1, 1, bytes(answer)).to_bytes())
    with pytest.raises(LocalError, match="broken"):
        client.get(ENERGY)


def test_an_answer_in_plain_is_not_believed() -> None:
    line = meter()
    client = associated(line, settings())
    client.get(ENERGY)
    with pytest.raises(SecurityError) as wrong:
        client.receive(Frame(1, 1, bytes.fromhex("c401c2000600000001")).to_bytes())
    assert wrong.value.fault is SecurityFault.UNPROTECTED


def test_who_takes_leave_must_be_who_came() -> None:
    line = meter()
    client = associated(line, settings())
    stranger = Protection(setup(HEAD_END, encryption_key=bytes(16)), MemoryCounters(1000))
    wrong = Rlrq(user_information=stranger.protect(InitiateRequest(DEFAULT_CONFORMANCE).to_bytes()))
    (answer,) = payloads(line.receive(Frame(1, 1, wrong.to_bytes()).to_bytes()))
    assert answer[0] == 0xD8
    (garbled,) = payloads(line.receive(Frame(1, 1, Rlrq(user_information=b"\x21").to_bytes()).to_bytes()))
    assert garbled[0] == 0xD8
    (got,) = exchange(client, line, client.get(ENERGY))
    assert isinstance(got, Got)
    # Many clients leave without a word; they are let go.
    assert payloads(line.receive(Frame(1, 1, Rlrq().to_bytes()).to_bytes()))[0][0] == 0x63


def test_a_dedicated_key_of_the_wrong_length_is_refused() -> None:
    line = meter()
    ours = Protection(setup(HEAD_END), MemoryCounters())
    proposal = InitiateRequest(DEFAULT_CONFORMANCE, 300, bytes(8)).to_bytes()
    client = ClientConnection(settings())
    request = Aarq.from_bytes(payloads(client.associate())[0])
    wrong = replace(request, user_information=ours.protect(proposal))
    answer = Aare.from_bytes(payloads(line.receive(Frame(1, 1, wrong.to_bytes()).to_bytes()))[0])
    assert answer.diagnostic is UserDiagnostic.NO_REASON_GIVEN


def test_a_challenge_of_wrong_length_is_refused() -> None:
    line = meter(setup(METER, policy=NOTHING))
    client = ClientConnection(settings(setup(HEAD_END, policy=NOTHING)))
    request = Aarq.from_bytes(payloads(client.associate())[0])
    for password in (None, b"short", bytes(65)):
        wrong = replace(request, password=password)
        answer = Aare.from_bytes(payloads(line.receive(Frame(1, 1, wrong.to_bytes()).to_bytes()))[0])
        assert answer.diagnostic is UserDiagnostic.AUTHENTICATION_FAILURE


def test_events_are_protected_within_an_association_and_without_one() -> None:
    told = EventNotification(None, ENERGY, axdr.encode(axdr.double_long_unsigned(7)))
    line = meter()
    client = associated(line, settings())
    raw = line.push(1, 1, told)
    assert payloads(raw)[0][0] == 0xCA
    assert client.receive(raw) == [Notified(told)]
    alone = meter(setup(METER, general=True))
    raw = alone.push(1, 1, told)
    assert payloads(raw)[0][0] == 0xDB
    listener = ClientConnection(settings(setup(HEAD_END, peer_system_title=METER)))
    assert listener.receive(raw) == [Notified(told)]
    public = ServerConnection({1: Device(Desk(), {16: ClientAccess()})})
    assert ClientConnection(ClientSettings()).receive(public.push(16, 1, told)) == [Notified(told)]


def test_general_blocks_carry_what_is_protected() -> None:
    line = meter()
    client = associated(line, settings(general_window=4))
    assert Conformance.GENERAL_BLOCK_TRANSFER in client.granted
    tags: set[int] = set()
    (got,) = exchange(client, line, client.get(TEXT), lambda asked, _: tags.update(payloads(asked)[0][:1]))
    assert isinstance(got, Got)
    assert len(got.raw()) == 5124
    assert tags == {0xE0}


def test_settings_that_do_not_go_together_are_told() -> None:
    keys = setup(HEAD_END)
    for wrong, why in (
        (lambda: ClientSettings(mechanism=GMAC), "needs keys"),
        (lambda: ClientSettings(mechanism=Mechanism.LLS), "LLS needs one"),
        (lambda: ClientSettings(password=b"x"), "belongs to LLS"),
        (lambda: ClientSettings(security=keys), "go together"),
        (lambda: ClientAccess(GMAC), "needs keys"),
        (lambda: ClientAccess(Mechanism.HLS_MD5), "HLS 2, 3, 4 and 6"),
        (lambda: ClientAccess(security=keys), "go together"),
    ):
        with pytest.raises(LocalError, match=why):
            wrong()
