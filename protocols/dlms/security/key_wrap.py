"""Keys on their way to a meter: AES key wrap under the master key (RFC 3394; IEC 62056-5-3, 9.2.3.3.8)."""

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from protocols.dlms.security.suites import Suite
from protocols.errors import LocalError, SecurityError, SecurityFault


def wrap(suite: Suite, master_key: bytes, key: bytes) -> bytes:
    """`key` under `master_key`, eight bytes longer; `LocalError` for keys of another suite's length."""
    for what, octets in (("master key", master_key), ("key to wrap", key)):
        if len(octets) != suite.key_bytes:
            raise LocalError(f"a {what} of {len(octets)} bytes: {suite.key_bytes} are due in suite {suite:d}")
    return aes_key_wrap(master_key, key)


def unwrap(suite: Suite, master_key: bytes, wrapped: bytes) -> bytes:
    """The key inside; `SecurityError` when its integrity check fails or its length is another suite's."""
    if len(wrapped) != suite.key_bytes + 8:
        reason = f"a wrapped key of {len(wrapped)} bytes, {suite.key_bytes + 8} are due"
        raise SecurityError(reason, wrapped, SecurityFault.FORM)
    try:
        return aes_key_unwrap(master_key, wrapped)
    except InvalidUnwrap as wrong:
        raise SecurityError("the wrapped key does not unwrap", wrapped, SecurityFault.TAG) from wrong
