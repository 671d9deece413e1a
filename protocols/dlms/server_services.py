"""GET, SET and ACTION on the meter's half: what an association asks of its objects, whole or in blocks."""

from dataclasses import dataclass, field
from typing import Final

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
    write_outcomes,
)  # fmt: skip
from protocols.dlms.apdu import Apdu
from protocols.dlms.axdr import Data
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
    read_values,
)  # fmt: skip
from protocols.dlms.enums import ActionResult, Conformance, DataAccessResult
from protocols.dlms.get import (
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithBlock,
    GetResponseWithList,
    write_results,
)  # fmt: skip
from protocols.dlms.reference import Access, Attribute, InvokeId
from protocols.dlms.selection import read_selection
from protocols.dlms.server_access import ObjectServer, WritableObjectServer
from protocols.errors import DecodeError
from protocols.reader import Reader

MAX_REQUEST: Final = 1 << 16
"""Bytes of a value written, or of a method's parameters, that come in blocks."""


@dataclass(slots=True)
class _Answer:
    """A long answer on its way out: of a GET, or of an ACTION."""

    invoke: int
    cutting: Cutting
    of_action: bool


@dataclass(slots=True)
class _Request:
    """A SET or an ACTION on its way in."""

    invoke: int
    items: Items
    as_list: bool
    of_action: bool
    number: int = 0
    whole: bytearray = field(default_factory=bytearray)


class Services:
    """What one association may do to `objects`; `granted` says what, `largest` how long an answer may be."""

    def __init__(self, objects: ObjectServer, granted: Conformance, largest: int) -> None:
        self._objects, self._granted, self._largest = objects, granted, largest
        self._answer: _Answer | None = None
        self._request: _Request | None = None

    def serve(self, request: Apdu, *, cut: bool) -> Apdu | None:
        """The answer, None where the service is not granted.

        With `cut` an answer longer than the client takes comes in blocks of its service where those are
        granted; where only general blocks are, it comes whole and is for the caller to cut.
        """
        if not isinstance(request, (GetRequestNext, ActionRequestNextBlock)):
            self._answer = None
        if not isinstance(request, (SetRequestBlock, ActionRequestBlock)):
            self._request = None
        may = self._granted.__contains__
        match request:
            case GetRequestNormal() | GetRequestWithList() if may(Conformance.GET):
                return self._get(request, cut)
            case GetRequestNext() if may(Conformance.BLOCK_TRANSFER_WITH_GET):
                return self._get_next(request)
            case SetRequestNormal() | SetRequestWithList() if may(Conformance.SET):
                return self._set(request)
            case SetRequestFirstBlock() | SetRequestListFirstBlock() | SetRequestBlock() if may(
                Conformance.BLOCK_TRANSFER_WITH_SET
            ):
                return self._set_block(request)
            case ActionRequestNormal() | ActionRequestWithList() if may(Conformance.ACTION):
                return self._act(request, cut)
            case (
                ActionRequestFirstBlock() | ActionRequestListFirstBlock() | ActionRequestBlock()
                | ActionRequestNextBlock()
            ) if may(Conformance.BLOCK_TRANSFER_WITH_ACTION):  # fmt: skip
                if isinstance(request, ActionRequestNextBlock):
                    return self._act_next(request)
                return self._act_block(request, cut)
        return None

    def _get(self, request: GetRequestNormal | GetRequestWithList, cut: bool) -> Apdu | None:
        invoke = request.invoke
        if isinstance(request, GetRequestNormal):
            result = self._read(request.attribute, request.access)
            whole: Apdu = GetResponseNormal(invoke, result)
            if not cut or isinstance(result, DataAccessResult) or self._fits(whole):
                return whole
            body = result
        else:
            if Conformance.MULTIPLE_REFERENCES not in self._granted:
                return None
            results = tuple([self._read(item, access) for item, access in request.items])
            whole = GetResponseWithList(invoke, results)
            if not cut or self._fits(whole):
                return whole
            body = write_results(results)
        if Conformance.BLOCK_TRANSFER_WITH_GET not in self._granted:
            if Conformance.GENERAL_BLOCK_TRANSFER in self._granted:
                return whole
            return GetResponseNormal(invoke, DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
        self._answer = _Answer(invoke.number, Cutting(body), of_action=False)
        return self._get_block(self._answer, invoke)

    def _get_block(self, answer: _Answer, invoke: InvokeId) -> GetResponseWithBlock:
        block = answer.cutting.next(self._largest)
        if block.last:
            self._answer = None
        return GetResponseWithBlock(invoke, block.last, block.number, block.raw)

    def _get_next(self, request: GetRequestNext) -> GetResponseWithBlock:
        answer, self._answer = self._answer, None
        if answer is None or answer.of_action or request.invoke.number != answer.invoke:
            reason = DataAccessResult.NO_LONG_GET_IN_PROGRESS
            return GetResponseWithBlock(request.invoke, True, request.block, reason)
        if request.block != answer.cutting.number:
            reason = DataAccessResult.DATA_BLOCK_NUMBER_INVALID
            return GetResponseWithBlock(request.invoke, True, request.block, reason)
        self._answer = answer
        return self._get_block(answer, request.invoke)

    def _set(self, request: SetRequestNormal | SetRequestWithList) -> Apdu | None:
        if isinstance(request, SetRequestNormal):
            result = self._write(request.attribute, request.access, request.value)
            return SetResponseNormal(request.invoke, result)
        if Conformance.MULTIPLE_REFERENCES not in self._granted:
            return None
        return SetResponseWithList(request.invoke, self._write_all(request.items, request.values))

    def _set_block(
        self, request: SetRequestFirstBlock | SetRequestListFirstBlock | SetRequestBlock
    ) -> Apdu | None:
        invoke, block = request.invoke, request.block
        if isinstance(request, SetRequestFirstBlock):
            self._request = _Request(invoke.number, ((request.attribute, request.access),), False, False)
        elif isinstance(request, SetRequestListFirstBlock):
            if Conformance.MULTIPLE_REFERENCES not in self._granted:
                return None
            self._request = _Request(invoke.number, request.items, True, False)
        coming = self._request
        if coming is None or coming.of_action or coming.invoke != invoke.number:
            self._request = None
            reason = DataAccessResult.NO_LONG_SET_IN_PROGRESS
            return SetResponseLastBlock(invoke, reason, block.number)
        wrong = _add(coming, block)
        if wrong is not None:
            self._request = None
            return SetResponseLastBlock(invoke, wrong, block.number)
        if not block.last:
            return SetResponseBlock(invoke, block.number)
        self._request = None
        values = _values(coming)
        if values is None:
            return SetResponseLastBlock(invoke, DataAccessResult.TYPE_UNMATCHED, block.number)
        results = self._write_all(coming.items, values)
        if coming.as_list:
            return SetResponseListLastBlock(invoke, results, block.number)
        return SetResponseLastBlock(invoke, results[0], block.number)

    def _act(self, request: ActionRequestNormal | ActionRequestWithList, cut: bool) -> Apdu | None:
        if isinstance(request, ActionRequestNormal):
            return self._acted(
                request.invoke, (self._invoke(request.method, request.parameters),), False, cut
            )
        if Conformance.MULTIPLE_REFERENCES not in self._granted:
            return None
        pairs = zip(request.methods, request.parameters, strict=True)
        outcomes = tuple([self._invoke(method, _given(value)) for method, value in pairs])
        return self._acted(request.invoke, outcomes, True, cut)

    def _acted(self, invoke: InvokeId, outcomes: tuple[Outcome, ...], as_list: bool, cut: bool) -> Apdu:
        whole: Apdu
        if as_list:
            whole = ActionResponseWithList(invoke, outcomes)
        else:
            whole = ActionResponseNormal(invoke, outcomes[0])
        if not cut or self._fits(whole):
            return whole
        if Conformance.BLOCK_TRANSFER_WITH_ACTION not in self._granted:
            if Conformance.GENERAL_BLOCK_TRANSFER in self._granted:
                return whole
            return ActionResponseNormal(invoke, Outcome(ActionResult.SCOPE_OF_ACCESS_VIOLATED))
        body = write_outcomes(outcomes) if as_list else outcomes[0].to_bytes()
        self._answer = _Answer(invoke.number, Cutting(body), of_action=True)
        return ActionResponseBlock(invoke, self._answer.cutting.next(self._largest))

    def _act_next(self, request: ActionRequestNextBlock) -> Apdu:
        answer, self._answer = self._answer, None
        if answer is None or not answer.of_action or request.invoke.number != answer.invoke:
            return _action_refused(request.invoke, ActionResult.NO_LONG_ACTION_IN_PROGRESS)
        if request.block != answer.cutting.number:
            return _action_refused(request.invoke, ActionResult.LONG_ACTION_ABORTED)
        block = answer.cutting.next(self._largest)
        self._answer = None if block.last else answer
        return ActionResponseBlock(request.invoke, block)

    def _act_block(
        self, request: ActionRequestFirstBlock | ActionRequestListFirstBlock | ActionRequestBlock, cut: bool
    ) -> Apdu | None:
        invoke, block = request.invoke, request.block
        if isinstance(request, ActionRequestFirstBlock):
            self._request = _Request(invoke.number, ((request.method, None),), False, True)
        elif isinstance(request, ActionRequestListFirstBlock):
            if Conformance.MULTIPLE_REFERENCES not in self._granted:
                return None
            methods: Items = tuple([(method, None) for method in request.methods])
            self._request = _Request(invoke.number, methods, True, True)
        coming = self._request
        if coming is None or not coming.of_action or coming.invoke != invoke.number:
            self._request = None
            return _action_refused(invoke, ActionResult.NO_LONG_ACTION_IN_PROGRESS)
        if _add(coming, block) is not None:
            self._request = None
            return _action_refused(invoke, ActionResult.LONG_ACTION_ABORTED)
        if not block.last:
            return ActionResponseNextBlock(invoke, block.number)
        self._request = None
        values = _values(coming)
        if values is None:
            return _action_refused(invoke, ActionResult.TYPE_UNMATCHED)
        pairs = zip(coming.items, values, strict=True)
        outcomes = tuple([self._invoke(item[0], _given(value)) for item, value in pairs])
        return self._acted(invoke, outcomes, coming.as_list, cut)

    def _fits(self, whole: Apdu) -> bool:
        return len(whole.to_bytes()) <= self._largest

    def _read(self, item: Attribute, access: Access | None) -> bytes | DataAccessResult:
        if access is not None and Conformance.SELECTIVE_ACCESS not in self._granted:
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        try:
            selection = None if access is None else read_selection(access)
        except DecodeError:
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        found = self._objects.read(item.class_id, item.obis, item.number, selection)
        return axdr.encode(found) if isinstance(found, Data) else found

    def _write_all(self, items: Items, values: tuple[Data, ...]) -> tuple[DataAccessResult, ...]:
        pairs = zip(items, values, strict=True)
        return tuple([self._write(item, access, value) for (item, access), value in pairs])

    def _write(self, item: Attribute, access: Access | None, value: Data) -> DataAccessResult:
        if not isinstance(self._objects, WritableObjectServer) or access is not None:
            return DataAccessResult.READ_WRITE_DENIED
        return self._objects.write(item.class_id, item.obis, item.number, value)

    def _invoke(self, method: Attribute, parameters: Data | None) -> Outcome:
        if not isinstance(self._objects, WritableObjectServer):
            return Outcome(ActionResult.READ_WRITE_DENIED)
        found = self._objects.act(method.class_id, method.obis, method.number, parameters)
        if isinstance(found, Data):
            return Outcome(ActionResult.SUCCESS, axdr.encode(found))
        return Outcome(found)


def _add(coming: _Request, block: DataBlock) -> DataAccessResult | None:
    """Keep the next block; what is wrong with any other."""
    if block.number != coming.number + 1:
        return DataAccessResult.DATA_BLOCK_NUMBER_INVALID
    if len(coming.whole) + len(block.raw) > MAX_REQUEST:
        return DataAccessResult.LONG_SET_ABORTED
    coming.number = block.number
    coming.whole += block.raw
    return None


def _values(coming: _Request) -> tuple[Data, ...] | None:
    """The values put together from blocks, as many as there are items; None when they are none."""
    reader = Reader(bytes(coming.whole))
    try:
        values = read_values(reader) if coming.as_list else (axdr.read(reader),)
        reader.finish()
    except DecodeError:
        return None
    return values if len(values) == len(coming.items) else None


def _given(value: Data) -> Data | None:
    """In a list null stands for no parameters."""
    return None if value == axdr.NULL else value


def _action_refused(invoke: InvokeId, why: ActionResult) -> ActionResponseNormal:
    return ActionResponseNormal(invoke, Outcome(why))
