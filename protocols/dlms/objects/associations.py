"""Association LN (class 15): which objects a client sees, and what it may do to each."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final, Self, TypeVar

from protocols.dlms import axdr, ber
from protocols.dlms.axdr import Data, Tag, enum_of, integer_of, items_of, octets_of
from protocols.dlms.enums import Conformance, Context, Mechanism
from protocols.dlms.objects.held import (
    Attributes,
    integer8_of,
    known,
    long_unsigned_of,
    needed,
    optional,
    unsigned_of,
)
from protocols.dlms.objects.interface import InterfaceClass
from protocols.errors import DecodeError
from protocols.obis import Obis

MAX_OBJECTS: Final = 4096
_CODES = TypeVar("_CODES", bound=IntEnum)


class AccessMode(IntEnum):
    """What may be done to an attribute (versions 0 to 2 of the class)."""

    NONE = 0
    READ = 1
    WRITE = 2
    READ_AND_WRITE = 3
    AUTHENTICATED_READ = 4
    AUTHENTICATED_WRITE = 5
    AUTHENTICATED_READ_AND_WRITE = 6


class AssociationStatus(IntEnum):
    """How far the association is."""

    NON_ASSOCIATED = 0
    PENDING = 1
    ASSOCIATED = 2


@dataclass(frozen=True, slots=True)
class AttributeRight:
    """The right to one attribute: `mode` an `AccessMode`, in version 3 a set of bits; None: no selectors."""

    attribute: int
    mode: int
    selectors: tuple[int, ...] | None = None

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {attribute_id, access_mode, access_selectors}."""
        attribute, mode, selectors = items_of(data, Tag.STRUCTURE, "attribute access", 3)
        numbers = None
        if selectors.tag is not Tag.NULL:
            items = items_of(selectors, Tag.ARRAY, "access selectors")
            numbers = tuple([integer8_of(item, "access selector") for item in items])
        return cls(integer8_of(attribute, "attribute"), enum_of(mode, "access mode"), numbers)

    def to_data(self) -> Data:
        """The counterpart."""
        selectors = axdr.NULL
        if self.selectors is not None:
            selectors = axdr.array(*[axdr.integer(number) for number in self.selectors])
        return axdr.structure(axdr.integer(self.attribute), axdr.enum(self.mode), selectors)


@dataclass(frozen=True, slots=True)
class MethodRight:
    """The right to one method; a boolean in version 0 of the class, else an enum: 0 none, 1 access."""

    method: int
    mode: bool | int

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {method_id, access_mode}."""
        method, mode = items_of(data, Tag.STRUCTURE, "method access", 2)
        granted = bool(mode.value) if mode.tag is Tag.BOOLEAN else enum_of(mode, "access mode")
        return cls(integer8_of(method, "method"), granted)

    def to_data(self) -> Data:
        """The counterpart."""
        boolean = isinstance(self.mode, bool)
        mode = Data(Tag.BOOLEAN, self.mode) if boolean else axdr.enum(self.mode)
        return axdr.structure(axdr.integer(self.method), mode)


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One line of the object list."""

    class_id: int
    version: int
    obis: Obis
    attributes: tuple[AttributeRight, ...] = ()
    methods: tuple[MethodRight, ...] = ()

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read {class_id, version, logical_name, access_rights}."""
        class_id, version, name, rights = items_of(data, Tag.STRUCTURE, "an object of the list", 4)
        attributes, methods = items_of(rights, Tag.STRUCTURE, "access rights", 2)
        return cls(
            long_unsigned_of(class_id, "class"),
            unsigned_of(version, "version"),
            Obis.from_bytes(octets_of(name, "logical name")),
            tuple([AttributeRight.from_data(item) for item in items_of(attributes, Tag.ARRAY, "rights")]),
            tuple([MethodRight.from_data(item) for item in items_of(methods, Tag.ARRAY, "rights")]),
        )

    def to_data(self) -> Data:
        """The counterpart."""
        return axdr.structure(
            axdr.long_unsigned(self.class_id),
            axdr.unsigned(self.version),
            axdr.octet_string(self.obis.to_bytes()),
            axdr.structure(
                axdr.array(*[right.to_data() for right in self.attributes]),
                axdr.array(*[right.to_data() for right in self.methods]),
            ),
        )

    def may(self, attribute: int, *, write: bool = False) -> bool:
        """Whether an attribute may be read (or written), authenticated or not."""
        wanted = AccessMode.WRITE if write else AccessMode.READ
        for right in self.attributes:
            if right.attribute == attribute:
                plain = right.mode - 3 if right.mode > AccessMode.READ_AND_WRITE else right.mode
                return plain in (wanted, AccessMode.READ_AND_WRITE)
        return False


@dataclass(frozen=True, slots=True)
class XdlmsContext:
    """What was agreed upon when the association opened."""

    conformance: Conformance
    max_receive_pdu: int
    max_send_pdu: int
    version: int = 6
    quality_of_service: int = 0
    cyphering_info: bytes = b""

    @classmethod
    def from_data(cls, data: Data) -> Self:
        """Read the structure of six."""
        conformance, receive, send, version, quality, cyphering = items_of(
            data, Tag.STRUCTURE, "xDLMS context", 6
        )
        if conformance.tag is not Tag.BIT_STRING or len(conformance.value) != 24:
            raise DecodeError(f"conformance: a bit-string of 24 was expected, found {conformance!r}")
        return cls(
            Conformance(int(conformance.value, 2)),
            long_unsigned_of(receive, "largest message received"),
            long_unsigned_of(send, "largest message sent"),
            unsigned_of(version, "DLMS version"),
            integer8_of(quality, "quality of service"),
            octets_of(cyphering, "cyphering info"),
        )

    def to_data(self) -> Data:
        """The counterpart."""
        return axdr.structure(
            Data(Tag.BIT_STRING, format(self.conformance, "024b")),
            axdr.long_unsigned(self.max_receive_pdu),
            axdr.long_unsigned(self.max_send_pdu),
            axdr.unsigned(self.version),
            axdr.integer(self.quality_of_service),
            axdr.octet_string(self.cyphering_info),
        )


@dataclass(frozen=True, slots=True)
class AssociationLn:
    """Class 15: the object list, and how the association came about; the secret is never read."""

    CLASS_ID: ClassVar[int] = InterfaceClass.ASSOCIATION_LN
    VERSION: ClassVar[int] = 1
    REPLY_TO_HLS: ClassVar[int] = 1
    obis: Obis
    objects: tuple[ListedObject, ...]
    partners: tuple[int, int] | None = None
    """Client and server address."""
    context: Context | None = None
    xdlms: XdlmsContext | None = None
    mechanism: Mechanism | None = None
    status: AssociationStatus | None = None
    security: Obis | None = None
    """The security setup object in force."""

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`."""
        listed = items_of(needed(attributes, 2, "object list"), Tag.ARRAY, "object list")
        if len(listed) > MAX_OBJECTS:
            raise DecodeError(f"an object list of {len(listed)}, {MAX_OBJECTS} are taken")
        return cls(
            obis,
            tuple([ListedObject.from_data(item) for item in listed]),
            optional(attributes, 3, _partners, "associated partners"),
            optional(attributes, 4, lambda data, what: _named(Context, 1, data, what), "context name"),
            optional(attributes, 5, lambda data, _: XdlmsContext.from_data(data), "xDLMS context"),
            optional(attributes, 6, lambda data, what: _named(Mechanism, 2, data, what), "mechanism name"),
            optional(attributes, 8, _status, "association status"),
            optional(attributes, 9, lambda data, what: Obis.from_bytes(octets_of(data, what)), "reference"),
        )

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`; names stand as object identifiers in an octet-string."""
        partners, context, mechanism = self.partners, self.context, self.mechanism
        return known(
            {
                2: axdr.array(*[listed.to_data() for listed in self.objects]),
                3: None
                if partners is None
                else axdr.structure(axdr.integer(partners[0]), axdr.long_unsigned(partners[1])),
                4: None if context is None else axdr.octet_string(ber.identifier(1, context)),
                5: None if self.xdlms is None else self.xdlms.to_data(),
                6: None if mechanism is None else axdr.octet_string(ber.identifier(2, mechanism)),
                8: None if self.status is None else axdr.enum(self.status),
                9: None if self.security is None else axdr.octet_string(self.security.to_bytes()),
            }
        )

    def find(self, obis: Obis) -> ListedObject | None:
        """The object of this name, the first if classes share it."""
        return next((listed for listed in self.objects if listed.obis == obis), None)


def _partners(data: Data, what: str) -> tuple[int, int]:
    client, server = items_of(data, Tag.STRUCTURE, what, 2)
    return integer8_of(client, "client address"), long_unsigned_of(server, "server address")


def _status(data: Data, what: str) -> AssociationStatus:
    number = enum_of(data, what)
    if number not in AssociationStatus.__members__.values():
        raise DecodeError(f"{number} is no association status")
    return AssociationStatus(number)


def _named(codes: type[_CODES], kind: int, data: Data, what: str) -> _CODES:
    """A name as the object identifier's bytes or as the structure of its seven numbers."""
    if data.tag is Tag.STRUCTURE:
        numbers = [integer_of(item, what) for item in items_of(data, Tag.STRUCTURE, what, 7)]
        if numbers[:6] != [2, 16, 756, 5, 8, kind]:
            raise DecodeError(f"{what}: {numbers} is not one of DLMS")
        number = numbers[6]
    else:
        number = ber.identified(octets_of(data, what), kind)
    try:
        return codes(number)
    except ValueError as unknown:
        raise DecodeError(f"{what}: {number} is no {codes.__name__}") from unknown
