"""Meters reached by telephone (CSD): a modem of ours, on a serial port or behind a TCP port, dials theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import ClassVar

from collector.errors import LinkDown
from collector.links.dial_out import DialOut
from collector.links.serial_line import serial_line
from collector.links.wire import ByteStream, Medium
from model.grid import Modem, ModemLink
from protocols.errors import ProtocolError
from protocols.modem.at import AtDialogue, CallFailed, CallSettings, Carried, Connected, Event, Lost, Send


@dataclass(frozen=True, slots=True)
class ModemAt:
    """Where our modem is: a serial device with its speed, or else host and port."""

    device: str = ""
    bps: int = 9600
    bits: str = "8N1"
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return self.device or f"{self.host}:{self.port}"


class CsdLine:
    """A `ByteStream` to the other side of a call; poisoned, it is hung up all the same."""

    gateway = False
    medium: ClassVar[Medium] = Medium.BARE
    broke_off = False  # each call is a line of its own

    def __init__(self, modem: ByteStream, settings: CallSettings, number: str) -> None:
        self.number = number
        self.bits_per_second: int | None = None
        self._modem, self._dialogue = modem, AtDialogue(settings)
        self._held = bytearray()
        self._end = ""

    @property
    def held(self) -> int:
        """See `ByteStream`."""
        return len(self._held)

    @property
    def up(self) -> bool:
        """The call stands."""
        return not self._end and self._dialogue.online

    def take_lease(self, *, broke_off: bool = False) -> None:
        """What came before belongs to nobody; each call is a line of its own, so nothing is late on it."""
        self._held.clear()

    def end_lease(self) -> None:
        """What comes from here on belongs to nobody."""

    def prove(self) -> None:
        """See `ByteStream`; nobody else can have come by this way."""

    def carries(self, *, framed: bool) -> None:
        """See `ByteStream`: a call has no words of its own but NO CARRIER."""

    async def call(self) -> None:
        """Dial; raises `LinkDown` in one sentence when no call comes about."""
        try:
            self._do(self._dialogue.dial(self.number))
            while not self._dialogue.online:
                await self._turn()
        except CallFailed as error:
            self._modem.write(b"ATH\r")  # it may be dialling still
            raise LinkDown(self.number, error.reason) from error
        except ProtocolError as error:
            said = f"the call to {self.number} cannot be made: {error.reason}"
            raise LinkDown(self.number, said) from error

    async def read(self) -> bytes:
        """See `ByteStream`."""
        while not self._held:
            if self._end:
                raise LinkDown(self.number, self._end)
            await self._turn()
        raw = bytes(self._held)
        self._held.clear()
        return raw

    def write(self, raw: bytes) -> None:
        """See `ByteStream`."""
        if self._end:
            raise LinkDown(self.number, self._end)
        self._do(self._dialogue.send(raw))

    def poison(self, why: str) -> None:
        """See `ByteStream`."""
        self._end = self._end or why

    async def hang_up(self) -> None:
        """End the call where there still is one: silence, +++, silence, ATH."""
        if not self._dialogue.online:
            return
        self._end = self._end or f"the call to {self.number} is over"
        self._do(self._dialogue.hang_up())
        while not self._dialogue.idle:
            await self._turn()

    async def _turn(self) -> None:
        """Wait for the modem, as long as the dialogue says, and do what follows."""
        dialogue = self._dialogue
        loop = asyncio.get_running_loop()
        turn, begun = dialogue.turn, loop.time()
        while dialogue.turn == turn:
            wait = dialogue.next_timeout()
            try:
                async with asyncio.timeout(None if wait is None else max(0.0, begun + wait - loop.time())):
                    chunk = await self._modem.read()
            except TimeoutError:
                self._do(dialogue.expired())
                return
            if self._do(dialogue.receive(chunk)):
                return

    def _do(self, events: list[Event]) -> bool:
        """Whether something has come, or the call has gone."""
        news = False
        for event in events:
            match event:
                case Send(raw=raw):
                    self._modem.write(raw)
                case Carried(raw=raw):
                    self._held += raw
                    news = True
                case Connected(bits_per_second=bits_per_second):
                    self.bits_per_second = bits_per_second
                    news = True
                case Lost():
                    self._end = self._end or f"the call to {self.number} was lost: the other side has hung up"
                    news = True
                case _:
                    news = True
        return news


@asynccontextmanager
async def csd_line(
    modem: ModemAt, number: str, settings: CallSettings | None = None
) -> AsyncIterator[CsdLine]:
    """A call to `number`, ended with the block; raises `LinkDown` when modem or number cannot be had."""
    async with _to(modem) as stream:
        line = CsdLine(stream, settings or CallSettings(), number)
        await line.call()
        try:
            yield line
        finally:
            with suppress(LinkDown):  # a modem that is gone has hung up
                await line.hang_up()


@asynccontextmanager
async def _to(modem: ModemAt) -> AsyncIterator[ByteStream]:
    if modem.device:
        async with serial_line(modem.device, modem.bps, modem.bits) as port:
            yield port
        return
    link = DialOut(Modem(str(modem), ModemLink.DIAL_OUT, host=modem.host, port=modem.port))
    try:
        async with link.lease() as stream:
            yield stream
    finally:
        link.close()
        await asyncio.sleep(0)  # the socket closes in the loop's next turn
