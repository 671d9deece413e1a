"""The command line itself: every verb explains itself, and asking for help costs next to nothing."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ami.failure import Exit, Failure, InputFailure
from ami.known import known_failure
from ami.main import VERBS, cli, main

HEAVY = ("numba", "numpy", "psycopg", "pandas", "dash", "procrastinate", "asyncio")


def _commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _commands(below, *path, name)


ALL = dict(_commands(cli))


def test_the_verbs_are_there() -> None:
    assert set(VERBS) == {
        "init", "demo", "db", "simulate", "collect", "read", "worker", "validate", "close", "bill", "alerts",
        "import", "export", "meter", "user", "status", "report", "serve", "bench", "check",
        "order", "key", "outage", "case", "load", "warnings", "station", "inspection",
    }  # fmt: skip
    below = {path[1] for path in ALL if path[:1] == ("db",) and len(path) == 2}
    assert below == {"start", "stop", "status", "migrate", "psql", "backup", "restore"}


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_verb_explains_itself(path: tuple[str, ...]) -> None:
    found = CliRunner().invoke(cli, [*path, "--help"])
    assert found.exit_code == 0, found.output
    assert "Usage: " in found.output
    assert not re.search(r"\n *\n *\n *\S", found.output), "two blank lines in a row"
    command = ALL[path]
    assert command.help
    silent = [p.name for p in command.params if isinstance(p, click.Option) and not p.hidden and not p.help]
    assert not silent, f"ami {' '.join(path)}: these options say nothing: {silent}"


def test_the_list_of_verbs_says_what_each_says_itself() -> None:
    for verb in ("export",):
        assert VERBS[verb][1] == ALL[verb,].help
    assert '{"benches": [...]}' in (ALL["bench",].help or "")


def test_help_is_quick_and_imports_no_room() -> None:
    helped = "import sys, ami.main as m; m.cli.main(['--help'], standalone_mode=False)"
    asked = f"{helped}; print([x for x in {HEAVY} if x in sys.modules])"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.splitlines()[-1] == "[]"
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.5


def test_the_exit_codes_are_those_of_the_manual() -> None:
    assert {code.name: int(code) for code in Exit} == {
        "DONE": 0, "FAILED": 1, "USAGE": 2, "PARTLY": 3, "NO_LINK": 4, "INPUT": 5, "CONTRADICTION": 6,
    }  # fmt: skip
    assert InputFailure("x").code == 5


def test_a_known_failure_is_a_sentence() -> None:
    from collector.errors import AnswerTimeout
    from protocols.errors import RemoteError

    found = known_failure(AnswerTimeout("no answer about the association within 10 s"))
    assert isinstance(found, Failure)
    assert str(found) == "No answer about the association within 10 s."
    assert found.code is Exit.NO_LINK
    grouped = known_failure(ExceptionGroup("tasks", [RemoteError("bad FCS", b"\x00")]))
    assert str(grouped) == "Bad FCS."
    assert known_failure(KeyError("a fault of ours")) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nix",), "No such command 'nix'"),
        (("close", "--month", "2026-13"), "write it like 2026-10"),
        (("close", "--month", "9999-12"), "9999-12 lies outside the years 2000 to 2100"),
        (("demo", "--once", "--as-of", "0001-01-01T00:00+07:00"), "outside the years 2000 to 2100"),
        (
            ("status", "--as-of", "9999-12-31T23:59-07:00"),
            "outside the years 2000 to 2100: name another instant",
        ),
        (("bill", "run", "--invoice-date", "0001-01-01"), "outside the years 2000 to 2100: name another day"),
        (("close", "--month", "٢٠٢٦-10"), "is no month"),
        (("demo", "--json"), "--json goes with --once"),
        (
            ("export", "intervals", "--meter", "1", "--csv", "--from", "2026-10-02", "--to", "2026-10-01"),
            "--from 2026-10-02 lies after --to 2026-10-01",
        ),
        (("export", "closing"), "choose one of --json, --csv and --xlsx"),
        (("collect", "--json"), "--json goes with --once"),
        (("bill", "print", "--output", "x.html"), "--month"),
        (("bill", "print", "2026-09", "--output", "x.html"), "2026-09 is a month: say --month 2026-09"),
        (("bill", "print", "1,2", "--output", "x.html"), "'1,2' is no number of a bill: `ami bill list`"),
        (("meter", "change", "1"), "nothing is to be changed"),
        (("read", "dlms+pigeon://127.0.0.1"), "begins dlms+pigeon"),
        (("read", "modbus+tcp://127.0.0.1?model=nix"), "No meter model is called nix"),
        (("read", "modbus+tcp://127.0.0.1"), "Nothing is asked of this meter"),
        (("read", "dlms+wrapper://127.0.0.1", "--to", "2026-10-01"), "belong to --profile"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_was_asked_wrongly_is_one_sentence_and_two(
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AMI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["ami", *arguments])
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        signal.signal(signal.SIGTERM, before)
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("ami: ")
    assert said in line
    assert not (tmp_path / "home").exists()


def test_what_stands_in_brackets_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    from ami import console

    plain, console.out = console.out, Console(width=80)
    try:
        console.table("", ("Why",), [("set it in [web]",)])
        console.facts([("Meter", "[3] of [bold]")])
    finally:
        console.out = plain
    printed = capsys.readouterr().out
    assert "set it in [web]" in printed
    assert "[3] of [bold]" in printed
