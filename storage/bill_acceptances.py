"""For what bills were held by the checks of their run, and what somebody said before they went out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

_OF: Final = """
    SELECT b.id, a.kind, a.why FROM bill b
    JOIN billing_run_acceptance a ON a.run_id = b.run_id AND a.point = b.point
    WHERE b.id = ANY (%s) ORDER BY b.id, a.at, a.kind"""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A check that held the bill, by its kind, and why it is right all the same."""

    kind: str
    why: str


def of(conn: Connection[TupleRow], bill_ids: Sequence[int]) -> dict[int, tuple[Acceptance, ...]]:
    """By bill; those that no check held are left out."""
    found: dict[int, list[Acceptance]] = defaultdict(list)
    for bill_id, kind, why in conn.execute(_OF, [list(bill_ids)]):
        found[bill_id].append(Acceptance(kind, why))
    return {bill_id: tuple(each) for bill_id, each in found.items()}
