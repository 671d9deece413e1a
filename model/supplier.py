"""Who sells the electricity: what stands at the head of bills and pages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Supplier:
    """The office as its customers know it; `tax_code` is its MST, and what is empty is left out."""

    name: str
    hotline: str = ""
    address: str = ""
    tax_code: str = ""
