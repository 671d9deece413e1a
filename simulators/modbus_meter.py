"""A simulated Modbus meter: the registers of its model file, filled from its instrument when read."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pymodbus.constants import ExcCodes
from pymodbus.simulator import DataType, SimData, SimDevice

from model.period import LOCAL
from model.series import ProfileKind
from protocols.errors import LocalError
from protocols.meter_models.model import InstantItem, RegisterItem
from protocols.modbus.codes import ExceptionCode, ModbusRefused
from protocols.modbus.identity import Identification, ReadIdentification, ReportServer, ServerReport
from protocols.modbus.logger import Logger
from protocols.modbus.pdu import Answer
from protocols.modbus.registers import Block, Register, RegisterType, read_plan
from protocols.modbus.requests import ReadRegisters, Words, WriteRegister, WriteRegisters, Written
from protocols.modbus.server import AnyRequest
from simulators import halfhours
from simulators.errors import SimulatorError
from simulators.instrument import Instrument

_WRITE = (6, 16)
_WHO_RUNS = b"\x01\xff"  # a number for the kind of device, and that it runs
_BASIC = 1  # the conformity of a device that has the basic identification only
Numbers = tuple[int, ...]


class ModbusMeter:
    """One unit on a Modbus line: pymodbus serves its `device`, `protocols.modbus.server` asks it to `serve`.

    `on_window` is told when records of the logger are handed out.
    """

    def __init__(self, instrument: Instrument, on_window: Callable[[], None]) -> None:
        self._instrument = instrument
        self._on_window = on_window
        self._settings = instrument.model.modbus
        self._logger = self._settings.logger
        self._selected = 0
        self._serial = instrument.hung.serial.encode()
        room = 2 * self._settings.serial_words
        if self._settings.serial is not None and len(self._serial) > room:
            raise SimulatorError(
                f"meter {instrument.hung.serial}: its serial takes {len(self._serial)} bytes and the "
                f"registers of {instrument.model.name} hold {room}: give it a shorter one"
            )
        self._there = frozenset(
            at for block in self._blocks() for at in range(block.address, block.address + block.count)
        )

    def device(self, unit: int) -> SimDevice:
        """As it stands on the line, at this unit number."""
        blocks = [
            SimData(block.address, block.count, datatype=DataType.REGISTERS) for block in self._blocks()
        ]
        return SimDevice(unit, blocks, action=self._touched)

    def serve(self, request: AnyRequest) -> Answer:
        """What it says as a unit of `protocols.modbus.server`; raises `ModbusRefused`."""
        match request:
            case ReadRegisters(function, address, count) if function == self._settings.function:
                return Words(function, self._read(address, count))
            case WriteRegisters(address, values):
                self._written(address, list(values))
                return Written(request.function, address, len(values))
            case WriteRegister(address, value):
                self._written(address, [value])
                return request
            case ReportServer():
                return ServerReport(_WHO_RUNS + self._serial)
            case ReadIdentification(1):
                model = self._instrument.model
                names = (_ascii(model.maker), model.name.encode(), self._serial)
                return Identification(1, _BASIC, tuple(enumerate(names)))
        raise ModbusRefused(ExceptionCode.ILLEGAL_FUNCTION)

    def _read(self, address: int, count: int) -> Numbers:
        if not self._there.issuperset(range(address, address + count)):
            raise ModbusRefused(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        held = dict.fromkeys(range(address, address + count), 0)
        for start, words in self._contents(address, address + count):
            held.update((at, word) for at, word in enumerate(words, start) if at in held)
        return tuple(held.values())

    def _written(self, address: int, words: list[int]) -> None:
        if self._select(address, words) is not None:
            raise ModbusRefused(ExceptionCode.ILLEGAL_DATA_ADDRESS)

    def _blocks(self) -> Iterator[Block]:
        """All that may be read: holes a head-end may read over are there too."""
        registers = [register for register, _ in self._numbers()]
        if self._settings.serial is not None:
            registers += [
                Register(self._settings.serial + word, RegisterType.U16, self._settings.function)
                for word in range(self._settings.serial_words)
            ]
        if self._logger is not None:
            log = self._logger
            registers += [log.pointer(log.oldest), log.pointer(log.newest), log.pointer(log.select)]
            yield log.block(log.window_records)
        yield from read_plan(registers, max_gap=self._settings.max_gap)

    async def _touched(
        self,
        function: int,
        start: int,
        address: int,
        count: int,
        held: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Before an answer: put what is true now into the registers, or take the record selected."""
        if function in _WRITE:
            return self._select(address, [int(word) for word in written or []])
        if function != self._settings.function:
            return ExcCodes.ILLEGAL_FUNCTION
        for at, words in self._contents(address, address + count):
            held[at - start : at - start + len(words)] = words
        return None

    def _contents(self, begin: int, end: int) -> Iterator[tuple[int, Numbers]]:
        """What stands in the registers that touch [begin, end)."""
        for register, words in self._numbers():
            if register.address < end and register.address + register.type.words > begin:
                yield register.address, words()
        serial = self._settings.serial
        if serial is not None and serial < end:
            yield serial, self._serial_words()
        log = self._logger
        if log is None or end <= min(log.oldest, log.window):
            return
        first, last = self._numbers_kept()
        yield log.oldest, log.pointer(log.oldest).encode(first)
        yield log.newest, log.pointer(log.newest).encode(last)
        yield log.select, log.pointer(log.select).encode(self._selected)
        if begin < log.window + log.window_records * log.record_words and end > log.window:
            self._on_window()
            yield log.window, self._window(log, last)

    def _numbers(self) -> Iterator[tuple[Register, Callable[[], Numbers]]]:
        """Registers with a number in them, each with how to know its words."""
        gauge = self._instrument
        for item in gauge.model.registers:
            yield item.place.modbus, partial(self._register, item)
        for quantity in gauge.model.instants:
            yield quantity.place.modbus, partial(self._quantity, quantity)
        clock = self._settings.clock
        if clock is not None:
            yield clock, lambda: clock.encode(self._clock_seconds())

    def _register(self, item: RegisterItem) -> Numbers:
        return item.place.encode(self._instrument.raw(item.key, item.place, self._instrument.second()))

    def _quantity(self, item: InstantItem) -> Numbers:
        value = self._instrument.quantities()[item.quantity]
        return item.place.encode(round(value * 10.0**-item.place.scaler))

    def _clock_seconds(self) -> int:
        local = halfhours.at_second(self._instrument.second()).astimezone(LOCAL).replace(tzinfo=None)
        if self._settings.epoch is None:
            raise LocalError("a Modbus clock without an epoch shows nothing")
        return int((local - self._settings.epoch).total_seconds())

    def _serial_words(self) -> Numbers:
        text = self._serial.ljust(self._settings.serial_words * 2, b"\0")
        return tuple(
            int.from_bytes(text[at : at + 2], "big") for at in range(0, self._settings.serial_words * 2, 2)
        )

    def _select(self, address: int, words: list[int]) -> ExcCodes | None:
        log = self._logger
        if log is None or address != log.select or len(words) != 2:
            return ExcCodes.ILLEGAL_ADDRESS
        self._selected = log.pointer(address).decode(words)
        return None

    def _with_start(self) -> bool:
        return all(column.kind is ProfileKind.INDEX for _, column in self._instrument.model.logger_columns)

    def _numbers_kept(self) -> tuple[int, int]:
        """Numbers of the oldest and the newest record; records count from 1."""
        return 1, len(self._instrument.entries(with_start=self._with_start()).stamps)

    def _window(self, log: Logger, last: int) -> Numbers:
        """The records from the selected one on; zeros past the newest."""
        entries = self._instrument.entries(with_start=self._with_start())
        begin = max(self._selected, 1) - 1
        rows = slice(begin, min(begin + log.window_records, last))
        columns: dict[str, Sequence[int]] = {
            name: [int(raw) for raw in self._instrument.column(column, entries, log.interval_seconds)[rows]]
            for name, column in self._instrument.model.logger_columns
        }
        stamps = [int(stamp) for stamp in entries.stamps[rows]]
        columns["status"] = [0] * len(stamps)
        words = log.encode(stamps, columns, LOCAL) if stamps and self._selected else []
        return (*words, *[0] * (log.window_records * log.record_words - len(words)))


def _ascii(text: str) -> bytes:
    """Without its marks: an identification is ASCII (Modbus application protocol 1.1b3, 6.21)."""
    plain = unicodedata.normalize("NFKD", text.replace("Đ", "D").replace("đ", "d"))
    return plain.encode("ascii", "ignore")
