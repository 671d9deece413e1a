"""Fair shares, and spools that are taken over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.headend import adopt
from collector.nodes.shards import may_take, surplus
from collector.spool.spool import Spool
from tests.unit.test_collector_spool import record


@pytest.mark.parametrize(
    ("held", "shards", "given_back"),
    [
        ({"a": 8}, 8, {"a": 0}),
        ({"a": 8, "b": 0}, 8, {"a": 4, "b": 0}),
        ({"a": 4, "b": 4, "c": 0}, 8, {"a": 1, "b": 1, "c": 0}),
        ({"a": 2, "b": 2, "c": 0}, 4, {"a": 0, "b": 1, "c": 0}),  # the last goes from one alone
        ({"a": 3, "b": 3, "c": 2}, 8, {"a": 0, "b": 0, "c": 0}),
    ],
)
def test_what_is_too_many_is_given_back(
    held: dict[str, int], shards: int, given_back: dict[str, int]
) -> None:
    assert {name: surplus(name, held, shards) for name in held} == given_back


@given(st.integers(1, 40), st.integers(1, 6), st.randoms())
def test_shares_become_fair_and_stay_so(shards: int, nodes: int, drawn: object) -> None:
    """In whatever order nodes look for shards: in the end all are held, none two more than another."""
    names = [f"n{number}" for number in range(nodes)]
    held = dict.fromkeys(names, 0)
    held[names[0]], free = shards, 0
    for _ in range(60):
        for name in names:
            back = surplus(name, held, shards)
            held[name] -= back
            free += back
        drawn.shuffle(names)  # type: ignore[attr-defined]
        for name in names:
            if free and may_take(name, held[name], held, shards):
                held[name] += 1
                free -= 1
    assert free == 0
    assert max(held.values()) - min(held.values()) <= 1
    assert not any(surplus(name, held, shards) for name in names)


async def test_spools_that_nobody_has_open_are_taken_over(tmp_path: Path) -> None:
    left, busy = Spool(tmp_path / "readouts.sqlite"), Spool(tmp_path / "other.sqlite")
    await left.append([record(number) for number in range(450)])
    (refused,) = await left.oldest(1)
    await left.put_aside(refused.id, "no such meter")
    left.stamp = lambda one: replace(one, epoch=7, taken=12.5)
    await left.append([record(450)])
    await busy.append([record(1)])
    left.close()
    spool = Spool(tmp_path / "mine.sqlite")
    assert spool.identity not in (left.identity, busy.identity)
    await spool.append([record(999)])
    adopt(spool)
    found = await spool.oldest(1000)
    assert [one.meter_id for one in found] == [999, *range(1, 451)]
    assert (found[-1].epoch, found[-1].taken, found[-2].epoch) == (7, 12.5, 0)
    assert (spool.rows, spool.set_aside, busy.rows) == (451, 1, 1)
    assert [one.meter_id async for one in spool.of_meters([3, 999, 5000])] == [999, 3]
    spool.close()
    busy.close()
    empty = Spool(tmp_path / "readouts.sqlite")
    assert (empty.rows, empty.set_aside, empty.identity) == (0, 0, left.identity)
    empty.close()


async def test_a_damaged_spool_of_another_is_no_reason_not_to_begin(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "dead.sqlite").write_bytes(b"no database" * 1000)
    left = Spool(tmp_path / "left.sqlite")
    await left.append([record(1)])
    left.close()
    spool = Spool(tmp_path / "mine.sqlite")
    adopt(spool)
    assert [one.meter_id for one in await spool.oldest()] == [1]
    assert "dead.sqlite is damaged" in caplog.text
    spool.close()
