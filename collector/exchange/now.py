"""The electrical quantities of a moment as one reading."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from model.readout import InstantRead
from protocols.meter_models.model import Quantity


def instant_read(at: datetime, values: Mapping[Quantity, Decimal]) -> InstantRead:
    """Quantities that the meter does not have stay None."""

    def value(quantity: Quantity) -> float | None:
        found = values.get(quantity)
        return None if found is None else float(found)

    return InstantRead(
        at=at,
        voltage_v=(value(Quantity.VOLTAGE_1), value(Quantity.VOLTAGE_2), value(Quantity.VOLTAGE_3)),
        current_a=(value(Quantity.CURRENT_1), value(Quantity.CURRENT_2), value(Quantity.CURRENT_3)),
        power_w=value(Quantity.POWER),
        reactive_var=value(Quantity.REACTIVE),
        cos_phi=value(Quantity.COS_PHI),
        frequency_hz=value(Quantity.FREQUENCY),
    )
