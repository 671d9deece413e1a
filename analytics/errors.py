"""What this package refuses; one root, evidence in fields."""

from __future__ import annotations


class AnalyticsError(ValueError):
    """A figure that cannot be worked out.

    `kind` is a stable word (what a held bill is filed under), `sentence` what a person reads: what, where,
    what to do.
    """

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence


class TariffError(AnalyticsError):
    """A price, rate or schedule that is unknown, not in force, or written in a file that cannot be used."""


class BillingError(AnalyticsError):
    """A period of a customer that cannot be billed as it stands."""
