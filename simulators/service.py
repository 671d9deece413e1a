"""A fleet on its sockets: every line served, the register of its grid, and the truth about its meters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from typing import Final

from model.clock import Clock
from model.grid import Installation, Meter, Modem, ModemLink, Register, SecretKeys
from model.series import Channel
from protocols import meter_models
from protocols.dlms.enums import Mechanism
from protocols.dlms.server import Device, ServerConnection
from protocols.meter_models.model import Speech
from simulators import association, halfhours, keyed, networks, ports
from simulators.air import Air
from simulators.answering import Answering
from simulators.calling import Cell
from simulators.dlms_meter import DlmsMeter, Lent
from simulators.hung import Fleet, Hung
from simulators.instrument import Instrument
from simulators.keyed import Keyring
from simulators.lines import Line
from simulators.modbus_line import ModbusLine
from simulators.modbus_meter import ModbusMeter
from simulators.mode_c_meter import ModeCMeter, mode_c_line
from simulators.modems import Bus
from simulators.moving_clock import wall
from simulators.networks import Fate, Network, Weather
from simulators.options import Options
from simulators.pushing import Pushing

BUILT_AT_ONCE: Final = 2000  # DLMS meters kept ready to answer; the others are made so when asked


@dataclass(slots=True, eq=False)
class Marker:
    """Set when an answer holds profile rows; reading it clears it."""

    up: bool = False

    def raise_(self) -> None:
        """Rows were handed out."""
        self.up = True

    def taken(self) -> bool:
        """Whether rows were handed out since this was last asked."""
        was, self.up = self.up, False
        return was


class Devices(Mapping[int, Device]):
    """The DLMS meters of a line by their addresses 1, 2, 3 …, each built when it is spoken to."""

    __slots__ = ("_build", "_line", "_marker")

    def __init__(self, line: Line, marker: Marker, build: Callable[[str, Marker], Device]) -> None:
        self._line, self._marker, self._build = line, marker, build

    def __getitem__(self, address: int) -> Device:
        if not 1 <= address <= len(self._line.serials):
            raise KeyError(address)
        return self._build(self._line.serials[address - 1], self._marker)

    def __iter__(self) -> Iterator[int]:
        return iter(range(1, len(self._line.serials) + 1))

    def __len__(self) -> int:
        return len(self._line.serials)


@dataclass(slots=True)
class Service:
    """A fleet on its sockets."""

    fleet: Fleet
    options: Options
    clock: Clock
    air: Air
    instruments: dict[str, Instrument] = field(default_factory=dict)
    addresses: dict[str, tuple[str, int]] = field(default_factory=dict)
    fates: Counter[Fate] = field(default_factory=Counter)  # of the exchanges, where the air is not clear
    _listening: list[Answering | ModbusLine] = field(default_factory=list)
    _cell: Cell | None = None
    _pushing: Pushing | None = None
    _objects: dict[tuple[str, bool], DlmsMeter] = field(default_factory=dict)
    _rings: dict[str, Keyring] = field(default_factory=dict)
    _began: datetime = field(default_factory=wall)  # the real time: no nonce of another day comes again
    _device: Callable[[str, Marker], Device] = field(init=False)

    def __post_init__(self) -> None:
        self._device = lru_cache(BUILT_AT_ONCE)(self._built)
        for serial, hung in self.fleet.meters.items():
            self.instruments[serial] = Instrument(hung, meter_models.load(hung.model), self.clock)

    async def start(self) -> None:
        """Open every port and start to call; `SimulatorError` when there are not enough ports."""
        network = networks.load(self.options.network)
        waiting = [line for line in self.fleet.lines if line.link is ModemLink.DIAL_OUT]
        sockets = ports.listening(
            self.options.host, self.options.port_from, len(waiting), onwards=self.options.district is not None
        )
        for line, sock in zip(waiting, sockets, strict=True):
            self.addresses[line.code] = sock.getsockname()[:2]
            carrier = self._carrier(line)
            served = (
                carrier
                if isinstance(carrier, ModbusLine)
                else Answering(carrier.open, self._weather(network, line))
            )
            await served.start(sock)
            self._listening.append(served)
        if self.options.push_to is not None:
            self._pushing = Pushing(
                self.pushers(), self.options.push_to, self.options.push_every_s, self._sealed
            )
            self._pushing.start()
        if self.options.dial_in_to is None:
            return
        self._cell = Cell(self.options.dial_in_to, self.options.heartbeat_s)
        for line in self.fleet.lines:
            if line.link is ModemLink.DIAL_IN:
                carrier = self._carrier(line)
                if isinstance(carrier, Bus):
                    self._cell.add(carrier, self._weather(network, line))

    def _weather(self, network: Network, line: Line) -> Weather:
        if network.is_clean:
            return networks.CLEAR
        return Weather(network, self.options.seed, line.code, self.fates)

    async def stop(self) -> None:
        """Hang up everywhere and free the ports."""
        if self._pushing is not None:
            await self._pushing.stop()
        if self._cell is not None:
            await self._cell.stop()
        for each in self._listening:
            await each.stop()

    def _carrier(self, line: Line) -> Bus | ModbusLine:
        """What serves a line: its meters at the addresses 1, 2, 3 …"""
        marker = Marker()
        here = [self.instruments[serial] for serial in line.serials]
        if here[0].model.speech is Speech.MODBUS:
            units = {unit: ModbusMeter(each, marker.raise_) for unit, each in enumerate(here, 1)}
            return ModbusLine(line, units, self.air, marker.taken)
        if here[0].model.speech is Speech.MODE_C:
            books = {each.hung.serial: (ModeCMeter(each, marker.raise_), each.hung.password) for each in here}
            return Bus(line, mode_c_line(books), self.air, marker.taken, framed=False)
        devices = Devices(line, marker, self._device)
        return Bus(line, lambda: ServerConnection(devices).receive, self.air, marker.taken)

    def pushers(self) -> dict[str, Callable[[], DlmsMeter | Lent]]:
        """The meters whose model says what they push, each made when it does."""
        return {
            serial: partial(self._meter, serial, Marker())
            for serial, each in self.instruments.items()
            if each.model.pushes.lists and each.hung.until is None
        }

    def _built(self, serial: str, marker: Marker) -> Device:
        meter, ring = self._meter(serial, marker), self._ring(serial)
        if ring is not None:
            return keyed.device(meter, ring, self.options.max_pdu)
        return association.device(meter, self.options.max_pdu)

    def _ring(self, serial: str) -> Keyring | None:
        """What a meter whose model wants keys holds; it lasts as long as the fleet."""
        keys = self._keys(self.fleet.meters[serial])
        if keys is None:
            return None
        if serial not in self._rings:
            self._rings[serial] = Keyring(serial, keys, self._began)
        return self._rings[serial]

    def _sealed(self, serial: str, message: bytes) -> bytes:
        """What a meter sends of its own accord, under its keys where it has any."""
        ring = self._ring(serial)
        return message if ring is None else ring.sealed(message)

    def _keys(self, hung: Hung) -> SecretKeys | None:
        """Those it left its maker with."""
        settings = self.instruments[hung.serial].model.dlms_settings
        if settings is None or settings.keyed is None:
            return None
        return keyed.drawn(self.options.seed, hung.serial)

    def _meter(self, serial: str, marker: Marker) -> Lent:
        instrument = self.instruments[serial]
        alike = instrument.hung.model, instrument.hung.recorded is None
        if alike not in self._objects:
            self._objects[alike] = DlmsMeter(instrument, marker.raise_)
        return Lent(self._objects[alike], instrument, marker.raise_)

    def dead(self) -> dict[str, list[str]]:
        """The modems that answer nothing now, and the meters behind them: nobody can read those."""
        silent = [line for line in self.fleet.lines if self.air.is_silent(line.code)]
        return {
            "modems": [line.code for line in silent],
            "meters": [serial for line in silent for serial in line.serials],
        }

    def intervals(self, serial: str, begin: datetime, end: datetime) -> list[int]:
        """The Wh of the meter's half-hours of a period by its own clock, up to its end."""
        first, last = halfhours.slot_of(begin), halfhours.slot_of(end)
        return [int(wh) for wh in self.instruments[serial].counter.wh(first, last)]

    def told(self) -> dict[str, dict[str, object]]:
        """For each meter that was told something: what, and how it stands now."""
        return {
            serial: {
                "switch": instrument.told.switch.state.name.lower(),
                "limit_w": instrument.told.limit_w,
                "clock_offset_s": instrument.second() - halfhours.seconds_of(self.clock()),
                "acts": [
                    {"at": act.at.isoformat(), "what": act.what, "how": act.how} for act in instrument.acts
                ],
            }
            for serial, instrument in self.instruments.items()
            if instrument.acts
        }

    def power(self, station: str, on: bool) -> list[str]:
        """The supply of a station goes or comes back, for its meters and their modems; which those are."""
        points = {point.code for point in self.fleet.points if point.station == station}
        here = {serial for serial, hung in self.fleet.meters.items() if hung.point in points}
        for serial in here:
            self.instruments[serial].power(on)
        modems = [line.code for line in self.fleet.lines if here.issuperset(line.serials)]
        for modem in modems:
            self.air.order(modem, not on)
        return modems

    def exchanges(self) -> dict[str, int]:
        """What became of those in a network that is not clean."""
        return {fate.value: self.fates[fate] for fate in Fate}

    def drift(self, serial: str, seconds: int) -> None:
        """The clock of a meter goes wrong, or right, by so many seconds."""
        self.instruments[serial].move_clock(seconds)

    def register(self) -> Register:
        """What the office would know of this grid, passwords included; hosts and ports as they are served."""
        fleet = self.fleet
        hangs = {serial: (line.code, at) for line in fleet.lines for at, serial in enumerate(line.serials, 1)}
        return Register(
            stations=fleet.stations,
            feeders=fleet.feeders,
            books=fleet.books,
            customers=fleet.customers,
            modems=tuple(self._modem(line) for line in fleet.lines),
            meters=tuple(
                Meter(
                    serial=hung.serial,
                    model=hung.model,
                    modem=hangs[hung.serial][0],
                    address=hangs[hung.serial][1],
                    digits=self.instruments[hung.serial].model.digits,
                    password=self._password(hung),
                    keys=self._keys(hung),
                )
                for hung in fleet.meters.values()
            ),
            points=fleet.points,
            installations=tuple(self._installation(hung) for hung in fleet.meters.values()),
        )

    def _modem(self, line: Line) -> Modem:
        host, port = self.addresses.get(line.code, ("", 0))
        return Modem(line.code, line.link, line.dialect, host, port, line.registration)

    def _password(self, hung: Hung) -> str | None:
        model = self.instruments[hung.serial].model
        if model.speech is Speech.MODE_C:
            return hung.password or None
        settings = model.dlms_settings
        return hung.password if settings is not None and settings.mechanism is Mechanism.LLS else None

    def _installation(self, hung: Hung) -> Installation:
        until = None if hung.until is None else halfhours.begin_of(hung.until)
        return Installation(
            point=hung.point,
            serial=hung.serial,
            since=halfhours.begin_of(hung.since),
            until=until,
            first_index=self._indices(hung, hung.since),
            last_index={} if hung.until is None else self._indices(hung, hung.until),
        )

    def _indices(self, hung: Hung, slot: int) -> dict[str, int]:
        """What somebody reads off the display, by register code."""
        instrument = self.instruments[hung.serial]
        return {
            item.key.rate.code: instrument.raw(item.key, item.place, slot * halfhours.SLOT_S)
            for item in instrument.model.registers
            if item.key.channel is Channel.ACTIVE_IMPORT
        }

    def buffers(self) -> dict[str, dict[str, int]]:
        """For each meter that replays a file: the rows its buffer holds up to its clock, and their Wh."""
        found = {}
        for serial, instrument in self.instruments.items():
            if instrument.hung.recorded is not None:
                rows = instrument.entries(with_start=False)
                found[serial] = {"rows": len(rows.stamps), "wh": int((rows.at - rows.before).sum())}
        return found

    def truth(self, begin: datetime, end: datetime) -> dict[str, dict[str, int]]:
        """For each meter, primary Wh at both ends as its own register and clock say, rollovers undone."""
        found = {}
        for serial, instrument in self.instruments.items():
            since = instrument.hung.since * halfhours.SLOT_S
            at_begin = instrument.until(max(halfhours.seconds_of(begin), since))
            at_end = instrument.until(max(halfhours.seconds_of(end), since))
            found[serial] = {"from": instrument.primary_wh(at_begin), "to": instrument.primary_wh(at_end)}
        return found
