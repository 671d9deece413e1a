"""One meter with all the ports a meter can have: 40 days of half-hours, the same whichever way it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from model.clock import Clock
from model.period import require_aware
from protocols import meter_models
from protocols.dlms.client import DEFAULT_CONFORMANCE
from protocols.dlms.enums import Context, Mechanism
from protocols.dlms.selection import CLOCK_OBIS
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.obis import Obis
from simulators import halfhours, ports
from simulators.answering import Answerer, Answering
from simulators.association import CURRENT_ASSOCIATION, Association, Terms
from simulators.chance import key, stream
from simulators.dlms_meter import LOGICAL_DEVICE, LOGICAL_DEVICE_NAME, LOGICAL_DEVICES, DlmsMeter
from simulators.errors import SimulatorError
from simulators.hung import Hung
from simulators.instrument import Instrument
from simulators.ledger import Ledger
from simulators.moving_clock import MovingClock, wall
from simulators.signals import stopping
from simulators.supply import House, counted
from simulators.trades import PUMP, load_of

ROWS: Final = 40 * halfhours.SLOTS_A_DAY
DLMS_MODEL: Final = "dk-multi"
MODBUS_MODEL: Final = "dk-multi-mb"
UNIT: Final = 1
PUBLIC_CLIENT: Final = 16
CLIENTS: Final = {Mechanism.NONE: PUBLIC_CLIENT, Mechanism.LLS: 17, Mechanism.HLS_GMAC: 1}
PUBLIC_OBJECTS: Final = frozenset((CURRENT_ASSOCIATION, CLOCK_OBIS, LOGICAL_DEVICE_NAME, LOGICAL_DEVICES))
"""What anybody may read where a password or keys are needed for the rest."""
MIN_PDU, MAX_PDU = 64, 0xFFFF


class Port(StrEnum):
    """A way to the meter."""

    WRAPPER = "wrapper"
    HDLC = "hdlc"
    MODBUS_TCP = "modbus_tcp"
    MODBUS_RTU_TCP = "modbus_rtu_tcp"
    MODE_C = "mode_c"


@dataclass(frozen=True, slots=True)
class SingleOptions:
    """`as_of` stops the meter's clock there; None is the real time. Port 0 is any that is free."""

    ports: Mapping[Port, int]
    seed: int = 1
    as_of: datetime | None = None
    mechanism: Mechanism = Mechanism.NONE
    password: str = ""
    max_pdu: int = 1024
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        if self.as_of is not None:
            require_aware(self.as_of)
        if not self.ports:
            raise SimulatorError("a meter nobody can reach is of no use: give it a port")
        if not MIN_PDU <= self.max_pdu <= MAX_PDU:
            raise SimulatorError(f"a meter's messages have {MIN_PDU} to {MAX_PDU} bytes, not {self.max_pdu}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the meter is and what opens it; drawn from the seed, so that it is the same at every start."""

    serial: str
    password: str
    system_title: bytes
    encryption_key: bytes = field(repr=False)
    authentication_key: bytes = field(repr=False)


def identity(options: SingleOptions) -> Identity:
    """The identity of a seed; a password given goes before the drawn one."""
    chance = stream("single", options.seed)
    serial = str(chance.randrange(11_000_000, 30_000_000))
    password = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=8))
    return Identity(
        serial,
        options.password or password,
        b"DKE" + int(serial).to_bytes(5, "big"),
        chance.randbytes(16),
        chance.randbytes(16),
    )


def hung(options: SingleOptions, who: Identity, now: datetime) -> Hung:
    """The meter at a village's pump, its buffers filled for 40 days up to `now`."""
    since = halfhours.slot_of(now) - (ROWS - 1)
    seed = options.seed
    supply = House(key("phases", seed), load_of(PUMP, seed, 0, key("weather", seed)), 3, PUMP.shares)
    chance = stream("start", seed)
    start = (
        chance.randrange(9_000_000, 60_000_000),
        chance.randrange(9_000_000),
        chance.randrange(9_000_000),
    )
    return Hung(
        serial=who.serial,
        model=DLMS_MODEL,
        point="",
        supply=supply,
        ledger=Ledger(counted(supply), since, start=start),
        since=since,
        seed=key("terminals", seed),
        password=who.password,
    )


class SingleMeter:
    """The meter on its sockets; `open_ports` are those it is served on."""

    def __init__(self, options: SingleOptions, clock: Clock) -> None:
        self.options = options
        self.who = identity(options)
        self.open_ports: dict[Port, int] = {}
        self._hung = hung(options, self.who, clock())
        self._clock = clock
        self._device = self._dlms()
        self._served: list[Answering] = []

    @property
    def clients(self) -> dict[Mechanism, int]:
        """The clients that are let in, by how they prove who they are."""
        mechanism = self.options.mechanism
        return {Mechanism.NONE: PUBLIC_CLIENT, mechanism: CLIENTS[mechanism]}

    def instrument(self, model: str) -> Instrument:
        """The meter's view of itself through one of its models."""
        return Instrument(self._hung, meter_models.load(model), self._clock)

    async def start(self) -> None:
        """Open the ports; `SimulatorError` when one is taken."""
        openers = {Port.WRAPPER: self._wrapper}
        for port, number in self.options.ports.items():
            sock = ports.one(self.options.host, number)
            self.open_ports[port] = sock.getsockname()[1]
            served = Answering(openers[port])
            await served.start(sock)
            self._served.append(served)

    async def stop(self) -> None:
        """Hang up everywhere and free the ports."""
        await asyncio.gather(*(each.stop() for each in self._served))

    def _dlms(self) -> Device:
        options = self.options
        meter = DlmsMeter(self.instrument(DLMS_MODEL), lambda: None, particular=False)
        clients = {}
        for mechanism, client in self.clients.items():
            shown = PUBLIC_OBJECTS if mechanism is not options.mechanism else None
            clients[client] = self._access(meter, mechanism, client, shown)
        return Device(meter, clients, options.max_pdu)

    def _access(
        self, meter: DlmsMeter, mechanism: Mechanism, client: int, shown: frozenset[Obis] | None
    ) -> ClientAccess:
        terms = Terms(
            client, LOGICAL_DEVICE, mechanism, Context.LN, DEFAULT_CONFORMANCE, self.options.max_pdu, shown
        )
        password = self.who.password.encode() if mechanism is Mechanism.LLS else None
        return ClientAccess(mechanism, password, Association(meter, terms))

    def _wrapper(self) -> Answerer:
        return ServerConnection({LOGICAL_DEVICE: self._device}).receive


async def serve(
    options: SingleOptions, *, ready: Callable[[SingleMeter], None], real: Clock | None = None
) -> None:
    """Serve one meter until SIGTERM or SIGINT; `ready` is called once it answers."""
    clock = MovingClock(real or wall, options.as_of, ticking=False)
    meter = SingleMeter(options, clock)
    stop = asyncio.Event()
    with stopping(asyncio.get_running_loop(), stop.set):
        try:
            await meter.start()
            ready(meter)
            await stop.wait()
        finally:
            await meter.stop()
