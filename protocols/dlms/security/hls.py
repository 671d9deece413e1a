"""High level security: the two halves of the challenge (IEC 62056-5-3, 9.2.2.2 and 9.2.7.4).

    pass 1  client -> server  CtoS     in the AARQ
    pass 2  server -> client  StoC     in the AARE
    pass 3  client -> server  f(StoC)  parameter of method 1 of the current association, 0-0:40.0.0
    pass 4  server -> client  f(CtoS)  what that method returns

Both halves use one `Challenge`: `ours` is the challenge we sent, `theirs` the one we got.

    client: answer = challenge.answer();   later: challenge.check(returned)
    server: challenge.check(parameter);    then:  returned = challenge.answer()
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from protocols.dlms.enums import Mechanism
from protocols.dlms.security.counters import CounterStore
from protocols.dlms.security.setup import SecuritySetup

SHORTEST: Final = 8
LONGEST: Final = 64
MECHANISMS: Final = (
    Mechanism.HLS, Mechanism.HLS_MD5, Mechanism.HLS_SHA1, Mechanism.HLS_GMAC, Mechanism.HLS_SHA256,
    Mechanism.HLS_ECDSA,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Challenge:
    """The exchange of challenges under one mechanism.

    Raises `SecurityError` where the other side's challenge is not 8 to 64 bytes long, or is ours sent
    back (whoever reflects our challenge wants us to compute the answer for them); `LocalError` where our own
    challenge, a secret or a key is missing.

    by_client: True on the client's half. peer_system_title: needed by mechanisms 5, 6 and 7.
    """

    mechanism: Mechanism
    setup: SecuritySetup
    counters: CounterStore
    ours: bytes
    theirs: bytes
    by_client: bool
    peer_system_title: bytes | None = None

    def answer(self) -> bytes:
        """f(theirs): f(StoC) on the client's half, f(CtoS) on the server's; GMAC uses up one counter."""
        raise NotImplementedError

    def check(self, answer: bytes) -> None:
        """`SecurityError` unless `answer` is f(ours); compared in constant time."""
        raise NotImplementedError


def new_challenge(random_bytes: Callable[[int], bytes], length: int = 16) -> bytes:
    """A challenge of `length` bytes from `random_bytes` (`os.urandom` at the edge)."""
    return random_bytes(length)
