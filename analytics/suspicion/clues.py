"""From what was weighed to what can be said: clues with their figures, honest explanations with theirs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from analytics.suspicion.arranged import Arranged
from analytics.suspicion.own import Own
from analytics.suspicion.seen import MeterSeen, StationSeen
from analytics.suspicion.signs import dark_days, tampering
from analytics.suspicion.suspect import Benign, BenignKind, Clue, ClueKind, Suspect
from analytics.suspicion.ways import Way, Ways

Float = npt.NDArray[np.float64]

FAINT: Final = -3.0  # log-odds, below which nothing is said
CERTAIN, MOST = 20.0, 50.0  # log-odds: beyond the first they are drawn together, up to the second, in order
NOTICED: Final = -3.0  # log-odds of the meter's own figures, from which on an explanation is owed
FELL: Final = -0.1  # of a logarithm of use, to speak of a fall
SPEAKS: Final = 1.0  # log-likelihood of the balance, to speak of it
OWN_SHARE: Final = 0.08  # of what was used before, that a loss laid to a meter has to be: nobody steals less
RISEN: Final = 0.2  # of that loss, by which the station has to lack more than before
ODD_SHAPE: Final = 0.5  # mean logit, and as much above the days before
FEWEST_SCORED: Final = 3  # days, to speak of their shape
TOLD_DAYS: Final = 3  # of absence, in the days since
EMPTY: Final = 0.35  # of what was used before: nobody at home
BY_DAY: Final = 0.2  # of a logarithm, by which the day falls more than the night where panels are
ROSE: Final = 0.3  # of a logarithm


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """(m) log-odds together (`strength`) and of the meter's own figures (`alone`), place of the `best`
    hypothesis and what the station adds to it (`gain`); `loss` Wh a day that was laid to it since then, NaN
    where it is not clear; (d, g) Wh `lacking` at the station, NaN where unknown, None without a head."""

    strength: Float
    alone: Float
    best: npt.NDArray[np.int64]
    gain: Float
    loss: Float
    lacking: Float | None


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """One meter with the day since which, as the sentences need it."""

    station: StationSeen
    one: MeterSeen
    at: int
    day: int
    place: int  # of the day among those asked about
    way: Way
    seen: Own
    gain: float
    loss_wh: float
    lost: tuple[float, float] | None  # kWh a day lacking at the station, before and since

    @property
    def first(self) -> date:
        return self.station.day(self.day)

    @property
    def last(self) -> date:
        return self.station.day(self.station.days - 1)

    def pick(self, table: Float) -> float:
        return float(table[self.at, self.place])

    def balance_stands(self) -> bool:
        """Whether the loss laid to the meter is worth the name, and the station lacks more since."""
        if self.lost is None:
            return False
        before, after = self.lost
        least = OWN_SHARE * self.pick(self.seen.before)
        return not (self.loss_wh < least or 1000 * (after - before) < RISEN * self.loss_wh)

    def fall(self) -> dict[str, float | int | str]:
        before, after = self.pick(self.seen.before), self.pick(self.seen.after)
        return {
            "before": _kwh(before),
            "after": _kwh(after),
            "percent": _less(before, after),
            "days_before": int((self.one.quality[: self.day] != 0).any(axis=1).sum()),
            "days": int((self.one.quality[self.day :] != 0).any(axis=1).sum()),
        }


def told(
    station: StationSeen, found: Arranged, seen: Own, ways: Ways, since: npt.NDArray[np.int64], judged: Judged
) -> list[Suspect]:
    """Suspects and those with an honest explanation, the likeliest first."""
    said = []
    for at, one in enumerate(station.meters):
        strength, alone = float(judged.strength[at]), float(judged.alone[at])
        if not np.isfinite(strength) or max(strength, alone + FAINT - NOTICED) < FAINT:
            continue
        place, way = divmod(int(judged.best[at]), ways.count)
        day = int(since[place])
        loss = float(judged.loss[at])
        if np.isnan(loss):
            loss = float(ways.loss(at, way)[day:].sum(axis=1).mean())
        loss = max(loss, 0.0)
        lost = _by_day(judged.lacking, day) if judged.lacking is not None else None
        case = _Told(station, one, at, day, place, ways.way(way), seen, float(judged.gain[at]), loss, lost)
        if case.gain >= SPEAKS and not case.balance_stands():
            # What lacks goes with the meter by its ups and downs alone: another load behind the same head.
            strength, case = min(strength, alone), replace(case, gain=0.0)
            if max(strength, alone + FAINT - NOTICED) < FAINT:
                continue
        benign = _benign(case, strength, alone)
        if strength < FAINT and benign is None:
            continue
        price = one.price_dong
        said.append(
            Suspect(
                one.serial,
                round(_bounded(strength), 4),
                case.first,
                () if benign is not None else _clues(case),
                round(loss),
                round(loss / 1000 * price) if price is not None else None,
                found.head is not None,
                benign,
            )
        )
    return sorted(said, key=lambda one: (-one.strength, one.serial))


def _bounded(strength: float) -> float:
    """Log-odds as they are told: no formula is as sure as its figures, but who is first stays first."""
    over = max(strength - CERTAIN, 0.0)
    return min(strength, CERTAIN) + over / (1 + over / (MOST - CERTAIN))


def _clues(case: _Told) -> tuple[Clue, ...]:
    """The strongest first: what the station, the phases and the log say weighs more than a habit."""
    found: list[Clue] = []

    def add(kind: ClueKind, figures: dict[str, float | int | str], first: date = case.first) -> None:
        found.append(Clue(kind, figures, first, case.last))

    if case.lost is not None and case.gain >= SPEAKS:
        before, after = case.lost
        customers = len(case.station.meters)
        figures = {"loss": _kwh(case.loss_wh), "before": before, "after": after, "customers": customers}
        add(ClueKind.BALANCE, dict(figures))
    if dark := _dark(case):
        add(ClueKind.DARK_PHASE, dark)
    for day, code in tampering(case.one, case.station.first):
        if abs(day - case.day) <= 3:
            times = sum(other == code for at, other in tampering(case.one, case.station.first) if at >= day)
            add(ClueKind.EVENT, {"code": code, "times": times}, case.station.day(day))
            break
    if case.way is Way.NIGHTS:
        nights = [case.pick(table) for table in (case.seen.night_before, case.seen.night_after)]
        rest = [case.pick(case.seen.before) - nights[0], case.pick(case.seen.after) - nights[1]]
        add(
            ClueKind.NIGHT_FALL,
            {
                **case.fall(),
                "before": _kwh(nights[0]),
                "after": _kwh(nights[1]),
                "percent": _less(*nights),
                "day_percent": _less(*rest),
            },
        )
    elif case.pick(case.seen.change) <= FELL:
        add(ClueKind.FALL, case.fall())
    since, earlier = (
        part[np.isfinite(part)] for part in (case.one.scores[case.day :], case.one.scores[: case.day])
    )
    usual = float(earlier.mean()) if len(earlier) else 0.0
    if len(since) >= FEWEST_SCORED and since.mean() >= max(ODD_SHAPE, usual + ODD_SHAPE):
        figures = {"logit": round(float(since.mean()), 2), "days": len(since)}
        add(ClueKind.SHAPE, {**figures, "usual": round(usual, 2)} if len(earlier) else dict(figures))
    return tuple(found)


def _dark(case: _Told) -> dict[str, float | int | str]:
    dark = dark_days(case.one)[case.day :]
    read = int((dark >= 0).sum())
    phase = int(np.bincount(np.maximum(dark, 0), minlength=4)[1:].argmax()) + 1
    days = int((dark == phase).sum())
    if case.one.current_a is None or days < 2 or days < 0.8 * read:
        return {}
    amperes = case.one.current_a[case.day :][dark == phase]
    others = np.delete(amperes, phase - 1, axis=1)
    figures: dict[str, float | int | str] = {
        "phase": phase,
        "current_a": round(float(np.median(amperes[:, phase - 1])), 3),
        "other_a": round(float(np.median(others)), 3),
        "days": days,
        "days_read": read,
    }
    if case.one.voltage_v is not None:
        volts = case.one.voltage_v[case.day :][dark == phase][:, phase - 1]
        figures["voltage_v"] = round(float(np.median(volts)), 1)
    return figures


def _benign(case: _Told, strength: float, alone: float) -> Benign | None:
    """Why a meter that stands out by its own figures is no suspect; None where it does not, or is one."""
    if strength >= 0 or alone < NOTICED:
        return None
    one, fall = case.one, case.fall()
    figures = {name: fall[name] for name in ("before", "after", "percent")}
    kind = None
    if one.absent is not None and int(one.absent[case.day :].sum()) >= TOLD_DAYS:
        kind, figures = BenignKind.ABSENCE_TOLD, {**figures, "days": int(one.absent[case.day :].sum())}
    elif case.pick(case.seen.change) >= ROSE:
        kind = BenignKind.RISE
    elif case.lost is None:
        return None
    elif case.pick(case.seen.rest) < case.pick(case.seen.night) - BY_DAY and (
        one.exported is not None or case.pick(case.seen.night) > -BY_DAY
    ):
        kind = BenignKind.PANELS
        if one.exported is not None:
            back = np.nansum(one.exported[case.day :], axis=1)
            figures = {**figures, "exported": _kwh(float(back.mean()))}
    elif case.pick(case.seen.after) < EMPTY * case.pick(case.seen.before):
        kind = BenignKind.VACANCY_SEEN
    else:
        kind = BenignKind.BALANCE_HOLDS
    return Benign(kind, figures, case.first, case.last)


def _by_day(lacking: Float, day: int) -> tuple[float, float]:
    """kWh a day lacking before and since, of the slots known on half of the days of both; the other days
    stand at their mean."""
    sides = lacking[:day], lacking[day:]
    days = [(~np.isnan(side)).sum(axis=0) for side in sides]
    both = np.all([2 * n >= max(len(side), 1) for side, n in zip(sides, days, strict=True)], axis=0)
    before, after = (
        float((np.nansum(side, axis=0)[both] / n[both]).sum()) for side, n in zip(sides, days, strict=True)
    )
    return _kwh(before), _kwh(after)


def _kwh(wh: float) -> float:
    return round(wh / 1000, 2)


def _less(before: float, after: float) -> int:
    """Percent less than before; negative for more, 0 where there was nothing."""
    return round(100 * (1 - after / before)) if before > 0 else 0
