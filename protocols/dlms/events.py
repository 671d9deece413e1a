"""What a client learns from the bytes it is given."""

from dataclasses import dataclass
from typing import TypeAlias

from model.light import light
from protocols.dlms.apdu import Attribute
from protocols.dlms.enums import ActionResult, Conformance, DataAccessResult
from protocols.dlms.notice import Notification
from protocols.errors import Refused, ServiceRefused


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes that must go out now for the conversation to go on."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Connected:
    """The link is open (HDLC); an association may be asked for."""


@light
class Associated:
    """The association is open: what was granted; `max_pdu` is what the meter can receive."""

    conformance: Conformance
    max_pdu: int


@light
class Got:
    """One attribute read: the bytes of its `Data`, or why not. A list yields one of these per attribute."""

    attribute: Attribute
    result: bytes | DataAccessResult

    def raw(self) -> bytes:
        """The bytes; raises `Refused` when the meter said no."""
        if isinstance(self.result, DataAccessResult):
            raise Refused(self.result, str(self.attribute))
        return self.result


@dataclass(frozen=True, slots=True)
class WasSet:
    """One attribute written, or refused. A list yields one of these per attribute."""

    attribute: Attribute
    result: DataAccessResult

    def check(self) -> None:
        """Raises `Refused` when the meter said no."""
        if self.result is not DataAccessResult.SUCCESS:
            raise Refused(self.result, f"to write {self.attribute}")


@dataclass(frozen=True, slots=True)
class Acted:
    """One method invoked, or refused. A list yields one of these per method."""

    method: Attribute
    result: ActionResult
    returned: bytes | DataAccessResult | None

    def raw(self) -> bytes | None:
        """The bytes of what it returned, None for nothing; raises `Refused` when the meter said no."""
        if self.result is not ActionResult.SUCCESS:
            raise Refused(self.result, f"to invoke {self.method}")
        if isinstance(self.returned, DataAccessResult):
            raise Refused(self.returned, f"to return anything from {self.method}")
        return self.returned


@dataclass(frozen=True, slots=True)
class Failed:
    """The meter could not serve the request at all; the association stands."""

    error: ServiceRefused


@dataclass(frozen=True, slots=True)
class Notified:
    """The meter pushed something of its own accord."""

    notification: Notification


@dataclass(frozen=True, slots=True)
class Released:
    """The association is closed."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The link is closed (HDLC), and with it any association."""


Event: TypeAlias = (
    Send | Connected | Associated | Got | WasSet | Acted | Failed | Notified | Released | Disconnected
)
