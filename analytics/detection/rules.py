"""The table of rules, and the order in which one explanation makes another needless."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from analytics.detection.change import consumption_change
from analytics.detection.meter import clock_drift, meter_swap, modem_silent, rollover, wrong_meter
from analytics.detection.observed import Observed
from analytics.detection.use import phase_bypass, stuck_meter, vacancy
from model.alert import Alert

Rule = Callable[[Observed], Alert | None]

# The first that speaks explains the meter's use; the others of the group keep silent.
ABOUT_USE: tuple[Rule, ...] = (stuck_meter, vacancy, phase_bypass, consumption_change)
ABOUT_THE_METER: tuple[Rule, ...] = (wrong_meter, meter_swap, rollover, modem_silent, clock_drift)


def detect(observed: Iterable[Observed]) -> list[Alert]:
    """Alerts of every meter, in order; `evidence` holds the figures each rule went by."""
    return [alert for one in observed for alert in _of(one)]


def _of(observed: Observed) -> Iterator[Alert]:
    for rule in ABOUT_USE:
        if alert := rule(observed):
            yield alert
            break
    for rule in ABOUT_THE_METER:
        if alert := rule(observed):
            yield alert
