"""Security setup (class 64): the policy in force, the suite, the titles; keys are only ever sent, wrapped."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self

from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag, enum_of, items_of, octets_of
from protocols.dlms.objects.held import Attributes, known, needed, optional
from protocols.dlms.objects.interface import InterfaceClass
from protocols.errors import DecodeError
from protocols.obis import Obis


class KeyKind(IntEnum):
    """Which key is replaced."""

    GLOBAL_UNICAST = 0
    GLOBAL_BROADCAST = 1
    AUTHENTICATION = 2
    MASTER = 3


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A new key under the master key (`protocols.dlms.security.key_wrap`)."""

    kind: KeyKind
    wrapped: bytes = field(repr=False)

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {key_id, key_wrapped}."""
        kind, wrapped = items_of(data, Tag.STRUCTURE, "a key", 2)
        number = enum_of(kind, "kind of a key")
        if number not in KeyKind.__members__.values():
            raise DecodeError(f"{number} is no kind of key")
        return cls(KeyKind(number), octets_of(wrapped, "wrapped key"))

    def to_data(self) -> Data:
        """The counterpart."""
        return axdr.structure(axdr.enum(self.kind), axdr.octet_string(self.wrapped))


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a meter says of one of its certificates."""

    entity: int
    kind: int
    serial: bytes
    issuer: bytes
    subject: bytes
    subject_alternative: bytes

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read the structure of six."""
        entity, kind, *names = items_of(data, Tag.STRUCTURE, "a certificate", 6)
        serial, issuer, subject, alternative = (octets_of(name, "name in a certificate") for name in names)
        return cls(enum_of(entity, "entity"), enum_of(kind, "kind"), serial, issuer, subject, alternative)

    def to_data(self) -> Data:
        """The counterpart."""
        names = (self.serial, self.issuer, self.subject, self.subject_alternative)
        return axdr.structure(
            axdr.enum(self.entity), axdr.enum(self.kind), *[axdr.octet_string(name) for name in names]
        )


@dataclass(frozen=True, slots=True)
class SecurityObject:
    """Class 64, version 1.

    `policy` is a set of bits: requests are authenticated (2), encrypted (3), signed (4), responses are
    authenticated (5), encrypted (6), signed (7).
    """

    CLASS_ID: ClassVar[int] = InterfaceClass.SECURITY_SETUP
    VERSION: ClassVar[int] = 1
    SECURITY_ACTIVATE: ClassVar[int] = 1
    KEY_TRANSFER: ClassVar[int] = 2
    obis: Obis
    policy: int
    suite: int
    client_title: bytes | None = None
    server_title: bytes | None = None
    certificates: tuple[Certificate, ...] | None = None

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        return cls(
            obis,
            enum_of(needed(attributes, 2, "security policy"), "security policy"),
            enum_of(needed(attributes, 3, "security suite"), "security suite"),
            optional(attributes, 4, octets_of, "client system title"),
            optional(attributes, 5, octets_of, "server system title"),
            optional(attributes, 6, _certificates, "certificates"),
        )

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        client, server, held = self.client_title, self.server_title, self.certificates
        return known(
            {
                2: axdr.enum(self.policy),
                3: axdr.enum(self.suite),
                4: None if client is None else axdr.octet_string(client),
                5: None if server is None else axdr.octet_string(server),
                6: None if held is None else axdr.array(*[one.to_data() for one in held]),
            }
        )

    @staticmethod
    def key_transfer(keys: Iterable[WrappedKey]) -> Data:
        """The parameter of method 2."""
        return axdr.array(*[key.to_data() for key in keys])


def _certificates(data: Data, what: str) -> tuple[Certificate, ...]:
    return tuple([Certificate.from_data(item) for item in items_of(data, Tag.ARRAY, what)])
