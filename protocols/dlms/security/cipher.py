"""AES-GCM as DLMS uses it: nonce = system title ‖ invocation counter, tags of 12 bytes (Green Book 9.2.3.3).

| protection    | additional data              | what travels         |
| ---           | ---                          | ---                  |
| authenticated | SC ‖ AK ‖ extra ‖ the message | the message ‖ tag    |
| encrypted     | none                         | ciphertext           |
| both          | SC ‖ AK ‖ extra               | ciphertext ‖ tag     |

`extra` is empty but for general-ciphering, whose header it is.
"""

import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import AEADEncryptionContext, Cipher, algorithms, modes

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
        context = self._context(counter)
        if control.authenticated:
            aad = bytes((control.to_byte(),)) + self.authentication + extra
            context.authenticate_additional_data(aad if control.encrypted else aad + message)
        body = context.update(message) if control.encrypted else message
        return body + self._tag(context) if control.authenticated else body

    def open(self, control: SecurityControl, counter: int, sealed: bytes, extra: bytes = b"") -> bytes:
        """The message inside; `SecurityError` when the tag does not fit."""
        if not control.authenticated:
            # Counter mode: the key stream laid over the ciphertext gives the message.
            return self._context(counter).update(sealed) if control.encrypted else sealed
        if len(sealed) < TAG_BYTES:
            raise SecurityError("too short to hold its tag", sealed, SecurityFault.FORM)
        body, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        message = self._context(counter).update(body) if control.encrypted else body
        # Sealed anew and compared: the tag authenticates this ciphertext; nothing is handed out before.
        if not hmac.compare_digest(self.seal(control, counter, message, extra)[-TAG_BYTES:], tag):
            raise SecurityError("the authentication tag does not fit", sealed, SecurityFault.TAG)
        return message

    def _context(self, counter: int) -> AEADEncryptionContext:
        nonce = self.title + counter.to_bytes(4, "big")
        return Cipher(algorithms.AES(self.encryption), modes.GCM(nonce)).encryptor()

    @staticmethod
    def _tag(context: AEADEncryptionContext) -> bytes:
        context.finalize()
        return context.tag[:TAG_BYTES]
