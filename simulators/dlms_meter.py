"""A simulated DLMS meter: the objects its model file lists, answered from its instrument."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import ceil, floor

import numpy as np

from model.period import LOCAL
from model.series import ProfileKind, RegisterKey
from protocols.dlms import axdr, objects
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.clock import UNSPECIFIED_DEVIATION, CosemDate, CosemDateTime, CosemTime, write_clock
from protocols.dlms.enums import ActionResult, DataAccessResult
from protocols.dlms.objects import InterfaceClass, ScalerUnit
from protocols.dlms.profile_server import ProfileBuffer
from protocols.dlms.selection import CLOCK_COLUMN, CaptureObject, EntrySelection, RangeAsked
from protocols.errors import DecodeError
from protocols.meter_models.model import BillingProfile, EventLog, LoadProfile, Place, ProfileColumn, Quantity
from protocols.obis import Obis
from simulators import halfhours
from simulators.chance import Ints
from simulators.controls import Controls
from simulators.instrument import Entries, Instrument

Selection = RangeAsked | EntrySelection | None
Answer = Data | bytes | DataAccessResult
LOGICAL_DEVICE_NAME = Obis(0, 0, 42, 0, 0, 255)
LOGICAL_DEVICES = Obis(0, 0, 41, 0, 0, 255)
SAP_ASSIGNMENT = 17
LOGICAL_DEVICE = 1
_UTC_PLUS_7 = 7 * 60
_CRYSTAL = 1  # what the clock runs by
_FIRST_IN_FIRST_OUT = 1


class DlmsMeter:
    """The `ObjectServer` of one meter. `on_profile` is told when rows of the load profile are handed out.

    `particular` says whether it refuses the form of a range's times that its model does not name.
    """

    def __init__(
        self, instrument: Instrument, on_profile: Callable[[], None], *, particular: bool = True
    ) -> None:
        self.instrument = instrument
        self._on_profile = on_profile
        self._particular = particular
        self._attributes: dict[tuple[int, Obis, int], Callable[[], Answer]] = {}
        self._profiles: dict[Obis, Callable[[Selection], Answer]] = {}
        model = instrument.model
        for item in model.registers:
            self._number(item.place, partial(self._register, item.key, item.place))
        for quantity in model.instants:
            self._number(quantity.place, partial(self._quantity, quantity.quantity, quantity.place))
        if model.serial is not None:
            self._attributes[model.serial.class_id, model.serial.obis, model.serial.number] = self._serial
        if model.clock is not None:
            self._clock(model.clock.obis)
        clock = None if model.clock is None else model.clock.obis
        self.controls = Controls(model.control, clock, lambda: self.instrument)
        self._attributes |= self.controls.attributes
        if model.profile is not None:
            self._load_profile(model.profile)
        if model.billing is not None:
            self._billing_profile(model.billing)
        if model.events is not None:
            self._event_log(model.events)
        self.add(InterfaceClass.DATA, LOGICAL_DEVICE_NAME, {objects.VALUE: self._called})
        self.add(
            SAP_ASSIGNMENT,
            LOGICAL_DEVICES,
            {
                objects.VALUE: lambda: axdr.array(
                    axdr.structure(axdr.long_unsigned(LOGICAL_DEVICE), self._called())
                )
            },
        )

    def _serial(self) -> Data:
        return axdr.octet_string(self.instrument.hung.serial.encode())

    def _called(self) -> Data:
        """Sixteen octets that begin with the maker's three letters (IEC 62056-6-2, logical device name)."""
        return axdr.octet_string(b"DKE" + self.instrument.hung.serial.encode().rjust(13, b"0")[-13:])

    def lend(self, instrument: Instrument, on_profile: Callable[[], None]) -> DlmsMeter:
        """The same objects, answered from another instrument of this model until they are lent again.

        Nothing that a meter is told may be kept here: that belongs to its instrument.
        """
        self.instrument = instrument
        self._on_profile = on_profile
        return self

    def add(self, class_id: int, obis: Obis, attributes: Mapping[int, Callable[[], Answer]]) -> None:
        """One more object, by the numbers of its attributes; its logical name comes by itself."""
        for number, answer in attributes.items():
            self._attributes[class_id, obis, number] = answer

    def listed(self) -> dict[tuple[int, Obis], tuple[int, ...]]:
        """The objects there are, each with the numbers of its attributes."""
        found: dict[tuple[int, Obis], set[int]] = {}
        for class_id, obis, number in self._attributes:
            found.setdefault((class_id, obis), {objects.LOGICAL_NAME}).add(number)
        for obis in self._profiles:
            found[InterfaceClass.PROFILE_GENERIC, obis].add(objects.VALUE)
        return {each: tuple(sorted(numbers)) for each, numbers in found.items()}

    def read(self, class_id: int, obis: Obis, attribute: int, selection: Selection) -> Answer:
        """One attribute, or why it cannot be had."""
        if (
            class_id == InterfaceClass.PROFILE_GENERIC
            and attribute == objects.VALUE
            and obis in self._profiles
        ):
            return self._profiles[obis](selection)
        found = self._attributes.get((class_id, obis, attribute))
        if found is None:
            return self._absent(class_id, obis, attribute)
        if selection is not None:
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        return found()

    def write(self, class_id: int, obis: Obis, attribute: int, value: Data) -> DataAccessResult:
        """Set one attribute; only what the model's [control] names can be."""
        writer = self.controls.writers.get((class_id, obis, attribute))
        if writer is not None:
            return writer(value)
        there = (class_id, obis, attribute) in self._attributes
        found = None if there else self._absent(class_id, obis, attribute)
        return found if isinstance(found, DataAccessResult) else DataAccessResult.READ_WRITE_DENIED

    def act(self, class_id: int, obis: Obis, method: int, parameters: Data | None) -> ActionResult:
        """Invoke one method; the parameter of those there are (integer 0) means nothing."""
        acting = self.controls.methods.get((class_id, obis, method))
        if acting is not None:
            return acting()
        found = self._absent(class_id, obis, objects.LOGICAL_NAME)
        return ActionResult(found) if isinstance(found, DataAccessResult) else ActionResult.READ_WRITE_DENIED

    def _absent(self, class_id: int, obis: Obis, attribute: int) -> Answer:
        classes = {known for known, name, _ in self._attributes if name == obis}
        if not classes:
            return DataAccessResult.OBJECT_UNDEFINED
        if class_id not in classes:
            return DataAccessResult.OBJECT_CLASS_INCONSISTENT
        if attribute == objects.LOGICAL_NAME:
            return axdr.octet_string(obis.to_bytes())
        return DataAccessResult.READ_WRITE_DENIED

    def _number(self, place: Place, raw: Callable[[], int]) -> None:
        at = place.dlms
        if (at.class_id, at.obis, at.number) in self._attributes:
            return  # an index that is both a register and a column of the profile
        self._attributes[at.class_id, at.obis, at.number] = lambda: Data(place.tag, raw())
        scaler_unit = ScalerUnit(place.scaler, place.unit).to_data()
        self._attributes[at.class_id, at.obis, objects.scaler_attribute(at.class_id)] = lambda: scaler_unit

    def _register(self, key: RegisterKey, place: Place) -> int:
        return self.instrument.raw(key, place, self.instrument.second())

    def _last(self, column: ProfileColumn, interval_s: int) -> int:
        """What the profile captured last; 0 before its first half-hour."""
        now = self.instrument.second()
        newest = self.instrument.window(0, now, with_start=False, capacity=1).newest()
        captured = self.instrument.column(column, newest, interval_s)
        return int(captured[-1]) if len(captured) else 0

    def _quantity(self, quantity: Quantity, place: Place) -> int:
        return round(self.instrument.quantities()[quantity] * 10.0**-place.scaler)

    def _clock(self, obis: Obis) -> None:
        """All of class 8: Vietnam's time, which knows no summer."""
        never = axdr.octet_string(CosemDateTime(CosemDate(), CosemTime()).to_bytes())
        self.add(
            InterfaceClass.CLOCK,
            obis,
            {
                objects.VALUE: self._time,
                3: lambda: Data(Tag.LONG, -_UTC_PLUS_7),
                4: lambda: Data(Tag.UNSIGNED, 0),
                5: lambda: never,
                6: lambda: never,
                7: lambda: axdr.integer(0),
                8: lambda: Data(Tag.BOOLEAN, False),
                9: lambda: Data(Tag.ENUM, _CRYSTAL),
            },
        )

    def _time(self) -> Answer:
        return axdr.octet_string(write_clock(halfhours.at_second(self.instrument.second()).astimezone(LOCAL)))

    def _load_profile(self, profile: LoadProfile) -> None:
        self._constants(profile.obis, profile.captures, profile.interval_seconds, profile.entries)
        # A buffer of indices opens with the one at hanging: where else would the first half-hour begin?
        with_start = all(column.kind is ProfileKind.INDEX for column in profile.columns)
        capacity = None if self.instrument.hung.recorded is not None else profile.entries
        if profile.status is not None:
            good = Data(Tag.UNSIGNED, 0)
            self.add(profile.status.class_id, profile.status.obis, {profile.status.attribute: lambda: good})
        for captured in profile.columns:
            self._number(captured.place, partial(self._last, captured, profile.interval_seconds))

        def buffer(selection: Selection) -> ProfileBuffer:
            entries = self._chosen(selection, with_start, capacity)
            values = [
                self.instrument.column(column, entries, profile.interval_seconds)
                for column in profile.columns
            ]
            tags = [column.place.tag for column in profile.columns]
            if profile.status is not None:
                values.insert(0, np.zeros(len(values[0]), dtype=np.int64))
                tags.insert(0, Tag.UNSIGNED)
            return ProfileBuffer(profile.captures, tuple(tags), entries.stamps, tuple(values), _UTC_PLUS_7)

        def answer(selection: Selection) -> Answer:
            self._on_profile()
            return self._select(buffer, selection)

        self._profiles[profile.obis] = answer
        self._in_use(profile.obis, lambda: min(self.instrument.count(with_start=with_start), profile.entries))

    def _chosen(self, selection: Selection, with_start: bool, capacity: int | None) -> Entries:
        """No more entries than the selection can mean: a day of one meter is asked far oftener than all."""
        if isinstance(selection, RangeAsked):
            try:
                first, last = (each.to_datetime(LOCAL) for each in (selection.first, selection.last))
            except DecodeError:
                return self.instrument.window(0, 0, with_start=False, capacity=capacity)  # to be refused
            return self.instrument.window(
                ceil(first.timestamp()), floor(last.timestamp()), with_start=with_start, capacity=capacity
            )
        every = self.instrument.entries(with_start=with_start)
        return every if capacity is None else every.newest(capacity)

    def _billing_profile(self, profile: BillingProfile) -> None:
        self._constants(profile.obis, profile.captures, 0, profile.entries)

        def buffer(selection: Selection) -> ProfileBuffer:
            seconds = self.instrument.closings()[-profile.entries :]
            values: list[Ints] = [
                np.array([self.instrument.raw(item.key, item.place, at) for at in seconds], dtype=np.int64)
                for item in profile.registers
            ]
            tags = tuple(item.place.tag for item in profile.registers)
            stamps = np.array(seconds, dtype=np.int64)
            return ProfileBuffer(profile.captures, tags, stamps, tuple(values), _UTC_PLUS_7)

        def answer(selection: Selection) -> Answer:
            return self._select(buffer, selection)

        self._profiles[profile.obis] = answer
        self._in_use(profile.obis, lambda: min(len(self.instrument.closings()), profile.entries))

    def _event_log(self, log: EventLog) -> None:
        self._constants(log.obis, log.captures, 0, log.entries)
        codes = {word: code for code, word in log.words.items()}

        def buffer(selection: Selection) -> ProfileBuffer:
            known = [(at, codes[word]) for at, word in self.instrument.happenings if word in codes]
            stamps, values = zip(*known[-log.entries :], strict=True) if known else ((), ())
            columns = (np.array(values, dtype=np.int64),)
            at = np.array(stamps, dtype=np.int64)
            return ProfileBuffer(log.captures, (Tag.UNSIGNED,), at, columns, _UTC_PLUS_7)

        def answer(selection: Selection) -> Answer:
            return self._select(buffer, selection)

        def last() -> Answer:
            words = [word for _, word in self.instrument.happenings if word in codes]
            return Data(Tag.UNSIGNED, codes[words[-1]] if words else 0)

        self.add(InterfaceClass.DATA, log.code, {objects.VALUE: last})
        self._profiles[log.obis] = answer
        self._in_use(log.obis, lambda: min(len(self.instrument.happenings), log.entries))

    def _in_use(self, obis: Obis, rows: Callable[[], int]) -> None:
        number = (InterfaceClass.PROFILE_GENERIC, obis, objects.ENTRIES_IN_USE)
        self._attributes[number] = lambda: axdr.double_long_unsigned(rows())

    def _select(self, build: Callable[[Selection], ProfileBuffer], selection: Selection) -> Answer:
        """The rows meant."""
        if isinstance(selection, RangeAsked) and self._particular:
            with_deviation = selection.first.deviation != UNSPECIFIED_DEVIATION
            if with_deviation is not self.instrument.model.dlms.range_with_deviation:
                return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        return build(selection).select(selection)

    def _constants(self, obis: Obis, captures: tuple[CaptureObject, ...], period: int, entries: int) -> None:
        listed = axdr.array(*(capture.to_data() for capture in captures))
        number = InterfaceClass.PROFILE_GENERIC
        self.add(
            number,
            obis,
            {
                objects.CAPTURE_OBJECTS: lambda: listed,
                objects.CAPTURE_PERIOD: lambda: axdr.double_long_unsigned(period),
                5: lambda: Data(Tag.ENUM, _FIRST_IN_FIRST_OUT),
                6: CLOCK_COLUMN.to_data,
                objects.PROFILE_ENTRIES: lambda: axdr.double_long_unsigned(entries),
            },
        )


class Lent:
    """One of many meters of a model: the objects are kept once for all of them (see `DlmsMeter.lend`)."""

    __slots__ = ("_objects", "_on_profile", "instrument")

    def __init__(self, objects: DlmsMeter, instrument: Instrument, on_profile: Callable[[], None]) -> None:
        self._objects = objects
        self._on_profile = on_profile
        self.instrument = instrument

    def listed(self) -> dict[tuple[int, Obis], tuple[int, ...]]:
        """See `DlmsMeter.listed`."""
        return self._objects.listed()

    def read(self, class_id: int, obis: Obis, attribute: int, selection: Selection) -> Answer:
        """See `DlmsMeter.read`."""
        lent = self._objects.lend(self.instrument, self._on_profile)
        return lent.read(class_id, obis, attribute, selection)

    def write(self, class_id: int, obis: Obis, attribute: int, value: Data) -> DataAccessResult:
        """See `DlmsMeter.write`."""
        return self._objects.lend(self.instrument, self._on_profile).write(class_id, obis, attribute, value)

    def act(self, class_id: int, obis: Obis, method: int, parameters: Data | None) -> ActionResult:
        """See `DlmsMeter.act`."""
        return self._objects.lend(self.instrument, self._on_profile).act(class_id, obis, method, parameters)

    @property
    def controls(self) -> Controls:
        """What it can be told."""
        return self._objects.controls
