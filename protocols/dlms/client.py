"""The head-end's half of a DLMS conversation: requests out, bytes in, events out. No socket, no clock.

    link.send(client.connect())                                   # HDLC only: until Connected
    link.send(client.associate())
    for event in client.receive(link.read()):
        if isinstance(event, Send): link.send(event.raw)          # the next block, the proof of HLS
        if isinstance(event, Got): use(event.attribute, event.result)
    link.send(client.on_silence())                                # after `next_timeout` seconds

One request is under way at a time. A meter that breaks the protocol raises `RemoteError`, after which the
connection answers every call with `LocalError`: open a new link.
"""

import secrets
from collections.abc import Callable

from protocols.dlms import apdu as messages
from protocols.dlms.apdu import (
    Aare,
    Aarq,
    ActionResponseNormal,
    Apdu,
    Attribute,
    ConfirmedServiceError,
    DataNotification,
    EventNotification,
    ExceptionResponse,
    GeneralBlock,
    InvokeId,
    Rlre,
    Rlrq,
)  # fmt: skip
from protocols.dlms.axdr import Data
from protocols.dlms.client_exchanges import (
    MOST_LISTED,
    Exchange,
    Gathering,
    Invoking,
    Reading,
    Writing,
    listed,
)
from protocols.dlms.client_opening import NOTHING, Opening, both, service_refused
from protocols.dlms.client_settings import DEFAULT_CONFORMANCE, ClientSettings
from protocols.dlms.client_states import AWAITING, RECEIVES, SENDS, State, spoken_state
from protocols.dlms.enums import Conformance
from protocols.dlms.events import (
    Associated,
    Connected,
    Disconnected,
    Event,
    Failed,
    Notified,
    Released,
    Send,
)  # fmt: skip
from protocols.dlms.framing import Framing, WrapperFraming
from protocols.dlms.general_block import GeneralBlocks
from protocols.dlms.get import Listing
from protocols.dlms.selection import EntrySelection, RangeSelection
from protocols.errors import LocalError, ProtocolError, RemoteError

__all__ = ["DEFAULT_CONFORMANCE", "ClientConnection", "ClientSettings"]
# Names of their own: looking a member up in its enum takes ten times as long.
_IDLE, _READY, _BROKEN = State.IDLE, State.READY, State.BROKEN
_ACSE = frozenset(range(0x60, 0x64))
_ONE_VALUE = b"\xc4\x01"
"""How an answer begins whose value is handed on as it is, however long."""
_GENERAL_BLOCK = bytes((GeneralBlock.TAG,))
_RELEASED = Released()
_NO_EXCHANGES = frozenset((Aare, Rlre, ExceptionResponse, ConfirmedServiceError, ActionResponseNormal))
"""Answers that are not, or not always, those of an exchange."""
_NOWHERE: dict[type[Apdu], State] = {}
_LISTS = int(Conformance.MULTIPLE_REFERENCES)
_SELECTS = int(Conformance.SELECTIVE_ACCESS)
_GENERAL = int(Conformance.GENERAL_BLOCK_TRANSFER)
_INVOKE_IDS = tuple([InvokeId(number) for number in range(16)])
_PROTECTION_BYTES = 32  # tag, length, title, control, counter and authentication tag, at the most


class ClientConnection:
    """One association with one meter. `random_bytes` makes the challenges of HLS."""

    state, granted = _IDLE, NOTHING
    lists = selects = False
    """Whether several attributes may be asked for at once, and parts of a profile: both are granted."""
    _server_max_pdu = _invoke = 0
    _exchange: Exchange | None = None
    _blocks: GeneralBlocks | None = None
    _linking = _in_general_blocks = False

    def __init__(
        self,
        settings: ClientSettings,
        framing: Framing | None = None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.settings = settings
        self._framing = framing or WrapperFraming(settings.client_address, settings.server_address)
        self._steady = framing is None  # nothing but messages comes and goes on it
        self._random_bytes = random_bytes
        self._opening = Opening(settings, random_bytes)

    @property
    def connected(self) -> bool:
        """The link is open; over the wrapper it always is."""
        return self._framing.connected

    @property
    def their_title(self) -> bytes | None:
        """The meter's system title, None where nothing is ciphered; proved once the association stands."""
        protection = self._opening.protection
        return None if protection is None else protection.peer_system_title

    def connect(self) -> bytes:
        """What opens the link (SNRM); nothing where nothing does. `Connected` follows, or is so already."""
        self._usable()
        raw = self._framing.connect()
        self._linking = bool(raw)
        return raw

    def disconnect(self) -> bytes:
        """What closes the link (DISC); nothing where nothing does."""
        self._usable()
        raw = self._framing.disconnect()
        self._linking = bool(raw)
        return raw

    def associate(self) -> bytes:
        """AARQ. `Associated` follows; with HLS, the third and the fourth pass first, by themselves."""
        if not self._framing.connected:
            raise LocalError("the link is not open: connect first")
        opening = self._opening
        if not opening.anew:
            opening = Opening(self.settings, self._random_bytes)
        raw = self._out(opening.request(), self._after(Aarq))
        self._opening = opening
        return raw

    def get(
        self,
        attribute: Attribute,
        selection: RangeSelection | EntrySelection | None = None,
    ) -> bytes:
        """Read one attribute, or the part of a profile that `selection` says."""
        if selection is not None and not self.selects:
            raise LocalError("the meter does not grant selective access")
        access = None if selection is None else selection.to_access()
        bounds = self.settings.max_answer_bytes, self.settings.max_blocks
        return self._begin(Reading(self._next_invoke(), ((attribute, access),), False, *bounds))

    def get_list(self, attributes: tuple[Attribute, ...]) -> bytes:
        """Read several attributes in one request; the meter must have granted multiple references."""
        self._lists()
        return self._begin(Reading(self._next_invoke(), listed(attributes), True, *self._walked))

    def get_listing(self, listing: Listing) -> bytes:
        """The same of a list that is made once for many meters, with parts of profiles in it."""
        self._lists()
        if listing.selects and not self.selects:
            raise LocalError("the meter does not grant selective access")
        invoke = self._next_invoke()
        return self._begin(Reading(invoke, listing.items, True, *self._walked, listing.written))

    def set(self, attribute: Attribute, value: Data) -> bytes:
        """Write one attribute; in blocks when it is long and the meter grants them."""
        return self._begin(
            Writing(self._next_invoke(), ((attribute, None),), (value,), False, self._cuts(Conformance.SET))
        )

    def set_list(self, values: tuple[tuple[Attribute, Data], ...]) -> bytes:
        """Write several attributes in one request."""
        self._lists()
        items = listed(tuple([attribute for attribute, _ in values]))
        written = tuple([value for _, value in values])
        return self._begin(Writing(self._next_invoke(), items, written, True, self._cuts(Conformance.SET)))

    def act(self, method: Attribute, parameters: Data | None = None) -> bytes:
        """Invoke one method; parameters go in blocks when they are long and the meter grants them."""
        cuts = self._cuts(Conformance.ACTION)
        invoking = Invoking(
            self._next_invoke(), (method,), (parameters,), False, cuts, Gathering(*self._walked)
        )
        return self._begin(invoking)

    def act_list(self, methods: tuple[tuple[Attribute, Data | None], ...]) -> bytes:
        """Invoke several methods in one request."""
        self._lists()
        names = tuple([method for method, _ in methods])
        listed(names)
        parameters = tuple([data for _, data in methods])
        cuts = self._cuts(Conformance.ACTION)
        gathering = Gathering(*self._walked)
        return self._begin(Invoking(self._next_invoke(), names, parameters, True, cuts, gathering))

    def release(self) -> bytes:
        """RLRQ: close the association."""
        return self._out(self._opening.farewell(), self._after(Rlrq))

    def next_timeout(self) -> float | None:
        """Seconds to wait before `on_silence`, None when nothing is due."""
        if self.state not in AWAITING and not self._linking:
            return None
        pause = self._framing.pause_s
        seconds = self.settings.answer_seconds
        return seconds if pause is None else min(pause, seconds)

    def on_silence(self) -> bytes:
        """Nothing came for `next_timeout` seconds: what to send now, or `RemoteError` when given up."""
        self._usable()
        try:
            return self._framing.on_silence()
        except RemoteError:
            # Blocks are numbered: asking for them again cannot be mistaken for another question.
            if self._blocks is None or self.state not in AWAITING:
                self.state = _BROKEN
                raise
        try:
            return self._wrapped(self._blocks.on_silence())
        except ProtocolError:
            self.state = _BROKEN
            raise

    def receive(self, chunk: bytes) -> list[Event]:
        """What these bytes say.

        Raises `AssociationRefused` when the meter declines, `RemoteError` when it breaks the protocol.
        """
        self._usable()
        framing = self._framing
        was_connected, was_closing = framing.connected, framing.closing
        events: list[Event] = []
        try:
            for payload in framing.feed(chunk):
                events += self._heard(payload)
            if self._steady:
                return events
            owed = framing.replies(awaiting=self.state in AWAITING)
        except LocalError as ours:
            # What it said leaves us nothing to say: a length no request fits, blocks that nothing goes into.
            self.state = _BROKEN
            raise RemoteError(f"what the meter said cannot be answered: {ours.reason}", chunk) from ours
        except RemoteError as error:
            self.state = _BROKEN
            error.raw = error.raw or bytes(chunk)
            raise
        if owed:
            events.append(Send(owed))
        if framing.connected and not was_connected:
            self._linking = False
            events.append(Connected())
        elif (was_connected and not framing.connected) or (was_closing and not framing.closing):
            self._linking = False
            self._part()
            events.append(Disconnected())
        return events

    def _usable(self) -> None:
        if self.state is _BROKEN:
            raise LocalError("this connection is broken: open a new link")

    def _part(self) -> None:
        self.state, self.granted = _IDLE, NOTHING
        self.lists = self.selects = self._in_general_blocks = False
        self._server_max_pdu = 0
        self._exchange = self._blocks = None

    def _grant(self, granted: Conformance) -> None:
        """What is allowed from now on; what every request asks of it is worked out here."""
        self.granted = granted
        bits = int.__index__(granted)
        self.lists = bool(bits & _LISTS)
        self.selects = bool(bits & _SELECTS)
        self._in_general_blocks = bool(bits & _GENERAL and self.settings.general_window)

    def _next_invoke(self) -> InvokeId:
        return _INVOKE_IDS[(self._invoke + 1) % 16]

    @property
    def _walked(self) -> tuple[int, int]:
        """Bytes and blocks of an answer that is walked through, at the most."""
        return min(self.settings.max_answer_bytes, MOST_LISTED), self.settings.max_blocks

    def _lists(self) -> None:
        if not self.lists:
            raise LocalError("the meter does not grant multiple references: ask for one after the other")

    def _cuts(self, service: Conformance) -> bool:
        """Whether this service may go in its own blocks."""
        grants = {
            Conformance.SET: Conformance.BLOCK_TRANSFER_WITH_SET,
            Conformance.ACTION: Conformance.BLOCK_TRANSFER_WITH_ACTION,
        }
        return grants[service] in self.granted

    def _begin(self, exchange: Exchange) -> bytes:
        overhead = 0 if self._opening.protection is None else _PROTECTION_BYTES
        largest = self._server_max_pdu - overhead if self._server_max_pdu else None
        self._blocks = None
        raw = self._send(exchange.first(None if self._in_general_blocks else largest))
        self._exchange = exchange
        self._invoke = exchange.invoke.number
        return raw

    def _send(self, request: Apdu) -> bytes:
        after = self._after(type(request))
        return self._out(request.to_bytes(), after)

    def _after(self, kind: type[Apdu]) -> State:
        """Where a request of this kind leads."""
        after = SENDS.get(self.state, _NOWHERE).get(kind)
        if after is None:
            self._usable()
            raise LocalError(f"{kind.__name__} may not be sent now ({spoken_state(self.state)})")
        return after

    def _out(self, payload: bytes, after: State) -> bytes:
        protection = self._opening.protection
        if protection is not None and payload[0] not in _ACSE:
            payload = protection.protect(payload)
        if self._in_general_blocks and payload[0] not in _ACSE:
            self._blocks = self._general()
            raw = self._wrapped(self._blocks.send(payload))
        elif self._server_max_pdu and len(payload) > self._server_max_pdu:
            raise LocalError(f"a request of {len(payload)} bytes, the meter takes {self._server_max_pdu}")
        else:
            raw = self._framing.wrap(payload)
        # Only now, when everything could be encoded, does the state move.
        self.state = after
        return raw

    def _general(self) -> GeneralBlocks:
        window = max(1, self.settings.general_window)
        return GeneralBlocks(window, self._server_max_pdu, self.settings.max_answer_bytes, by_client=True)

    def _wrapped(self, payloads: list[bytes]) -> bytes:
        return b"".join([self._framing.wrap(payload) for payload in payloads])

    def _heard(self, payload: bytes) -> list[Event]:
        """A message off the link: put together from blocks, its protection taken off."""
        if payload[:1] == _GENERAL_BLOCK:
            return self._block_came(payload)
        raw = payload
        protection = self._opening.protection
        if protection is not None and payload and payload[0] not in _ACSE:
            raw = protection.unprotect(payload)
            if raw[:1] == _GENERAL_BLOCK:
                return self._block_came(raw)
        if len(raw) > MOST_LISTED and raw[:2] != _ONE_VALUE:
            raise RemoteError(f"a message of {len(raw)} bytes that is no single value", raw)
        return self._take(messages.decode(raw), raw)

    def _block_came(self, payload: bytes) -> list[Event]:
        # What comes in blocks while nothing is asked is a push.
        self._blocks = self._blocks or self._general()
        whole, answers = self._blocks.receive(payload)
        if whole is not None:
            self._blocks = None
            if whole[:1] == _GENERAL_BLOCK:
                raise RemoteError("blocks within blocks", payload)
            return self._heard(whole)
        return [Send(self._wrapped(answers))] if answers else []

    def _take(self, message: Apdu, raw: bytes) -> list[Event]:
        after = RECEIVES.get(self.state, _NOWHERE).get(type(message))
        if after is None:
            if isinstance(message, (DataNotification, EventNotification)):
                return [Notified(message)]
            raise RemoteError(f"{type(message).__name__} was not expected ({spoken_state(self.state)})", raw)
        answer = getattr(message, "invoke", None)
        if answer is not None and answer.number != self._invoke:
            raise RemoteError(f"an answer to request {answer.number}, {self._invoke} was asked", raw)
        asked_in, self.state = self.state, after
        if type(message) in _NO_EXCHANGES:
            match message:
                case Aare():
                    return self._accepted(message, raw)
                case Rlre():
                    if self._opening.protection is not None and message.user_information is not None:
                        self._opening.protection.unprotect(message.user_information)
                    self._part()
                    return [_RELEASED]
                case ExceptionResponse() | ConfirmedServiceError():
                    return [Failed(service_refused(message, raw))]
                case ActionResponseNormal() if asked_in is State.AWAIT_PROOF:
                    self._opening.proven(message.outcome, raw)
                    return [Associated(self.granted, self._server_max_pdu)]
        assert self._exchange is not None  # whoever awaits an answer has asked
        events, following = self._exchange.take(message, raw)
        if following is not None:
            return [*events, Send(self._send(following))]
        self.state = _READY
        return events

    def _accepted(self, message: Aare, raw: bytes) -> list[Event]:
        grant = self._opening.answered(message, raw)
        self._grant(both(grant.conformance, self.settings.proposed))
        self._server_max_pdu = grant.max_pdu
        proof = self._opening.proof(self._next_invoke())
        if proof is not None:
            self._invoke = proof.invoke.number
            return [Send(self._send(proof))]
        self.state = _READY
        return [Associated(self.granted, grant.max_pdu)]
