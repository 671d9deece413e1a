"""Who a device says it is, and that it is there: functions 8, 17 and 43/14 (Modbus application protocol
1.1b3, 6.8, 6.13 and 6.21)."""

import struct
from dataclasses import dataclass
from typing import Final

from protocols.modbus.codes import MAX_PDU, Function, agree, require

INTERFACE: Final = 14
"""The type of encapsulated interface (MEI) that reads an identification."""
_HEAD: Final = 7


@dataclass(frozen=True, slots=True)
class Echo:
    """Function 8, sub-function 0 (return query data, 6.8.1); the answer is the request again."""

    data: int

    def __post_init__(self) -> None:
        require(0 <= self.data <= 0xFFFF, "an echo is of 0 to 65535")

    @property
    def function(self) -> int:
        return Function.DIAGNOSTICS

    def to_bytes(self) -> bytes:
        return struct.pack(">BHH", self.function, 0, self.data)

    def octets(self, head: bytes) -> int:
        return 5

    def answer(self, pdu: bytes) -> "Echo":
        agree(pdu == self.to_bytes(), f"{self} was not answered as asked", pdu)
        return self

    def __str__(self) -> str:
        return f"an echo of {self.data}"


@dataclass(frozen=True, slots=True)
class ServerReport:
    """The device's own identifier, then FF when it runs or 00, then what its maker adds.

    How long the identifier is, only the maker's document says: the bytes are left as they came.
    """

    raw: bytes

    def __post_init__(self) -> None:
        require(1 <= len(self.raw) <= MAX_PDU - 2, f"{len(self.raw)} bytes are no server's report")

    def to_bytes(self) -> bytes:
        return bytes((Function.REPORT_SERVER_ID, len(self.raw))) + self.raw


@dataclass(frozen=True, slots=True)
class ReportServer:
    """Function 17."""

    @property
    def function(self) -> int:
        return Function.REPORT_SERVER_ID

    def to_bytes(self) -> bytes:
        return bytes((self.function,))

    def octets(self, head: bytes) -> int:
        if len(head) < 2:
            return 2
        agree(1 <= head[1] <= MAX_PDU - 2, f"a server's report of {head[1]} bytes came", head)
        return 2 + head[1]

    def answer(self, pdu: bytes) -> ServerReport:
        return ServerReport(pdu[2:])

    def __str__(self) -> str:
        return "the server's report"


@dataclass(frozen=True, slots=True)
class Identification:
    """Objects by number: 0, 1 and 2 are the maker, the product and its revision.

    `more` follow from object `following` on. `conformity` says which categories there are.
    """

    category: int
    conformity: int
    objects: tuple[tuple[int, bytes], ...]
    more: bool = False
    following: int = 0

    def __post_init__(self) -> None:
        size = _HEAD + sum(2 + len(text) for _, text in self.objects)
        require(size <= MAX_PDU, f"an identification of {size} bytes does not fit one answer")

    def to_bytes(self) -> bytes:
        head = (Function.ENCAPSULATED_INTERFACE, INTERFACE, self.category, self.conformity)
        onward = (0xFF if self.more else 0, self.following, len(self.objects))
        return bytes((*head, *onward)) + b"".join(
            bytes((number, len(text))) + text for number, text in self.objects
        )


@dataclass(frozen=True, slots=True)
class ReadIdentification:
    """Function 43/14; `category` 1 basic, 2 regular, 3 extended, 4 the one object `first`."""

    category: int = 1
    first: int = 0

    def __post_init__(self) -> None:
        require(1 <= self.category <= 4, f"identification has categories 1 to 4, not {self.category}")
        require(0 <= self.first <= 0xFF, f"an identification object is 0 to 255, not {self.first}")

    @property
    def function(self) -> int:
        return Function.ENCAPSULATED_INTERFACE

    def to_bytes(self) -> bytes:
        return bytes((self.function, INTERFACE, self.category, self.first))

    def octets(self, head: bytes) -> int:
        due = bytes((self.function, INTERFACE, self.category))
        agree(head[:3] == due[: len(head)], "an identification came that was not asked for", head)
        if len(head) < _HEAD:
            return _HEAD
        end = _HEAD
        for _ in range(head[_HEAD - 1]):
            if len(head) < end + 2:
                return end + 2
            end += 2 + head[end + 1]
            agree(end <= MAX_PDU, "an identification longer than any answer came", head)
        return end

    def answer(self, pdu: bytes) -> Identification:
        agree(pdu[4] in (0, 0xFF), f"more to follow is 00 or FF, not {pdu[4]:02X}", pdu)
        objects, at = [], _HEAD
        while at < len(pdu):
            end = at + 2 + pdu[at + 1]
            objects.append((pdu[at], pdu[at + 2 : end]))
            at = end
        return Identification(self.category, pdu[3], tuple(objects), pdu[4] != 0, pdu[5])

    def __str__(self) -> str:
        return "the device's identification"
