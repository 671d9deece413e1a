"""Warnings that explain themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from model.quality import Severity


class AlertKind(StrEnum):
    """What is reported. Only `PHASE_BYPASS` accuses anybody."""

    PHASE_BYPASS = "phase_bypass"
    VACANCY = "vacancy"
    STUCK_METER = "stuck_meter"
    METER_SWAP = "meter_swap"
    WRONG_METER = "wrong_meter"
    ROLLOVER = "rollover"
    MODEM_SILENT = "modem_silent"
    CLOCK_DRIFT = "clock_drift"
    CONSUMPTION_CHANGE = "consumption_change"
    STATION_LOSS = "station_loss"
    TRANSFORMER_OVERLOAD = "transformer_overload"
    ZERO_AFTER_USE = "zero_after_use"
    USE_DROP = "use_drop"
    USE_RISE = "use_rise"
    NIGHT_BASELOAD = "night_baseload"
    FLAT_LINE = "flat_line"
    REVERSE_ENERGY = "reverse_energy"
    VOLTAGE_LOSS = "voltage_loss"
    PHASE_IMBALANCE = "phase_imbalance"
    TAMPER = "tamper"

    @property
    def accuses(self) -> bool:
        return self is AlertKind.PHASE_BYPASS

    @property
    def of_station(self) -> bool:
        """What is told of a whole station, at its head meter."""
        return self in (AlertKind.STATION_LOSS, AlertKind.TRANSFORMER_OVERLOAD)

    @property
    def lasts(self) -> bool:
        """What goes on until it ends; the others happen once, or belong to one month."""
        return self not in _ONCE


_ONCE = frozenset(
    {
        AlertKind.METER_SWAP,
        AlertKind.ROLLOVER,
        AlertKind.CONSUMPTION_CHANGE,
        AlertKind.STATION_LOSS,
        AlertKind.TAMPER,
    }
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One warning about one meter. `evidence`: the figures the rule went by; they build its sentence."""

    kind: AlertKind
    serial: str
    severity: Severity
    since: datetime
    evidence: dict[str, str | int | float | None] = field(default_factory=dict)
