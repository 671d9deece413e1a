"""ECDSA signatures as DLMS writes them: r ‖ s, each as long as the curve's order (IEC 62056-5-3, 9.2.3.4)."""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from protocols.dlms.security.suites import Suite
from protocols.errors import LocalError, SecurityError, SecurityFault


@lru_cache(maxsize=256)
def private_key(suite: Suite, scalar: bytes) -> ec.EllipticCurvePrivateKey:
    """The key of a private scalar; `LocalError` when it is none of the suite's curve."""
    if len(scalar) != suite.coordinate_bytes:
        raise LocalError(f"a private key has {suite.coordinate_bytes} bytes, this one {len(scalar)}")
    try:
        return ec.derive_private_key(int.from_bytes(scalar, "big"), suite.curve)
    except ValueError as wrong:
        raise LocalError("this private key is out of the curve's range") from wrong


@lru_cache(maxsize=1024)
def public_key(suite: Suite, point: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a point x ‖ y; `SecurityError` when it does not lie on the suite's curve."""
    if len(point) == 2 * suite.coordinate_bytes:
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(suite.curve, b"\x04" + point)
        except ValueError:
            pass
    raise SecurityError("this public key is no point of the curve", point, SecurityFault.KEY)


def point_of(suite: Suite, scalar: bytes) -> bytes:
    """x ‖ y of the public key that belongs to a private scalar."""
    numbers = private_key(suite, scalar).public_key().public_numbers()
    octets = suite.coordinate_bytes
    return numbers.x.to_bytes(octets, "big") + numbers.y.to_bytes(octets, "big")


def sign(suite: Suite, scalar: bytes, message: bytes) -> bytes:
    """r ‖ s: 64 bytes in suite 1, 96 in suite 2; another one at every call."""
    r, s = decode_dss_signature(private_key(suite, scalar).sign(message, ec.ECDSA(suite.hash)))
    octets = suite.coordinate_bytes
    return r.to_bytes(octets, "big") + s.to_bytes(octets, "big")


def verify(suite: Suite, point: bytes, message: bytes, signature: bytes) -> None:
    """`SecurityError` unless `signature` was made over `message` with the private half of `point`."""
    octets = suite.coordinate_bytes
    if len(signature) != 2 * octets:
        reason = f"a signature of {len(signature)} bytes, {2 * octets} are due"
        raise SecurityError(reason, signature, SecurityFault.SIGNATURE)
    r, s = int.from_bytes(signature[:octets], "big"), int.from_bytes(signature[octets:], "big")
    try:
        public_key(suite, point).verify(encode_dss_signature(r, s), message, ec.ECDSA(suite.hash))
    except InvalidSignature as wrong:
        raise SecurityError("the signature does not fit", signature, SecurityFault.SIGNATURE) from wrong
