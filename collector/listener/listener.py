"""Where modems that dial in arrive: nobody gets further than the door without a name we know.

Bounded per connection (first byte, registration, length) and per address, never over all: a global bound
before the name is known would let strangers lock good modems out.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from collector.errors import ListenerError, reason, what_to_do
from collector.links.kinds import DialIn
from collector.links.wire import Wire
from collector.listener.crowd import Caps, Crowd
from collector.listener.descriptors import raise_limit
from collector.listener.door import Door
from collector.listener.doorway import Doorway, tls_context
from collector.listener.turned_away import TurnedAway
from collector.settings import HeadEndSettings
from collector.watch.metrics import LISTENER_REJECTED, REJECTIONS, SESSION_COUNT, bounded

log = logging.getLogger("ami.listener")

IDLE_S = 90.0  # on top of the heartbeat
SWEEP_S = 15.0
REMEMBERED = 1000  # strangers whose name has been written to the log once


def _nobody(link: DialIn) -> None:
    """Nobody wants to know."""


class Listener:
    """`expect` says who may come in; `rejected` counts who did not, by reason.

    `settled` is called with a link each time another connection has become its modem: a first one, or one
    that took an older one's place. `told` is given whole frames that a modem's meters sent unasked.
    """

    def __init__(self, settings: HeadEndSettings, settled: Callable[[DialIn], None] = _nobody) -> None:
        self.settings = settings
        self.port, self.tls_port = settings.listen_port or 0, settings.listen_tls_port
        self.idle_s = IDLE_S + settings.heartbeat_s
        self.rejected: Counter[str] = Counter()
        self.crowd = Crowd(
            Caps(
                settings.unregistered_per_address,
                settings.registered_per_address,
                settings.connections_per_second_per_address,
            )
        )
        self.told: Callable[[Wire, bytes], None] | None = None
        self.wires: set[Wire] = set()
        self.doors: set[Door] = set()
        self._settled = settled
        self._expected: dict[tuple[str, str], DialIn] = {}
        self._dialects: tuple[str, ...] = ()
        self._strangers: set[str] = set()
        self._turned_away = TurnedAway(log, "the modems' port")
        self._doorway = Doorway(self.crowd, lambda address: Door(self, address), self.reject)
        self._sweeping: asyncio.TimerHandle | None = None

    def expect(self, links: Mapping[str, DialIn]) -> None:
        """The modems that may register, by the name they say."""
        self._expected = {(link.modem.dialect, name): link for name, link in links.items()}
        self._dialects = tuple(sorted({dialect for dialect, _ in self._expected}))
        for link in links.values():
            link.listener = self

    @property
    def dialects(self) -> tuple[str, ...]:
        """The dialects somebody is expected to speak."""
        return self._dialects

    async def open(self) -> None:
        """Listen; `ListenerError` when a port is taken or the certificate is no use.

        Afterwards `port` (and `tls_port` where there is one) is the one listened on.
        """
        raise_limit()
        self.port = self._listen(self.port, "AMI_LISTEN_PORT")
        certificate, key = self.settings.listen_tls_certificate, self.settings.listen_tls_key
        if self.tls_port is not None and certificate is not None and key is not None:
            self.tls_port = self._listen(self.tls_port, "AMI_LISTEN_TLS_PORT", (certificate, key))
        self._sweeping = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _listen(self, port: int, setting: str, files: tuple[Path, Path] | None = None) -> int:
        host = self.settings.listen_host
        context = None if files is None else tls_context(*files)
        try:
            return self._doorway.open(host, port, context)
        except OSError as error:
            raise ListenerError(
                f"port {port} for modems that dial in cannot be opened on {host} "
                f"({reason(error)}): {what_to_do(error, setting)}"
            ) from error

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self._doorway.close()
        for door in list(self.doors):
            door.shut("")
        for wire in list(self.wires):
            wire.close("the head-end has stopped")
        self._turned_away.close()
        await asyncio.sleep(0)  # the sockets close in the loop's next turn

    def reject(self, why: str, who: str = "") -> None:
        """Somebody was sent away."""
        self._turned_away.note(why, who)
        self.rejected[why] += 1
        LISTENER_REJECTED.labels(bounded(why, REJECTIONS)).inc()

    def came(self, door: Door) -> None:
        """Somebody stands at the door; the crowd has counted him."""
        self.doors.add(door)
        _AT_THE_DOOR.inc()

    def left(self, door: Door) -> None:
        """It has registered, given up or been sent away."""
        if door in self.doors:
            self.doors.discard(door)
            self.crowd.left(door.address)
            _AT_THE_DOOR.dec()

    def link_of(self, dialect: str, name: str) -> DialIn | None:
        """Whose name this is, None for a stranger (counted, and named in the log once)."""
        link = self._expected.get((dialect, name))
        if link is None and name not in self._strangers and len(self._strangers) < REMEMBERED:
            self._strangers.add(name)
            log.warning(
                "a modem calls itself %s and is not in the register: add it there, or find out whose it is",
                name,
            )
        return link

    def admit(self, link: DialIn, wire: Wire, address: str) -> None:
        """A caller that knows a name; whether it is the modem is for its meters to say."""
        self.wires.add(wire)
        self.crowd.went_in(address)
        _DIALLED_IN.inc()
        link.arrived(wire, address)

    def lost(self, link: DialIn, wire: Wire, address: str) -> None:
        """A caller with a name hung up, or was hung up on."""
        if wire in self.wires:
            self.wires.discard(wire)
            self.crowd.went_out(address)
            _DIALLED_IN.dec()
        link.gone(wire)

    def settled(self, link: DialIn) -> None:
        """Another connection than before is this modem now."""
        self._settled(link)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time() - self.idle_s
        for wire in [wire for wire in self.wires if wire.heard_at < before]:
            self.reject("idle", f"modem {wire.modem}")
            wire.poison(f"modem {wire.modem} was silent for {self.idle_s:.0f} s")
        self._sweeping = loop.call_later(SWEEP_S, self._sweep)


_AT_THE_DOOR = SESSION_COUNT.labels("at_the_door")
_DIALLED_IN = SESSION_COUNT.labels("dialled_in")
