"""What the same use would cost under another decision, also one that is not in force; nothing is written."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime

from analytics.errors import AnalyticsError
from analytics.tariffs import tariff
from model.bill import Bill
from model.period import Period, local_day
from operations.errors import InputError
from operations.runs import counting, stages
from storage import billing_runs
from storage.pool import Pool


@dataclass(frozen=True, slots=True)
class PlanWhatIf:
    """Bills of one plan, đồng with VAT as they are and as they would be; how many would pay more, or less."""

    plan: str
    bills: int
    kwh: int
    total: int
    what_if: int
    more: int
    less: int


@dataclass(frozen=True, slots=True)
class WhatIf:
    """By plan; `uncounted`: how many could not be counted, by reason (held already, or not priced there)."""

    decision: str
    plans: tuple[PlanWhatIf, ...]
    uncounted: dict[str, int] = field(default_factory=dict)


def what_if(
    pool: Pool,
    period: Period,
    invoice_date: date,
    decision: str,
    now: datetime,
    *,
    book: str | None = None,
    progress: stages.Progress | None = None,
) -> WhatIf:
    """Count a closed period twice over its real determinants. Raises `InputError` for an unknown decision."""
    stages.refuse_dates(period, invoice_date, now)
    try:
        tariff(decision, what_if=True, day=local_day(period.start))
    except AnalyticsError as error:
        raise InputError(error.sentence) from None
    found: dict[str, list[tuple[Bill, Bill]]] = defaultdict(list)
    uncounted: Counter[str] = Counter()
    with pool.connection() as conn:
        conn.execute("SET TRANSACTION READ ONLY")
        points = billing_runs.points(conn, period, book)
        for batch in stages.batches(points, progress, decision):
            real = counting.count(conn, batch, period, invoice_date)
            supposed = counting.count(conn, batch, period, invoice_date, what_if=decision)
            for one, other in zip(list(real), list(supposed), strict=True):
                if not isinstance(one.made, Bill):
                    uncounted[one.made.kind] += 1
                elif not isinstance(other.made, Bill):
                    uncounted[other.made.kind] += 1
                else:
                    found[one.made.plan].append((one.made, other.made))
    return WhatIf(decision, tuple(_of(plan, pairs) for plan, pairs in sorted(found.items())), dict(uncounted))


def _of(plan: str, pairs: list[tuple[Bill, Bill]]) -> PlanWhatIf:
    return PlanWhatIf(
        plan,
        bills=len(pairs),
        kwh=sum(real.kwh for real, _ in pairs),
        total=sum(real.total for real, _ in pairs),
        what_if=sum(supposed.total for _, supposed in pairs),
        more=sum(supposed.total > real.total for real, supposed in pairs),
        less=sum(supposed.total < real.total for real, supposed in pairs),
    )
