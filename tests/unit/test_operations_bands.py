"""Reading again: the check of a run, the reader's device and validation say the same of the same use."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import numpy as np
import pytest

from analytics.vee.rules import RULES, Seen, Use, of_class
from model.period import LOCAL, Period
from model.quality import Severity
from operations.formats.handheld_rules import Line
from operations.runs import checks
from storage.billing_runs import Run, RunState
from storage.run_totals import Compared

OCTOBER = Period(datetime(2026, 10, 1, tzinfo=LOCAL), datetime(2026, 11, 1, tzinfo=LOCAL))
JUNE = Period(datetime(2026, 6, 1, tzinfo=LOCAL), datetime(2026, 7, 1, tzinfo=LOCAL))
DAYS_BEFORE = {10: 30, 6: 31}

# month, kWh, the month before, the same month last year; how loud, whether the customer signs
CASES = [
    (OCTOBER, 403, 300, None, None, False),  # 30 % a day exactly
    (OCTOBER, 404, 300, None, Severity.BLUE, False),
    (OCTOBER, 465, 300, None, Severity.AMBER, False),  # 50 % a day
    (OCTOBER, 620, 300, None, Severity.RED, False),
    (OCTOBER, 217, 300, None, None, False),
    (OCTOBER, 216, 300, None, Severity.BLUE, False),
    (OCTOBER, 31, 20, None, Severity.AMBER, False),
    (OCTOBER, 30, 20, None, None, False),  # both below 30 kWh a month of 30 days
    (OCTOBER, 104, 0, None, Severity.BLUE, False),
    (OCTOBER, 103, 0, None, None, False),
    (OCTOBER, 1240, 400, None, Severity.RED, True),
    (OCTOBER, 1239, 400, None, Severity.RED, False),
    (OCTOBER, 404, 300, 404, Severity.BLUE, False),  # no hot month
    (OCTOBER, 0, 300, None, Severity.RED, False),
    (JUNE, 300, 200, 290, None, False),
    (JUNE, 300, 200, None, Severity.AMBER, False),
    (JUNE, 1500, 410, 1450, None, True),  # as last year, and yet three times the month before
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_three_places_know_one_rule(case: tuple[Period, int, int, int | None, Severity | None, bool]) -> None:
    period, kwh, before, year, severity, signs = case
    days, days_before = (period.end - period.start).days, DAYS_BEFORE[period.start.month]
    slots = np.zeros((days, 48), np.int32)
    seen = Seen("M1", period.start.date(), slots, slots.astype(np.uint8), use=Use(kwh, days))
    seen = replace(seen, before=[Use(before, days_before)], last_year=Use(year, days) if year else None)
    limits = of_class("household")
    said = [finding.severity for finding in RULES["change_previous"](seen, limits["change_previous"])]
    assert said == ([] if severity is None else [severity])
    assert bool(list(RULES["customer_signs"](seen, limits["customer_signs"]))) is signs

    line = Line(
        1, "M1", "KT", "kWh", period.start, period.end, Decimal(1000), Decimal(1000 + kwh),
        before_kwh=Decimal(before), last_year_kwh=None if year is None else Decimal(year),
    )  # fmt: skip
    assert (line.wants_again, line.is_to_be_signed) == (severity is not None, signs)

    run = Run(
        1, period.start, period.end, period.end.date(), None, False, RunState.DRAFT, 1, "lan", period.end,
        None, None, None, None, None, None, None, None, "", None, None,
    )  # fmt: skip
    bill = Compared(
        "P1", "C1", "M1", "vn-household", kwh, False, Decimal(days), before, Decimal(days_before), year,
        Decimal(days) if year else None, False,
    )  # fmt: skip
    kinds = [finding.kind for finding in checks.of_bill(bill, run, set())]
    told = ["customer_signs"] if signs else [] if severity is None else ["read_again"]
    assert kinds == told + ["zero_after_use"] * (kwh == 0)
    limit = limits["zero_after_use"]
    assert len(list(RULES["zero_after_use"](seen, limit))) == (kwh == 0)


def test_limits_are_those_of_the_plan() -> None:
    limits = of_class("production")["customer_signs"]
    assert limits["previous_kwh"] > 400
    line = Line(
        1, "M1", "KT", "kWh", OCTOBER.start, OCTOBER.end, Decimal(0), Decimal(1600), plan="vn-production",
        before_kwh=Decimal(500),
    )  # fmt: skip
    assert line.wants_again
    assert not line.is_to_be_signed
    assert replace(line, plan="vn-household").is_to_be_signed
