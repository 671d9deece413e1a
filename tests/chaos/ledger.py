"""What the meters know beside what the store holds: each half-hour once, with its value, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from model.period import HALF_HOUR

EVIDENCE = """
    SELECT m.serial, coalesce(b.instants[i], b.at + (i - 1) * make_interval(secs => b.interval_s)), b.raw[i]
    FROM profile_block b JOIN meter m ON m.id = b.meter_id, generate_subscripts(b.raw, 1) AS i
    WHERE b.channel = 1 AND b.kind = 'interval_energy'"""
HELD = """
    SELECT coalesce(sum(cardinality(raw)), 0) FROM profile_block
    WHERE channel = 1 AND kind = 'interval_energy'"""


@dataclass
class Balance:
    """Half-hours: `due` by the meters, and how the store's rows stand to them."""

    due: int = 0
    lost: int = 0
    doubled: int = 0
    invented: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def even(self) -> bool:
        return not (self.lost or self.doubled or self.invented)

    def document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("due", "lost", "doubled", "invented", "examples")}


def held(dsn: str) -> int:
    """Half-hours in the store."""
    with psycopg.connect(dsn) as conn:
        row = conn.execute(HELD).fetchone()
    return 0 if row is None else int(row[0])


def evidence(dsn: str) -> list[tuple[str, datetime, int]]:
    """Every half-hour of every block: serial, where it begins, Wh."""
    with psycopg.connect(dsn) as conn:
        return conn.execute(EVIDENCE).fetchall()


def balance(
    rows: Iterable[tuple[str, datetime, int]], truth: Mapping[str, Sequence[int]], begin: datetime
) -> Balance:
    """`truth`: the Wh of each meter's half-hours from `begin` on. Meters without truth may have any rows that
    are not there (dead ones have none)."""
    result = Balance(due=sum(map(len, truth.values())))
    times: Counter[tuple[str, int]] = Counter()
    for serial, at, wh in rows:
        slot = (at - begin) // HALF_HOUR
        known = truth.get(serial, ())
        if not 0 <= slot < len(known) or known[slot] != wh:
            result.invented += 1
            _example(result, f"{serial} {at.isoformat()} {wh} Wh is nothing the meter knows")
        else:
            times[serial, slot] += 1
    for (serial, slot), count in times.items():
        if count > 1:
            result.doubled += count - 1
            _example(result, f"{serial} {(begin + slot * HALF_HOUR).isoformat()} is there {count} times")
    result.lost = result.due - len(times)
    lacking = {
        serial: [slot for slot in range(len(known)) if not times[serial, slot]]
        for serial, known in truth.items()
    }
    for serial, slots in sorted(lacking.items(), key=lambda item: -len(item[1])):
        if slots:
            first = (begin + slots[0] * HALF_HOUR).isoformat()
            _example(result, f"{serial} lacks {len(slots)} half-hours, the first {first}")
    return result


def _example(result: Balance, text: str) -> None:
    if len(result.examples) < 10:
        result.examples.append(text)
