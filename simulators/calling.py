"""Modems that call the head-end: they say their name, keep the line alive, and call again when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Final

from protocols.errors import RemoteError
from protocols.modem import dialects
from simulators.answering import Conversation
from simulators.chance import key
from simulators.modems import Bus, Voice
from simulators.networks import CLEAR, Weather

HEARTBEAT_S: Final = 10.0
RETRY_S: Final = (0.1, 0.2, 0.4, 0.8, 1.5)  # pauses between calls that fail; the last one stays
AT_ONCE: Final = 200  # calls being set up: a cell lets no more through


@dataclass(slots=True)
class Cell:
    """The modems of a fleet that call one head-end, every `heartbeat_s` saying that they live."""

    head_end: tuple[str, int]
    heartbeat_s: float = HEARTBEAT_S
    callers: list[Caller] = field(default_factory=list)
    calls: set[Conversation] = field(default_factory=set)
    setting_up: set[asyncio.Task[None]] = field(default_factory=set)
    over: bool = False
    permits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def add(self, bus: Bus, weather: Weather = CLEAR) -> None:
        """One more modem; it calls at once."""
        caller = Caller(bus, self, weather)
        self.callers.append(caller)
        caller.dial()

    async def stop(self) -> None:
        """Hang up, and call no more."""
        self.over = True
        for task in tuple(self.setting_up):
            task.cancel()
        await asyncio.gather(*self.setting_up, return_exceptions=True)
        for caller in self.callers:
            caller.rest()
        for call in tuple(self.calls):
            call.hang_up()
        await asyncio.sleep(0)


class Caller:
    """One modem that calls."""

    __slots__ = ("_cell", "_failures", "_timer", "_weather", "bus")

    def __init__(self, bus: Bus, cell: Cell, weather: Weather) -> None:
        self.bus = bus
        self._cell = cell
        self._weather = weather
        self._failures = 0
        self._timer: asyncio.TimerHandle | None = None

    def rest(self) -> None:
        """No more calls."""
        if self._timer is not None:
            self._timer.cancel()

    def dial(self) -> None:
        """Call, or wait with it while the modem is dead."""
        if self.bus.air.is_silent(self.bus.line.code):
            self.hung_up(heard=False)
            return
        task = asyncio.get_running_loop().create_task(self._connect())
        self._cell.setting_up.add(task)
        task.add_done_callback(self._cell.setting_up.discard)

    async def _connect(self) -> None:
        cell = self._cell
        try:
            async with cell.permits:
                await asyncio.get_running_loop().create_connection(
                    lambda: Call(self, cell, self._weather), *cell.head_end
                )
        except OSError:
            self.hung_up(heard=False)

    def hung_up(self, *, heard: bool) -> None:
        """The line is lost or was never had: call again after a while, a longer one each time."""
        if self._cell.over:
            return
        self._failures = 0 if heard else self._failures + 1
        pause = RETRY_S[min(self._failures, len(RETRY_S) - 1)]
        self._timer = asyncio.get_running_loop().call_later(pause, self.dial)


class Call(Conversation):
    """One connection from registration to its end."""

    __slots__ = ("_beat", "_caller", "_every_s", "_heard", "_voice")

    def __init__(self, caller: Caller, cell: Cell, weather: Weather) -> None:
        bus = caller.bus
        super().__init__(bus.open(), cell.calls, weather)
        self._caller = caller
        self._every_s = cell.heartbeat_s
        self._voice = Voice(dialects.load(bus.line.dialect), bus.line.registration, bus.framed)
        self._heard = False
        self._beat: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._send(self._voice.registration)
        # Not all in the same second, though all may have been let in together.
        first = key("beat", self._caller.bus.line.code) % 1000 / 1000 * self._every_s
        self._beat = asyncio.get_running_loop().call_later(self._every_s / 2 + first / 2, self._keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        super().connection_lost(exc)
        if self._beat is not None:
            self._beat.cancel()
        self._caller.hung_up(heard=self._heard)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._heard = True
        bus = self._caller.bus
        with contextlib.suppress(RemoteError):
            for frame in self._voice.hear(data):
                if bus.air.is_silent(bus.line.code):
                    break
                said = self._voice.packet(self._answer(frame))
                if said:
                    self.say(said)
            else:
                return
        if self._transport is not None:
            self._transport.close()

    def _keep_alive(self) -> None:
        """Heartbeats, in the middle of a conversation too; hangs up when the modem dies."""
        if self._caller.bus.air.is_silent(self._caller.bus.line.code):
            self.hang_up()
            return
        if self._voice.heartbeat:
            self._send(self._voice.heartbeat)
        self._beat = asyncio.get_running_loop().call_later(self._every_s, self._keep_alive)
