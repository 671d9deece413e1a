"""The meter's half of a DLMS conversation: bytes in, bytes out; what it holds is asked of `ObjectServer`.

Several meters may stand behind one line, told apart by their wrapper port; a port nobody answers to stays
silent, as a dead meter on a bus does.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from protocols.dlms import apdu as messages
from protocols.dlms import axdr
from protocols.dlms.apdu import (
    Aare,
    Aarq,
    ActionRequestNormal,
    ActionResponseNormal,
    Apdu,
    ConfirmedServiceError,
    ExceptionResponse,
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithBlock,
    GetResponseWithList,
    InitiateResponse,
    InvokeId,
    Rlre,
    Rlrq,
    SetRequestNormal,
    SetResponseNormal,
)  # fmt: skip
from protocols.dlms.axdr import Data
from protocols.dlms.client import DEFAULT_CONFORMANCE
from protocols.dlms.enums import (
    ActionResult,
    AssociationResult,
    Conformance,
    Context,
    DataAccessResult,
    InitiateError,
    Mechanism,
    ServiceError,
    StateError,
    UserDiagnostic,
)  # fmt: skip
from protocols.dlms.framing import Parted, ServerFraming, WrapperServerFraming
from protocols.dlms.get import write_results
from protocols.dlms.initiate import DLMS_VERSION
from protocols.dlms.reference import Access
from protocols.dlms.selection import EntrySelection, RangeAsked, read_selection
from protocols.errors import DecodeError
from protocols.obis import Obis

MAX_ASSOCIATIONS: Final = 16
MIN_PDU: Final = 32
_BLOCK_OVERHEAD: Final = 12


class ObjectServer(Protocol):
    """What a meter holds."""

    def read(
        self, class_id: int, obis: Obis, attribute: int, selection: RangeAsked | EntrySelection | None
    ) -> Data | bytes | DataAccessResult:
        """The attribute as `Data`, as bytes already encoded, or why it cannot be had."""


@runtime_checkable
class WritableObjectServer(ObjectServer, Protocol):
    """A meter whose objects can be written and acted upon; others deny both."""

    def write(self, class_id: int, obis: Obis, attribute: int, value: Data) -> DataAccessResult:
        """Set one attribute."""

    def act(self, class_id: int, obis: Obis, method: int, parameters: Data | None) -> ActionResult:
        """Invoke one method."""


@dataclass(frozen=True, slots=True)
class ClientAccess:
    """How one client address may come in; `objects` is what it sees where that is not all of the meter."""

    mechanism: Mechanism = Mechanism.NONE
    password: bytes | None = None
    objects: ObjectServer | None = None

    def __repr__(self) -> str:
        return f"ClientAccess({self.mechanism.name})"


@dataclass(frozen=True, slots=True)
class Device:
    """One meter behind the line: its objects, who may read them, the largest message it takes and sends."""

    objects: ObjectServer
    clients: Mapping[int, ClientAccess]
    max_pdu: int = 1024
    conformance: Conformance = DEFAULT_CONFORMANCE


@dataclass(slots=True)
class _Association:
    objects: ObjectServer
    granted: Conformance
    max_pdu: int
    invoke: int = -1
    block: int = 0
    pending: memoryview = field(default_factory=lambda: memoryview(b""))


class ServerConnection:
    """One line (a TCP connection, a bus); `devices` by wrapper port, or by what `framing` calls them."""

    def __init__(self, devices: Mapping[int, Device], framing: ServerFraming | None = None) -> None:
        self._devices = devices
        self._framing = framing or WrapperServerFraming()
        self._associations: dict[tuple[int, int], _Association] = {}

    def receive(self, chunk: bytes) -> bytes:
        """The answers to what these bytes ask, possibly none; `RemoteError` when they are no frames."""
        out = bytearray()
        for arrival in self._framing.feed(chunk):
            ends = (arrival.client, arrival.server)
            if isinstance(arrival, Parted):
                self._associations.pop(ends, None)
                continue
            device = self._devices.get(arrival.server)
            if device is not None:
                answer = self._answer(device, ends, arrival.payload)
                out += self._framing.wrap(*ends, answer) if arrival.confirmed else b""
        return bytes(out + self._framing.replies())

    def _answer(self, device: Device, ends: tuple[int, int], payload: bytes) -> bytes:
        try:
            request = messages.decode(payload)
        except DecodeError:
            return _exception(StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON)
        if isinstance(request, Aarq):
            return self._associate(device, ends, request).to_bytes()
        association = self._associations.get(ends)
        if association is None:
            return _exception(StateError.SERVICE_NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE)
        if isinstance(request, Rlrq):
            del self._associations[ends]
            return Rlre().to_bytes()
        return self._serve(association, request)

    def _associate(self, device: Device, ends: tuple[int, int], request: Aarq) -> Aare:
        self._associations.pop(ends, None)
        refusal = _objection(device.clients.get(ends[0]), request)
        if refusal is None and len(self._associations) >= MAX_ASSOCIATIONS:
            refusal = UserDiagnostic.NO_REASON_GIVEN
        proposal = None
        if refusal is None:
            try:
                proposal = request.initiate()
            except DecodeError:
                refusal = UserDiagnostic.NO_REASON_GIVEN
        if refusal is not None or proposal is None:
            return _rejected(refusal or UserDiagnostic.NO_REASON_GIVEN, InitiateError.OTHER)
        if proposal.version < DLMS_VERSION:
            return _rejected(UserDiagnostic.NO_REASON_GIVEN, InitiateError.DLMS_VERSION_TOO_LOW)
        if 0 < proposal.max_pdu < MIN_PDU:
            return _rejected(UserDiagnostic.NO_REASON_GIVEN, InitiateError.PDU_SIZE_TOO_SHORT)
        granted = proposal.conformance & device.conformance
        if Conformance.GET not in granted:
            return _rejected(UserDiagnostic.NO_REASON_GIVEN, InitiateError.INCOMPATIBLE_CONFORMANCE)
        largest = min(proposal.max_pdu or device.max_pdu, device.max_pdu)
        seen = device.clients[ends[0]].objects or device.objects
        self._associations[ends] = _Association(seen, granted, largest)
        grant = InitiateResponse(granted, device.max_pdu).to_bytes()
        return Aare(AssociationResult.ACCEPTED, UserDiagnostic.NULL, grant, mechanism=request.mechanism)

    def _serve(self, association: _Association, request: Apdu) -> bytes:
        if not isinstance(request, GetRequestNext):
            association.pending = memoryview(b"")
        match request:
            case GetRequestNormal():
                result = _read(association.objects, request.attribute, request.access)
                whole = GetResponseNormal(request.invoke, result).to_bytes()
                body = b"" if isinstance(result, DataAccessResult) else result
                return _fit(association, request.invoke, whole, body)
            case GetRequestWithList() if Conformance.MULTIPLE_REFERENCES in association.granted:
                results = tuple([_read(association.objects, item, access) for item, access in request.items])
                listed = GetResponseWithList(request.invoke, results).to_bytes()
                return _fit(association, request.invoke, listed, write_results(results))
            case GetRequestNext():
                return _next_block(association, request)
            case SetRequestNormal() if Conformance.SET in association.granted:
                return SetResponseNormal(request.invoke, _write(association.objects, request)).to_bytes()
            case ActionRequestNormal() if Conformance.ACTION in association.granted:
                return ActionResponseNormal(request.invoke, _act(association.objects, request)).to_bytes()
        return _exception(StateError.SERVICE_NOT_ALLOWED, ServiceError.SERVICE_NOT_SUPPORTED)


def _objection(access: ClientAccess | None, request: Aarq) -> UserDiagnostic | None:
    if request.context is not Context.LN:
        return UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED
    if access is None:
        return UserDiagnostic.NO_REASON_GIVEN
    if request.mechanism is not access.mechanism:
        missing = request.mechanism is Mechanism.NONE
        return (
            UserDiagnostic.AUTHENTICATION_REQUIRED
            if missing
            else UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
        )
    if access.password is not None and not hmac.compare_digest(access.password, request.password or b""):
        return UserDiagnostic.AUTHENTICATION_FAILURE
    return None


def _rejected(diagnostic: UserDiagnostic, error: InitiateError) -> Aare:
    why = ConfirmedServiceError(1, 6, error).to_bytes()
    return Aare(AssociationResult.REJECTED_PERMANENT, diagnostic, why)


def _exception(state: StateError, service: ServiceError) -> bytes:
    return ExceptionResponse(state, service).to_bytes()


def _read(objects: ObjectServer, item: messages.Attribute, access: Access | None) -> bytes | DataAccessResult:
    try:
        selection = None if access is None else read_selection(access)
    except DecodeError:
        return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    found = objects.read(item.class_id, item.obis, item.number, selection)
    return axdr.encode(found) if isinstance(found, Data) else found


def _write(objects: ObjectServer, request: SetRequestNormal) -> DataAccessResult:
    if not isinstance(objects, WritableObjectServer) or request.access is not None:
        return DataAccessResult.READ_WRITE_DENIED
    item = request.attribute
    return objects.write(item.class_id, item.obis, item.number, request.value)


def _act(objects: ObjectServer, request: ActionRequestNormal) -> ActionResult:
    if not isinstance(objects, WritableObjectServer):
        return ActionResult.READ_WRITE_DENIED
    item = request.method
    return objects.act(item.class_id, item.obis, item.number, request.parameters)


def _fit(association: _Association, invoke: InvokeId, whole: bytes, body: bytes) -> bytes:
    """The answer as it is when it fits, else its first block; refused when blocks were not agreed upon."""
    if len(whole) <= association.max_pdu:
        return whole
    if Conformance.BLOCK_TRANSFER_WITH_GET not in association.granted:
        return GetResponseNormal(invoke, DataAccessResult.SCOPE_OF_ACCESS_VIOLATED).to_bytes()
    association.pending = memoryview(body)
    association.invoke = invoke.number
    association.block = 0
    return _block(association, invoke)


def _block(association: _Association, invoke: InvokeId) -> bytes:
    room = association.max_pdu - _BLOCK_OVERHEAD
    piece, association.pending = bytes(association.pending[:room]), association.pending[room:]
    association.block += 1
    last = not association.pending
    return GetResponseWithBlock(invoke, last, association.block, piece).to_bytes()


def _next_block(association: _Association, request: GetRequestNext) -> bytes:
    reason = None
    if not association.pending or request.invoke.number != association.invoke:
        reason = DataAccessResult.NO_LONG_GET_IN_PROGRESS
    elif request.block != association.block:
        reason = DataAccessResult.DATA_BLOCK_NUMBER_INVALID
    if reason is not None:
        association.pending = memoryview(b"")
        return GetResponseWithBlock(request.invoke, True, request.block, reason).to_bytes()
    return _block(association, request.invoke)
