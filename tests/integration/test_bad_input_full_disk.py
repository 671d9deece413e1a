"""A disk that is full under the spool or under the embedded database: told, and nothing that was kept is
lost."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.jsonform import to_json
from tests import bad_meters as meters
from tests.bad_meters import rows
from tests.conftest import REPOSITORY
from tests.unit.test_collector_dlms import Scripted

# $1 the folder that gets a small disk, $2 its bytes, then what to do there
SMALL = 'mount -t tmpfs -o size="$2" small "$1" && shift 2 && exec "$@"'
AMI = (sys.executable, "-m", "ami.main")
COLLECT = (*AMI, "collect", "--once", "--json", "--as-of", meters.NOW.isoformat())
HALVES = "SELECT sum(cardinality(raw)), count(*) FROM profile_block"

# Arguments: the folder of the small disk, bytes to leave, and three lists of commands as JSON: before it is
# full, while it is, and once there is room again.
FULL = """
import json, os, subprocess, sys
from pathlib import Path
folder, left, *stages = sys.argv[1:]
filler = Path(folder) / "filler"

def run(commands):
    for command in json.loads(commands):
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        said.append([done.returncode, done.stdout, done.stderr])

said = []
run(stages[0])
room = os.statvfs(folder)
with filler.open("wb") as file:
    file.write(bytes(room.f_bavail * room.f_frsize - int(left)))
run(stages[1])
filler.unlink()
run(stages[2])
print(json.dumps(said))
"""

Commands = list[tuple[str, ...]]
Missing = Callable[[str], None]


def on_a_small_disk(
    ami: Any, missing: Missing, folder: Path, size: int, left: int,
    before: Commands, full: Commands, after: Commands,
) -> list[list[Any]]:  # fmt: skip
    """(code, stdout, stderr) of every command."""
    folder.mkdir(parents=True, exist_ok=True)
    run = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL, "sh", str(folder), str(size)]
    stages = [json.dumps(stage) for stage in (before, full, after)]
    done = subprocess.run(
        [*run, sys.executable, "-c", FULL, str(folder), str(left), *stages],
        env=ami.environ(), capture_output=True, text=True, cwd=REPOSITORY, check=False, timeout=120,
    )  # fmt: skip
    if done.returncode and ("unshare" in done.stderr or "mount:" in done.stderr):
        missing(f"this machine gives a test no small disk: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    said: list[list[Any]] = json.loads(done.stdout)
    assert all("Traceback" not in stderr for _, _, stderr in said), said
    return said


def village(ports: tuple[int, int]) -> Any:
    return meters.answering((ports[0], Scripted(serial=meters.GOOD)), (ports[1], Scripted(serial=meters.BAD)))


async def test_under_the_spool(
    ami: Any, database: str, free_ports: Callable[[], int], missing: Missing
) -> None:
    ports = (free_ports(), free_ports())
    meters.hang(database, ami.home, meters.register(ports))
    spool = ami.home / "spool"
    async with village(ports):
        full, room = await asyncio.to_thread(
            on_a_small_disk, ami, missing, spool, 32 << 20, 64 << 10, [], [COLLECT], [COLLECT]
        )
    assert full[0] == 3
    told = json.loads(full[1])
    assert told["stopped"] == (
        f"the disk that holds the spool {spool / 'node-a.sqlite'} is full: make room there"
    )
    assert told["conversations"] == told["waiting"] == 0  # what was not kept was not said to be
    assert room[0] == 0, room
    assert rows(database, HALVES) == [(12, 2)]


async def test_under_the_embedded_database(
    ami: Any, cluster: str, free_ports: Callable[[], int], missing: Missing
) -> None:
    """What the meters said waits in the spool, which lies elsewhere here, and comes in when there is room."""
    ports = (free_ports(), free_ports())
    del ami.environment["AMI_DATABASE_URL"]
    ami.environment |= {"AMI_STORE_PATIENCE_S": "1"}
    file = ami.home.with_name("grid.json")
    file.write_text(json.dumps(to_json(meters.register(ports))))
    asked = (*AMI, "db", "psql", "-Atc", HALVES)
    async with village(ports):
        said = await asyncio.to_thread(
            on_a_small_disk, ami, missing, ami.home / "db", 400 << 20, 0,
            [(*AMI, "db", "start"), (*AMI, "import", "register", str(file))],
            [COLLECT, COLLECT],
            [COLLECT, asked, (*AMI, "db", "stop")],
        )  # fmt: skip
    assert [code for code, _, _ in said] == [0, 0, 3, 3, 0, 0, 0]
    for _, stdout, _ in said[2:4]:
        told = json.loads(stdout)
        assert told["waiting"] == 2
        assert told["stopped"].startswith("the database stays away (its disk is full, make room there: could")
        assert "2 readouts wait in" in told["stopped"]
    assert json.loads(said[4][1])["conversations"] == 0  # nobody was asked twice
    assert said[5][1] == "12|2\n"
