"""What is wrong in the village, known to it alone: one fault of each kind, each at another customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from model.alert import AlertKind
from simulators import trades
from simulators.chance import stream
from simulators.halfhours import SLOTS_A_DAY
from simulators.history import History
from simulators.loads import Change
from simulators.seats import Seat
from simulators.supply import Bypass

SILENT_DAYS: Final = 3
DRIFT_S: Final = 300


@dataclass(frozen=True, slots=True)
class Faults:
    """Seats by kind, and the particulars of each; `changes` of demand by seat, harmless ones included."""

    seats: dict[AlertKind, int]
    bypass: Bypass
    stuck_since: int
    swapped_at: int
    wraps_at: int
    silent_since: int
    drift_s: int
    changes: dict[int, Change]


def plant(seed: int, history: History, seats: Sequence[Seat]) -> Faults:
    """Choose who and when; the same for a seed and an epoch."""
    chance = stream("faults", seed)
    free = list(seats)

    def take(fits: Callable[[Seat], bool]) -> int:
        chosen = chance.choice([seat for seat in free if fits(seat)])
        free.remove(chosen)
        return chosen.number

    def plain_household(seat: Seat) -> bool:
        return seat.trade is trades.HOUSEHOLD and seat.model == "dk-1p"

    bypassed = take(lambda seat: seat.trade in (trades.COLD_STORE, trades.PUMP))
    where = {
        AlertKind.PHASE_BYPASS: bypassed,
        AlertKind.VACANCY: take(plain_household),
        AlertKind.STUCK_METER: take(plain_household),
        AlertKind.METER_SWAP: take(plain_household),
        AlertKind.ROLLOVER: take(lambda seat: seat.model == "dk-1p-5"),
        AlertKind.MODEM_SILENT: take(plain_household),
        AlertKind.CLOCK_DRIFT: take(plain_household),
    }
    day = SLOTS_A_DAY
    shares = seats[bypassed].trade.shares
    # Those that only look odd: somebody away for some days and back, a shop and a house that began to save.
    changes = {
        where[AlertKind.VACANCY]: Change(
            history.days_ago(chance.randint(12, 24)), None, between_wh=chance.choice(((0, 0), (1, 5)))
        ),
        take(plain_household): _holiday(history, chance.randint(4, 12), chance.randint(4, 6)),
        take(lambda seat: seat.trade is trades.EATERY): Change(
            history.month_slot + chance.randint(1, 9) * day, None, factor=0.62
        ),
        take(plain_household): Change(history.month_slot + chance.randint(1, 15) * day, None, factor=0.6),
    }
    return Faults(
        seats=where,
        bypass=Bypass(shares.index(max(shares)), history.month_slot + chance.randint(0, 9) * day + 20),
        stuck_since=history.days_ago(chance.randint(8, 14)) - history.epoch % day + 30,
        swapped_at=history.month_slot + chance.randint(11, 17) * day + chance.randint(16, 30),
        wraps_at=history.month_slot + chance.randint(5, 23) * day + 24,
        silent_since=history.days_ago(SILENT_DAYS),
        drift_s=chance.choice((-DRIFT_S, DRIFT_S)),
        changes=changes,
    )


def _holiday(history: History, ended_days_ago: int, days: int) -> Change:
    end = history.days_ago(ended_days_ago)
    return Change(end - days * SLOTS_A_DAY, end, between_wh=(38, 70))
