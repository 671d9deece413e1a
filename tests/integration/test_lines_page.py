"""What docs/lines.md shows can be typed as it stands into an installation where nothing is yet."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import psycopg
from click.testing import CliRunner

from ami.main import cli

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "lines.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"^    ((?:AMI_\w+=\S+ )*ami meter (?:.*\\\n)*.*)$", re.MULTILINE)
REGISTER = re.compile(r'^    ("modems": \[\n(?:    .*\n)+?    \])$', re.MULTILINE)


def test_every_example_runs_as_it_stands(ami: Any, database: str, tmp_path: Path) -> None:
    commands = COMMAND.findall(PAGE)
    assert len(commands) == PAGE.count("ami meter add 2") + PAGE.count("ami meter change 2") >= 7
    for command in commands:
        words = shlex.split(command.replace("\\\n", " "))
        given = dict(word.split("=", 1) for word in words[: words.index("ami")])
        arguments = words[words.index("ami") + 1 :]
        done = CliRunner().invoke(cli, arguments, env={**ami.environ(), **given})
        assert done.exit_code == 0, (command, done.output, done.exception)
    (modems,) = REGISTER.findall(PAGE)
    file = tmp_path / "grid.json"
    file.write_text(f"{{{modems}}}", encoding="utf-8")
    assert ami.json("import", "register", str(file), "--json")["added"]["modems"] == 3
    with psycopg.connect(database) as conn:
        links = dict(conn.execute("SELECT code, link FROM modem").fetchall())
    assert links == {
        "M-20260004": "serial", "M-20260006": "serial", "M-20260005": "serial", "M-20260007": "dial_out",
        "BUS-1": "serial", "CSD-1": "csd", "UDP-1": "udp",
    }  # fmt: skip
    assert json.loads(f"{{{modems}}}").keys() == {"modems"}
