"""Ciphered and signed messages, keys and proofs, before anybody has looked inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.apdu import GetResponseNormal
from protocols.dlms.enums import Mechanism
from protocols.dlms.security import Challenge, MemoryCounters, Policy, Protection, SecuritySetup, Suite
from protocols.dlms.security.agreement import agreed_key, shared_secret
from protocols.dlms.security.control import SecurityControl
from protocols.dlms.security.general import AgreedKey, GeneralCiphering, GeneralSigning, Header, IdentifiedKey
from protocols.dlms.security.key_wrap import unwrap, wrap
from protocols.dlms.security.opening import envelope_of, opened
from protocols.dlms.security.signing import point_of, public_key, sign, verify
from tests.fuzz import messages
from tests.fuzz.entry import Chunks, Entry, decoder
from tests.fuzz.scenes import AUTHENTICATION, DEDICATED, HEAD_END, KEY, METER

OURS, THEIRS = bytes(range(1, 33)), bytes(range(33, 65))
"""Private scalars of suite 1."""
_OPEN: Final = (Policy(), Policy(encrypted=False), Policy(authenticated=False))
_SECRET: Final = b"0123456789abcdef"


def _setup(title: bytes, policy: Policy, *, general: bool = False, signed: bool = False) -> SecuritySetup:
    setup = SecuritySetup(title, KEY, AUTHENTICATION, policy=policy, general=general, dedicated_key=DEDICATED)
    if not signed:
        return setup
    scalar, other = (OURS, THEIRS) if title == HEAD_END else (THEIRS, OURS)
    return replace(
        setup, suite=Suite(1), policy=Policy(signed=True), signing_key=scalar,
        peer_verifying_key=point_of(Suite(1), other),
    )  # fmt: skip


def _protection(
    title: bytes, setup: SecuritySetup, *, dedicated: bool, counters: MemoryCounters | None = None
) -> Protection:
    made = Protection(setup, counters or MemoryCounters())
    made.meet(METER if title == HEAD_END else HEAD_END)
    if dedicated:
        made.dedicate()
    return made


def _sealed(setup: SecuritySetup, *, dedicated: bool) -> tuple[Chunks, ...]:
    theirs = _protection(METER, setup, dedicated=dedicated)
    plain = [
        GetResponseNormal(messages.ONE, messages.VALUE),
        messages.ANSWERS[-6],
        messages.ANSWERS[-10],
    ]
    found = [theirs.protect(message.to_bytes()) for message in plain]
    return (tuple(found), *[(raw,) for raw in found], tuple(found[:1] * 2), tuple(reversed(found)))


def _unprotect(made: Protection, chunks: Chunks) -> None:
    for chunk in filter(None, chunks):
        made.unprotect(chunk)


def _associations() -> Iterator[Entry]:
    for policy in _OPEN:
        for general in (False, True):
            for dedicated in (False, True):
                ours = _setup(HEAD_END, policy, general=general)
                theirs = _setup(METER, policy, general=general)
                name = f"unprotect {policy.authenticated:d}{policy.encrypted:d}{general:d}{dedicated:d}"
                seeds = _sealed(theirs, dedicated=dedicated)
                yield Entry(name, _unprotect, seeds, _ready(ours, dedicated), stream=True)
    signed = _sealed(_setup(METER, Policy(), signed=True), dedicated=False)
    ready = _ready(_setup(HEAD_END, Policy(), signed=True), False)
    yield Entry("unprotect signed", _unprotect, signed, ready, stream=True)
    yield Entry("unprotect signed, inside", _signed_inside, _inside(), ready)
    yield Entry(
        "unprotect general-ciphering",
        _unprotect,
        tuple([(raw,) for raw in _ciphered()]),
        _ready(_setup(HEAD_END, Policy()), False),
        stream=True,
    )
    titles: tuple[Chunks, ...] = ((METER,), (b"",), (HEAD_END,))
    yield Entry("meet", _meets, titles, lambda: Protection(_setup(HEAD_END, Policy()), MemoryCounters()))
    yield Entry(
        "dedicate", _dedicates, ((DEDICATED,),), _ready(_setup(HEAD_END, Policy()), False), evidence=False
    )


def _ready(setup: SecuritySetup, dedicated: bool) -> Callable[[], Protection]:
    return lambda: _protection(HEAD_END, setup, dedicated=dedicated)


def _meets(made: Protection, chunks: Chunks) -> None:
    made.meet(b"".join(chunks) or None)


def _dedicates(made: Protection, chunks: Chunks) -> None:
    made.dedicate(b"".join(chunks))


def _signing(message: bytes = messages.VALUE) -> GeneralSigning:
    return GeneralSigning.signed(Suite(1), THEIRS, Header(b"1", METER, HEAD_END), message)


def _inside() -> tuple[Chunks, ...]:
    return ((_signing().to_bytes(),), (messages.ANSWERS[5].to_bytes(),))


def _signed_inside(made: Protection, chunks: Chunks) -> None:
    """The message that was sealed: signed or not, by whomever."""
    key = _setup(METER, Policy()).key(METER)
    control = SecurityControl(Suite(1))
    sealed = GeneralCiphering.sealed(
        Header(b"", METER), IdentifiedKey(), key, control, 9, b"".join(chunks) or b"\0"
    )
    made.unprotect(sealed.to_bytes())


def _ciphered() -> Chunks:
    key = _setup(METER, Policy()).key(METER)
    found = []
    for counter, info in ((5, None), (6, IdentifiedKey()), (7, IdentifiedKey(1))):
        header = Header(b"7", METER, HEAD_END, b"", b"more")
        found.append(
            GeneralCiphering.sealed(header, info, key, SecurityControl(Suite(0)), counter, messages.VALUE)
        )
    return tuple([each.to_bytes() for each in found])


def _opened(raw: bytes) -> object:
    envelope = envelope_of(raw)
    return None if envelope is None else opened(envelope, _setup(METER, Policy()).key(METER), raw)


def _challenges() -> Iterator[Entry]:
    for mechanism in (
        Mechanism.HLS,
        Mechanism.HLS_MD5,
        Mechanism.HLS_SHA1,
        Mechanism.HLS_GMAC,
        Mechanism.HLS_SHA256,
        Mechanism.HLS_ECDSA,
    ):
        signed = mechanism is Mechanism.HLS_ECDSA

        def challenge(
            title: bytes, ours: bytes, theirs: bytes, mechanism: Mechanism = mechanism, signed: bool = signed
        ) -> Challenge:
            peer = METER if title == HEAD_END else HEAD_END
            setup = _setup(title, Policy(), signed=signed)
            return Challenge(mechanism, ours, theirs, _SECRET, setup, MemoryCounters(), peer)

        right = challenge(METER, b"meter" * 4, b"client" * 4).answer()

        def check(raw: bytes, challenge: Any = challenge) -> None:
            challenge(HEAD_END, b"client" * 4, b"meter" * 4).check(raw)

        def reply(raw: bytes, challenge: Any = challenge) -> bytes:
            found: bytes = challenge(HEAD_END, b"client" * 4, raw).answer()
            return found

        yield decoder(f"proof {mechanism.name}", check, [right])
        yield decoder(f"challenge {mechanism.name}", reply, [b"meter" * 4, bytes(8), bytes(64)])


def _keys() -> Iterator[Entry]:
    wrapped = wrap(Suite(0), KEY, DEDICATED)
    yield decoder("unwrap", lambda raw: unwrap(Suite(0), KEY, raw), [wrapped])
    yield decoder(
        "unwrap of suite 2", lambda raw: unwrap(Suite(2), KEY * 2, raw), [wrap(Suite(2), KEY * 2, KEY * 2)]
    )
    point = point_of(Suite(1), THEIRS)
    numbers = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    longer = numbers.x.to_bytes(48, "big") + numbers.y.to_bytes(48, "big")
    yield decoder("public_key", lambda raw: public_key(Suite(1), raw), [point])
    yield decoder("public_key of suite 2", lambda raw: public_key(Suite(2), raw), [longer])
    yield decoder("shared_secret", lambda raw: shared_secret(Suite(1), OURS, raw), [point])
    yield decoder(
        "agreed_key",
        lambda raw: agreed_key(Suite(1), OURS, raw[:64], HEAD_END, METER, raw[64:]),
        [point + bytes(8)],
    )
    yield decoder(
        "verify", lambda raw: verify(Suite(1), point, b"message", raw), [sign(Suite(1), THEIRS, b"message")]
    )
    ephemeral = point + sign(Suite(1), THEIRS, point)
    yield decoder(
        "ephemeral_point", lambda raw: AgreedKey(b"\1", raw).ephemeral_point(Suite(1), point), [ephemeral]
    )
    yield decoder(
        "GeneralSigning.verified",
        lambda raw: GeneralSigning.from_bytes(raw).verified(Suite(1), point),
        [_signing().to_bytes()],
    )
    yield decoder(
        "SecurityControl.from_byte",
        lambda raw: SecurityControl.from_byte((raw or b"0")[0], raw),
        [b"\x30", b"\x10", b"\x31"],
    )
    sealed = [raw for (raw,) in _sealed(_setup(METER, Policy()), dedicated=False)[1:4]]
    yield decoder("envelope", _opened, [*sealed, *_ciphered()])


def entries() -> Iterator[Entry]:
    """All of them."""
    yield from _associations()
    yield from _challenges()
    yield from _keys()
