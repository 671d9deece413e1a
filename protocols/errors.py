"""The one error root of this room: who is to blame is the type, what was said is in the fields."""

from enum import IntEnum


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


class AssociationRefused(RemoteError):
    """The meter did not open the association (IEC 62056-5-3, AARE)."""

    def __init__(self, result: IntEnum, diagnostic: IntEnum | int, raw: bytes = b"") -> None:
        why = spoken(diagnostic) if isinstance(diagnostic, IntEnum) else f"diagnostic {diagnostic}"
        super().__init__(f"the meter refused the association ({spoken(result)}): {why}", raw)
        self.result = result
        self.diagnostic = diagnostic


def spoken(code: IntEnum) -> str:
    """The name of a code as words: `OBJECT_UNDEFINED` -> "object undefined"."""
    return code.name.lower().replace("_", " ")
