"""One customer's period to the đồng, and a million households at once."""

from analytics.billing.because import Because
from analytics.billing.parts import interpolated_days, read_days
from analytics.billing.rated import Rated, RatedLine, Reactive
from analytics.billing.rating import rate
from analytics.billing.registers import carry_after, use_register
from analytics.billing.request import Reason, RegisterPart, Request
from analytics.errors import BillingError

__all__ = [
    "Because",
    "BillingError",
    "Rated",
    "RatedLine",
    "Reactive",
    "Reason",
    "RegisterPart",
    "Request",
    "carry_after",
    "interpolated_days",
    "rate",
    "read_days",
    "use_register",
]
