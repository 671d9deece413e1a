"""What the office asks of a meter model, by the model's name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache

from model.series import Channel, Rate, Unit
from protocols import meter_models
from protocols.errors import LocalError
from storage.register import Hung


@dataclass(frozen=True, slots=True)
class MeterKind:
    """Digits before the point, whether its values are secondary, whether it keeps snapshots of its own.

    `remembers` says that it keeps some past at all; `registers` gives scaler and unit.
    """

    digits: int | None
    is_secondary: bool
    has_snapshots: bool
    remembers: bool
    phases: int
    registers: dict[tuple[Channel, Rate], tuple[int, Unit]]

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The registers of active import it has."""
        return tuple(rate for channel, rate in self.registers if channel is Channel.ACTIVE_IMPORT)


@cache
def kind(name: str) -> MeterKind | None:
    """The model of this name, or None when no file describes it."""
    try:
        model = meter_models.load(name)
    except LocalError:
        return None
    return MeterKind(
        digits=model.digits,
        is_secondary=model.values_secondary,
        has_snapshots=model.billing is not None,
        remembers=model.profile is not None or model.billing is not None or bool(model.logger_columns),
        phases=model.phases,
        registers={
            (item.key.channel, item.key.rate): (item.place.scaler, item.place.unit)
            for item in model.registers
        },
    )


def digits_of(place: Hung) -> int | None:
    """Digits before the point of a hung meter's registers: its own, else its model's; None where neither
    is known."""
    found = kind(place.model)
    return place.digits or (found.digits if found else None)


def multiplier_of(place: Hung, at: datetime) -> Decimal:
    """By what the values of a hung meter are multiplied at an instant: CT × VT where they are secondary, else
    1."""
    found = kind(place.model)
    return place.multiplier_at(at) if found is not None and found.is_secondary else Decimal(1)
