"""What voltages, currents and reactive energy say of a supply: cos φ, voltage, imbalance of phases."""

from analytics.electrical.cos_phi import CosPhi, cos_phi_of, cos_phis
from analytics.electrical.phases import (
    CURRENT_LIMIT,
    Imbalance,
    PhaseVoltage,
    imbalance,
    voltage_quality,
)

__all__ = [
    "CURRENT_LIMIT",
    "CosPhi",
    "Imbalance",
    "PhaseVoltage",
    "cos_phi_of",
    "cos_phis",
    "imbalance",
    "voltage_quality",
]
