"""What the tax authority knows a bill by."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from model.errors import ModelError

# C: with the authority's code, K: without; the year's two digits; the kind; two letters of the seller's own.
SERIES = re.compile(r"[CK]\d{2}[TDLMNBGHX][A-Z]{2}")
CODE_LETTERS = 34


@dataclass(frozen=True, slots=True)
class EInvoice:
    """The electronic invoice that was made of a bill, as the provider who signed it tells: its series
    (KHHDon) and number in it (SHDon), its date (NLap), and the authority's code (MCCQT) where it has one.
    """

    series: str
    number: int
    dated: date
    code: str = ""

    def __post_init__(self) -> None:
        if not SERIES.fullmatch(self.series):
            raise ModelError(f"a series of e-invoices is written like C26TDK, not {self.series!r}")
        if int(self.series[1:3]) != self.dated.year % 100:
            raise ModelError(
                f"series {self.series} is of the year 20{self.series[1:3]}, its invoice cannot be of "
                f"{self.dated:%d/%m/%Y}"
            )
        if not 1 <= self.number <= 99_999_999:
            raise ModelError(f"an e-invoice's number lies between 1 and 99999999, not {self.number}")
        if len(self.code) > CODE_LETTERS:
            raise ModelError(f"the authority's code has at most {CODE_LETTERS} letters, not {len(self.code)}")
