"""The meters' half of an HDLC line: every meter answers at its address, a foreign address stays silent.

A meter speaks when a frame with P has given it the turn: with its I frames, or with RR when it has none, or
RNR while `busy`. Without a link it answers DM. SNRM and DISC end whatever stood on the link before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from protocols.dlms.framing import Arrival, Heard, Parted
from protocols.dlms.hdlc.address import ALL_STATIONS, HdlcAddress
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.hdlc.limits import LinkLimits
from protocols.dlms.hdlc.llc import FROM_CLIENT, FROM_METER
from protocols.dlms.hdlc.notices import NoticeReader
from protocols.dlms.hdlc.numbering import Numbering, Order
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.rejection import Rejection
from protocols.dlms.hdlc.stream import Deframer
from protocols.errors import DecodeError, LocalError

MAX_LINKS: Final = 16
"""For every meter on the line; a client past that hears DM."""
MAX_NOTICES: Final = 32
"""Messages without number that may be in the middle of their segments at once."""
MAX_OWED: Final = 2048
"""Bytes of UA, DM and FRMR that wait to be sent; whoever asks for more without listening is not answered."""


_SUPERVISORY: Final = (Kind.RR, Kind.RNR, Kind.REJ)


@dataclass(slots=True)
class _Link:
    client: HdlcAddress
    meter: HdlcAddress
    numbering: Numbering
    turn: bool = False
    client_busy: bool = False
    rejection: Rejection | None = None


class HdlcServerFraming:
    """`meters` names every address that answers and what the conversation calls the meter behind it.

    One meter may answer at several addresses. `parameters` is the most a meter agrees to.
    """

    def __init__(
        self,
        meters: Mapping[HdlcAddress, int],
        parameters: LinkParameters | None = None,
        limits: LinkLimits | None = None,
    ) -> None:
        self._meters = {(address.upper, address.lower): meter for address, meter in meters.items()}
        self._addresses = {meter: address for address, meter in reversed(list(meters.items()))}
        self._parameters = parameters or LinkParameters()
        self._limits = limits or LinkLimits()
        self._deframer = Deframer(self._limits.max_noise)
        self._notices: dict[tuple[int, int | None], NoticeReader] = {}
        self._links: dict[tuple[int, int], _Link] = {}
        self._owed = bytearray()
        self.busy = False
        """The meters can take no message now: whoever asks hears RNR, and nothing is taken from I frames."""

    def feed(self, chunk: bytes) -> list[Arrival]:
        """Messages, and links that ended; `RemoteError` when nothing but noise comes."""
        arrivals: list[Arrival] = []
        for frame in self._deframer.feed(chunk):
            meter = self._meters.get((frame.destination.upper, frame.destination.lower))
            if meter is not None and frame.source.octets == 1:
                arrivals += self._take(frame, (frame.source.upper, meter))
            elif frame.kind is Kind.UI and frame.destination.upper in ALL_STATIONS:
                arrivals += self._unnumbered(frame, None)
        return arrivals

    def wrap(self, client: int, server: int, payload: bytes) -> bytes:
        """Nothing yet: it goes out in the meter's turn, by `replies`, with all else that waits then."""
        link = self._links.get((client, server))
        if link is not None and link.rejection is None:
            if link.numbering.waiting + len(payload) > self._limits.max_message:
                raise LocalError(f"more than {self._limits.max_message} bytes wait for client {client}")
            link.numbering.put(FROM_METER + payload)
        return b""  # a client that has left hears nothing

    def notify(self, client: int, server: int, payload: bytes) -> bytes:
        """UI frames from the meter's first address, several when it is longer than a frame may be."""
        message, step = FROM_METER + payload, self._parameters.max_info_transmit
        out = bytearray()
        for at in range(0, len(message), step):
            more = at + step < len(message)
            octet = control(Kind.UI, final=not more)
            out += HdlcFrame(
                HdlcAddress(client, octets=1), self._addresses[server], octet, message[at : at + step], more
            ).to_bytes()
        return bytes(out)

    def replies(self) -> bytes:
        """UA, DM and FRMR, and what meters say in their turn: their answers, or RR when they have none."""
        out = bytes(self._owed)
        self._owed.clear()
        out += b"".join([self._spoken(link) for link in self._links.values() if link.turn])
        if out:
            self._deframer.spoken()
        return out

    def on_silence(self) -> list[Arrival]:
        """The inactivity time-out has passed: every link is closed."""
        self._deframer.reset()
        self._notices.clear()
        ended: list[Arrival] = [Parted(*ends) for ends in self._links]
        self._links.clear()
        return ended

    def _take(self, frame: HdlcFrame, ends: tuple[int, int]) -> list[Arrival]:
        link = self._links.get(ends)
        if link is not None and not link.meter.same_station(frame.destination):
            link = None  # another address of the same meter: its link is not this one
        kind = frame.kind
        match kind:
            case Kind.SNRM:
                return self._open(frame, ends)
            case Kind.DISC:
                return self._close(frame, ends, link)
            case Kind.UI:
                return self._unnumbered(frame, ends[1])
        if link is None:
            self._answer(frame, Kind.DM)
        elif link.rejection is not None:
            self._answer(frame, Kind.FRMR, link.rejection.to_bytes())
        else:
            return self._on_link(frame, kind, ends, link)
        return []

    def _answer(self, frame: HdlcFrame, kind: Kind, info: bytes = b"") -> None:
        """To a frame with P only: nobody speaks out of turn."""
        if frame.final and len(self._owed) < MAX_OWED:
            self._owed += HdlcFrame(frame.source, frame.destination, control(kind), info).to_bytes()

    def _open(self, frame: HdlcFrame, ends: tuple[int, int]) -> list[Arrival]:
        stood = self._links.pop(ends, None)
        try:
            agreed, welcome = _agree(self._parameters, frame.info)
        except DecodeError:
            self._answer(frame, Kind.DM)
        else:
            if len(self._links) >= MAX_LINKS * len(self._addresses):
                self._answer(frame, Kind.DM)
            else:
                self._links[ends] = _Link(frame.source, frame.destination, Numbering(agreed))
                self._answer(frame, Kind.UA, welcome)
        return [] if stood is None else [Parted(*ends)]

    def _close(self, frame: HdlcFrame, ends: tuple[int, int], link: _Link | None) -> list[Arrival]:
        if link is None:
            self._answer(frame, Kind.DM)
            return []
        del self._links[ends]
        self._answer(frame, Kind.UA)
        return [Parted(*ends)]

    def _unnumbered(self, frame: HdlcFrame, meter: int | None) -> list[Arrival]:
        """A message without number, to one meter or to all."""
        client = frame.source.upper
        if (client, meter) not in self._notices and len(self._notices) >= MAX_NOTICES:
            self._notices.clear()
        reader = self._notices.setdefault(
            (client, meter), NoticeReader(FROM_CLIENT, self._limits.max_message)
        )
        message = reader.take(frame)
        if message is None:
            return []
        meters = self._addresses if meter is None else (meter,)
        return [Heard(client, each, message, confirmed=False) for each in sorted(meters)]

    def _on_link(
        self, frame: HdlcFrame, kind: Kind | None, ends: tuple[int, int], link: _Link
    ) -> list[Arrival]:
        objection = self._objection(frame, kind, link)
        if objection is not None:
            link.rejection = objection
            link.turn = False
            self._answer(frame, Kind.FRMR, objection.to_bytes())
            return []
        link.client_busy = kind is Kind.RNR
        link.turn = link.turn or frame.final
        numbering = link.numbering
        if kind is not Kind.I or self.busy or numbering.order(frame) is not Order.DUE:
            return []
        message = numbering.take(frame)
        if not message.startswith(FROM_CLIENT):
            return []  # more of it follows, or it is for another layer than ours
        return [Heard(*ends, message[len(FROM_CLIENT) :])]

    def _objection(self, frame: HdlcFrame, kind: Kind | None, link: _Link) -> Rejection | None:
        """Why this frame cannot be taken; its acknowledgement is taken on the way."""
        numbering = link.numbering
        length = len(frame.info)
        unknown = kind is not Kind.I and kind not in _SUPERVISORY
        too_long = length > numbering.agreed.max_info_receive
        too_long = too_long or numbering.kept + length > self._limits.max_message
        with_info = length > 0 and kind in _SUPERVISORY
        bad_number = False
        if not (unknown or with_info or too_long):
            bad_number = numbering.acknowledge(frame.receive) is None
            if not bad_number:
                return None
        numbers = (numbering.next_send, numbering.expected)
        return Rejection(frame.control, *numbers, unknown, with_info, too_long, bad_number)

    def _spoken(self, link: _Link) -> bytes:
        """What a meter says in its turn, which ends with it."""
        link.turn = False
        numbering = link.numbering
        if link.client_busy or not numbering.pending:
            kind = Kind.RNR if self.busy else Kind.RR
            return HdlcFrame(link.client, link.meter, control(kind, receive=numbering.expected)).to_bytes()
        return numbering.frames(link.client, link.meter)


@lru_cache(maxsize=64)
def _agree(ours: LinkParameters, said: bytes) -> tuple[LinkParameters, bytes]:
    agreed = ours.agreed(LinkParameters.from_bytes(said))
    return agreed, agreed.to_bytes()
