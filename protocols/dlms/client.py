"""The head-end's half of a DLMS conversation: requests out, bytes in, events out. No socket, no clock.

    link.send(client.associate())
    for event in client.receive(link.read()):
        if isinstance(event, Send): link.send(event.raw)        # the next block, asked for
        if isinstance(event, Got): use(event.attribute, event.result)

One request is under way at a time. A meter that breaks the protocol raises `RemoteError`, after which the
connection answers every call with `LocalError`: open a new link.
"""

from dataclasses import dataclass
from typing import Final

from protocols.dlms import apdu as messages
from protocols.dlms.apdu import (
    Aare,
    Aarq,
    ActionRequestNormal,
    ActionResponseNormal,
    Apdu,
    Attribute,
    ConfirmedServiceError,
    DataNotification,
    ExceptionResponse,
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithBlock,
    GetResponseWithList,
    InitiateRequest,
    InvokeId,
    Rlre,
    Rlrq,
    SetRequestNormal,
    SetResponseNormal,
)  # fmt: skip
from protocols.dlms.axdr import Data
from protocols.dlms.client_states import RECEIVES, SENDS, State
from protocols.dlms.enums import AssociationResult, Conformance, DataAccessResult, Mechanism
from protocols.dlms.events import (
    Acted,
    Associated,
    Event,
    Failed,
    Got,
    Notified,
    Released,
    Send,
    WasSet,
)  # fmt: skip
from protocols.dlms.framing import Framing, WrapperFraming
from protocols.dlms.get import read_results
from protocols.dlms.selection import EntrySelection, RangeSelection
from protocols.errors import (
    AssociationRefused,
    DecodeError,
    LocalError,
    ProtocolError,
    RemoteError,
    ServiceRefused,
)  # fmt: skip
from protocols.reader import Reader

DEFAULT_CONFORMANCE: Final = (
    Conformance.GET | Conformance.SET | Conformance.ACTION | Conformance.SELECTIVE_ACCESS
    | Conformance.MULTIPLE_REFERENCES | Conformance.BLOCK_TRANSFER_WITH_GET | Conformance.PRIORITY_MANAGEMENT
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How to speak to one meter: addresses are wrapper ports; `password` is the LLS secret, never printed."""

    client_address: int = 16
    server_address: int = 1
    mechanism: Mechanism = Mechanism.NONE
    password: bytes | None = None
    max_pdu: int = 0xFFFF
    conformance: Conformance = DEFAULT_CONFORMANCE
    answer_seconds: float = 30.0
    max_answer_bytes: int = 4 << 20
    max_blocks: int = 65_536

    def __repr__(self) -> str:
        return f"ClientSettings({self.client_address}->{self.server_address}, {self.mechanism.name})"


class ClientConnection:
    """One association with one meter."""

    def __init__(self, settings: ClientSettings, framing: Framing | None = None) -> None:
        self.settings = settings
        self.state = State.IDLE
        self.granted = Conformance(0)
        self._framing = framing or WrapperFraming(settings.client_address, settings.server_address)
        self._server_max_pdu = 0
        self._invoke = 0
        self._asked: tuple[Attribute, ...] = ()
        self._as_list = False
        self._blocks = bytearray()
        self._block = 0

    def associate(self) -> bytes:
        """AARQ: none, or LLS with the password."""
        settings = self.settings
        if settings.mechanism not in (Mechanism.NONE, Mechanism.LLS):
            raise LocalError(f"authentication {settings.mechanism.name} is not spoken here: use none or LLS")
        if (settings.mechanism is Mechanism.LLS) != (settings.password is not None):
            raise LocalError("a password belongs to LLS, and LLS needs one")
        proposal = InitiateRequest(settings.conformance, settings.max_pdu).to_bytes()
        return self._send(Aarq(proposal, mechanism=settings.mechanism, password=settings.password))

    def get(
        self,
        attribute: Attribute,
        selection: RangeSelection | EntrySelection | None = None,
    ) -> bytes:
        """Read one attribute, or the part of a profile that `selection` says."""
        if selection is not None and Conformance.SELECTIVE_ACCESS not in self.granted:
            raise LocalError("the meter does not grant selective access")
        access = None if selection is None else selection.to_access()
        raw = self._send(GetRequestNormal(self._next_invoke(), attribute, access))
        self._asked, self._as_list = (attribute,), False
        return raw

    def get_list(self, attributes: tuple[Attribute, ...]) -> bytes:
        """Read several attributes in one request; the meter must have granted multiple references."""
        if Conformance.MULTIPLE_REFERENCES not in self.granted:
            raise LocalError("the meter does not grant multiple references: read the attributes one by one")
        items = tuple((attribute, None) for attribute in attributes)
        raw = self._send(GetRequestWithList(self._next_invoke(), items))
        self._asked, self._as_list = attributes, True
        return raw

    def set(self, attribute: Attribute, value: Data) -> bytes:
        """Write one attribute."""
        raw = self._send(SetRequestNormal(self._next_invoke(), attribute, value))
        self._asked = (attribute,)
        return raw

    def act(self, method: Attribute, parameters: Data | None = None) -> bytes:
        """Invoke one method."""
        raw = self._send(ActionRequestNormal(self._next_invoke(), method, parameters))
        self._asked = (method,)
        return raw

    def release(self) -> bytes:
        """RLRQ: close the association."""
        return self._send(Rlrq())

    def next_timeout(self) -> float | None:
        """Seconds to wait for an answer, None when none is due."""
        return None if self.state in (State.IDLE, State.READY, State.BROKEN) else self.settings.answer_seconds

    def receive(self, chunk: bytes) -> list[Event]:
        """What these bytes say.

        Raises `AssociationRefused` when the meter declines, `RemoteError` when it breaks the protocol.
        """
        if self.state is State.BROKEN:
            raise LocalError("this connection is broken: open a new link")
        events: list[Event] = []
        try:
            for payload in self._framing.feed(chunk):
                events += self._take(messages.decode(payload), payload)
            if owed := self._framing.replies():
                events.append(Send(owed))
        except ProtocolError:
            self.state = State.BROKEN
            raise
        return events

    def _next_invoke(self) -> InvokeId:
        return InvokeId((self._invoke + 1) % 16)

    def _send(self, request: Apdu) -> bytes:
        after = SENDS.get(self.state, {}).get(type(request))
        if after is None:
            raise LocalError(f"{type(request).__name__} may not be sent now ({self.state.name.lower()})")
        payload = request.to_bytes()
        if self._server_max_pdu and len(payload) > self._server_max_pdu:
            raise LocalError(f"a request of {len(payload)} bytes, the meter takes {self._server_max_pdu}")
        raw = self._framing.wrap(payload)
        # Only now, when everything could be encoded, does the state move.
        self.state = after
        if isinstance(request, (GetRequestNormal, GetRequestWithList, SetRequestNormal, ActionRequestNormal)):
            self._invoke = request.invoke.number
            self._blocks.clear()
            self._block = 0
        return raw

    def _take(self, message: Apdu, raw: bytes) -> list[Event]:
        if isinstance(message, DataNotification):
            return [Notified(message)]
        after = RECEIVES.get(self.state, {}).get(type(message))
        if after is None:
            raise RemoteError(f"{type(message).__name__} was not expected ({self.state.name.lower()})", raw)
        answer = getattr(message, "invoke", None)
        if answer is not None and answer.number != self._invoke:
            raise RemoteError(f"an answer to request {answer.number}, {self._invoke} was asked", raw)
        self.state = after
        match message:
            case Aare():
                return [self._associated(message, raw)]
            case GetResponseNormal():
                if self._as_list:
                    raise RemoteError("one value came where a list was asked", raw)
                return [Got(self._asked[0], message.result)]
            case GetResponseWithList():
                return self._listed(message.results, raw)
            case GetResponseWithBlock():
                return self._block_came(message, raw)
            case SetResponseNormal():
                return [WasSet(self._asked[0], message.result)]
            case ActionResponseNormal():
                return [Acted(self._asked[0], message.result, message.returned)]
            case Rlre():
                self.granted = Conformance(0)
                self._server_max_pdu = 0
                return [Released()]
            case _:
                return [Failed(_service_refused(message, raw))]

    def _associated(self, message: Aare, raw: bytes) -> Associated:
        if message.result is not AssociationResult.ACCEPTED:
            raise AssociationRefused(message.result, message.diagnostic, raw)
        grant = message.initiate()
        if isinstance(grant, ConfirmedServiceError):
            raise _service_refused(grant, raw)
        self.granted = grant.conformance & self.settings.conformance
        self._server_max_pdu = grant.max_pdu
        return Associated(self.granted, grant.max_pdu)

    def _listed(self, results: tuple[bytes | DataAccessResult, ...], raw: bytes) -> list[Event]:
        if not self._as_list or len(results) != len(self._asked):
            raise RemoteError(f"{len(results)} results for {len(self._asked)} attributes", raw)
        return [Got(attribute, result) for attribute, result in zip(self._asked, results, strict=True)]

    def _block_came(self, message: GetResponseWithBlock, raw: bytes) -> list[Event]:
        if message.block != self._block + 1:
            raise RemoteError(f"block {message.block} came, {self._block + 1} was due", raw)
        if isinstance(message.result, DataAccessResult):
            # The transfer is over and nothing of it is kept: part of a value is no value.
            self.state = State.READY
            return [Got(attribute, message.result) for attribute in self._asked]
        self._block = message.block
        if len(self._blocks) + len(message.result) > self.settings.max_answer_bytes:
            raise RemoteError(f"an answer longer than {self.settings.max_answer_bytes} bytes", raw)
        if self._block > self.settings.max_blocks:
            raise RemoteError(f"an answer of more than {self.settings.max_blocks} blocks", raw)
        self._blocks += message.result
        if not message.last:
            return [Send(self._send(GetRequestNext(InvokeId(self._invoke), self._block)))]
        whole = bytes(self._blocks)
        self._blocks.clear()
        self.state = State.READY
        if self._as_list:
            return self._listed(read_results(Reader(whole)), whole)
        if not whole:
            raise DecodeError("an answer in blocks without a byte in them", raw)
        return [Got(self._asked[0], whole)]


def _service_refused(message: Apdu, raw: bytes) -> ServiceRefused:
    if isinstance(message, ExceptionResponse):
        words = f"{message.state_error.name}, {message.service_error.name}".lower().replace("_", " ")
        errors = (message.state_error, message.service_error)
        return ServiceRefused(f"the meter answered with an exception: {words}", raw, errors)
    if isinstance(message, ConfirmedServiceError):
        return ServiceRefused(
            f"the meter answered with service error {message.error!r}", raw, (message.error,)
        )
    raise RemoteError(f"{type(message).__name__} is no error", raw)
