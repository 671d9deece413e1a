"""Where meters push to: data- and event-notifications in the wrapper, over TCP and UDP (IEC 62056-4-7).

Bounded as the listener is: by address, in time, in length before anything is kept. What comes is on the disk
before it is confirmed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, cast

from collector.errors import CountersUnusable, LinkDown, ListenerError, SpoolError, reason, what_to_do
from collector.exchange.scales import Scales
from collector.links.wire import Wire
from collector.listener.crowd import Caps, Crowd, neighbourhood
from collector.listener.descriptors import raise_limit
from collector.listener.doorway import Caller, Doorway
from collector.listener.turned_away import TurnedAway
from collector.polling.roster import Roster
from collector.push.directory import Directory
from collector.push.heard_counters import HeardCounters
from collector.push.judge import Judge, Keys, NoKeys, Place
from collector.push.keys import FleetKeys
from collector.settings import HeadEndSettings
from collector.spool.spool import Spool
from collector.watch.metrics import LISTENER_REJECTED, READS, REJECTIONS, bounded
from model.clock import Clock
from model.readout import Readout
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import LocalError, RemoteError

log = logging.getLogger("ami.push")

FIRST_BYTE_S = 5.0
WHOLE_S = 30.0  # from one message to the next, and for each
LONGEST: Final = 16_384
WAITING: Final = 1000  # messages that came and have not been weighed
BATCH: Final = 64
FULL_S: Final = 2.0  # between two looks whether there is room in the spool again

Answer = Callable[[bytes], None]
Came = tuple[bytes, Answer, Place | None, str]
_UNASKED: Final = frozenset((0x0F, 0xC2, 0xDB, 0xDD))  # what a notification begins with, plain or ciphered


def _unnoted(serial: str, readout: Readout) -> None:
    """Nobody wants to know."""


class PushReceiver:
    """Run `serve` as a task once it is `open`. `counts` says how messages were judged, `rejected` why callers
    and messages were not even that. `noted` is told of every readout of a meter of ours, once on the disk."""

    def __init__(
        self,
        settings: HeadEndSettings,
        judge: Judge,
        spool: Spool,
        clock: Clock,
        noted: Callable[[str, Readout], None] = _unnoted,
    ) -> None:
        self.host, self.port = settings.listen_host, settings.push_port or 0
        self.counts: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.crowd = Crowd(
            Caps(
                settings.unregistered_per_address,
                settings.registered_per_address,
                settings.connections_per_second_per_address,
            )
        )
        self.callers: set[PushCaller] = set()
        self._judge, self._spool, self._clock, self._noted = judge, spool, clock, noted
        self._doorway = Doorway(self.crowd, lambda address: PushCaller(self, address), self.reject)
        self._datagrams: list[asyncio.DatagramTransport] = []
        self._came: asyncio.Queue[Came] = asyncio.Queue(WAITING)
        self._said = ""
        self._turned_away = TurnedAway(log, "the push port")

    async def open(self) -> None:
        """Listen, TCP and UDP on one port; `ListenerError` when it is taken."""
        raise_limit()
        loop = asyncio.get_running_loop()
        try:
            self.port = self._doorway.open(self.host, self.port)
            transport, _ = await loop.create_datagram_endpoint(
                lambda: PushDatagrams(self), local_addr=(self.host, self.port)
            )
        except OSError as error:
            raise ListenerError(
                f"port {self.port} for meters that push cannot be opened on {self.host} "
                f"({reason(error)}): {what_to_do(error, 'AMI_PUSH_PORT')}"
            ) from error
        self._datagrams.append(transport)

    async def close(self) -> None:
        """Hang up on everybody."""
        await self._doorway.close()
        for transport in self._datagrams:
            transport.close()
        for caller in list(self.callers):
            caller.shut("")
        self._turned_away.close()
        self._judge.close()
        await asyncio.sleep(0)  # the sockets close in the loop's next turn

    def reject(self, why: str, who: str = "", detail: str = "") -> None:
        """A caller or a message was sent away."""
        self._turned_away.note(why, who, detail)
        self.rejected[why] += 1
        LISTENER_REJECTED.labels(bounded(why, REJECTIONS)).inc()

    def told(self, wire: Wire, raw: bytes) -> None:
        """A frame that came unasked through a modem that dialled in; no notification, no matter."""
        try:
            frame = Frame.from_datagram(raw)
        except RemoteError:
            return
        if frame.payload[0] in _UNASKED:
            place = (wire.modem, frame.source) if wire.proved else None
            self.take(frame.payload, partial(_through, wire, frame), place, f"modem {wire.modem}")

    def take(self, message: bytes, answer: Answer, place: Place | None = None, who: str = "") -> bool:
        """A message has come; False when there are too many. `answer` takes what goes back, `place` is where
        it came from when that is known for sure, `who` what the log calls whoever brought it."""
        try:
            self._came.put_nowait((message, answer, place, who))
        except asyncio.QueueFull:
            self.reject("busy", who)
            return False
        return True

    async def serve(self) -> None:
        """Until cancelled: weigh what comes, keep it, confirm it."""
        while True:
            batch = [await self._came.get()]
            while len(batch) < BATCH and not self._came.empty():
                batch.append(self._came.get_nowait())
            await self._keep(batch)

    async def _keep(self, batch: list[Came]) -> None:
        await self._judge.meet([message for message, *_ in batch])
        judged = [await self._judge.weigh(message, self._clock(), place) for message, _, place, _ in batch]
        records = [one.spooled for one in judged if one.spooled is not None]
        while True:
            try:
                if records:
                    await self._spool.append(records)
                    records = []
                await asyncio.to_thread(self._judge.remember)
                break
            except (SpoolError, CountersUnusable) as error:
                if self._said != error.sentence:
                    self._said = error.sentence
                    log.warning("nothing that is pushed is confirmed: %s", error.sentence)
                await asyncio.sleep(FULL_S)
        for (_, answer, _, who), one in zip(batch, judged, strict=True):
            self._judge.kept(one)
            self.counts[one.outcome] += 1
            if one.spooled is not None and one.spooled.meter_id:
                READS.inc("push", one.spooled.readout.outcome)
                self._noted(one.spooled.readout.serial, one.spooled.readout)
            if one.outcome not in ("ok", "partial", "again"):
                self.reject(one.outcome, who, one.spooled.readout.detail if one.spooled is not None else "")
            if one.reply is not None:
                answer(one.reply)


class PushCaller(Caller):
    """A meter that has connected to push."""

    __slots__ = ("_address", "_frames", "_patience", "_receiver", "_transport")

    def __init__(self, receiver: PushReceiver, address: str) -> None:
        super().__init__()
        self._receiver, self._address = receiver, address
        self._transport: asyncio.Transport | None = None
        self._frames = Unwrapper(LONGEST)
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit it
        self.made = True
        self._receiver.callers.add(self)
        self._wait(FIRST_BYTE_S, "first_byte")

    def _wait(self, seconds: float, otherwise: str) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = asyncio.get_running_loop().call_later(seconds, self.shut, otherwise)

    def data_received(self, data: bytes) -> None:
        begun = self._frames.pending
        try:
            frames = self._frames.feed(data)
        except RemoteError as error:
            self.shut("too_long" if "at most" in error.reason else "undecodable")
            return
        if frames or not begun:  # one that dribbles gets no more time
            self._wait(WHOLE_S, "message_time" if self._frames.pending else "")
        for frame in frames:
            if not self._receiver.take(frame.payload, self._answer(frame), who=self._address):
                self.shut("")
                return

    def _answer(self, frame: Frame) -> Answer:
        def answer(reply: bytes) -> None:
            if self._transport is not None and not self._transport.is_closing():
                self._transport.write(_back(frame, reply))

        return answer

    def shut(self, why: str) -> None:
        """Hang up; `why` is counted."""
        if why:
            self._receiver.reject(why, self._address)
        self._leave()
        if self._transport is not None:
            self._transport.abort()

    def _leave(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if self in self._receiver.callers:
            self._receiver.callers.discard(self)
            self._receiver.crowd.left(self._address)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self._transport = None


class PushDatagrams(asyncio.DatagramProtocol):
    """Pushes that come as datagrams, each for itself."""

    def __init__(self, receiver: PushReceiver) -> None:
        self._receiver = receiver
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # asyncio's own do not inherit it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        receiver = self._receiver
        who = neighbourhood(str(addr[0]))
        if not receiver.crowd.in_pace(who, asyncio.get_running_loop().time()):
            receiver.reject("rate", who)
            return
        try:
            frame = Frame.from_datagram(data)
        except RemoteError:
            receiver.reject("undecodable", who)
            return
        receiver.take(frame.payload, lambda reply: self._send(_back(frame, reply), addr), who=who)

    def _send(self, raw: bytes, where: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(raw, where)

    def error_received(self, exc: Exception) -> None:
        """Whoever pushed does not listen any more: he knows that himself."""


def _back(frame: Frame, reply: bytes) -> bytes:
    """To where a frame came from."""
    try:
        return Frame(frame.destination, frame.source, reply).to_bytes()
    except LocalError:
        return b""


def _through(wire: Wire, frame: Frame, reply: bytes) -> None:
    """Back to a meter behind a modem, unless it has gone."""
    with suppress(LinkDown):
        wire.write(_back(frame, reply))


def receiver(settings: HeadEndSettings, roster: Roster, spool: Spool, clock: Clock) -> PushReceiver:
    """The one of a head-end: meters are looked up in its store, and what came need not be asked for."""

    def scales(serial: str) -> Scales | None:
        seat = roster.by_serial.get(serial)
        return None if seat is None else seat.scales

    def noted(serial: str, readout: Readout) -> None:
        seat = roster.by_serial.get(serial)
        if seat is not None:
            seat.known.note(readout)

    directory = Directory(settings.dsn)
    keys: Keys = NoKeys()
    if settings.ours is not None and settings.ours.home is not None:
        counters = HeardCounters(settings.ours.home / "heard.sqlite", settings.ours.counters)
        keys = FleetKeys(settings.dsn, settings.unwrap, settings.ours, counters, directory)
    judge = Judge(directory.look_up, keys, scales, directory.at)
    return PushReceiver(settings, judge, spool, clock, noted)
