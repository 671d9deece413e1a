"""What the list of meters looks for, as the address says it."""

from __future__ import annotations

import pytest

from dashboard.answers import query_of
from dashboard.pages.meters import Search, search_of


@pytest.mark.parametrize(
    "search",
    [Search(), Search("Nguyễn & 7", "T 1", True, 12), Search(page=2), Search(unread=True)],
)
def test_a_search_and_its_address_say_the_same(search: Search) -> None:
    assert search_of(query_of("?" + search.address.partition("?")[2])) == search


@pytest.mark.parametrize("page", ["", "0", "-1", "x", "²", "1e3", "9999999999"])
def test_a_page_that_is_none_is_the_first(page: str) -> None:
    assert search_of({"page": page}) == Search()
