"""One meter on its sockets: 40 days of half-hours, the same whichever way it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from model.clock import Clock
from model.grid import ModemLink
from protocols import meter_models
from protocols.dlms import axdr, objects
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.enums import Context, Mechanism
from protocols.dlms.framing import ServerFraming, WrapperServerFraming
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.security import SecuritySetup, Suite
from protocols.dlms.selection import CLOCK_OBIS
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.server_access import SERVER_CONFORMANCE
from protocols.obis import Obis
from simulators import ports
from simulators.air import Air
from simulators.answering import Answerer, Answering
from simulators.association import CURRENT_ASSOCIATION, SECURITY_SETUP, Association, Terms
from simulators.datagrams import Datagrams
from simulators.dlms_meter import LOGICAL_DEVICE, LOGICAL_DEVICE_NAME, LOGICAL_DEVICES, DlmsMeter
from simulators.errors import SimulatorError
from simulators.instrument import Instrument
from simulators.keyed import HighestHeard
from simulators.lines import Line
from simulators.modbus_line import ModbusLine
from simulators.modbus_meter import ModbusMeter
from simulators.modbus_rtu_line import rtu_line
from simulators.mode_c_meter import ModeCMeter, mode_c_line
from simulators.moving_clock import MovingClock, wall
from simulators.signals import stopping
from simulators.single_meter import (
    CLIENTS,
    DLMS_MODEL,
    MODBUS_MODEL,
    PUBLIC_CLIENT,
    UNIT,
    Port,
    SingleOptions,
    hung,
    identity,
)  # fmt: skip

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
_AUTHENTICATED_ENCRYPTED: Final = 3  # policy of security setup, version 0


class SingleMeter:
    """The meter on its sockets; `open_ports` are those it is served on."""

    def __init__(self, options: SingleOptions, clock: Clock) -> None:
        self.options = options
        self.who = identity(options)
        self.open_ports: dict[Port, int] = {}
        self._hung = hung(options, self.who, clock())
        self._clock = clock
        self._device = self._dlms()
        self._served: list[Answering | Datagrams | ModbusLine] = []

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
            if port is Port.WRAPPER:
                await self._also_over_udp(self.open_ports[port])

    async def _also_over_udp(self, port: int) -> None:
        datagrams = Datagrams(lambda: self._line(WrapperServerFraming(datagrams=True)))
        try:
            await datagrams.start(self.options.host, port)
        except OSError as error:
            raise SimulatorError(
                f"UDP port {port} is taken ({error.strerror}): free it or choose another for --wrapper"
            ) from error
        self._served.append(datagrams)

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
