"""What a command says: how many of what, in sentences, at what time."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from ami.console import counted, progress
from ami.demo import sign_in_lines
from ami.failure import sentence
from ami.logs import LocalTime


def test_one_is_not_several() -> None:
    assert [counted(n, "meter") for n in (0, 1, 1200)] == ["0 meters", "1 meter", "1,200 meters"]
    assert counted(2, "index", "indices") == "2 indices"


def test_progress_says_what_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Reading meters", "questions") as step:
        step(0, 33, "3 meters to read")
        step(33, 33, "modem M1 is done")
    assert capsys.readouterr().err.splitlines() == [
        "Reading meters …",
        "Reading meters: 33 of 33 questions, modem M1 is done",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("meter 7 hangs nowhere", "Meter 7 hangs nowhere."),
        ("serv=… means nothing", "serv=… means nothing."),
        ("auth=lls needs a password.", "auth=lls needs a password."),
    ],
)
def test_a_setting_keeps_its_spelling_in_a_sentence(text: str, said: str) -> None:
    assert sentence(text) == said


def test_the_journal_has_local_time_with_its_offset() -> None:
    record = logging.LogRecord("ami", logging.INFO, "", 0, "polling goes on", None, None)
    record.created = datetime(2026, 9, 30, 17, 0, 5, tzinfo=UTC).timestamp()
    line = LocalTime("%(asctime)s %(levelname)s %(message)s").format(record)
    assert line == "2026-10-01T00:00:05+07:00 INFO polling goes on"


def test_the_demo_says_who_may_sign_in_as_what() -> None:
    lines = sign_in_lines({"kythuat": "a", "hoadon": "b", "khach": "c"})
    assert [line.split(maxsplit=2) for line in lines] == [
        ["kythuat", "a", "engineer"],
        ["hoadon", "b", "billing office"],
        ["khach", "c", "customer"],
    ]
