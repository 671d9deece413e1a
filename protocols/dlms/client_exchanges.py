"""What one request under way asks next and what its answers mean: reading, writing, invoking.

An exchange has `first`, the request to send, and `take`, which makes of an answer the events it stands for
and, in a transfer by blocks, the next request; without one the exchange is over.
"""

from dataclasses import dataclass, field
from typing import Final, Protocol

from protocols.dlms import axdr
from protocols.dlms.action import (
    ActionRequestBlock,
    ActionRequestFirstBlock,
    ActionRequestListFirstBlock,
    ActionRequestNextBlock,
    ActionRequestNormal,
    ActionRequestWithList,
    ActionResponseBlock,
    ActionResponseNextBlock,
    ActionResponseNormal,
    ActionResponseWithList,
    Outcome,
    read_long_outcome,
    read_outcomes,
)  # fmt: skip
from protocols.dlms.apdu import Apdu
from protocols.dlms.blocks import Cutting, DataBlock
from protocols.dlms.change import (
    Items,
    SetRequestBlock,
    SetRequestFirstBlock,
    SetRequestListFirstBlock,
    SetRequestNormal,
    SetRequestWithList,
    SetResponseBlock,
    SetResponseLastBlock,
    SetResponseListLastBlock,
    SetResponseNormal,
    SetResponseWithList,
    write_values,
)  # fmt: skip
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.events import Acted, Event, Got, WasSet
from protocols.dlms.get import (
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithBlock,
    GetResponseWithList,
    read_results,
)  # fmt: skip
from protocols.dlms.reference import Attribute, InvokeId
from protocols.errors import DecodeError, LocalError, RemoteError
from protocols.reader import Reader

Step = tuple[list[Event], Apdu | None]
MOST_LISTED: Final = 1 << 18
"""Bytes of an answer that has to be walked through to be taken apart: lists, results of methods, pushes."""


class Exchange(Protocol):
    """One request under way."""

    invoke: InvokeId

    def first(self, largest: int | None) -> Apdu:
        """The request, in blocks where it is longer than `largest` and blocks are granted."""

    def take(self, message: Apdu, raw: bytes) -> Step:
        """What an answer means, and the request that follows from it; raises `RemoteError`."""


@dataclass(slots=True)
class Gathering:
    """An answer on its way in, a block at a time; bounded."""

    most_bytes: int = MOST_LISTED
    most_blocks: int = 1 << 16
    number: int = 0
    whole: bytearray = field(default_factory=bytearray)

    def add(self, number: int, piece: bytes, raw: bytes) -> None:
        """The next block; raises `RemoteError` for any other, or for too much."""
        if number != self.number + 1:
            raise RemoteError(f"block {number} came, {self.number + 1} was due", raw)
        if len(self.whole) + len(piece) > self.most_bytes:
            raise RemoteError(f"an answer longer than {self.most_bytes} bytes", raw)
        if number > self.most_blocks:
            raise RemoteError(f"an answer of more than {self.most_blocks} blocks", raw)
        self.number = number
        self.whole += piece


@dataclass(slots=True)
class Reading:
    """GET of one attribute or of a list."""

    invoke: InvokeId
    items: Items
    as_list: bool
    most_bytes: int
    most_blocks: int
    written: bytes | None = None
    gathering: Gathering | None = None
    """What has come in blocks, once one has."""

    def first(self, largest: int | None) -> Apdu:
        """See `Exchange`; a request to read is never cut."""
        if self.as_list:
            return GetRequestWithList(self.invoke, self.items, self.written)
        return GetRequestNormal(self.invoke, *self.items[0])

    def take(self, message: Apdu, raw: bytes) -> Step:
        """See `Exchange`."""
        if self.as_list and self.gathering is None and type(message) is GetResponseWithList:
            return self._listed(message.results, raw), None
        if self.gathering is not None and not _goes_on(message):
            name = type(message).__name__
            reason = f"{name} with a value came where block {self.gathering.number + 1} was due"
            raise RemoteError(reason, raw)
        match message:
            case GetResponseNormal(result=result) if isinstance(result, DataAccessResult) or not self.as_list:
                return self._all(result), None
            case GetResponseWithList(results=results) if self.as_list:
                return self._listed(results, raw), None
            case GetResponseWithBlock(result=DataAccessResult() as result):
                # The transfer is over and nothing of it is kept: part of a value is no value.
                return self._all(result), None
            case GetResponseWithBlock(result=bytes() as piece):
                return self._block(message, piece, raw)
        raise RemoteError(f"{type(message).__name__} answers {'a list' if self.as_list else 'one'}", raw)

    def _all(self, result: bytes | DataAccessResult) -> list[Event]:
        return [Got(attribute, result) for attribute, _ in self.items]

    def _listed(self, results: tuple[bytes | DataAccessResult, ...], raw: bytes) -> list[Event]:
        if len(results) != len(self.items):
            raise RemoteError(f"{len(results)} results for {len(self.items)} attributes", raw)
        return [Got(item[0], result) for item, result in zip(self.items, results, strict=True)]

    def _block(self, message: GetResponseWithBlock, piece: bytes, raw: bytes) -> Step:
        if self.gathering is None:
            self.gathering = Gathering(self.most_bytes, self.most_blocks)
        self.gathering.add(message.block, piece, raw)
        if not message.last:
            return [], GetRequestNext(self.invoke, message.block)
        whole = bytes(self.gathering.whole)
        if not whole:
            raise DecodeError("an answer in blocks without a byte in them", raw)
        if self.as_list:
            return self._listed(read_results(Reader(whole)), whole), None
        return self._all(whole), None


@dataclass(slots=True)
class Writing:
    """SET of one attribute or of a list; `blocks` whether blocks are granted."""

    invoke: InvokeId
    items: Items
    values: tuple[axdr.Data, ...]
    as_list: bool
    blocks: bool
    cutting: Cutting | None = None
    largest: int = 0

    def first(self, largest: int | None) -> Apdu:
        """See `Exchange`."""
        attribute, access = self.items[0]
        whole: Apdu
        if self.as_list:
            whole = SetRequestWithList(self.invoke, self.items, self.values)
        else:
            whole = SetRequestNormal(self.invoke, attribute, self.values[0], access)
        if largest is None or not self.blocks or (size := len(whole.to_bytes())) <= largest:
            return whole
        raw = write_values(self.values) if self.as_list else axdr.encode(self.values[0])
        self.cutting, self.largest = Cutting(raw), largest
        # What stands before the values is what the first block has besides its data.
        block = self.cutting.next(largest, size - len(raw) - 3)
        if self.as_list:
            return SetRequestListFirstBlock(self.invoke, self.items, block)
        return SetRequestFirstBlock(self.invoke, attribute, block, access)

    def take(self, message: Apdu, raw: bytes) -> Step:
        """See `Exchange`."""
        results: tuple[DataAccessResult, ...] = ()
        match message:
            case SetResponseBlock(block=number):
                return [], SetRequestBlock(self.invoke, _next(self.cutting, number, self.largest, raw))
            case SetResponseNormal(result=result) | SetResponseLastBlock(result=result):
                # One refusal may stand for a whole list; one success may not.
                results = (result,) * len(self.items) if result or not self.as_list else ()
            case SetResponseWithList(results=found) | SetResponseListLastBlock(results=found):
                results = found if self.as_list else ()
        unsent = self.cutting is not None and not self.cutting.done
        if len(results) != len(self.items) or (unsent and not all(results)):
            raise RemoteError(f"{type(message).__name__} does not answer what was to be written", raw)
        pairs = zip(self.items, results, strict=True)
        return [WasSet(item[0], result) for item, result in pairs], None


@dataclass(slots=True)
class Invoking:
    """ACTION on one method or on a list; `blocks` whether blocks are granted."""

    invoke: InvokeId
    methods: tuple[Attribute, ...]
    parameters: tuple[axdr.Data | None, ...]
    as_list: bool
    blocks: bool
    gathering: Gathering
    cutting: Cutting | None = None
    largest: int = 0

    def first(self, largest: int | None) -> Apdu:
        """See `Exchange`."""
        whole: Apdu
        filled = tuple([axdr.NULL if value is None else value for value in self.parameters])
        if self.as_list:
            whole = ActionRequestWithList(self.invoke, self.methods, filled)
        else:
            whole = ActionRequestNormal(self.invoke, self.methods[0], self.parameters[0])
        if largest is None or not self.blocks or (size := len(whole.to_bytes())) <= largest:
            return whole
        raw = write_values(filled) if self.as_list else axdr.encode(filled[0])
        self.cutting, self.largest = Cutting(raw), largest
        block = self.cutting.next(largest, size - len(raw) - 3)
        if self.as_list:
            return ActionRequestListFirstBlock(self.invoke, self.methods, block)
        return ActionRequestFirstBlock(self.invoke, self.methods[0], block)

    def take(self, message: Apdu, raw: bytes) -> Step:
        """See `Exchange`."""
        match message:
            case ActionResponseNextBlock(block=number):
                return [], ActionRequestBlock(self.invoke, _next(self.cutting, number, self.largest, raw))
            case ActionResponseNormal(outcome=outcome) if outcome.result or not self.as_list:
                return self._ended((outcome,) * len(self.methods), raw), None
            case ActionResponseWithList(outcomes=outcomes) if self.as_list:
                return self._ended(outcomes, raw), None
            case ActionResponseBlock(block=block):
                return self._block(block, raw)
        raise RemoteError(f"{type(message).__name__} does not answer what was to be invoked", raw)

    def _block(self, block: DataBlock, raw: bytes) -> Step:
        self.gathering.add(block.number, block.raw, raw)
        if not block.last:
            return [], ActionRequestNextBlock(self.invoke, block.number)
        whole = bytes(self.gathering.whole)
        outcomes = read_outcomes(Reader(whole)) if self.as_list else (read_long_outcome(whole),)
        return self._ended(outcomes, whole), None

    def _ended(self, outcomes: tuple[Outcome, ...], raw: bytes) -> list[Event]:
        if len(outcomes) != len(self.methods):
            raise RemoteError(f"{len(outcomes)} results for {len(self.methods)} methods", raw)
        unsent = self.cutting is not None and not self.cutting.done
        if unsent and any(not outcome.result for outcome in outcomes):
            raise RemoteError("success was told before all parameters were sent", raw)
        pairs = zip(self.methods, outcomes, strict=True)
        return [Acted(method, outcome.result, outcome.returned) for method, outcome in pairs]


def _goes_on(message: Apdu) -> bool:
    """Whether an answer may follow a block: another one, or the reason why there is none."""
    ended = isinstance(message, GetResponseNormal) and isinstance(message.result, DataAccessResult)
    return ended or isinstance(message, GetResponseWithBlock)


def _next(cutting: Cutting | None, number: int, largest: int, raw: bytes) -> DataBlock:
    """The block after the one the meter has; raises `RemoteError` when it means another one."""
    if cutting is None or cutting.done or number != cutting.number:
        sent = 0 if cutting is None else cutting.number
        raise RemoteError(f"block {number} is acknowledged, {sent} was sent", raw)
    return cutting.next(largest)


def listed(items: tuple[Attribute, ...]) -> Items:
    """Attributes without selection; `LocalError` for none."""
    if not items:
        raise LocalError("a list of attributes cannot be empty")
    return tuple([(attribute, None) for attribute in items])
