"""A head-end killed again and again, a database stopped under it, a demo killed: nothing is lost or doubled.

The fleet's clock stands still, so that a run to which nothing happens says what all of them must come to.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from collector.spool.spool import HELD
from storage.embedded import Embedded
from tests.households import two_households
from tests.processes_of import processes_of
from tests.simulated_fleet import EPOCH, Fleet, simulated_fleet
from tests.stored_rows import Rows, assert_same_rows, stored_rows

KILLS = 10
SLOW = {"AMI_CONCURRENCY": "3", "AMI_ANSWER_S": "3"}  # few lines at a time: a back-fill with a middle


@dataclasses.dataclass
class Installation:
    """A home with a database server of its own, which a test may kill and stop as it likes."""

    ami: Any
    server: Embedded

    @property
    def answers(self) -> int:
        with psycopg.connect(self.server.dsn()) as conn:
            return int(conn.execute("SELECT count(*) FROM answer").fetchone()[0])  # type: ignore[index]

    @property
    def conversations(self) -> Counter[str]:
        """Stored conversations by serial."""
        with psycopg.connect(self.server.dsn()) as conn:
            query = "SELECT serial, count(*) FROM poll JOIN meter ON meter.id = poll.meter_id GROUP BY serial"
            return Counter(dict(conn.execute(query).fetchall()))

    @property
    def waiting(self) -> int:
        """Readouts in the spool, not yet in the database."""
        spool = sqlite3.connect(self.ami.home / "spool" / "node-a.sqlite")
        try:
            return int(spool.execute(HELD).fetchone()[0])
        finally:
            spool.close()

    def head_end(self, fleet: Fleet) -> subprocess.Popen[str]:
        """Reading, as a process that tells of its progress on stdout."""
        with (self.ami.home / "head-end.log").open("a") as log:
            process: subprocess.Popen[str] = self.ami.start(
                *fleet.collecting, "--progress-lines", stdout=subprocess.PIPE, stderr=log
            )
        return process


@pytest.fixture
def installation(ami: Any, tmp_path: Path) -> Iterator[Installation]:
    own = dataclasses.replace(
        ami,
        home=tmp_path / "killed",
        environment={
            **{name: ami.environment[name] for name in ("AMI_NODE", "AMI_WEB_PORT")},
            **SLOW,
        },
    )
    own("db", "start")
    server = Embedded(own.home)
    yield Installation(own, server)
    server.stop("immediate")


def until(process: subprocess.Popen[str], share: float, acknowledged: Counter[str]) -> None:
    """Wait until so much of what is missing has been read; count the conversations each meter ended well."""
    assert process.stdout is not None
    for line in process.stdout:
        if not line.endswith("\n"):
            return  # cut off by the kill
        told = json.loads(line)
        if told.get("finished"):
            return
        what, _, name = told["text"].partition(" ")
        acknowledged[name] += what == "meter"
        if told["done"] >= share * told["total"] > 0:
            return


def kill(process: subprocess.Popen[str], acknowledged: Counter[str]) -> None:
    """SIGKILL, and what it had still said before."""
    process.kill()
    process.wait()
    until(process, 2.0, acknowledged)
    assert process.stdout is not None
    process.stdout.close()


def wait_for(what: Callable[[], bool], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def undisturbed_rows(ami: Any, fleet: Fleet) -> Rows:
    """What a run leaves to which nothing happens."""
    ami(*fleet.collecting)
    fleet.office(ami)
    return stored_rows(ami.environment["AMI_DATABASE_URL"])


def killed_again_and_again(
    installation: Installation, fleet: Fleet, drawn: random.Random, total: int
) -> Counter[str]:
    """SIGKILL at drawn moments of the back-fill; asserts that they were moments of the back-fill.

    Returns how many conversations with each meter were acknowledged.
    """
    known: list[tuple[int, int]] = []
    acknowledged: Counter[str] = Counter()
    for _ in range(KILLS):
        head_end = installation.head_end(fleet)
        until(head_end, drawn.uniform(0.0, 0.12), acknowledged)
        time.sleep(drawn.uniform(0.0, 0.05))
        assert head_end.poll() is None
        kill(head_end, acknowledged)
        known.append((installation.answers, installation.waiting))
    print("answers stored and readouts waiting after each kill:", known, "of", total)
    assert all(answers < total for answers, _ in known)
    grew = [sum(after) > sum(before) for before, after in zip([(0, 0), *known], known, strict=False)]
    assert sum(grew) >= KILLS * 2 / 3
    assert any(waiting for _, waiting in known), "no kill caught a readout between meter and database"
    return acknowledged


def stopped_under_way(installation: Installation, fleet: Fleet) -> None:
    """`stop -m immediate` of the database while a head-end reads; the head-end sees it through."""
    head_end = installation.head_end(fleet)
    until(head_end, 0.2, Counter())
    before = installation.answers
    assert installation.server.stop("immediate")
    wait_for(lambda: installation.waiting > 0)  # reading goes on meanwhile
    assert head_end.poll() is None
    installation.server.start()
    until(head_end, 2.0, Counter())
    assert head_end.wait(60) == 0
    assert head_end.stdout is not None
    head_end.stdout.close()
    assert installation.answers > before
    assert installation.waiting == 0


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "customers", [40, *(pytest.param(60 + 20 * more, marks=pytest.mark.soak) for more in range(5))]
)
def test_ten_kills_and_a_stopped_database_end_where_an_undisturbed_run_ends(
    ami: Any, installation: Installation, tmp_path: Path, free_port: int, customers: int
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print("seed", seed)
    with simulated_fleet(ami, free_port, "--seed", str(seed), "--customers", str(customers)) as fleet:
        for each in (ami, installation.ami):
            fleet.register_in(each, tmp_path)
        expected = undisturbed_rows(ami, fleet)
        assert all(
            len(expected[table]) > customers / 2
            for table in ("answer", "profile_block", "profile_day", "bill")
        )
        acknowledged = killed_again_and_again(
            installation, fleet, random.Random(seed), len(expected["answer"])
        )
        stopped_under_way(installation, fleet)
        fleet.office(installation.ami)
    # A meter can be read again, but what was acknowledged is in the store even if it could not.
    lost = acknowledged - installation.conversations
    assert sum(acknowledged.values()) > KILLS
    assert not lost, f"acknowledged and not stored: {dict(lost)}"
    assert_same_rows(stored_rows(installation.server.dsn()), expected)


@dataclasses.dataclass
class Demo:
    """A running `ami demo`, and which processes it has started."""

    process: subprocess.Popen[str]
    home: Path
    log: Path

    def pid(self, verb: str, *, but: int = 0) -> int:
        """The process of a verb, waited for; another than `but`."""
        found: list[int] = []

        def there() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            found[:] = [pid for pid, ran in processes_of(self.home).items() if ran == verb and pid != but]
            return bool(found)

        wait_for(there, 40.0)
        return found[0]

    def left(self) -> dict[int, str]:
        return processes_of(self.home)


@pytest.fixture
def demo(ami: Any, tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    started: list[subprocess.Popen[str]] = []

    def start(*options: str, **environment: str) -> Demo:
        slow = dataclasses.replace(ami, environment={**ami.environment, **environment})
        log = tmp_path / "demo.log"
        with log.open("w") as said, (tmp_path / "demo.json").open("w") as printed:
            started.append(slow.start("demo", "--as-of", EPOCH, *options, stdout=printed, stderr=said))
        return Demo(started[-1], ami.home, log)

    yield start
    for process in started:
        process.kill()
        process.wait()
    for orphan in processes_of(ami.home):  # of a test that failed
        with contextlib.suppress(ProcessLookupError):
            os.kill(orphan, signal.SIGKILL)


@pytest.mark.long
def test_a_demo_whose_head_end_is_killed_reads_on(demo: Any, tmp_path: Path) -> None:
    running = demo("--once", "--json", "--seed", "7", "--customers", "30", AMI_CONCURRENCY="4")
    before = 0
    for _ in range(3):
        before = running.pid("collect", but=before)
        time.sleep(random.uniform(0.7, 1.2))
        os.kill(before, signal.SIGKILL)
    assert running.process.wait(90) == 0, running.log.read_text()
    document = json.loads((tmp_path / "demo.json").read_text())
    assert document["wh_billed"] == document["wh_truth"] > 0
    assert running.log.read_text().count("was killed; it is started again") == 3
    assert running.left() == {}


@pytest.mark.long
def test_a_demo_that_stays_starts_its_children_again_and_ends_without_its_meters(
    demo: Any, tmp_path: Path
) -> None:
    running = demo("--replay", str(two_households(tmp_path / "two.csv")))
    first = {verb: running.pid(verb) for verb in ("simulate", "serve", "worker", "collect")}
    wait_for(lambda: "Ctrl-C" in running.log.read_text(), 40.0)
    for verb in ("collect", "worker", "serve"):
        os.kill(first[verb], signal.SIGKILL)
    for verb in ("collect", "worker", "serve"):
        assert running.pid(verb, but=first[verb]) != first[verb]
    os.kill(first["simulate"], signal.SIGKILL)
    assert running.process.wait(30) == 1
    assert "simulator" in running.log.read_text().strip().splitlines()[-1]
    assert running.left() == {}


@pytest.mark.long
def test_a_demo_that_is_killed_leaves_nothing_running(demo: Any, tmp_path: Path) -> None:
    running = demo("--replay", str(two_households(tmp_path / "two.csv")))
    wait_for(lambda: "Ctrl-C" in running.log.read_text(), 40.0)
    assert sorted(running.left().values()) == ["collect", "demo", "serve", "simulate", "worker"]
    running.process.kill()
    running.process.wait()
    wait_for(lambda: running.left() == {}, 15.0)
