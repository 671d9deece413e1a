"""Selections of a profile that make no sense are refused by the meter's side."""

from dataclasses import replace
from datetime import datetime

import pytest

from protocols.dlms.enums import DataAccessResult
from protocols.dlms.selection import EntrySelection, RangeAsked, RangeSelection, read_selection
from tests.unit.test_protocols_dlms_profile import VIETNAM, buffer


@pytest.mark.parametrize(
    "wrong", [EntrySelection(0, 1), EntrySelection(5, 3), EntrySelection(2, 1), EntrySelection(1, 2, 3, 2)]
)
def test_entries_that_end_before_they_begin_are_refused(wrong: EntrySelection) -> None:
    asked = read_selection(wrong.to_access())
    assert buffer().select(asked) is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    assert isinstance(buffer().select(EntrySelection(5, 5)), bytes)
    assert buffer(0).select(EntrySelection(1, 0)) == buffer(0).select(None), "to the end of an empty profile"


def test_a_range_of_a_part_of_the_clock_is_refused() -> None:
    first, last = datetime(2026, 10, 1, tzinfo=VIETNAM), datetime(2026, 10, 2, tzinfo=VIETNAM)
    asked = read_selection(RangeSelection(first, last).to_access())
    assert isinstance(asked, RangeAsked)
    assert isinstance(buffer().select(asked), bytes)
    part = replace(asked, restricting=replace(asked.restricting, data_index=1))
    assert buffer().select(part) is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
