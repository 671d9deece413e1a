"""Who sells the electricity: what stands at the head of bills and pages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Where customers pay to. `bin` is the bank's six digits in the NAPAS network, `bank` its name, `holder`
    the account's; the last two may be empty.
    """

    bin: str
    number: str
    bank: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Supplier:
    """The office as its customers know it; `tax_code` is its MST, and what is empty is left out."""

    name: str
    hotline: str = ""
    address: str = ""
    tax_code: str = ""
    account: BankAccount | None = None
