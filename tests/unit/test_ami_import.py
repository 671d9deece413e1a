"""`ami import FILE --format …` beside the group's own commands, and what a dry run says and ends with."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from ami.failure import Exit, InputFailure
from ami.import_ import command

GOOD = "meter,timestamp,kwh\nA,2026-10-01T00:00:00+07:00,1\nA,2026-10-01T00:30:00+07:00,0.25\n"


def run(*words: str) -> tuple[int, Any, str]:
    """Exit code, the document on stdout or None, and what was said."""
    done = CliRunner().invoke(command, list(words), standalone_mode=False)
    if isinstance(done.exception, InputFailure):
        return int(done.exception.code), None, str(done.exception)
    if isinstance(done.exception, click.UsageError):
        return int(Exit.USAGE), None, done.exception.format_message()
    if isinstance(done.exception, click.exceptions.Exit):
        return done.exception.exit_code, json.loads(done.stdout or "null"), done.stderr
    assert done.exception is None, done.exception
    code = done.return_value if isinstance(done.return_value, int) else 0
    return code, json.loads(done.stdout or "null"), done.stderr


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "readings.csv"
    path.write_text(GOOD, encoding="utf-8")
    return str(path)


def test_every_way_of_saying_it_is_the_same(file: str) -> None:
    _, expected, _ = run("readings", file, "--format", "csv", "--dry-run", "--json")
    assert [(one["meter"], one["total"], one["intervals"]) for one in expected] == [("A", 1.25, 2)]
    for words in (
        (file, "--format", "csv", "--dry-run", "--json"),
        ("--format", "csv", file, "--dry-run", "--json"),
        ("--dry-run", "--json", "--format=csv", file),
    ):
        assert run(*words) == (0, expected, "")


def test_a_file_called_like_a_command_is_named_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "customers").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run("./customers", "--format", "csv", "--dry-run", "--json")[0] == 0
    assert run("readings", "customers", "--format", "csv", "--dry-run", "--json")[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("custommers", "x.xlsx"), Exit.USAGE, "No such command 'custommers'"),
        (("FILE",), Exit.USAGE, "say what readings.csv is: --format nem12"),
        (("FILE", "--format", "pdf", "--dry-run"), Exit.USAGE, "'pdf' is not one of"),
        (
            ("FILE", "--format", "csv", "--utc-offset", "7"),
            Exit.USAGE,
            "is no offset from UTC: write it like +07:00",
        ),
        (("readings", "FILE"), Exit.USAGE, "say what readings.csv is"),
        (("none.csv",), Exit.USAGE, "No such command 'none.csv'"),
        (("none.csv", "--format", "csv", "--dry-run"), Exit.INPUT, "none.csv: the file cannot be opened"),
        (
            ("FILE", "--format", "nem12", "--dry-run"),
            Exit.INPUT,
            "readings.csv, line 1: the file begins with 'meter'",
        ),
        (
            ("FILE", "--format", "greenbutton", "--dry-run"),
            Exit.INPUT,
            "readings.csv, line 1: the file is no whole XML",
        ),
        (("FILE", "--format", "xlsx", "--dry-run"), Exit.INPUT, "readings.csv: the file is no XLSX workbook"),
        (("FILE", "--format", "handheld", "--dry-run"), Exit.INPUT, "line 1: the column SERY_CTO is missing"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    file: str, words: tuple[str, ...], code: int, said: str
) -> None:
    found, document, sentence = run(*(file if word == "FILE" else word for word in words))
    assert (found, document) == (code, None)
    assert said in sentence
    assert "\n" not in sentence.strip()


def test_lines_left_out_are_told_and_end_with_partly_done(file: str, tmp_path: Path) -> None:
    path = tmp_path / "some.csv.gz"
    path.write_bytes(gzip.compress((GOOD + "A,soon,1\nB,2026-10-01T00:00,x\n").encode()))
    code, entries, _ = run(str(path), "--format", "csv", "--dry-run", "--json")
    assert code == Exit.PARTLY
    assert [(e["meter"], e["intervals"], [r["line"] for r in e["rejected"]]) for e in entries] == [
        ("A", 2, [4]), ("B", 0, [5]),
    ]  # fmt: skip
    told = CliRunner().invoke(command, [str(path), "--format", "csv", "--dry-run"], standalone_mode=False)
    assert "2" in told.stdout
