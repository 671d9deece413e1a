"""How to speak to one meter."""

from typing import Final

from model.light import light
from protocols.dlms.enums import Conformance, Context, Mechanism
from protocols.dlms.general_block import MAX_WINDOW
from protocols.dlms.security import CounterStore, SecuritySetup
from protocols.errors import LocalError

DEFAULT_CONFORMANCE: Final = (
    Conformance.GET | Conformance.SET | Conformance.ACTION | Conformance.SELECTIVE_ACCESS
    | Conformance.MULTIPLE_REFERENCES | Conformance.BLOCK_TRANSFER_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_SET | Conformance.BLOCK_TRANSFER_WITH_ACTION
    | Conformance.PRIORITY_MANAGEMENT | Conformance.EVENT_NOTIFICATION | Conformance.DATA_NOTIFICATION
)  # fmt: skip
BY_SECRET: Final = (
    Mechanism.LLS, Mechanism.HLS, Mechanism.HLS_MD5, Mechanism.HLS_SHA1, Mechanism.HLS_SHA256,
)  # fmt: skip
BY_KEYS: Final = (Mechanism.HLS_GMAC, Mechanism.HLS_SHA256, Mechanism.HLS_ECDSA)


@light
class ClientSettings:
    """Addresses, secrets and limits for one meter; no secret is ever in the repr.

    password: the secret of LLS and of the HLS mechanisms 2, 3, 4 and 6. security: the keys and the policy
    of mechanisms 5, 6 and 7 and of ciphering; `counters` goes with it.
    general_window: blocks taken at once in general block transfer, 0 where it is not wanted.
    max_answer_bytes, max_blocks: an answer beyond them is given up; a year of half-hours in 16 columns has
    1.7 MB.
    """

    client_address: int = 16
    server_address: int = 1
    mechanism: Mechanism = Mechanism.NONE
    password: bytes | None = None
    max_pdu: int = 0xFFFF
    conformance: Conformance = DEFAULT_CONFORMANCE
    answer_seconds: float = 30.0
    max_answer_bytes: int = 2 << 20
    max_blocks: int = 65_536
    security: SecuritySetup | None = None
    counters: CounterStore | None = None
    general_window: int = 0

    def __post_init__(self) -> None:
        mechanism = self.mechanism
        if (mechanism in BY_SECRET) != (self.password is not None):
            raise LocalError("a password belongs to LLS, and LLS needs one; so do HLS 2, 3, 4 and 6")
        if mechanism in BY_KEYS and self.security is None:
            raise LocalError(f"authentication {mechanism.name} needs keys: give a security setup")
        if (self.security is None) != (self.counters is None):
            raise LocalError("keys and invocation counters go together")
        if not 0 <= self.general_window <= MAX_WINDOW:
            raise LocalError(f"a window is 0 to {MAX_WINDOW} blocks, not {self.general_window}")

    @property
    def context(self) -> Context:
        """The application context to propose."""
        ciphered = self.security is not None and self.security.policy.protects
        return Context.LN_CIPHERED if ciphered else Context.LN

    @property
    def proposed(self) -> Conformance:
        """The conformance to propose."""
        conformance = self.conformance
        if self.general_window:
            conformance |= Conformance.GENERAL_BLOCK_TRANSFER
        if self.security is not None and self.security.general:
            conformance |= Conformance.GENERAL_PROTECTION
        return conformance

    def __repr__(self) -> str:
        return f"ClientSettings({self.client_address}->{self.server_address}, {self.mechanism.name})"
