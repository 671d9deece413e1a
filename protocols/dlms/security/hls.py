"""High level security: the two halves of the challenge (IEC 62056-5-3, 9.2.2.2 and 9.2.7.4, table 42).

    pass 1  client -> server  CtoS     in the AARQ
    pass 2  server -> client  StoC     in the AARE
    pass 3  client -> server  f(StoC)  parameter of method 1 of the current association, 0-0:40.0.0
    pass 4  server -> client  f(CtoS)  what that method returns

    client: answer = challenge.answer();   later: challenge.check(returned)
    server: challenge.check(parameter);    then:  returned = challenge.answer()

| mechanism | f(challenge), computed by "own" for "peer"                                            |
| ---       | ---                                                                                   |
| 2         | AES-128-ECB(secret, challenge): left to the manufacturer by the standard; this is what Indian |
|           | meters (IS 15959) and the common libraries do                                         |
| 3, 4      | MD5 or SHA-1(challenge ‖ secret)                                                      |
| 5         | SC ‖ IC ‖ GMAC(SC ‖ AK ‖ challenge)                                                   |
| 6         | SHA-256(secret ‖ title own ‖ title peer ‖ challenge of peer ‖ challenge of own)        |
| 7         | ECDSA(title own ‖ title peer ‖ challenge of peer ‖ challenge of own)                   |
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.dlms.enums import Mechanism
from protocols.dlms.security.control import SecurityControl
from protocols.dlms.security.counters import CounterStore, key_name
from protocols.dlms.security.setup import SecuritySetup
from protocols.dlms.security.signing import sign, verify
from protocols.dlms.security.suites import TAG_BYTES
from protocols.errors import LocalError, SecurityError, SecurityFault

SHORTEST: Final = 8
LONGEST: Final = 64
_BLOCK: Final = 16
_GMAC_BYTES: Final = 5 + TAG_BYTES
_HASHES: Final = {Mechanism.HLS_MD5: hashlib.md5, Mechanism.HLS_SHA1: hashlib.sha1}


def new_challenge(length: int = 16, draw: Callable[[int], bytes] = secrets.token_bytes) -> bytes:
    """A challenge of 8 to 64 unforeseeable bytes; 32 or more suit mechanism 7."""
    if not SHORTEST <= length <= LONGEST:
        raise LocalError(f"a challenge has {SHORTEST} to {LONGEST} bytes, not {length}")
    return draw(length)


@dataclass(frozen=True, slots=True)
class Challenge:
    """The exchange of challenges under one mechanism; the same for the client's and the server's half.

    ours, theirs: the challenges we sent and got. secret: mechanisms 2 (16 bytes), 3, 4 and 6.
    setup: keys of mechanisms 5 and 7, titles of 6 and 7. counters: mechanism 5.
    peer_system_title: mechanisms 5, 6 and 7 (`Protection.peer_system_title`).

    Raises `SecurityError` where the other side's challenge is not 8 to 64 bytes long, or is ours sent
    back (whoever reflects it wants us to compute its answer for them).
    """

    mechanism: Mechanism
    ours: bytes
    theirs: bytes
    secret: bytes | None = field(default=None, repr=False)
    setup: SecuritySetup | None = None
    counters: CounterStore | None = None
    peer_system_title: bytes | None = None

    def __post_init__(self) -> None:
        if not SHORTEST <= len(self.theirs) <= LONGEST:
            reason = f"a challenge of {len(self.theirs)} bytes: {SHORTEST} to {LONGEST} are due"
            raise SecurityError(reason, self.theirs, SecurityFault.CHALLENGE)
        if hmac.compare_digest(self.theirs, self.ours):
            raise SecurityError("our own challenge came back", self.theirs, SecurityFault.CHALLENGE)

    def answer(self) -> bytes:
        """f(theirs): f(StoC) from the client, f(CtoS) from the server; GMAC uses up one counter.

        `LocalError` where a secret, a key or a title is missing.
        """
        match self.mechanism:
            case Mechanism.HLS_GMAC:
                setup, counters = self._setup(), self._counters()
                key = setup.key(setup.system_title)
                counter = counters.next(key_name(key.encryption, key.title))
                control = SecurityControl(setup.suite, encrypted=False)
                tag = key.seal(control, counter, self.theirs)[-TAG_BYTES:]
                return bytes((control.to_byte(),)) + counter.to_bytes(4, "big") + tag
            case Mechanism.HLS_ECDSA:
                setup = self._setup()
                if setup.signing_key is None:
                    raise LocalError("authentication by signature needs our signing key")
                return sign(setup.suite, setup.signing_key, self._signed(by_us=True))
            case _:
                return self._hash(by_us=True)

    def check(self, answer: bytes) -> None:
        """`SecurityError` unless `answer` is f(ours); compared in constant time."""
        match self.mechanism:
            case Mechanism.HLS_GMAC:
                self._check_gmac(answer)
            case Mechanism.HLS_ECDSA:
                setup = self._setup()
                if setup.peer_verifying_key is None:
                    raise LocalError("authentication by signature needs the other side's public key")
                verify(setup.suite, setup.peer_verifying_key, self._signed(by_us=False), answer)
            case _:
                if not hmac.compare_digest(self._hash(by_us=False), answer):
                    raise _wrong(answer)

    def _check_gmac(self, answer: bytes) -> None:
        """Its counter need not be above those heard: the challenge is fresh, the message around it later."""
        setup, counters = self._setup(), self._counters()
        if len(answer) != _GMAC_BYTES:
            raise _wrong(answer, f"{len(answer)} bytes, {_GMAC_BYTES} are due")
        if SecurityControl.from_byte(answer[0], answer) != SecurityControl(setup.suite, encrypted=False):
            raise _wrong(answer, f"security control {answer[0]:02X}")
        key = setup.key(self._titles()[1])
        counter = int.from_bytes(answer[1:5], "big")
        try:
            key.open(SecurityControl(setup.suite, encrypted=False), counter, self.ours + answer[5:])
        except SecurityError as wrong:
            raise _wrong(answer) from wrong
        counters.hear(key_name(key.encryption, key.title), counter)

    def _hash(self, *, by_us: bool) -> bytes:
        """The answer of the mechanisms that are a function of the secret alone."""
        if self.secret is None:
            raise LocalError(f"authentication {self.mechanism.name} needs a secret")
        challenge = self.theirs if by_us else self.ours
        if self.mechanism in _HASHES:
            return _HASHES[self.mechanism](challenge + self.secret).digest()
        if self.mechanism is Mechanism.HLS_SHA256:
            return hashlib.sha256(self.secret + self._signed(by_us=by_us)).digest()
        if self.mechanism is not Mechanism.HLS:
            raise LocalError(f"authentication {self.mechanism.name} has no challenge")
        if len(self.secret) != _BLOCK:
            raise LocalError(f"the secret of authentication HLS has {_BLOCK} bytes, not {len(self.secret)}")
        blocks = challenge.ljust(-(-len(challenge) // _BLOCK) * _BLOCK, b"\x00")
        # ECB is what the meters do; one challenge is one or two blocks, each seen once.
        return Cipher(algorithms.AES(self.secret), modes.ECB()).encryptor().update(blocks)

    def _signed(self, *, by_us: bool) -> bytes:
        """Titles and challenges in the order of whoever answers."""
        own, peer = self._titles()
        return own + peer + self.theirs + self.ours if by_us else peer + own + self.ours + self.theirs

    def _titles(self) -> tuple[bytes, bytes]:
        if self.peer_system_title is None:
            raise LocalError(f"authentication {self.mechanism.name} needs the other side's system title")
        return self._setup().system_title, self.peer_system_title

    def _setup(self) -> SecuritySetup:
        if self.setup is None:
            raise LocalError(f"authentication {self.mechanism.name} needs a security setup")
        return self.setup

    def _counters(self) -> CounterStore:
        if self.counters is None:
            raise LocalError(f"authentication {self.mechanism.name} needs invocation counters")
        return self.counters


def _wrong(answer: bytes, why: str = "") -> SecurityError:
    """What a person meets when the secrets of the two sides differ."""
    reason = "the answer to our challenge is wrong: the other side does not hold the same secret or keys"
    return SecurityError(f"{reason} ({why})" if why else reason, answer, SecurityFault.CHALLENGE)
