"""AES-GCM as DLMS uses it: nonce = system title ‖ invocation counter, tags of 12 bytes (Green Book 9.2.3.3).

| protection    | additional data              | what travels         |
| ---           | ---                          | ---                  |
| authenticated | SC ‖ AK ‖ extra ‖ the message | the message ‖ tag    |
| encrypted     | none                         | ciphertext           |
| both          | SC ‖ AK ‖ extra               | ciphertext ‖ tag     |

`extra` is empty but for general-ciphering, whose header it is.
"""

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.dlms.security.control import SecurityControl
from protocols.dlms.security.suites import TAG_BYTES
from protocols.errors import SecurityError, SecurityFault


@dataclass(frozen=True, slots=True)
class Key:
    """One encryption key with the authentication key beside it, in the hands of one sender."""

    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)
    title: bytes

    def seal(self, control: SecurityControl, counter: int, message: bytes, extra: bytes = b"") -> bytes:
        """What travels after the counter: the protected message and, when authenticated, its tag."""
        context = Cipher(algorithms.AES(self.encryption), modes.GCM(self._nonce(counter))).encryptor()
        if not control.authenticated:
            return context.update(message) if control.encrypted else message
        context.authenticate_additional_data(self._additional(control, extra, message))
        body = context.update(message) if control.encrypted else message
        context.finalize()
        return body + context.tag[:TAG_BYTES]

    def open(self, control: SecurityControl, counter: int, sealed: bytes, extra: bytes = b"") -> bytes:
        """The message inside; `SecurityError` when the tag does not fit."""
        if not control.authenticated:
            # Counter mode: the key stream laid over the ciphertext gives the message.
            return self.seal(control, counter, sealed)
        if len(sealed) < TAG_BYTES:
            raise SecurityError("too short to hold its tag", sealed, SecurityFault.FORM)
        body, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        mode = modes.GCM(self._nonce(counter), tag, min_tag_length=TAG_BYTES)
        context = Cipher(algorithms.AES(self.encryption), mode).decryptor()
        context.authenticate_additional_data(self._additional(control, extra, body))
        message = context.update(body) if control.encrypted else body
        try:
            context.finalize()
        except InvalidTag as wrong:
            reason = "the authentication tag does not fit: the message was changed, or the keys differ"
            raise SecurityError(reason, sealed, SecurityFault.TAG) from wrong
        return message

    def _nonce(self, counter: int) -> bytes:
        return self.title + counter.to_bytes(4, "big")

    def _additional(self, control: SecurityControl, extra: bytes, message: bytes) -> bytes:
        head = bytes((control.to_byte(),)) + self.authentication + extra
        return head if control.encrypted else head + message
