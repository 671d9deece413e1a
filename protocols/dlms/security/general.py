"""Messages that say themselves from whom to whom they go: general-ciphering (DD) and general-signing (DF).

They protect end to end, possibly past a client that only hands them on (IEC 62056-5-3, 9.2.7.2). The length
and the value of every header field are authenticated and signed; the key-info is not.
"""

from dataclasses import dataclass
from typing import ClassVar, Self, TypeAlias

from protocols.dlms.security.cipher import Key
from protocols.dlms.security.control import SecurityControl
from protocols.dlms.security.envelopes import Protected
from protocols.dlms.security.signing import sign, verify
from protocols.dlms.security.suites import Suite
from protocols.errors import SecurityError
from protocols.reader import Reader, length_bytes


@dataclass(frozen=True, slots=True)
class Header:
    """The five fields both begin with; each may be empty."""

    transaction_id: bytes = b""
    originator: bytes = b""
    recipient: bytes = b""
    date_time: bytes = b""
    other_information: bytes = b""

    def to_bytes(self) -> bytes:
        """Each field with its length: also what is authenticated and signed of it."""
        fields = (
            self.transaction_id,
            self.originator,
            self.recipient,
            self.date_time,
            self.other_information,
        )
        return b"".join([length_bytes(len(one)) + one for one in fields])

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """The next five octet-strings."""
        return cls(*[reader.take(reader.length()) for _ in range(5)])


@dataclass(frozen=True, slots=True)
class IdentifiedKey:
    """A key both sides hold: 0 the global unicast, 1 the global broadcast encryption key."""

    CHOICE: ClassVar[int] = 0
    key_id: int = 0

    def to_bytes(self) -> bytes:
        """The choice and its contents."""
        return bytes((self.CHOICE, self.key_id))


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key of this message alone, wrapped (RFC 3394) under key `kek_id`: 0, the master key."""

    CHOICE: ClassVar[int] = 1
    wrapped: bytes
    kek_id: int = 0

    def to_bytes(self) -> bytes:
        """The choice and its contents."""
        return bytes((self.CHOICE, self.kek_id)) + length_bytes(len(self.wrapped)) + self.wrapped


@dataclass(frozen=True, slots=True)
class AgreedKey:
    """A key agreed on: scheme 01 C(1e,1s) with the signed ephemeral point, 02 C(0e,2s) with nothing."""

    CHOICE: ClassVar[int] = 2
    scheme: bytes
    contribution: bytes = b""

    def to_bytes(self) -> bytes:
        """The choice and its contents."""
        return (
            bytes((self.CHOICE,))
            + length_bytes(len(self.scheme)) + self.scheme
            + length_bytes(len(self.contribution)) + self.contribution
        )  # fmt: skip

    def ephemeral_point(self, suite: Suite, signer: bytes) -> bytes:
        """The originator's ephemeral public point, its signature by `signer` (x ‖ y) verified."""
        octets = 2 * suite.coordinate_bytes
        point, signature = self.contribution[:octets], self.contribution[octets:]
        try:
            verify(suite, signer, point, signature)
        except SecurityError as wrong:
            raise SecurityError(wrong.reason, self.to_bytes(), wrong.fault) from wrong
        return point


KeyInfo: TypeAlias = IdentifiedKey | WrappedKey | AgreedKey


def _read_key_info(reader: Reader) -> KeyInfo | None:
    if not reader.flag("key-info"):
        return None
    choice = reader.u8()
    if choice == IdentifiedKey.CHOICE:
        return IdentifiedKey(reader.u8())
    if choice == WrappedKey.CHOICE:
        kek = reader.u8()
        return WrappedKey(reader.take(reader.length()), kek)
    if choice == AgreedKey.CHOICE:
        scheme = reader.take(reader.length())
        return AgreedKey(scheme, reader.take(reader.length()))
    raise reader.error(f"{choice} is no choice of key-info")


@dataclass(frozen=True, slots=True)
class GeneralCiphering:
    """One message ciphered for its recipient, with word of the key it takes."""

    TAG: ClassVar[int] = 0xDD
    header: Header
    key_info: KeyInfo | None
    protected: Protected

    @classmethod
    def sealed(
        cls, header: Header, key_info: KeyInfo | None, key: Key, control: SecurityControl, counter: int,
        message: bytes,
    ) -> Self:  # fmt: skip
        """`message` under `key`, whose title is the originator's."""
        sealed = key.seal(control, counter, message, header.to_bytes())
        return cls(header, key_info, Protected(control, counter, sealed))

    def to_bytes(self) -> bytes:
        """The message."""
        info = b"\x00" if self.key_info is None else b"\x01" + self.key_info.to_bytes()
        contents = self.protected.to_bytes()
        return bytes((self.TAG,)) + self.header.to_bytes() + info + length_bytes(len(contents)) + contents

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`, or `SecurityError` for what is inside."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "general-ciphering")
        header, info = Header.read(reader), _read_key_info(reader)
        contents = reader.take(reader.length())
        reader.finish()
        return cls(header, info, Protected.from_bytes(contents, raw))


@dataclass(frozen=True, slots=True)
class GeneralSigning:
    """One message with its originator's signature."""

    TAG: ClassVar[int] = 0xDF
    header: Header
    content: bytes
    signature: bytes

    @staticmethod
    def signed_part(header: Header, content: bytes) -> bytes:
        """What is signed: everything between the tag and the signature's length."""
        return header.to_bytes() + length_bytes(len(content)) + content

    @classmethod
    def signed(cls, suite: Suite, scalar: bytes, header: Header, content: bytes) -> Self:
        """`content` signed with a private scalar."""
        return cls(header, content, sign(suite, scalar, cls.signed_part(header, content)))

    def verified(self, suite: Suite, point: bytes) -> bytes:
        """The content; `SecurityError` unless the holder of `point` signed it."""
        try:
            verify(suite, point, self.signed_part(self.header, self.content), self.signature)
        except SecurityError as wrong:
            raise SecurityError(wrong.reason, self.to_bytes(), wrong.fault) from wrong
        return self.content

    def to_bytes(self) -> bytes:
        """The message."""
        body = self.signed_part(self.header, self.content)
        return bytes((self.TAG,)) + body + length_bytes(len(self.signature)) + self.signature

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """Read it whole; raises `DecodeError`."""
        reader = Reader(raw)
        reader.expect(cls.TAG, "general-signing")
        header = Header.read(reader)
        content = reader.take(reader.length())
        signature = reader.take(reader.length())
        reader.finish()
        return cls(header, content, signature)
