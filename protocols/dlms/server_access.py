"""What stands behind the meter's half: the objects it holds, and who may come in to which of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from protocols.dlms.axdr import Data
from protocols.dlms.client_settings import BY_KEYS, BY_SECRET, DEFAULT_CONFORMANCE
from protocols.dlms.enums import ActionResult, Conformance, Context, DataAccessResult, Mechanism
from protocols.dlms.security import CounterStore, SecuritySetup
from protocols.dlms.selection import EntrySelection, RangeAsked
from protocols.errors import LocalError
from protocols.obis import Obis

SERVER_CONFORMANCE: Final = (
    DEFAULT_CONFORMANCE | Conformance.GENERAL_BLOCK_TRANSFER | Conformance.GENERAL_PROTECTION
)


class ObjectServer(Protocol):
    """What a meter holds."""

    def read(
        self, class_id: int, obis: Obis, attribute: int, selection: RangeAsked | EntrySelection | None
    ) -> Data | bytes | DataAccessResult:
        """The attribute as `Data`, as bytes already encoded, or why it cannot be had."""


@runtime_checkable
class WritableObjectServer(ObjectServer, Protocol):
    """A meter whose objects can be written and acted upon; others deny both."""

    def write(self, class_id: int, obis: Obis, attribute: int, value: Data) -> DataAccessResult:
        """Set one attribute."""

    def act(self, class_id: int, obis: Obis, method: int, parameters: Data | None) -> ActionResult | Data:
        """Invoke one method: how it ended, or, when it succeeded and returned something, that."""


@dataclass(frozen=True, slots=True)
class ClientAccess:
    """How one client address may come in, and what it may then do; no secret is ever in the repr.

    password: the secret of LLS and of the HLS mechanisms 2, 3, 4 and 6. objects: what this client sees where
    that is not all of the meter. security: the meter's keys for this client and the policy it insists on;
    `counters` goes with it. conformance: what is granted at the most, where that is less than the device's.
    """

    mechanism: Mechanism = Mechanism.NONE
    password: bytes | None = None
    objects: ObjectServer | None = None
    security: SecuritySetup | None = None
    counters: CounterStore | None = None
    conformance: Conformance | None = None

    def __post_init__(self) -> None:
        mechanism = self.mechanism
        if (mechanism in BY_SECRET) != (self.password is not None):
            raise LocalError("a password belongs to LLS, and LLS needs one; so do HLS 2, 3, 4 and 6")
        if mechanism in BY_KEYS and self.security is None:
            raise LocalError(f"authentication {mechanism.name} needs keys: give a security setup")
        if (self.security is None) != (self.counters is None):
            raise LocalError("keys and invocation counters go together")

    @property
    def context(self) -> Context:
        """The one application context this client may propose."""
        ciphered = self.security is not None and self.security.policy.protects
        return Context.LN_CIPHERED if ciphered else Context.LN

    def __repr__(self) -> str:
        return f"ClientAccess({self.mechanism.name})"


@dataclass(frozen=True, slots=True)
class Device:
    """One meter behind the line: its objects, who may read them, the largest message it takes and sends."""

    objects: ObjectServer
    clients: Mapping[int, ClientAccess]
    max_pdu: int = 1024
    conformance: Conformance = SERVER_CONFORMANCE
    general_window: int = 4
