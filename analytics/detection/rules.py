"""The table of rules, and the order in which one explanation makes another needless."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from analytics.detection.change import consumption_change
from analytics.detection.electric import phase_imbalance, reverse_energy, tamper, voltage_loss
from analytics.detection.level import flat_line, night_baseload, use_drop, use_rise, zero_after_use
from analytics.detection.meter import clock_drift, meter_swap, modem_silent, rollover, wrong_meter
from analytics.detection.observed import Observed
from analytics.detection.use import phase_bypass, stuck_meter, vacancy
from model.alert import Alert, AlertKind

Rule = Callable[[Observed], Alert | None]

# The first that speaks explains the meter's use; the others of the group keep silent. What stands still, is
# empty or by-passed explains a fall, and whoever uses more by night explains a month that rose.
ABOUT_USE: tuple[Rule, ...] = (
    stuck_meter,
    vacancy,
    zero_after_use,
    phase_bypass,
    flat_line,
    use_drop,
    use_rise,
    night_baseload,
    consumption_change,
)
# Nobody lives at a station's head.
OF_CUSTOMERS: frozenset[Rule] = frozenset({vacancy, use_rise, night_baseload})
# A phase without voltage is no customer's uneven load.
ABOUT_PHASES: tuple[Rule, ...] = (voltage_loss, phase_imbalance)
ABOUT_THE_METER: tuple[Rule, ...] = (
    wrong_meter,
    meter_swap,
    rollover,
    modem_silent,
    clock_drift,
    reverse_energy,
    tamper,
)


def detect(observed: Iterable[Observed]) -> list[Alert]:
    """Alerts of every meter, in order; `evidence` holds the figures each rule went by."""
    return [alert for one in observed for alert in _of(one)]


def _of(observed: Observed) -> Iterator[Alert]:
    explained = set()
    for group in (ABOUT_USE, ABOUT_PHASES):
        for rule in group:
            if rule in OF_CUSTOMERS and not observed.customer:
                continue
            if alert := rule(observed):
                explained.add(alert.kind)
                # A by-passed phase is as uneven as can be.
                if alert.kind is not AlertKind.PHASE_IMBALANCE or AlertKind.PHASE_BYPASS not in explained:
                    yield alert
                break
    for rule in ABOUT_THE_METER:
        if alert := rule(observed):
            yield alert
