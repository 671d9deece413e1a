"""A simulated mode C meter: what its model file lists, as data sets filled from its instrument."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

import numpy as np

from model.period import LOCAL
from model.series import ProfileKind, RegisterKey
from protocols.dlms.objects import InterfaceClass
from protocols.errors import DecodeError
from protocols.iec62056_21.codes import code_of, text_of
from protocols.iec62056_21.data_sets import DataSet
from protocols.iec62056_21.events import Send
from protocols.iec62056_21.identification import Identification
from protocols.iec62056_21.profile import Column, ProfileRange, StampAt, write_profile
from protocols.iec62056_21.quantities import Quantity as Written
from protocols.iec62056_21.quantities import word_of, write_quantity
from protocols.iec62056_21.server import INVALID, NOT_PERMITTED, Denied, Lines, MeterSettings, ModeCServer
from protocols.iec62056_21.stamps import write_clock
from protocols.meter_models.mode_c import ModeCSettings
from protocols.meter_models.model import LoadProfile, Place, ProfileColumn, Quantity
from protocols.obis import Obis
from simulators import halfhours
from simulators.answering import Answerer
from simulators.instrument import Entries, Instrument

IDENTIFICATION = Identification("DKE", "5", "MODEC-1", ("@",))
"""Who our meters say they are; 9600 bit/s, and \\@ as meters that take R5 and R6 have it."""
DIGITS = 6
_LAST_AVERAGE = 5
_PROFILE = Obis(1, 0, 99, 1, 0)


class ModeCMeter:
    """The `MeterBook` of one meter. `on_profile` is told when rows of the load profile are handed out."""

    def __init__(self, instrument: Instrument, on_profile: Callable[[], None]) -> None:
        self._instrument = instrument
        self._on_profile = on_profile
        model = instrument.model
        self._settings = model.mode_c_settings or ModeCSettings()
        self._values: dict[Obis | None, tuple[str, Callable[[], str]]] = {}
        self._add("F.F", lambda: "00000000")
        self._add(self._settings.serial, lambda: instrument.hung.serial)
        self._add(self._settings.time, lambda: self._clock()[1])
        self._add(self._settings.date, lambda: self._clock()[0])
        for item in model.registers:
            self._place(item.place, partial(self._register, item.key, item.place))
        for quantity in model.instants:
            self._place(quantity.place, partial(self._quantity, quantity.quantity, quantity.place))

    def read_out(self, letter: str) -> Lines:
        """Everything but the profile, whichever list is asked for."""
        return [[DataSet(address, (value(),))] for address, value in self._values.values()]

    def read(self, address: str, arguments: tuple[str, ...]) -> Lines | Denied:
        """One value, or the rows of the load profile that the first argument chooses."""
        code = code_of(address)
        profile = self._instrument.model.profile
        if profile is not None and code in (_PROFILE, profile.obis):
            return self._rows(address, profile, arguments[0])
        found = self._values.get(code)
        if code is None or found is None:
            return Denied(INVALID)
        return [[DataSet(address, (found[1](),))]]

    def write(self, address: str, values: tuple[str, ...]) -> Denied:
        """A simulated meter is read, never set."""
        return Denied(NOT_PERMITTED)

    def _add(self, address: str, value: Callable[[], str]) -> None:
        self._values[code_of(address)] = address, value

    def _place(self, place: Place, raw: Callable[[], int]) -> None:
        self._add(text_of(place.named), lambda: _spelled(place, raw(), DIGITS))

    def _clock(self) -> tuple[str, str]:
        return write_clock(halfhours.at_second(self._instrument.second()), LOCAL)

    def _register(self, key: RegisterKey, place: Place) -> int:
        return self._instrument.raw(key, place, self._instrument.second())

    def _quantity(self, quantity: Quantity, place: Place) -> int:
        return round(self._instrument.quantities()[quantity] * 10.0**-place.scaler)

    def _rows(self, address: str, profile: LoadProfile, argument: str) -> Lines | Denied:
        try:
            wanted = ProfileRange.from_text(argument, LOCAL)
        except DecodeError:
            return Denied(INVALID)
        self._on_profile()
        entries = self._chosen(profile, wanted)
        interval = profile.interval_seconds
        columns = [
            (_column(column), [_spelled(column.place, raw) for raw in values.tolist()])
            for column in profile.columns
            for values in (self._instrument.column(column, entries, interval),)
        ]
        stamps = [datetime.fromtimestamp(at, UTC) for at in entries.stamps.tolist()]
        return write_profile(
            address, stamps, [0] * len(stamps), interval // 60, columns, LOCAL, self._settings.stamp_at
        )

    def _chosen(self, profile: LoadProfile, wanted: ProfileRange) -> Entries:
        """The rows whose stamp, as the meter writes it, lies in the range."""
        with_start = all(column.kind is ProfileKind.INDEX for column in profile.columns)
        kept = self._instrument.entries(with_start=with_start)
        rows = slice(-profile.entries, None)
        stamps, before, at = kept.stamps[rows], kept.before[rows], kept.at[rows]
        shown = stamps - (profile.interval_seconds if self._settings.stamp_at is StampAt.BEGIN else 0)
        inside = np.ones(len(stamps), np.bool_)
        if wanted.first is not None:
            inside &= shown >= wanted.first.timestamp()
        if wanted.last is not None:
            inside &= shown <= wanted.last.timestamp()
        return Entries(stamps[inside], before[inside], at[inside])


def _spelled(place: Place, raw: int, digits: int = 0) -> str:
    """A value and its unit; in a profile (no digits) the unit stands in the header."""
    unit = word_of(place.unit)
    whole = digits if unit.startswith("k") else 0
    text = write_quantity(Written(raw, place.scaler, place.unit), whole)
    return f"{text}*{unit}" if digits and unit else text


def _column(column: ProfileColumn) -> Column:
    """A column's name; the last average of a COSEM demand register is D = 5 in a mode C profile."""
    place = column.place
    code = place.named
    if place.attribute is not None and place.attribute.class_id == InterfaceClass.DEMAND_REGISTER:
        code = Obis(code.a, code.b, code.c, _LAST_AVERAGE, code.e, code.f)
    return Column(text_of(code), word_of(place.unit))


def mode_c_line(meters: Mapping[str, tuple[ModeCMeter, str]]) -> Callable[[], Answerer]:
    """What a call hears: meters by device address, each with its password (P1; empty where it wants none)."""

    def open_call() -> Answerer:
        server = ModeCServer(
            {
                address: (MeterSettings(IDENTIFICATION, {"1": password} if password else {}), book)
                for address, (book, password) in meters.items()
            }
        )

        def answer(chunk: bytes) -> bytes:
            # Over a network the line has one speed, and no pause is as long as the way.
            return b"".join(step.raw for step in server.receive(chunk) if isinstance(step, Send))

        return answer

    return open_call
