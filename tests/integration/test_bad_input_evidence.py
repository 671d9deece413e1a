"""What waits in the spool comes twice, in any order, differing, or for a meter that is not there: `ami
collect` brings in what can be brought in, once, and says what cannot."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.spool.spool import Spool, Spooled
from model.period import HALF_HOUR
from model.readout import Readout
from tests.bad_meters import BAD, GOOD, HUNG, NOW, hang, register, rows
from tests.storage_samples import answer, profile, readout, total

EVIDENCE = (
    "SELECT meter_id, at, raw, kind, obis, scaler FROM profile_block ORDER BY 1, 2, 3",
    "SELECT meter_id, channel, rate, at, raw FROM register_read ORDER BY 1, 2, 3, 4, 5",
    "SELECT meter_id, item, complete, digest FROM answer ORDER BY 1, 2, 4",
    "SELECT meter_id, day, kind, detail FROM finding ORDER BY 1, 2, 3",
)


def said(serial: str, *, days: int, values: Sequence[int] = range(100, 148)) -> Readout:
    """A day of half-hours, `days` before the meters were hung, and the register at its end."""
    start = HUNG - timedelta(days=days)
    block = replace(profile(start, values), obis="1.0.99.1.0.255")
    return readout(serial, answer(block), total(start + 48 * HALF_HOUR, 1_000 * days), at=NOW)


def fill(home: Path, *records: tuple[int, Readout]) -> None:
    """What an earlier head-end left in the spool of this home."""

    async def append() -> None:
        spool = Spool(home / "spool" / "node-a.sqlite")
        for meter_id, each in records:
            await spool.append([Spooled(meter_id, "M0", NOW, each)])
        spool.close()

    asyncio.run(append())


@pytest.fixture
def ids(ami: Any, database: str, free_ports: Callable[[], int]) -> dict[str, int]:
    """The two meters by serial; they are read by nobody, for what counts here was read before."""
    hang(database, ami.home, register((free_ports(), free_ports())))
    ami.environment |= {"AMI_ANSWER_S": "1"}
    return dict(rows(database, "SELECT serial, id FROM meter"))


def bring_in(ami: Any) -> dict[str, Any]:
    found: dict[str, Any] = ami.json("collect", "--once", "--json", "--as-of", NOW.isoformat(), code=3)
    assert found["waiting"] == 0
    return found


def evidence(dsn: str) -> list[list[tuple[Any, ...]]]:
    return [rows(dsn, query) for query in EVIDENCE]


def test_readouts_that_come_twice_and_in_any_order(ami: Any, database: str, ids: dict[str, int]) -> None:
    read = [(ids[serial], said(serial, days=days)) for serial in (GOOD, BAD) for days in (1, 2, 3, 4)]
    fill(ami.home, *read)
    bring_in(ami)
    wanted = [(meter_id, len(raw)) for meter_id, _, raw, *_ in rows(database, EVIDENCE[0])]
    assert wanted == [(meter_id, 48) for meter_id in sorted(ids.values()) for _ in range(4)]
    before = evidence(database)
    again = [*read, *read]
    random.Random(7).shuffle(again)
    # A readout that comes again after a kill has its own id, a meter that is read again gets a new one.
    again += [(meter_id, readout(each.serial, *each.answers, at=NOW)) for meter_id, each in reversed(read)]
    fill(ami.home, *again)
    bring_in(ami)
    assert evidence(database) == before


def test_shuffled_is_the_same_as_in_order(ami: Any, database: str, ids: dict[str, int]) -> None:
    """Also where two readings differ: both stay, and one finding says so."""
    first = said(GOOD, days=2)
    other = said(GOOD, days=2, values=[*range(100, 147), 999])
    late = said(GOOD, days=1)
    fill(ami.home, *((ids[GOOD], each) for each in (late, other, first, late, other)))
    bring_in(ami)
    each = rows(
        database,
        "SELECT at + (i - 1) * make_interval(secs => interval_s), raw[i]"
        " FROM profile_block, generate_subscripts(raw, 1) AS i ORDER BY 1, 2",
    )
    assert len(each) == 2 * 48 + 1
    end = HUNG - timedelta(days=1) - timedelta(minutes=30)
    assert [wh for at, wh in each if at == end] == [147, 999]
    assert len({at for at, _ in each}) == 2 * 48
    ((kind, detail),) = rows(database, "SELECT kind, detail FROM finding")
    assert kind == "differing_reread"
    assert (detail["slots"], {detail["stored"], detail["read"]}) == (1, {147, 999})


def test_a_meter_that_is_not_in_the_register(ami: Any, database: str, ids: dict[str, int]) -> None:
    """As after a database was put back to the day before the meter was hung."""
    fill(
        ami.home,
        (ids[GOOD], said(GOOD, days=1)),
        (4711, said("00004711", days=1)),
        (ids[BAD], said(BAD, days=1)),
        (4711, said("00004711", days=2)),
    )
    done = ami("collect", "--once", "--json", "--as-of", NOW.isoformat(), code=3)
    assert "Traceback" not in done.stderr
    assert "the store refused a readout of meter 00004711" in done.stderr
    assert "2 readouts refused by the database, kept in the spool" in " ".join(done.stderr.split())
    counts = rows(database, "SELECT meter_id, count(*) FROM profile_block GROUP BY 1")
    assert dict(counts) == {ids[GOOD]: 1, ids[BAD]: 1}
    spool = sqlite3.connect(ami.home / "spool" / "node-a.sqlite")
    kept = spool.execute("SELECT meter_id, reason, length(readout) FROM aside").fetchall()
    spool.close()
    assert len(kept) == 2
    assert all(meter_id == 4711 and size > 200 for meter_id, _, size in kept)
    assert all("meter 00004711 is no longer in the register: hang it again" in why for _, why, _ in kept)
    assert bring_in(ami)["set_aside"] == 2


def test_a_record_of_the_spool_that_is_damaged(ami: Any, database: str, ids: dict[str, int]) -> None:
    fill(ami.home, *((ids[GOOD], said(GOOD, days=days)) for days in (1, 2, 3)))
    spool = sqlite3.connect(ami.home / "spool" / "node-a.sqlite")
    spool.execute("UPDATE spooled SET readout = substr(readout, 1, 100) WHERE id = 2")
    spool.commit()
    spool.close()
    assert bring_in(ami)["set_aside"] == 1
    assert rows(database, "SELECT count(*) FROM profile_block") == [(2,)]


def test_a_spool_that_is_no_spool(ami: Any, ids: dict[str, int]) -> None:
    file = ami.home / "spool" / "node-a.sqlite"
    file.parent.mkdir()
    file.write_bytes(b"no database" * 1000)
    done = ami("collect", "--once", "--json", code=1)
    assert "Traceback" not in done.stderr
    assert f"spool {file} is damaged" in done.stderr
    assert "move it away, the meters will be read again" in done.stderr
    assert file.read_bytes() == b"no database" * 1000
