"""Prices, VAT, hours and reactive surcharge of Vietnam, from dated files that name their decision.

A change of price is a new file with `effective`, `decision`, `source`, `confidence`; an old one stays.
"""

from analytics.tariffs.calendar import (
    NoTariff,
    effective_dates,
    in_force,
    tariff,
    unconfirmed_files,
    what_if_tariff,
)
from analytics.tariffs.plans import PLANS, Plan, plan
from analytics.tariffs.reactive import ReactiveTable, reactive_table
from analytics.tariffs.tariff import Band, FlatPrice, Tariff, ThreeRate, TierPrices
from analytics.tariffs.tou import TouSchedule, schedule
from analytics.tariffs.vat import NoVatRate, last_vat_day, vat_file, vat_percent

__all__ = [
    "PLANS",
    "Band",
    "FlatPrice",
    "NoTariff",
    "NoVatRate",
    "Plan",
    "ReactiveTable",
    "Tariff",
    "ThreeRate",
    "TierPrices",
    "TouSchedule",
    "effective_dates",
    "in_force",
    "last_vat_day",
    "plan",
    "reactive_table",
    "schedule",
    "tariff",
    "unconfirmed_files",
    "vat_file",
    "vat_percent",
    "what_if_tariff",
]
