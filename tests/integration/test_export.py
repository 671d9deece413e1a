"""What `ami export` writes is opened in spreadsheets: no cell of it becomes a formula."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.clock import frozen
from operations import importing, jobs
from storage.pool import open_pool
from tests.operations_grid import NOW, OCTOBER, bring, grid, read

from .conftest import Ami

FORMULA = '=HYPERLINK("http://x")'


@pytest.fixture
def closed(database: str) -> str:
    """A month closed of a grid whose first customer and meter are bear formulas for names."""
    known = grid()
    named = replace(
        known,
        customers=tuple(replace(c, code=FORMULA) if c.code == "KH-HOUSE" else c for c in known.customers),
        points=tuple(replace(p, customer=FORMULA) if p.code == "HOUSE" else p for p in known.points),
        meters=tuple(replace(m, serial="=H1") if m.serial == "H1" else m for m in known.meters),
        installations=tuple(replace(i, serial="=H1") if i.serial == "H1" else i for i in known.installations),
    )
    with open_pool(database) as pool:
        importing.import_register(pool, named, lambda raw: raw)
    bring(database, read("=H1", OCTOBER.start, 1_000_000), read("=H1", OCTOBER.end, 1_150_000))
    jobs.run_now(database, "validate", clock=frozen(NOW))
    jobs.run_now(database, "close", clock=frozen(NOW), period=OCTOBER)
    return database


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.usefixtures("closed")
def test_no_cell_is_a_formula(ami: Ami, tmp_path: Path) -> None:
    file = tmp_path / "closing.csv"
    ami("export", "closing", "--csv", "--month", "2026-10", "--output", str(file))
    for text in (
        ami("export", "closing", "--csv", "--month", "2026-10").stdout,
        file.read_text(encoding="utf-8-sig"),
    ):
        (row,) = cells(text)
        assert (row["MA_KHANG"], row["SERY_CTO"]) == (f"'{FORMULA}", "'=H1")
    rows = cells(ami("export", "intervals", "--csv", "--meter", "=H1", "--from", "2026-10-05").stdout)
    assert {row["meter"] for row in rows} == {"'=H1"}


def test_a_month_that_is_not_closed_says_so(ami: Ami) -> None:
    """Stdout is what a program expects, with nothing in it."""
    what_to_do = "No index closes 10/2026: read the meters (`ami collect`), then `ami close --month 2026-10`."
    done = ami("export", "closing", "--month", "2026-10", "--csv", code=3)
    assert done.stdout.startswith("MA_KHANG,") or "MA_KHANG" in done.stdout.splitlines()[0]
    assert len(done.stdout.splitlines()) == 1
    assert what_to_do in done.stderr
    as_of = ("--as-of", "2026-11-21T09:00+07:00")
    done = ami("bill", "run", "--month", "2026-10", "--json", *as_of, code=3)
    assert json.loads(done.stdout)["held"] == []
    assert what_to_do in done.stderr


def test_the_bills_of_nobody_are_not_none(ami: Ami) -> None:
    done = ami("bill", "list", "--month", "2026-10", "--customer", "NOPE", "--json", code=5)
    assert json.loads(done.stdout) == {"bills": []}
    assert "No customer NOPE is registered" in done.stderr
    ami("bill", "list", "--month", "2026-10", code=0)
