"""The one error root of this room: who is to blame is the type, what was said is in the fields."""

from enum import Enum, IntEnum


class ProtocolError(Exception):
    """A conversation with a meter or a modem went wrong.

    `reason` is one sentence for people, `raw` the bytes it was found in (empty where there are none).
    """

    def __init__(self, reason: str, raw: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = bytes(raw)


class LocalError(ProtocolError):
    """We asked for something that may not be asked for now; nothing was sent."""


class RemoteError(ProtocolError):
    """The other side broke the protocol; the connection must not be used again."""


class DecodeError(RemoteError):
    """These bytes are not what they claim to be: truncated, trailing, wrongly tagged or out of bounds."""


class WrongColumns(DecodeError):
    """The rows of a profile are not of as many columns as its capture objects are said to be."""

    def __init__(self, found: int, wanted: int, raw: bytes = b"") -> None:
        super().__init__(f"its rows have {found} columns where {wanted} are captured", raw)
        self.found = found
        self.wanted = wanted


class Refused(RemoteError):
    """The meter answered properly, and its answer was no (IEC 62056-5-3, Data-Access-Result)."""

    def __init__(self, data_access_result: IntEnum, what: str = "the request", raw: bytes = b"") -> None:
        super().__init__(f"the meter refused {what}: {spoken(data_access_result)}", raw)
        self.data_access_result = data_access_result


class ServiceRefused(RemoteError):
    """The meter answered with an exception-response or a confirmed-service-error instead of a result."""

    def __init__(self, reason: str, raw: bytes = b"", errors: tuple[IntEnum | int, ...] = ()) -> None:
        super().__init__(reason, raw)
        self.errors = errors


class NotAdmitted(RemoteError):
    """The meter did not let us in and will not the next time; some lock after a few tries."""


class PasswordRefused(NotAdmitted):
    """The meter did not take the password (IEC 62056-21, clause 6.3.11 and annex A)."""


class AssociationRefused(NotAdmitted):
    """The meter did not open the association (IEC 62056-5-3, AARE)."""

    def __init__(self, result: IntEnum, diagnostic: IntEnum | int, raw: bytes = b"") -> None:
        why = spoken(diagnostic) if isinstance(diagnostic, IntEnum) else f"diagnostic {diagnostic}"
        super().__init__(f"the meter refused the association ({spoken(result)}): {why}", raw)
        self.result = result
        self.diagnostic = diagnostic


class SecurityFault(Enum):
    """What exactly was wrong with a protected message, for those who must answer or count it."""

    FORM = "form"
    """The envelope is not well formed: truncated, trailing bytes, a field of the wrong length."""
    UNPROTECTED = "unprotected"
    """A plain message came where a protected one is due."""
    POLICY = "policy"
    """Protected, but less than agreed, or in a way (compression, broadcast key) that was not agreed."""
    SUITE = "suite"
    """Another security suite than agreed, or one that does not exist."""
    KEY = "key"
    """Ciphered with a key that is not there."""
    SYSTEM_TITLE = "system title"
    """Not from the partner of this association, or from nobody known."""
    COUNTER = "invocation counter"
    """An invocation counter not above those already heard: a message replayed or out of order."""
    TAG = "tag"
    """The authentication tag, or the padding of a wrapped key, does not fit: changed, or the wrong key."""
    SIGNATURE = "signature"
    """The digital signature does not fit."""
    CHALLENGE = "challenge"
    """An HLS challenge or its answer is wrong, too short, too long, or our own sent back."""


class SecurityError(RemoteError):
    """A protected message or an authentication that must not be believed (IEC 62056-5-3, clause 5)."""

    def __init__(self, reason: str, raw: bytes, fault: SecurityFault) -> None:
        super().__init__(reason, raw)
        self.fault = fault


def spoken(code: IntEnum) -> str:
    """The name of a code as words: `OBJECT_UNDEFINED` -> "object undefined"."""
    return code.name.lower().replace("_", " ")
