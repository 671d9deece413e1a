import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.errors import SpoolError, SpoolFull
from collector.spool.spool import ENOUGH, Spool, Spooled
from model.period import HALF_HOUR, Period
from model.readout import Answer, InstantRead, ProfileBlock, Readout, Rejected
from model.series import Channel, ProfileKind, Unit

AT = datetime(2026, 11, 20, 3, tzinfo=UTC)


def record(number: int, size: int = 10) -> Spooled:
    stamps = tuple(AT + i * HALF_HOUR for i in range(size))
    block = ProfileBlock(
        Channel.ACTIVE_IMPORT, ProfileKind.INTERVAL_ENERGY, "1.0.1.29.0.255", HALF_HOUR, stamps,
        tuple(range(size)), (0,) * size, 0, Unit.WATT_HOUR,
    )  # fmt: skip
    answer = Answer("1.0.99.1.0.255", b"\x00\xff", Period(AT, AT + size * HALF_HOUR), blocks=(block,))
    now = Answer("instants", b"\x01", instants=(InstantRead(AT, (230.5, None, None), power_w=12.0),))
    rejected = Rejected("1.0.99.1.0.255", "truncated", b"\x02", Period(AT, AT + HALF_HOUR))
    readout = Readout(f"S{number}", f"poll-{number}", AT, AT, "ok", "", 1.5, (answer, now), (rejected,))
    return Spooled(number, "M1", AT + timedelta(seconds=number), readout)


async def test_what_was_appended_is_there_after_reopening_and_goes_when_deleted(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite")
    await asyncio.gather(*(spool.append([record(n)]) for n in range(30)))
    spool.close()
    spool = Spool(tmp_path / "spool.sqlite")
    try:
        held = await spool.oldest()
        assert [r.meter_id for r in held] == list(range(30))
        assert held[3].readout == record(3).readout
        await spool.delete([r.id for r in held[:20]])
        assert [r.meter_id for r in await spool.oldest()] == list(range(20, 30))
        assert spool.rows == 10
        await spool.delete([r.id for r in held])
        assert not spool.filled.is_set()
        assert spool.bytes == 0
    finally:
        spool.close()


async def test_a_record_alone_is_committed_at_once_and_many_are_gathered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, commits = Spool(tmp_path / "s"), list[int]()
    insert = spool._insert
    monkeypatch.setattr(spool, "_insert", lambda rows: (commits.append(len(rows)), insert(rows))[1])
    monkeypatch.setattr("collector.spool.spool.GATHER_S", 0.3)
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(5):
        await spool.append([record(number)])
    assert loop.time() - began < 0.3
    assert commits == [1] * 5

    async def soon(number: int) -> None:
        await asyncio.sleep(number * 0.001)
        await spool.append([record(number)])

    commits.clear()
    await asyncio.gather(*(soon(number) for number in range(100, 160)))
    assert sum(commits) == 60
    assert max(commits) > 20
    began = loop.time()
    await asyncio.gather(*(spool.append([record(number)]) for number in range(200, 200 + ENOUGH)))
    assert loop.time() - began < 0.3  # so many do not wait for more
    given_up = asyncio.create_task(spool.append([record(999)]))
    await asyncio.sleep(0)
    given_up.cancel()
    await spool.append([record(1_000)])
    assert [each.meter_id for each in await spool.oldest(after=5 + 60 + ENOUGH)] == [999, 1_000]
    spool.close()


async def test_numbers_are_never_used_twice(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    await spool.append([record(1)])
    (first,) = await spool.oldest()
    await spool.delete([first.id])
    await spool.append([record(2)])
    (second,) = await spool.oldest()
    spool.close()
    assert second.id > first.id


async def test_a_full_spool_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", limit_bytes=6_000)
    kept = 0
    with pytest.raises(SpoolFull, match="check the database") as full:
        while True:
            await spool.append([record(kept)])
            kept += 1
    assert full.value.cause == "spool"
    assert spool.wrong is full.value
    held = await spool.oldest()
    assert len(held) == kept > 0
    await spool.delete([held[0].id])
    await spool.append([record(99)])
    assert spool.wrong is None
    spool.close()


async def test_a_full_disk_is_one_sentence_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    await spool.append([record(0)])
    pages = spool._database.execute("PRAGMA page_count").fetchone()[0]
    spool._database.execute(f"PRAGMA max_page_count = {pages + 20}")  # SQLite's own SQLITE_FULL
    kept = 1
    with pytest.raises(SpoolFull, match="disk"):
        while kept < 1_000:
            await spool.append([record(kept)])
            kept += 1
    assert len(await spool.oldest(1_000)) == kept
    spool.close()


FILLER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "tests/unit")
from test_collector_spool import record
from collector.errors import SpoolFull
from collector.spool.spool import Spool

async def main():
    path = Path(sys.argv[1]) / "s"
    spool, kept = Spool(path), 0
    assert path.with_name("s.reserve").exists()
    try:
        while True:
            await spool.append([record(kept, 336)])
            kept += 1
    except SpoolFull as full:
        print(full.sentence)
        assert spool.wrong is full and full.cause == "disk"
    try:
        await spool.trial()
        raise SystemExit("there is no room for a trial")
    except SpoolFull as full:
        assert spool.wrong is full
    held = await spool.oldest(100_000)
    assert [r.meter_id for r in held] == list(range(kept)), (len(held), kept)
    for start in range(0, kept - 10, 50):
        await spool.delete([r.id for r in held[start : start + 50] if r.meter_id < kept - 10])
    await spool.trial()  # there is room again
    assert spool.wrong is None and spool.rows == 10
    await spool.append([record(kept, 336)])
    spool.close()
    spool = Spool(path)
    assert [r.meter_id for r in await spool.oldest(100)] == list(range(kept - 10, kept + 1))
    spool.close()
    print("kept", kept)

asyncio.run(main())
"""


@pytest.mark.parametrize("mebibytes", [24, 4, 2])
def test_on_a_disk_that_is_full_the_spool_can_still_be_emptied(
    tmp_path: Path, needs_tool: Any, mebibytes: int
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    inside = [sys.executable, "-c", FILLER, str(small)]
    done = subprocess.run(
        [needs_tool("bwrap"), "--dev-bind", "/", "/", "--size", str(mebibytes << 20), "--tmpfs", str(small),
         *inside],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "is full: make room there" in done.stdout
    assert "kept" in done.stdout


async def test_two_head_ends_do_not_share_a_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    with pytest.raises(SpoolError, match="another head-end"):
        Spool(tmp_path / "s")
    spool.close()
    Spool(tmp_path / "s").close()


def test_a_damaged_spool_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"no database" * 1000)
    with pytest.raises(SpoolError, match="move it away"):
        Spool(tmp_path / "s")


async def test_a_record_the_store_refuses_is_put_aside_with_its_reason(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    await spool.append([record(1), record(2)])
    one, _ = await spool.oldest()
    await spool.put_aside(one.id, "no such meter")
    assert [r.meter_id for r in await spool.oldest()] == [2]
    assert spool.set_aside == 1
    spool.close()


async def test_a_record_nobody_can_read_is_put_aside_and_the_others_go_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    await spool.append([record(1), record(2)])
    spool._database.execute("UPDATE spooled SET readout = '{}' WHERE id = 1")
    assert [r.meter_id for r in await spool.oldest()] == [2]
    assert (spool.rows, spool.set_aside) == (1, 1)
    spool._database.execute("UPDATE spooled SET readout = 'x'")
    assert await spool.oldest() == []
    assert not spool.filled.is_set()
    spool.close()


WRITER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "tests/unit")
from test_collector_spool import record
from collector.spool.spool import Spool

async def main():
    spool = Spool(Path(sys.argv[1]))
    async def one(first):
        for n in range(first, 1_000_000, 8):
            await spool.append([record(n)])
            sys.stdout.write(f"{n}\\n")
            sys.stdout.flush()
    await asyncio.gather(*(one(k) for k in range(8)))
asyncio.run(main())
"""


async def test_sigkill_loses_nothing_acknowledged(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "s")], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(60)]
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.stdout.read().split("\n")
    acknowledged += [int(line) for line in rest[:-1]]
    writer.stdout.close()
    writer.wait()
    spool = Spool(tmp_path / "s")
    held = [r.meter_id for r in await spool.oldest(1_000_000)]
    spool.close()
    assert set(acknowledged) <= set(held)
    assert len(held) == len(set(held))
    assert len(held) - len(acknowledged) <= 8  # committed, but the word did not get out
