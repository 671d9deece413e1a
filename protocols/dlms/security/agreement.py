"""Agreeing on a key without sending it: ECDH and the concatenation KDF (Green Book 9.2.3.4.6 and annex C).

    K = leftmost octets of Hash(00000001 ‖ Z ‖ AlgorithmID ‖ PartyUInfo ‖ PartyVInfo)

| scheme   | named         | Z from              | PartyUInfo               | PartyVInfo |
| ---      | ---           | ---                 | ---                      | ---        |
| C(2e,0s) | Ephemeral     | ephemeral keys      | title of U               | title of V |
| C(1e,1s) | One-pass      | ephemeral U, static V | title of U             | title of V |
| C(0e,2s) | Static        | static keys         | title of U ‖ length ‖ transaction-id | title of V |

U is whoever begins: the client in the key_agreement method, the originator of a general-ciphering message.
"""

import hashlib
from enum import Enum

from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.security.signing import private_key, public_key
from protocols.dlms.security.suites import Suite
from protocols.reader import length_bytes


class AlgorithmId(Enum):
    """What the key will be used for: 2.16.756.5.8.3.x, as the contents of an object identifier."""

    AES_GCM_128 = bytes.fromhex("60857405080300")
    AES_GCM_256 = bytes.fromhex("60857405080301")
    AES_WRAP_128 = bytes.fromhex("60857405080302")
    AES_WRAP_256 = bytes.fromhex("60857405080303")


def shared_secret(suite: Suite, scalar: bytes, point: bytes) -> bytes:
    """Z: the x coordinate of our private scalar times the other side's public point.

    `SecurityError` when the point is none of the curve.
    """
    return private_key(suite, scalar).exchange(ec.ECDH(), public_key(suite, point))


def derive(suite: Suite, secret: bytes, algorithm: bytes, party_u: bytes, party_v: bytes) -> bytes:
    """A key of the suite's length out of `secret`; the infos as the table above says."""
    digest = hashlib.new(suite.hash.name)
    digest.update(b"\x00\x00\x00\x01" + secret + algorithm + party_u + party_v)
    return digest.digest()[: suite.key_bytes]


def cipher_algorithm(suite: Suite) -> AlgorithmId:
    """The identifier for an encryption or authentication key of the suite."""
    return AlgorithmId.AES_GCM_256 if suite.key_bytes == 32 else AlgorithmId.AES_GCM_128


def agreed_key(
    suite: Suite,
    scalar: bytes,
    point: bytes,
    title_u: bytes,
    title_v: bytes,
    transaction: bytes | None = None,
) -> bytes:
    """The encryption key both sides come to; with `transaction` (C(0e,2s)) another one for every message."""
    nonce = b"" if transaction is None else length_bytes(len(transaction)) + transaction
    secret = shared_secret(suite, scalar, point)
    return derive(suite, secret, cipher_algorithm(suite).value, title_u + nonce, title_v)
