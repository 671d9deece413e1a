"""Invocation counters on the disk: killed, shared, forked, damaged, lost, spent."""

import os
import random
import signal
import stat
import threading
import time
import zlib
from itertools import pairwise
from pathlib import Path

import pytest

from collector.errors import CountersUnusable
from collector.keys import counters as module
from collector.keys.counters import FileCounters
from protocols.dlms.security import CounterStore, Protection, SecuritySetup
from protocols.dlms.security.counters import HIGHEST
from protocols.errors import LocalError

KEY = "4d4d4d0000000001-0123456789abcdef"
OTHER_KEY = "4d4d4d0000000001-fedcba9876543210"


def spend(home: Path, line: int, pause: float) -> None:
    """Never returns: hands out numbers of two keys and says each on `line` after it has it."""
    counters = FileCounters(home, reserve=3)
    while True:
        for key in (KEY, OTHER_KEY):
            number = counters.next(key)
            os.write(line, f"{key} {number}\n".encode())
            time.sleep(pause)


def forked(home: Path, line: int, pause: float = 0.0) -> int:
    """A process of its own that spends numbers until it is killed."""
    child = os.fork()
    if child:
        return child
    try:
        spend(home, line, pause)
    finally:
        os._exit(1)


def said(reader: int, text: bytes = b"") -> list[tuple[str, int]]:
    """Every number handed out; a last line cut off by the kill was not handed out to anybody."""
    while piece := os.read(reader, 1 << 16):
        text += piece
    whole = text[: text.rfind(b"\n") + 1].decode().split("\n")[:-1]
    return [(key, int(number)) for key, _, number in (line.partition(" ") for line in whole)]


def test_a_process_killed_again_and_again_hands_out_no_number_twice(tmp_path: Path) -> None:
    draw = random.Random(5)
    numbers: dict[str, list[int]] = {KEY: [], OTHER_KEY: []}
    for _ in range(60):
        reader, writer = os.pipe()
        child = forked(tmp_path, writer)
        os.close(writer)
        # Killed once it has said so many numbers, in the middle of whatever it is then about.
        text, enough = b"", draw.randrange(20)
        while text.count(b"\n") < enough:
            text += os.read(reader, 1 << 16)
        time.sleep(draw.uniform(0.0, 0.005))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for key, number in said(reader, text):
            numbers[key].append(number)
        os.close(reader)
    for spent in numbers.values():
        assert len(spent) > 60
        assert all(later > earlier for earlier, later in pairwise(spent))
    assert FileCounters(tmp_path).next(KEY) > numbers[KEY][-1]


def test_processes_of_one_home_share_no_number(tmp_path: Path) -> None:
    pipes = [os.pipe() for _ in range(3)]
    children = [forked(tmp_path, writer, 0.003) for _, writer in pipes]
    heads = [os.read(reader, 1 << 16) for reader, _ in pipes]
    time.sleep(0.2)
    everything = []
    for child, (_, writer) in zip(children, pipes, strict=True):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(writer)
    for head, (reader, _) in zip(heads, pipes, strict=True):
        heard = said(reader, head)
        os.close(reader)
        assert heard
        for key in (KEY, OTHER_KEY):
            own = [number for found, number in heard if found == key]
            assert own == sorted(own)
        everything += heard
    assert len(everything) == len(set(everything))


def test_a_fork_takes_no_numbers_of_its_parent(tmp_path: Path) -> None:
    counters = FileCounters(tmp_path)
    mine = [counters.next(KEY)]
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, str(counters.next(KEY)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    its = int(os.read(reader, 100))
    os.close(reader)
    os.close(writer)
    mine.append(counters.next(KEY))
    assert len({*mine, its}) == 3
    # The child has reserved above our range: what we say next must still be above what it said.
    assert mine[1] > its > mine[0]


def test_threads_share_no_number(tmp_path: Path) -> None:
    counters = FileCounters(tmp_path, reserve=16)
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.extend(counters.next(KEY) for _ in range(50))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 201))


def test_it_begins_with_one_and_reserves_a_range(tmp_path: Path) -> None:
    counters = FileCounters(tmp_path / "home")
    assert not counters.used(KEY)
    assert [counters.next(KEY) for _ in range(3)] == [1, 2, 3]
    again = FileCounters(tmp_path / "home")
    assert again.used(KEY)
    assert not again.used(OTHER_KEY)
    assert again.next(KEY) == 1 + module.RANGE
    assert stat.S_IMODE((tmp_path / "home" / "counters").stat().st_mode) == 0o600


def test_raised_to_what_a_meter_has_heard(tmp_path: Path) -> None:
    counters = FileCounters(tmp_path)
    counters.raise_to(KEY, 0x01234568)
    assert counters.next(KEY) == 0x01234568
    counters.raise_to(KEY, 7)
    assert counters.next(KEY) == 0x01234569
    assert FileCounters(tmp_path).next(KEY) == 0x01234568 + module.RANGE


def test_what_was_heard_outlives_the_process(tmp_path: Path) -> None:
    counters = FileCounters(tmp_path)
    assert counters.heard(KEY) == -1
    counters.hear(KEY, 0)
    counters.hear(KEY, 41)
    counters.hear(KEY, 17)
    assert counters.heard(KEY) == 41
    assert FileCounters(tmp_path).heard(KEY) == -1
    counters.save()
    counters.save()
    assert FileCounters(tmp_path).heard(KEY) == 41
    counters.hear(OTHER_KEY, 8)
    counters.next(KEY)
    again = FileCounters(tmp_path)
    assert (again.heard(KEY), again.heard(OTHER_KEY)) == (41, 8)
    again.forget_heard(KEY)
    assert counters.heard(KEY) == -1
    assert counters.heard(OTHER_KEY) == 8


def test_the_last_number_of_a_key(tmp_path: Path) -> None:
    counters = FileCounters(tmp_path)
    counters.raise_to(KEY, HIGHEST)
    assert counters.next(KEY) == HIGHEST
    with pytest.raises(LocalError, match="change the key"):
        counters.next(KEY)
    with pytest.raises(LocalError, match="4D4D4D0000000001"):
        FileCounters(tmp_path).next(KEY)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:-1],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw.replace(b"257", b"001"),
        lambda raw: raw + raw,
        lambda raw: bytes(len(raw)),
    ],
    ids=["empty", "a byte short", "half", "changed", "twice", "zeros"],
)
def test_a_damaged_file_is_no_new_beginning(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    counters = FileCounters(tmp_path)
    counters.next(KEY)
    raw = counters.path.read_bytes()
    assert b"257" in raw
    counters.path.write_bytes(damage(raw))
    with pytest.raises(CountersUnusable, match=r"are damaged .* restore it from a backup"):
        FileCounters(tmp_path)
    with pytest.raises(CountersUnusable, match="are damaged"):
        counters.next(KEY)


def test_a_file_of_another_kind_with_a_fitting_checksum(tmp_path: Path) -> None:
    raw = module._written({})
    body = raw[:-9].replace(b"counters 1", b"counters 2")
    (tmp_path / "counters").write_bytes(body + b"%08x\n" % zlib.crc32(body))
    with pytest.raises(CountersUnusable, match="begins with 'invocation counters 2'"):
        FileCounters(tmp_path)


def test_a_lost_file_is_no_new_beginning(tmp_path: Path) -> None:
    counters = FileCounters(tmp_path)
    counters.next(KEY)
    counters.path.unlink()
    with pytest.raises(CountersUnusable, match="are gone"):
        FileCounters(tmp_path)
    with pytest.raises(CountersUnusable, match="are gone"):
        counters.next(KEY)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(CountersUnusable, match=r"cannot be used .*nothing is ciphered"):
        FileCounters(tmp_path / "file")
    home = tmp_path / "home"
    counters = FileCounters(home)
    (home / "counters.new").mkdir()
    with pytest.raises(CountersUnusable, match="cannot be used"):
        counters.next(KEY)
    (home / "counters.new").rmdir()
    assert counters.next(KEY) == 1
    counters.path.unlink()
    counters.path.mkdir()
    with pytest.raises(CountersUnusable, match="cannot be used"):
        counters.next(KEY)
    (home / "counters.lock").unlink()
    (home / "counters.lock").mkdir()
    with pytest.raises(CountersUnusable, match="cannot be used"):
        FileCounters(home)
    home.rename(tmp_path / "away")
    home.write_text("a file where the home was")
    with pytest.raises(CountersUnusable, match="cannot be used"):
        counters.heard(KEY)


def test_a_lock_that_another_process_never_gives_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.05)
    counters = FileCounters(tmp_path)
    with counters._locked(), pytest.raises(CountersUnusable, match="has held"):
        FileCounters(tmp_path)


def test_an_association_takes_its_counters_from_the_disk(tmp_path: Path) -> None:
    """What a head-end says after a restart is above what it said before, and a recorded answer is refused."""
    keys = (bytes(range(16)), bytes(range(16, 32)))
    client = SecuritySetup(b"CLIENT01", *keys, peer_system_title=b"METER001")
    meter = SecuritySetup(b"METER001", *keys, peer_system_title=b"CLIENT01")
    hears = FileCounters(tmp_path / "meter")
    store: CounterStore = FileCounters(tmp_path / "client")
    first = Protection(client, store).protect(b"\xc0one")
    assert Protection(meter, hears).unprotect(first) == b"\xc0one"
    hears.save()
    second = Protection(client, FileCounters(tmp_path / "client")).protect(b"\xc0two")
    assert Protection(meter, FileCounters(tmp_path / "meter")).unprotect(second) == b"\xc0two"
    with pytest.raises(Exception, match="replayed"):
        Protection(meter, FileCounters(tmp_path / "meter")).unprotect(first)
