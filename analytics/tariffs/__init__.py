"""Prices, VAT, hours and reactive surcharge, from dated files that name their decision: a folder a country.

A change of price is a new file with `effective`, `decision`, `source`, `confidence`; an old one stays.
"""

from analytics.tariffs.calendar import effective_dates, in_force, tariff, unconfirmed_files
from analytics.tariffs.country import Country, NoTariff, Rules, countries, country, plan_in
from analytics.tariffs.plans import PLANS, Plan, Pricing, plan
from analytics.tariffs.prices import Band, Currency, Demand, FlatPrice, ThreeRate, TierPrices
from analytics.tariffs.reactive import ReactiveTable, reactive_table
from analytics.tariffs.tariff import Tariff
from analytics.tariffs.tou import MeterHours, TouSchedule, schedule
from analytics.tariffs.vat import NoVatRate, VatRate, last_vat_day, vat_file, vat_percent

__all__ = [
    "PLANS",
    "Band",
    "Country",
    "Currency",
    "Demand",
    "FlatPrice",
    "MeterHours",
    "NoTariff",
    "NoVatRate",
    "Plan",
    "Pricing",
    "ReactiveTable",
    "Rules",
    "Tariff",
    "ThreeRate",
    "TierPrices",
    "TouSchedule",
    "VatRate",
    "countries",
    "country",
    "effective_dates",
    "in_force",
    "last_vat_day",
    "plan",
    "plan_in",
    "reactive_table",
    "schedule",
    "tariff",
    "unconfirmed_files",
    "vat_file",
    "vat_percent",
]
