"""`ami bench estimate`: gaps hidden in real households, and what their estimate is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rich_click as click

from ami.bench.detect_files import half_hours, interval_of
from ami.bench.verb import promises
from ami.console import emit, progress, table
from ami.failure import InputFailure
from ami.options import JSON
from analytics.vee import MeterInput, validate
from model.period import midnight
from model.readout import RegisterRead
from model.series import Channel, ProfileKind, Rate, Unit

SLOTS: Final = 48
LENGTHS: Final = {"1 h": 2, "3 h": 6, "12 h": 24, "3 days": 144}
PLACES: Final = {2: 15, 6: 40, 24: 6, 144: 3}  # gaps by household and seed: short ones vary more
AROUND: Final = 60  # days, back and on, that validation is given
EDGE_DAYS: Final = 3  # at each end of a household, in which no gap lies
SHORT: Final = 2  # slots, for which no worse is good enough
LESS: Final = 0.9  # of the better baseline's slot error, from there on
OURS, LINE, LIKE = "estimate", "line", "three like days"
REGISTERS: Final = ("edges", "midnights", "none")
FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)

Wh = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Household:
    """Half-hours in Wh from a midnight; −1 where the file has none."""

    first: date
    wh: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """What a meter's profile said."""

    stamps: Ints
    raw: Ints
    received_at: datetime
    kind: str = ProfileKind.INTERVAL_ENERGY
    interval_s: int = 1800
    scaler: int = 0
    unit: int = Unit.WATT_HOUR
    channel: int = Channel.ACTIVE_IMPORT


@dataclass(frozen=True, eq=False)
class Gap:
    """Slots `start` … `start + length` of a household hidden; what surrounds them."""

    home: Household
    start: int
    length: int

    @property
    def true(self) -> Ints:
        return self.home.wh[self.start : self.start + self.length]

    @property
    def day(self) -> Ints:
        """The number of each slot's day."""
        return np.asarray((self.start + np.arange(self.length)) // SLOTS)

    def line(self) -> Wh:
        a, b = self.home.wh[self.start - 1], self.home.wh[self.start + self.length]
        return np.asarray(a + (b - a) * (np.arange(self.length) + 1) / (self.length + 1))

    @cached_property
    def three_like_days(self) -> Wh:
        """Mean of that half-hour on the three nearest days of the same kind, none of them the gap's own."""
        wh, found = self.home.wh, np.zeros(self.length)
        for i in range(self.length):
            day, slot = divmod(self.start + i, SLOTS)
            kind = self._weekend(day)
            near = (day + sign * away for away in range(1, 90) for sign in (-1, 1))
            values = (
                wh[other * SLOTS + slot]
                for other in near
                if 0 <= other < len(wh) // SLOTS
                and not self.day[0] <= other <= self.day[-1]
                and wh[other * SLOTS + slot] >= 0
                and self._weekend(other) == kind
            )
            found[i] = np.mean([value for value, _ in zip(values, range(3), strict=False)])
        return found

    def _weekend(self, day: int) -> bool:
        return (self.home.first + timedelta(day)).isoweekday() >= 6

    def estimated(self, registers: str) -> tuple[Ints, npt.NDArray[np.uint8]]:
        """Wh and qualities of the gap by validation; `registers` are read at its edges, at all midnights, or
        never."""
        from_day = max(self.start // SLOTS - AROUND, 0)
        to_day = min((self.start + self.length) // SLOTS + AROUND, len(self.home.wh) // SLOTS)
        first = self.home.first + timedelta(from_day)
        origin = int(midnight(first).timestamp())
        wh = self.home.wh[from_day * SLOTS : to_day * SLOTS]
        a = self.start - from_day * SLOTS
        kept = np.flatnonzero(wh >= 0)
        kept = kept[(kept < a) | (kept >= a + self.length)]
        index = np.concatenate(([0], np.cumsum(np.maximum(wh, 0)))) + 1_000_000
        at = {"edges": [a, a + self.length], "midnights": list(range(0, len(wh) + 1, SLOTS)), "none": []}
        reads = [
            RegisterRead(
                Channel.ACTIVE_IMPORT,
                Rate.TOTAL,
                datetime.fromtimestamp(origin + 1800 * slot, UTC),
                int(index[slot]),
                0,
                Unit.WATT_HOUR,
            )
            for slot in at[registers]
        ]
        received_at = datetime.fromtimestamp(origin + 1800 * len(wh), UTC)
        said = Half(origin + 1800 * kept, wh[kept], received_at)
        (meter,) = validate([MeterInput("H", 1, first, to_day - from_day, [said], reads)]).meters
        inside = slice(a, a + self.length)
        return meter.energy.reshape(-1)[inside].astype(np.int64), meter.quality.reshape(-1)[inside]

    def by_engine(self, registers: str) -> dict[str, Wh]:
        """The gap by each engine; where registers are read, the baselines add up to them, too."""
        found = {
            OURS: self.estimated(registers)[0].astype(np.float64),
            LINE: self.line(),
            LIKE: self.three_like_days.copy(),
        }
        if registers == "none":
            return found
        of_day = self.day - self.day[0]
        parts = (
            [of_day == day for day in range(of_day[-1] + 1)] if registers == "midnights" else [of_day >= 0]
        )
        for name in (LINE, LIKE):
            for part in parts:
                found[name][part] = scaled(found[name][part], int(self.true[part].sum()))
        return found

    def slot_error(self, values: npt.NDArray[Any]) -> float:
        """Mean over the slots of how far they are off, in Wh."""
        return float(np.abs(values - self.true).mean())

    def day_error(self, values: npt.NDArray[Any]) -> float:
        """Mean over the days touched of how far the day's sum is off, in Wh."""
        return float(np.abs(np.bincount(self.day - self.day[0], values - self.true)).mean())


def scaled(values: Wh, total: int) -> Wh:
    """The same shape with another sum; flat where there is none."""
    held = values.sum()
    return values * total / held if held > 0 else np.full(len(values), total / len(values))


@click.command("estimate")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--seeds", type=click.IntRange(1, 99), default=5, show_default=True, help="Draws of places.")
@JSON
def command(files: tuple[Path, ...], seeds: int, as_json: bool) -> None:
    """Hide 1 h, 3 h, 12 h and 3 days at random places of the households in CSV FILEs (meter,timestamp,kwh).

    They are estimated with the register read at the edges of the gap (and, for 3 days, at midnights), then
    without any; beside a line, and the mean of three like days, both rescaled to the register where it is
    read.

    With --json: {"bench": "estimate", "households", "seeds", "gaps": [{"length", "registers", "gaps",
    "slot_error_wh": {engine: …}, "day_error_wh": {engine: …}, "slot_ratio", "day_ratio", "sums_exact"}],
    "held", "left_out"}; ratios are to the better of the two baselines.
    """
    homes, left_out = households(files)
    if not homes:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise InputFailure(f"There is no household to hide gaps in ({why or 'the files are empty'})")
    found = []
    ways = [(name, kind) for name in LENGTHS for kind in REGISTERS if kind != "midnights" or name == "3 days"]
    with progress("Bench estimate", "measures") as step:
        hidden = {
            name: list(gaps(list(homes.values()), length, range(1, seeds + 1)))
            for name, length in LENGTHS.items()
        }
        for number, (name, registers) in enumerate(ways):
            step(number, len(ways), f"{name}, registers: {registers}")
            if hidden[name]:
                found.append({"length": name, "registers": registers, **figures(hidden[name], registers)})
        step(len(ways), len(ways), "done")
    document = {
        "bench": "estimate",
        "households": len(homes),
        "seeds": seeds,
        "gaps": found,
        "held": held(found),
        "left_out": left_out,
    }
    if as_json:
        emit(document)
    else:
        show(document)


def households(files: Sequence[Path]) -> tuple[dict[str, Household], dict[str, str]]:
    """By name, and why others are left out. Finer intervals are added up to half-hours."""
    found: dict[str, Household] = {}
    left_out: dict[str, str] = {}
    for file in files:
        for name, rows in half_hours(file).groupby("meter", sort=False):
            interval = interval_of(rows)
            if not interval or 30 % interval:
                left_out[str(name)] = "it has no half-hours"
                continue
            first = rows["day"].min()
            slot = (rows["day"] - first).dt.days.to_numpy() * SLOTS
            slot += rows["minute"].to_numpy() // 30
            size = (int(slot.max()) // SLOTS + 1) * SLOTS
            value = np.nan_to_num(rows["wh"].to_numpy(), nan=-1e12)
            count, sums = np.bincount(slot, minlength=size), np.bincount(slot, value, minlength=size)
            wh = np.where((count >= 30 // interval) & (sums >= 0), np.round(sums), -1).astype(np.int64)
            found[str(name)] = Household(first.date(), wh)
    return found, left_out


def gaps(homes: Sequence[Household], length: int, seeds: Sequence[int]) -> Iterator[Gap]:
    """Gaps for each household and seed, whole around themselves."""
    away = SLOTS * EDGE_DAYS
    for number, home in enumerate(homes):
        known = home.wh >= 0
        for seed in seeds:
            chance = np.random.default_rng([seed, length, number])
            found = 0
            for _ in range(100 * PLACES[length]):
                if found == PLACES[length] or len(home.wh) <= length + 2 * away:
                    break
                start = int(chance.integers(away, len(home.wh) - length - away))
                if known[start - 1 : start + length + 1].all():
                    found += 1
                    yield Gap(home, start, length)


def figures(hidden: Sequence[Gap], registers: str) -> dict[str, Any]:
    """Mean errors over the gaps, and their ratios to the better of the two baselines."""
    slots, days = dict.fromkeys((OURS, LINE, LIKE), 0.0), dict.fromkeys((OURS, LINE, LIKE), 0.0)
    exact = True
    for gap in hidden:
        by_engine = gap.by_engine(registers)
        for name, values in by_engine.items():
            slots[name] += gap.slot_error(values) / len(hidden)
            days[name] += gap.day_error(values) / len(hidden)
        if registers == "edges":
            exact &= int(by_engine[OURS].sum()) == int(gap.true.sum())
        elif registers == "midnights":
            exact &= gap.day_error(by_engine[OURS]) == 0
    return {
        "gaps": len(hidden),
        "slot_error_wh": {name: round(wh, 2) for name, wh in slots.items()},
        "day_error_wh": {name: round(wh, 2) for name, wh in days.items()},
        "slot_ratio": _ratio(slots),
        "day_ratio": _ratio(days) if registers == "none" else None,
        "sums_exact": exact if registers != "none" else None,
    }


def _ratio(errors: Mapping[str, float]) -> float | None:
    better = min(errors[LINE], errors[LIKE])
    return round(errors[OURS] / better, 4) if better > 0 else None


def held(found: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """What is promised: sums exact where the register is known, the day no worse where it is not, the slots
    better by a tenth from three hours on and no worse before."""
    promised: dict[str, bool] = {}
    for one in found:
        most = 1.0 if LENGTHS[one["length"]] <= SHORT else LESS
        name = f"{one['length']}, registers: {one['registers']}"
        promised[f"{name}: slots at most {most:g} of the better"] = (one["slot_ratio"] or 0.0) <= most
        if one["registers"] == "none":
            promised[f"{name}: days no worse"] = (one["day_ratio"] or 0.0) <= 1.0
        else:
            promised[f"{name}: sums exact"] = bool(one["sums_exact"])
    return promised


def show(document: Mapping[str, Any]) -> None:
    """The document as a table."""
    numbers = ("Gaps", OURS, LINE, LIKE, "Slots", "Days")
    rows = [
        (
            one["length"],
            one["registers"],
            str(one["gaps"]),
            *(f"{one['slot_error_wh'][name]:.1f} Wh" for name in (OURS, LINE, LIKE)),
            "–" if one["slot_ratio"] is None else f"{one['slot_ratio']:.3f}",
            "–" if one["day_ratio"] is None else f"{one['day_ratio']:.3f}",
        )
        for one in document["gaps"]
    ]
    title = f"estimate · {document['households']} households, {document['seeds']} seeds"
    table(title, ("Gap", "Registers", *numbers), rows, right=numbers)
    promises(document)
