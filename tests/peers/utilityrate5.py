"""Bills of whole years by NREL-PySAM's `Utilityrate5`: a plan on stdin, the charges of each month on stdout.

Plan: `[{"tiers": [[most kWh, price], …]}]` or `{"rates": {class: price}, "hours": 24 classes}`; with either
`"standing"`, `"demand": {"price", "percent", "months", "minimum"}` and
`"year": 12 × {"kwh": {class: kWh}, "peak": kW}`. Class 1 holds the highest hour.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import PySAM.Utilityrate5 as utilityrate5

DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
NO_END = 1e38


def load_of(year: list[dict[str, Any]], hours: list[int]) -> list[float]:
    """8,760 kW: each class's kWh spread evenly over its hours, but for the one with the highest kW."""
    found: list[float] = []
    for days, month in zip(DAYS, year, strict=True):
        peak = month.get("peak", 0)
        level = {}
        for name, kwh in month["kwh"].items():
            highest = int(name) == 1 and peak > 0
            level[int(name)] = (kwh - peak * highest) / (days * hours.count(int(name)) - highest)
        loads = [level.get(one, 0.0) for one in hours] * days
        if peak:
            loads[hours.index(1)] = peak
        found += loads
    return found


def charges(case: dict[str, Any]) -> list[float]:
    rate = utilityrate5.new()
    rate.SystemOutput.gen = [0.0] * 8760
    rate.SystemOutput.degradation = [0]
    rate.Lifetime.analysis_period = 1
    rate.Lifetime.inflation_rate = 0
    rate.Lifetime.system_use_lifetime_output = 0
    tariff = rate.ElectricityRates
    tariff.assign(
        {
            "en_electricity_rates": 1,
            "ur_metering_option": 0,
            "ur_monthly_fixed_charge": case.get("standing", 0),
            "ur_monthly_min_charge": 0,
            "ur_annual_min_charge": 0,
            "ur_nm_yearend_sell_rate": 0,
            "ur_nm_credit_month": 0,
            "ur_nm_credit_rollover": 0,
            "ur_sell_eq_buy": 0,
            "ur_en_ts_sell_rate": 0,
            "ur_en_ts_buy_rate": 0,
            "rate_escalation": [0],
        }
    )
    hours = case.get("hours") or [1] * 24
    tariff.ur_ec_sched_weekday = tariff.ur_ec_sched_weekend = [hours] * 12
    if "tiers" in case:
        rows = [[1, n, most or NO_END, 0, price, 0] for n, (most, price) in enumerate(case["tiers"], start=1)]
    else:
        rows = [[int(name), 1, NO_END, 0, price, 0] for name, price in sorted(case["rates"].items())]
    tariff.ur_ec_tou_mat = rows
    demand = case.get("demand")
    tariff.ur_dc_enable = int(demand is not None)
    if demand is not None:
        tariff.ur_dc_sched_weekday = tariff.ur_dc_sched_weekend = [[1] * 24] * 12
        tariff.ur_dc_tou_mat = [[1, 1, NO_END, 0]]
        tariff.ur_dc_flat_mat = [[month, 1, NO_END, demand["price"]] for month in range(12)]
        tariff.ur_enable_billing_demand = 1
        tariff.ur_billing_demand_minimum = demand["minimum"]
        tariff.ur_billing_demand_lookback_period = demand["months"]
        tariff.ur_billing_demand_lookback_percentages = [[demand["percent"], 1]] * 12
        tariff.ur_dc_billing_demand_periods = [[1, 1]]
        tariff.ur_yearzero_usage_peaks = [0] * 12
    rate.Load.load = load_of(case["year"], hours)
    rate.execute(0)
    return list(rate.Outputs.utility_bill_wo_sys_ym[1])


if __name__ == "__main__":
    json.dump([charges(case) for case in json.load(sys.stdin)], sys.stdout)
