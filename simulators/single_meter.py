"""One meter with all the ports a meter can have: 40 days of half-hours, the same whichever way it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from model.clock import Clock
from model.grid import ModemLink
from model.period import require_aware
from protocols import meter_models
from protocols.dlms import axdr, objects
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.enums import Context, Mechanism
from protocols.dlms.framing import ServerFraming, WrapperServerFraming
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.security import MemoryCounters, SecuritySetup, Suite
from protocols.dlms.selection import CLOCK_OBIS
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.server_access import SERVER_CONFORMANCE
from protocols.obis import Obis
from simulators import halfhours, ports
from simulators.air import Air
from simulators.answering import Answerer, Answering
from simulators.association import CURRENT_ASSOCIATION, SECURITY_SETUP, Association, Terms
from simulators.chance import key, stream
from simulators.dlms_meter import LOGICAL_DEVICE, LOGICAL_DEVICE_NAME, LOGICAL_DEVICES, DlmsMeter
from simulators.errors import SimulatorError
from simulators.hung import Hung
from simulators.instrument import Instrument
from simulators.ledger import Ledger
from simulators.lines import Line
from simulators.modbus_line import ModbusLine
from simulators.modbus_meter import ModbusMeter
from simulators.modbus_rtu_line import rtu_line
from simulators.mode_c_meter import ModeCMeter, mode_c_line
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
INVOCATION_COUNTER: Final = Obis(0, 0, 43, 1, 0, 255)
SECURITY_SETUP_CLASS: Final = 64
PUBLIC_OBJECTS: Final = frozenset(
    (CURRENT_ASSOCIATION, CLOCK_OBIS, LOGICAL_DEVICE_NAME, LOGICAL_DEVICES, INVOCATION_COUNTER)
)
"""What anybody may read where a password or keys are needed for the rest."""
HDLC_ADDRESSES: Final = {
    HdlcAddress(LOGICAL_DEVICE, physical): LOGICAL_DEVICE for physical in (None, 1, 16, 17)
}
"""With and without a physical address, of those that meters usually have."""
HDLC_MOST: Final = LinkParameters(1024, 1024, 7, 7)
MIN_PDU, MAX_PDU = 64, 0xFFFF
_AUTHENTICATED_ENCRYPTED: Final = 3  # policy of security setup, version 0


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
    """Who the meter is and what opens it, drawn from the seed.

    The system title alone is another at every start: its counters begin anew, and no nonce may come twice.
    """

    serial: str
    password: str
    system_title: bytes
    encryption_key: bytes = field(repr=False)
    authentication_key: bytes = field(repr=False)


def identity(options: SingleOptions, started: datetime) -> Identity:
    """The identity of a seed; a password given goes before the drawn one. `started` is the real time."""
    chance = stream("single", options.seed)
    serial = str(chance.randrange(11_000_000, 30_000_000))
    password = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=8))
    hundredths = int(started.timestamp() * 100)
    return Identity(
        serial,
        options.password or password,
        b"DKE" + hundredths.to_bytes(5, "big"),
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
    """The meter on its sockets; `open_ports` are those it is served on. `started` is the real time."""

    def __init__(self, options: SingleOptions, clock: Clock, started: datetime) -> None:
        self.options = options
        self.who = identity(options, started)
        self.open_ports: dict[Port, int] = {}
        self._hung = hung(options, self.who, clock())
        self._clock = clock
        self._device = self._dlms()
        self._served: list[Answering | ModbusLine] = []

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
        for port, number in self.options.ports.items():
            sock = ports.one(self.options.host, number)
            self.open_ports[port] = sock.getsockname()[1]
            served = self._behind(port)
            await served.start(sock)
            self._served.append(served)

    async def stop(self) -> None:
        """Hang up everywhere and free the ports."""
        await asyncio.gather(*(each.stop() for each in self._served))

    def _behind(self, port: Port) -> Answering | ModbusLine:
        """What serves a port."""
        serial = self.who.serial
        match port:
            case Port.WRAPPER:
                return Answering(lambda: self._line(WrapperServerFraming()))
            case Port.HDLC:
                return Answering(lambda: self._line(HdlcServerFraming(HDLC_ADDRESSES, HDLC_MOST)))
            case Port.MODBUS_TCP:
                line = Line(serial, ModemLink.DIAL_OUT, (serial,))
                return ModbusLine(line, {UNIT: self._modbus()}, Air({}, self._clock), lambda: False)
            case Port.MODBUS_RTU_TCP:
                return Answering(rtu_line({UNIT: self._modbus()}))
            case Port.MODE_C:
                book = ModeCMeter(self.instrument(DLMS_MODEL), lambda: None)
                wanted = "" if self.options.mechanism is Mechanism.NONE else self.who.password
                return Answering(mode_c_line({serial: (book, wanted)}))

    def _line(self, framing: ServerFraming) -> Answerer:
        return ServerConnection({LOGICAL_DEVICE: self._device}, framing).receive

    def _modbus(self) -> ModbusMeter:
        return ModbusMeter(self.instrument(MODBUS_MODEL), lambda: None)

    def _dlms(self) -> Device:
        mechanism, client = self.options.mechanism, CLIENTS[self.options.mechanism]
        meter = DlmsMeter(self.instrument(DLMS_MODEL), lambda: None, particular=False)
        if mechanism is Mechanism.NONE:
            return Device(meter, {client: self._access(meter, mechanism)}, self.options.max_pdu)
        counters = HighestHeard()
        if mechanism is Mechanism.HLS_GMAC:
            self._security_objects(meter, counters)
        clients = {
            PUBLIC_CLIENT: self._access(meter, Mechanism.NONE, shown=PUBLIC_OBJECTS),
            client: self._access(meter, mechanism, counters),
        }
        return Device(meter, clients, self.options.max_pdu)

    def _access(
        self,
        meter: DlmsMeter,
        mechanism: Mechanism,
        counters: HighestHeard | None = None,
        shown: frozenset[Obis] | None = None,
    ) -> ClientAccess:
        keyed = mechanism is Mechanism.HLS_GMAC
        terms = Terms(
            CLIENTS[mechanism],
            LOGICAL_DEVICE,
            mechanism,
            Context.LN_CIPHERED if keyed else Context.LN,
            SERVER_CONFORMANCE,
            self.options.max_pdu,
            shown,
        )
        who, view = self.who, Association(meter, terms)
        if not keyed:
            password = who.password.encode() if mechanism is Mechanism.LLS else None
            return ClientAccess(mechanism, password, view)
        security = SecuritySetup(who.system_title, who.encryption_key, who.authentication_key)
        return ClientAccess(mechanism, None, view, security, counters)

    def _security_objects(self, meter: DlmsMeter, counters: HighestHeard) -> None:
        """What a client reads before it can prove itself: the counter, and which title to expect."""
        title = axdr.octet_string(self.who.system_title)
        meter.add(
            InterfaceClass.DATA,
            INVOCATION_COUNTER,
            {objects.VALUE: lambda: axdr.double_long_unsigned(counters.highest)},
        )
        meter.add(
            SECURITY_SETUP_CLASS,
            SECURITY_SETUP,
            {
                2: lambda: Data(Tag.ENUM, _AUTHENTICATED_ENCRYPTED),
                3: lambda: Data(Tag.ENUM, Suite.GCM_128),
                4: lambda: axdr.octet_string(b""),
                5: lambda: title,
            },
        )


class HighestHeard(MemoryCounters):
    """Counters that tell the highest heard from anybody, as a meter's invocation counter object does."""

    highest = 0

    def hear(self, key_name: str, counter: int) -> None:
        """See `CounterStore`."""
        super().hear(key_name, counter)
        self.highest = max(self.highest, counter)


async def serve(
    options: SingleOptions, *, ready: Callable[[SingleMeter], None], real: Clock | None = None
) -> None:
    """Serve one meter until SIGTERM or SIGINT; `ready` is called once it answers."""
    clock = MovingClock(real or wall, options.as_of, ticking=False)
    meter = SingleMeter(options, clock, (real or wall)())
    stop = asyncio.Event()
    with stopping(asyncio.get_running_loop(), stop.set):
        try:
            await meter.start()
            ready(meter)
            await stop.wait()
        finally:
            await meter.stop()
