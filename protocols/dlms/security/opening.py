"""Telling ciphered messages apart by their first byte, and what is inside them once the key is known."""

from typing import TypeAlias

from protocols.dlms.security.cipher import Key
from protocols.dlms.security.envelopes import PLAIN, GeneralDedicated, GeneralGlobal, ServiceCiphered
from protocols.dlms.security.general import GeneralCiphering
from protocols.errors import SecurityError, SecurityFault

Envelope: TypeAlias = ServiceCiphered | GeneralGlobal | GeneralDedicated | GeneralCiphering


def envelope_of(raw: bytes) -> Envelope | None:
    """The ciphered message that `raw` is, None when its first byte is none of a ciphered message."""
    match raw[0] if raw else -1:
        case GeneralGlobal.TAG:
            return GeneralGlobal.from_bytes(raw)
        case GeneralDedicated.TAG:
            return GeneralDedicated.from_bytes(raw)
        case GeneralCiphering.TAG:
            return GeneralCiphering.from_bytes(raw)
        case tag:
            return ServiceCiphered.from_bytes(raw) if tag in PLAIN else None


def opened(envelope: Envelope, key: Key, raw: bytes) -> bytes:
    """The message inside; a glo-get-response must hold a get-response, and none may be empty.

    Raises `SecurityError` with `raw`, the whole of what came.
    """
    found = envelope.protected
    header = envelope.header.to_bytes() if isinstance(envelope, GeneralCiphering) else b""
    try:
        message = key.open(found.control, found.counter, found.sealed, header)
    except SecurityError as wrong:
        raise SecurityError(wrong.reason, raw, wrong.fault) from wrong
    if not message:
        raise SecurityError("nothing is inside the protected message", raw, SecurityFault.FORM)
    if isinstance(envelope, ServiceCiphered) and message[0] != envelope.plain_tag:
        reason = f"a message {envelope.tag:02X} holds {message[0]:02X}, not {envelope.plain_tag:02X}"
        raise SecurityError(reason, raw, SecurityFault.FORM)
    return message
