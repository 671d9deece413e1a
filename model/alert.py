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

    @property
    def accuses(self) -> bool:
        return self is AlertKind.PHASE_BYPASS


@dataclass(frozen=True, slots=True)
class Alert:
    """One warning about one meter. `evidence`: the figures the rule went by; they build its sentence."""

    kind: AlertKind
    serial: str
    severity: Severity
    since: datetime
    evidence: dict[str, str | int | float | None] = field(default_factory=dict)
