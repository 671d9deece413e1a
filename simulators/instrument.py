"""A meter's own view of itself: its clock, registers, entries and terminals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import numpy as np

from model.clock import Clock
from model.series import Channel, ProfileKind, Rate, RegisterKey
from protocols.dlms.objects.disconnecting import SwitchEvent
from protocols.meter_models import MeterModel
from protocols.meter_models.model import Place, ProfileColumn, Quantity
from simulators import electrics, halfhours
from simulators.chance import Ints
from simulators.electrics import Moment
from simulators.halfhours import SLOT_S
from simulators.hung import Hung
from simulators.ledger import Counting
from simulators.told import Told

Wh = TypeVar("Wh", int, Ints)
POWER_OFF, POWER_ON = "power_off", "power_on"
_DARK = Moment((0.0, None, None), (0.0, None, None), 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Act:
    """Something it was told, at the fleet's time."""

    at: datetime
    what: str
    how: str


@dataclass(frozen=True, slots=True)
class Entries:
    """Half-hours kept: `stamps` at their ends, seconds since 1970 UTC; unwrapped Wh before and at them.

    `before` equals `at` in the first entry of a buffer of indices: it says where counting began.
    """

    stamps: Ints
    before: Ints
    at: Ints

    def newest(self, count: int = 1) -> Entries:
        """The last ones, no more than there are."""
        return Entries(self.stamps[-count:], self.before[-count:], self.at[-count:])


class Instrument:
    """One meter, by its own clock everywhere: where that is wrong, months are closed at the wrong time."""

    __slots__ = (
        "_clock",
        "_felt",
        "_kept",
        "_ratio",
        "_tangent",
        "_told",
        "acts",
        "happenings",
        "hung",
        "model",
    )

    def __init__(self, hung: Hung, model: MeterModel, clock: Clock) -> None:
        self.hung = hung
        self.model = model
        self._clock = clock
        self._tangent: int | None = None
        self._ratio = hung.multiplier if model.values_secondary else 1
        self._kept: tuple[int, Entries] | None = None
        self._felt: tuple[int, dict[Quantity, float]] | None = None
        self._told: Told | None = None
        self.acts: tuple[Act, ...] = ()
        self.happenings: tuple[tuple[int, str], ...] = ()  # second and word, as the event log has them

    def second(self) -> int:
        """What the meter's clock shows."""
        second = halfhours.seconds_of(self._clock()) + self.hung.drift_s
        return second if self._told is None else second + self._told.shift_s

    @property
    def told(self) -> Told:
        """What it was told from afar; most meters never are, and keep nothing for it."""
        if self._told is None:
            self._told = Told(self.hung.ledger)
        return self._told

    @property
    def counter(self) -> Counting:
        """What counts."""
        return self.hung.ledger if self._told is None else self._told

    def move_clock(self, by_s: int) -> None:
        """Show another time from now on."""
        self.told.move_clock(self.second(), by_s)
        self._happened("clock", f"{by_s:+d} s")

    def switch(self, event: SwitchEvent) -> bool:
        """Whether the switch moved."""
        moved = self.told.happens(event, self.second())
        self._happened(event.name.lower(), self.told.switch.state.name.lower() if moved else "not moved")
        return moved

    def limit(self, watts: int) -> None:
        """Let no more than so many watts through."""
        self.told.limit(watts, self.second())
        self._happened("limit", f"{watts} W")

    def power(self, on: bool) -> None:
        """The supply goes, or comes back: counted no more or again, and written into the event log."""
        if self.told.powered is on:
            return
        self.told.power(on, self.second())
        self.happenings = (*self.happenings, (self.second(), POWER_ON if on else POWER_OFF))
        self._happened("power", "on" if on else "off")

    def note(self, what: str, how: str) -> None:
        """Something else it was told."""
        self._happened(what, how)

    def _happened(self, what: str, how: str) -> None:
        self._kept = self._felt = None
        self.acts = (*self.acts, Act(self._clock(), what, how))

    def index(self, key: RegisterKey, place: Place, second: int) -> int:
        """The register at a second in its last place, as if it had digits without end.

        The total of a three-rate meter is the sum of its rates, so that no place is lost between them.
        """
        by_rate = self.counter.registers(second)
        if key.rate is Rate.TOTAL and self._is_rated(key.channel):
            return sum(_in_place(self._of_channel(key.channel, wh), place.scaler) for wh in by_rate[1:])
        return _in_place(self._of_channel(key.channel, by_rate[key.rate]), place.scaler)

    def _is_rated(self, channel: Channel) -> bool:
        return any(
            item.key.channel is channel and item.key.rate is not Rate.TOTAL for item in self.model.registers
        )

    def raw(self, key: RegisterKey, place: Place, second: int) -> int:
        """What the register shows: wrapped at its digits."""
        modulus = self.model.modulus(place)
        index = self.index(key, place, second)
        return index if modulus is None else index % modulus

    def primary_wh(self, second: int) -> int:
        """The total of active import as its register says it, unwrapped, times the transformers' ratio."""
        item = self.model.register(Channel.ACTIVE_IMPORT)
        raw = self.index(item.key, item.place, second)
        scaler = item.place.scaler
        return int(raw * self._ratio * 10**scaler if scaler >= 0 else raw * self._ratio // 10**-scaler)

    def until(self, second: int) -> int:
        """The second, or the end of the meter's service where that was before."""
        return second if self.hung.until is None else min(second, self.hung.until * SLOT_S)

    def entries(self, *, with_start: bool) -> Entries:
        """All whole half-hours up to now; those that a replayed file lacks are lacking."""
        hung = self.hung
        end = self._end()
        if self._kept is not None and self._kept[0] == end:
            kept = self._kept[1]
        else:
            kept = self._whole(hung.since, end)
            if hung.recorded is not None:  # of the others a look-up in the ledger is all there is to keep
                self._kept = end, kept
        return self._with_start(kept) if with_start and self._has_begun() else kept

    def window(self, first: int, last: int, *, with_start: bool, capacity: int | None) -> Entries:
        """Of the newest `capacity` entries those stamped in [first, last], seconds since 1970 UTC."""
        hung = self.hung
        if hung.recorded is not None:
            every = self.entries(with_start=with_start)
            inside = (every.stamps >= first) & (every.stamps <= last)
            return Entries(every.stamps[inside], every.before[inside], every.at[inside])
        end = self._end()
        oldest = hung.since - 1  # in the place of the start, where there is one
        if not (with_start and self._has_begun()):
            oldest += 1
        if capacity is not None:
            oldest = max(oldest, end - capacity)
        begin = max(-(-first // SLOT_S) - 1, oldest)
        end = min(end, last // SLOT_S)
        if begin >= end:
            begin = end = hung.since
        if begin < hung.since:
            return self._with_start(self._whole(hung.since, end))
        return self._whole(begin, end)

    def count(self, *, with_start: bool) -> int:
        """How many entries there are."""
        if self.hung.recorded is not None:
            return len(self.entries(with_start=with_start).stamps)
        return self._end() - self.hung.since + (with_start and self._has_begun())

    def _end(self) -> int:
        """The half-hour that is being counted."""
        return max(self.until(self.second()) // SLOT_S, self.hung.since)

    def _has_begun(self) -> bool:
        return self.second() >= self.hung.since * SLOT_S

    def _whole(self, begin: int, end: int) -> Entries:
        hung = self.hung
        slots = np.arange(begin, end, dtype=np.int64)
        totals = self.counter.totals(begin, end + 1)
        stamps, before, at = (slots + 1) * SLOT_S, totals[:-1], totals[1:]
        if hung.recorded is None:
            return Entries(stamps, before, at)
        known = hung.recorded.known(slots) >= 0
        return Entries(stamps[known], before[known], at[known])

    def _with_start(self, kept: Entries) -> Entries:
        hung = self.hung
        began = self.counter.totals(hung.since, hung.since + 1)
        return Entries(
            np.concatenate([[hung.since * SLOT_S], kept.stamps]),
            np.concatenate([began, kept.before]),
            np.concatenate([began, kept.at]),
        )

    def column(self, column: ProfileColumn, entries: Entries, interval_s: int) -> Ints:
        """The raw values of one column of a profile of these entries."""
        place = column.place
        if column.kind is ProfileKind.INDEX:
            index = _in_place(self._of_channel(column.channel, entries.at), place.scaler)
            modulus = self.model.modulus(place)
            return index if modulus is None else index % modulus
        before = self._of_channel(column.channel, entries.before)
        at = self._of_channel(column.channel, entries.at)
        if column.kind is ProfileKind.MEAN_POWER:
            return _in_place((at - before) * 3600 // interval_s, place.scaler)
        return _in_place(at, place.scaler) - _in_place(before, place.scaler)

    def closings(self) -> list[int]:
        """The seconds of the month starts the meter has kept its registers of."""
        begin = halfhours.begin_of(self.hung.since)
        last = halfhours.at_second(self.until(self.second()))
        return [halfhours.seconds_of(at) for at in halfhours.month_starts(begin, last)]

    def quantities(self) -> dict[Quantity, float]:
        """Volts, amperes and watts of now in SI units; a removed meter has none on its terminals."""
        second = self.second()
        if self._felt is None or self._felt[0] != second:
            self._felt = second, self._feel(second)
        return self._felt[1]

    def _feel(self, second: int) -> dict[Quantity, float]:
        if self.until(second) < second:
            now = _DARK
        else:
            now = electrics.moment(self.hung.seed, self.hung.supply, second, self._ratio)
            if self._told is not None and not self._told.switch.output:
                now = electrics.no_load(now)
        found = {
            Quantity.POWER: now.power_w,
            Quantity.REACTIVE: now.reactive_var,
            Quantity.COS_PHI: now.cos_phi,
            Quantity.FREQUENCY: now.frequency_hz,
        }
        for number in range(3):
            found[Quantity(f"voltage_{number + 1}")] = now.voltage_v[number] or 0.0
            found[Quantity(f"current_{number + 1}")] = now.current_a[number] or 0.0
        return found

    def _of_channel(self, channel: Channel, active: Wh) -> Wh:
        match channel:
            case Channel.ACTIVE_IMPORT:
                return active
            case Channel.REACTIVE_IMPORT:
                if self._tangent is None:
                    self._tangent = electrics.tangent_permille(self.hung.seed)
                return active * self._tangent // 1000
        return active * 0


def _in_place(wh: Wh, scaler: int) -> Wh:
    """Whole units of 10^scaler, what is less left out."""
    step: int = 10 ** abs(scaler)
    return wh // step if scaler >= 0 else wh * step
