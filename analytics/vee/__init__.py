"""What meters said, made into days: every slot with its quality, every doubt as a finding."""

from analytics.vee.inputs import BlockLike, MeterInput, MeterOutput, RegisterLike, Validated
from analytics.vee.validation import validate

__all__ = ["BlockLike", "MeterInput", "MeterOutput", "RegisterLike", "Validated", "validate"]
