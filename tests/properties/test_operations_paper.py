"""However long names are and however many registers: one page, nothing over anything else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from model.period import Period
from model.series import Rate
from operations.bill_print import Corrected
from operations.paper import document
from tests.bill_pages import CUSTOMER, SUPPLIER, bill, household, misplaced, seen, use

WORDS = [
    "Công",
    "ty",
    "Trách",
    "nhiệm",
    "hữu",
    "hạn",
    "Thương",
    "mại",
    "Dịch",
    "vụ",
    "Phương",
    "Đông",
    "tỉnh",
]
LONGEST = use(
    "0000000001",
    Rate.NORMAL,
    "99999999.999",
    "12345678.123",
    12_345_678,
    multiplier=Decimal(12_000),
    status="Q",
    removed=True,
    carried_wh=Decimal(-400),
)
CHANGED = bill("vn-household", {"KT": 500}, (LONGEST,), Period.of_month(2025, 5))


def _texts(most: int) -> st.SearchStrategy[str]:
    some = st.lists(st.sampled_from(WORDS), min_size=1, max_size=most // 5)
    return some.map(lambda words: " ".join(words)[:most])


@settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.generate])  # no minutes of shrinking
@given(
    st.sampled_from([CHANGED, household().bill]),
    st.integers(1, 40),
    st.sampled_from([Rate.NORMAL, Rate.TOTAL]),
    _texts(400),
    _texts(400),
    _texts(250),
    st.none() | _texts(250),
    st.integers(-(10**12), 10**12),
)
def test_a_page_holds_whatever_there_is(
    made: object,
    registers: int,
    rate: Rate,
    name: str,
    address: str,
    office: str,
    reason: str | None,
    total: int,
) -> None:
    uses = tuple(replace(LONGEST, serial=f"{i:010d}", rate=rate) for i in range(registers))
    sheet = replace(
        household(),
        bill=replace(made, uses=uses, total=total),  # type: ignore[type-var]
        customer=replace(CUSTOMER, name=name, address=address, tax_code="0100100079-001"),
        supplier=replace(SUPPLIER, name=office, address=address[:200]),
        corrects=None if reason is None else Corrected(True, 1, date(2026, 1, 1), reason),
        households=Decimal(2),
        station=name[:60],
    )
    pages = seen(document([sheet]), codes=False)
    assert len(pages) <= 3
    assert [misplaced(page) for page in pages] == [[]] * len(pages)
