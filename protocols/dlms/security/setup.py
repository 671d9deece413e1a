"""What one side of a secured association knows: its title, its keys, and the protection it insists on."""

from dataclasses import dataclass
from typing import Final

from protocols.dlms.security.cipher import Key
from protocols.dlms.security.suites import SYSTEM_TITLE_BYTES, Suite
from protocols.errors import LocalError


@dataclass(frozen=True, slots=True)
class Policy:
    """What every message of the association must have, both ways; more is taken, less refused.

    encrypted alone: anybody on the way can change such messages; for meters that can do no better.
    signed: the message is signed first (general-signing) and then authenticated or encrypted, for a
    signature alone has no counter that would tell a replay.
    """

    authenticated: bool = True
    encrypted: bool = True
    signed: bool = False

    def __post_init__(self) -> None:
        if self.signed and not self.protects:
            raise LocalError("signed messages must be authenticated or encrypted as well")

    @property
    def protects(self) -> bool:
        """Whether messages are ciphered at all."""
        return self.authenticated or self.encrypted


AUTHENTICATED_ENCRYPTED: Final = Policy()
NOTHING: Final = Policy(authenticated=False, encrypted=False)
"""The keys serve the authentication (mechanism 5) alone; messages travel as they are."""


@dataclass(frozen=True, slots=True)
class SecuritySetup:
    """Keys and policy of one side; no key is ever in its repr. Raises `LocalError` when they do not fit.

    system_title: ours, 8 bytes, the first three the manufacturer's FLAG letters.
    encryption_key, authentication_key: the global unicast key (GUEK) and GAK; 16 bytes, 32 in suite 2.
        Needed for ciphering and mechanism 5, not for mechanisms 2, 3, 4, 6 and 7 alone.
    peer_system_title: the partner's when known beforehand; any other is then refused. None: learned
        from AARQ/AARE, or from the first authenticated general-glo-ciphering message.
    dedicated_key: the client's key for this association alone; it goes out in the (ciphered) initiate
        request, and `Protection.dedicate` switches to it.
    general: general-glo/general-ded-ciphering (DB, DC) instead of service-specific ciphering (C8, D0 …).
    signing_key: our private scalar, 32 or 48 bytes; peer_verifying_key: the partner's public point
        x ‖ y, 64 or 96 bytes. Suites 1 and 2 only.
    """

    system_title: bytes
    encryption_key: bytes | None = None
    authentication_key: bytes | None = None
    suite: Suite = Suite.GCM_128
    policy: Policy = AUTHENTICATED_ENCRYPTED
    general: bool = False
    peer_system_title: bytes | None = None
    dedicated_key: bytes | None = None
    signing_key: bytes | None = None
    peer_verifying_key: bytes | None = None

    def __post_init__(self) -> None:
        for name in ("system_title", "peer_system_title"):
            _sized(self, name, SYSTEM_TITLE_BYTES)
        for name in ("encryption_key", "authentication_key", "dedicated_key"):
            _sized(self, name, self.suite.key_bytes)
        if self.system_title == self.peer_system_title:
            raise LocalError("both sides of an association cannot have the same system title")
        if self.signing_key is not None or self.peer_verifying_key is not None:
            _sized(self, "signing_key", self.suite.coordinate_bytes)
            _sized(self, "peer_verifying_key", 2 * self.suite.coordinate_bytes)
        if self.policy.signed and (self.signing_key is None or self.peer_verifying_key is None):
            raise LocalError("signed messages need our signing key and the other side's public key")

    def __repr__(self) -> str:
        return f"SecuritySetup({self.system_title.hex().upper()}, {self.suite.name}, {self.policy})"

    def key(self, title: bytes, encryption_key: bytes | None = None) -> Key:
        """The global key, or another one, in the hands of `title`; `LocalError` where keys are missing."""
        encryption = encryption_key or self.encryption_key
        if encryption is None or self.authentication_key is None:
            raise LocalError("ciphering needs an encryption key and an authentication key")
        return Key(encryption, self.authentication_key, title)


def _sized(setup: SecuritySetup, name: str, octets: int) -> None:
    found: bytes | None = getattr(setup, name)
    if found is not None and len(found) != octets:
        spoken = name.replace("_", " ")
        raise LocalError(f"the {spoken} has {len(found)} bytes: {octets} are due in suite {setup.suite:d}")
