"""The catalogue of validations: every rule by its name, with parameters by customer class.

    for finding in check(seen): ...

A rule is a function of what was seen and of its limits (`limits.toml`); it yields findings with evidence and
severity, cheap rules first. What it cannot judge it does not mention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from analytics.vee.rules import bands, readings, slots
from analytics.vee.rules.limits import Limit, LimitsError, limits, of_class, read
from analytics.vee.rules.seen import Counted, Seen, Use
from model.day import Finding

Rule = Callable[[Seen, Limit], Iterator[Finding]]

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "clock_drift": readings.clock_drift,
        "interval_size": readings.interval_size,
        "gap": slots.gap,
        "duplicate": readings.duplicate,
        "missing_channel": readings.missing_channel,
        "unit": readings.unit,
        "multiplier": readings.multiplier,
        "inactive_with_use": slots.inactive_with_use,
        "active_without_use": slots.active_without_use,
        "negative": readings.negative,
        "rollover": readings.rollover,
        "dial_count": readings.dial_count,
        "spike": slots.spike,
        "interval_jump": slots.interval_jump,
        "zero_use": slots.zero_use,
        "sum_mismatch": slots.sum_mismatch,
        "tou_sum": slots.tou_sum,
        "prolonged_estimation": readings.prolonged_estimation,
        "peak_change": bands.peak_change,
        "change_previous": bands.change_previous,
        "excess_kwh": bands.excess_kwh,
        "customer_signs": bands.customer_signs,
        "zero_after_use": bands.zero_after_use,
    }
)

# What days alone can tell: asked whenever days are validated.
ABOUT_SLOTS = ("spike", "interval_jump", "zero_use")


def check(seen: Seen, of: Mapping[str, Limit] | None = None) -> list[Finding]:
    """What the rules doubt, in the order of the catalogue; `of`: limits other than the class's own."""
    held = of_class(seen.customer_class) if of is None else of
    return [finding for name, rule in RULES.items() for finding in rule(seen, held[name])]


__all__ = [
    "ABOUT_SLOTS",
    "RULES",
    "Counted",
    "Limit",
    "LimitsError",
    "Rule",
    "Seen",
    "Use",
    "check",
    "limits",
    "of_class",
    "read",
]
