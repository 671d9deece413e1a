"""The client's half of an HDLC link to one meter: normal response mode, the client has the first turn.

    line.send(link.connect())                  # SNRM; UA makes it `connected`
    line.send(link.wrap(request))              # I frames, the last with P: the turn is the meter's
    link.feed(line.read())                     # F gives it back
    line.send(link.replies())                  # RR or the next segments
    line.send(link.on_silence())               # repeats, or asks with RR and P

Frames of other stations on the line and damaged ones are passed over; what they cost is found out by
`on_silence`. What a meter says against the rules raises `RemoteError`, and the link is over.
"""

from enum import Enum, auto
from typing import NoReturn

from protocols.dlms.hdlc.address import ALL_STATIONS, CALLING_STATIONS, HdlcAddress
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.hdlc.limits import LinkLimits
from protocols.dlms.hdlc.llc import FROM_CLIENT, FROM_METER
from protocols.dlms.hdlc.notices import NoticeReader
from protocols.dlms.hdlc.numbering import Numbering, Order
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.rejection import Rejection
from protocols.dlms.hdlc.stream import Deframer
from protocols.errors import LocalError, RemoteError


class LinkState(Enum):
    """Where the link stands."""

    CLOSED = auto()
    CONNECTING = auto()
    CONNECTED = auto()
    DISCONNECTING = auto()


class HdlcFraming:
    """`client` is one byte's address, `proposal` what SNRM proposes; `agreed` what holds after UA."""

    def __init__(
        self,
        client: int,
        server: HdlcAddress,
        proposal: LinkParameters | None = None,
        limits: LinkLimits | None = None,
    ) -> None:
        self._client, self._server = HdlcAddress(client, octets=1), server
        self._proposal = proposal or LinkParameters()
        self._limits = limits or LinkLimits()
        self._state = LinkState.CLOSED
        self._deframer = Deframer(self._limits.max_noise)
        self._notices = NoticeReader(FROM_METER, self._limits.max_message)
        self._numbering = Numbering(self._proposal)
        self._failure: RemoteError | None = None
        self._turn = True
        self._busy = False
        self._awaiting = False
        self._incomplete = False
        self._asked_by_rr = False
        self._silences = self._rounds = self._polls = 0

    @property
    def connected(self) -> bool:
        """UA came, and neither DM nor an error since."""
        return self._state is LinkState.CONNECTED and self._failure is None

    @property
    def closing(self) -> bool:
        """DISC went out; neither UA nor DM came yet."""
        return self._state is LinkState.DISCONNECTING and self._failure is None

    @property
    def agreed(self) -> LinkParameters:
        """The parameters in force."""
        return self._numbering.agreed

    @property
    def pause_s(self) -> float | None:
        """A number while the meter says that it is busy, or has nothing yet: ask again after that."""
        return self._limits.pause_s if self.connected and self._turn and self._expecting else None

    def connect(self) -> bytes:
        """SNRM; a link that stood is begun anew."""
        self._check()
        self._state = LinkState.CONNECTING
        self._silences = 0
        return self._snrm()

    def wrap(self, payload: bytes) -> bytes:
        """The I frames that may go now; `LocalError` when there is no link, or too much is waiting."""
        self._check()
        if self._state is not LinkState.CONNECTED:
            raise LocalError("there is no HDLC link to send on: connect first")
        if not payload or self._numbering.waiting + len(payload) > self._limits.max_message:
            raise LocalError(f"an HDLC link takes 1 to {self._limits.max_message} bytes, not {len(payload)}")
        self._numbering.put(FROM_CLIENT + payload)
        self._awaiting = True
        return self.replies()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The messages completed by these bytes, answers and notifications alike.

        Messages before an error are handed out first; the error then comes with the next call.
        """
        if self._failure is not None:
            raise self._failure
        messages: list[bytes] = []
        try:
            for frame in self._deframer.feed(chunk):
                if (message := self._take(frame)) is not None:
                    messages.append(message)
        except RemoteError as failure:
            self._failure = failure
            if not messages:
                raise
        return messages

    def replies(self, *, awaiting: bool = False) -> bytes:
        """The next segments, or RR for the rest of a message that has begun to come, or for the next one."""
        if not self.connected or not self._turn:
            return b""
        if self._numbering.pending and not self._busy:
            return self._burst()
        # A meter that has not answered yet is asked after a pause; one that has may go on at once.
        goes_on = awaiting and not self._awaiting
        self._awaiting |= goes_on
        return self._ask() if self._incomplete or goes_on else b""

    def on_silence(self) -> bytes:
        """What was sent, again; RR when it was received, or the meter was busy. `RemoteError` in the end."""
        if self._failure is not None:
            raise self._failure
        late = self._deframer.pending
        self._deframer.reset()
        if self.connected and self._turn:
            if not self._expecting:
                return b""
            self._polls = self._bounded(self._polls, self._limits.polls, "the meter stayed busy", late)
            return self._ask()
        if self._state is LinkState.CLOSED:
            return b""
        self._silences = self._bounded(
            self._silences, self._limits.repeats, "the meter does not answer", late
        )
        if self._state is LinkState.CONNECTING:
            return self._snrm()
        if self._state is LinkState.DISCONNECTING:
            return self._frame(Kind.DISC)
        return self._burst() if self._numbering.sent and not self._busy else self._ask()

    def disconnect(self) -> bytes:
        """DISC; nothing when there is no link."""
        if self._failure is not None or self._state is LinkState.CLOSED:
            self._state = LinkState.CLOSED
            return b""
        self._state = LinkState.DISCONNECTING
        self._silences = 0
        return self._frame(Kind.DISC)

    @property
    def _expecting(self) -> bool:
        return self._busy or self._awaiting

    def _check(self) -> None:
        if self._failure is not None:
            raise LocalError("this HDLC link is broken: open a new one")

    def _fail(self, why: str, raw: bytes) -> NoReturn:
        self._failure = RemoteError(why, raw)
        raise self._failure

    def _bounded(self, count: int, limit: int, why: str, raw: bytes) -> int:
        if count >= limit:
            self._fail(f"{why}: asked {limit + 1} times", raw)
        return count + 1

    def _snrm(self) -> bytes:
        proposal = self._proposal
        # The defaults need no words; some meters know no others.
        return self._frame(Kind.SNRM, b"" if proposal == LinkParameters() else proposal.to_bytes())

    def _frame(self, kind: Kind, info: bytes = b"") -> bytes:
        octet = control(kind, receive=self._numbering.expected)
        self._deframer.spoken()
        return HdlcFrame(self._server, self._client, octet, info).to_bytes()

    def _burst(self) -> bytes:
        self._turn = self._incomplete = self._asked_by_rr = False
        self._deframer.spoken()
        return self._numbering.frames(self._server, self._client)

    def _ask(self) -> bytes:
        self._turn = self._incomplete = False
        self._asked_by_rr = True
        return self._frame(Kind.RR)

    def _take(self, frame: HdlcFrame) -> bytes | None:
        """The message this frame completes."""
        if frame.kind is Kind.UI:
            return self._notice(frame)
        if frame.destination != self._client or not frame.source.same_station(self._server):
            return None
        if self._state is LinkState.CONNECTED:
            return self._on_link(frame)
        if self._state is LinkState.CONNECTING:
            if frame.kind is Kind.DM:
                self._fail("the meter refused the HDLC link (DM)", frame.to_bytes())
            if frame.kind is Kind.UA:
                self._open(LinkParameters.from_bytes(frame.info))
        elif self._state is LinkState.DISCONNECTING and frame.kind in (Kind.UA, Kind.DM):
            self._state = LinkState.CLOSED
        return None  # what is left of an older link means nothing to a new one

    def _open(self, answer: LinkParameters) -> None:
        self._numbering = Numbering(self._proposal.agreed(answer))
        self._state = LinkState.CONNECTED
        self._turn = True
        self._busy = self._awaiting = self._incomplete = self._asked_by_rr = False
        self._progress()

    def _on_link(self, frame: HdlcFrame) -> bytes | None:
        match frame.kind:
            case Kind.I:
                return self._information(frame)
            case Kind.RR | Kind.RNR | Kind.REJ:
                self._supervisory(frame)
            case Kind.UA:
                pass  # the answer to an SNRM that had been repeated
            case Kind.FRMR:
                self._fail(
                    f"the meter rejected a frame: {Rejection.from_bytes(frame.info)}", frame.to_bytes()
                )
            case Kind.DM | Kind.DISC:
                self._fail("the meter closed the HDLC link", frame.to_bytes())
            case _:
                self._fail(f"a meter sends no frame with control byte {frame.control:02X}", frame.to_bytes())
        return None

    def _acknowledged(self, frame: HdlcFrame) -> bool:
        count = self._numbering.acknowledge(frame.receive)
        if count is None:
            self._fail("the meter acknowledged frames that were never sent", frame.to_bytes())
        if count:
            self._progress()
        return bool(count)

    def _information(self, frame: HdlcFrame) -> bytes | None:
        advanced = self._acknowledged(frame)
        numbering = self._numbering
        order = numbering.order(frame)
        if order is Order.REPEATED and not advanced:
            return None  # the second answer to a question put twice: the turn came back with the first
        self._busy = False
        message = b""
        if order is Order.DUE:
            if numbering.kept + len(frame.info) > self._limits.max_message:
                self._fail(f"a message of more than {self._limits.max_message} bytes", frame.to_bytes())
            message = numbering.take(frame)
            if frame.info:
                self._progress()
        if frame.final:
            self._turn = True
            self._incomplete = order is not Order.DUE or frame.segmented
            self._fruitless(frame)
        if not message:
            return None
        if not message.startswith(FROM_METER):
            self._fail("a message without the LLC header of a meter", message)
        if len(message) == len(FROM_METER):
            self._fail("a message with nothing behind its LLC header", message)
        self._awaiting = False
        return message[len(FROM_METER) :]

    def _supervisory(self, frame: HdlcFrame) -> None:
        advanced = self._acknowledged(frame)
        self._busy = frame.kind is Kind.RNR
        if not frame.final:
            return
        alone = self.agreed.window_transmit == 1 and self._numbering.sent == 1 and not self._asked_by_rr
        if frame.kind is Kind.RR and alone and not advanced:
            return  # a single frame that was heard is acknowledged: this answers the one before, repeated
        self._turn = True
        self._incomplete = self._numbering.kept > 0
        self._fruitless(frame)

    def _progress(self) -> None:
        self._silences = self._rounds = self._polls = 0

    def _fruitless(self, frame: HdlcFrame) -> None:
        """Count a turn that came back with something still due; progress begins anew."""
        if self._incomplete or (self._numbering.pending and not self._busy):
            self._rounds = self._bounded(
                self._rounds, self._limits.rounds, "the meter does not go on", frame.to_bytes()
            )

    def _notice(self, frame: HdlcFrame) -> bytes | None:
        to = frame.destination
        ours = to.upper in (self._client.upper, *ALL_STATIONS) and to.lower in (None, *ALL_STATIONS)
        calling = frame.source.lower in CALLING_STATIONS
        if not ours or not (calling or frame.source.same_station(self._server)):
            return None
        return self._notices.take(frame)
