"""`ami case` as a person at the terminal uses it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from model.period import LOCAL
from operations import validate
from storage.pool import Pool, open_pool
from tests.edited_days import DAY, PASSWORD, day_of, people_and_meters, say


@pytest.fixture
def doubted(database: str, ami: Any) -> Pool:
    """The home's database, with a day of which two answers differ."""
    ami.environment["AMI_DATABASE_URL"] = database
    ami.environment["AMI_PASSWORD"] = PASSWORD
    with open_pool(database, 2) as pool:
        people_and_meters(pool)
        say(database, [100] * 48)
        say(database, [100] * 5 + [130] + [100] * 42, minute=5)
        validate.run(pool, datetime.now(LOCAL))
        yield pool  # type: ignore[misc]


def test_a_case_from_the_list_to_the_edit_and_back(ami: Any, doubted: Pool) -> None:
    (row,) = ami.json("case", "list", "--json")["cases"]
    assert (row["serial"], row["cause"], row["state"]) == ("H1", "differing_reread", "open")
    number = str(row["id"])
    edit = (
        "case",
        "edit",
        number,
        "--as",
        "lan",
        "--reason",
        "đọc tại chỗ",
        "--from",
        "02:30",
        "--to",
        "03:00",
    )
    made = ami.json(*edit, "--wh", "110", "--seen", "0", "--json")
    assert (made["version"], made["before"], made["after"]) == (
        1,
        {"energy": [130], "quality": ["suspect"]},
        {"energy": [110], "quality": ["edited"]},
    )
    refused = ami(*edit, "--wh", "111", "--seen", "0", code=None)
    assert refused.returncode != 0
    assert f"Meter H1, {DAY:%d/%m/%Y}: lan has edited it meanwhile (version 1)" in refused.stderr
    told = ami("case", "show", number).stdout
    for text in ("differing reread", "02:30", "03:00", "đọc tại chỗ", "edited"):
        assert text in told
    ami("case", "undo", number, "--version", "1", "--as", "minh", "--reason", "nhầm")
    assert day_of(doubted)[0][5] == 130
    ami("case", "assign", number, "minh", "--as", "lan")
    ami("case", "accept", number, "--as", "lan", "--reason", "đã xem")
    sheet = ami.json("case", "show", number, "--json")
    assert [one["step"] for one in sheet["steps"]] == [
        *("opened", "edited", "undone", "again", "assigned", "edited", "accepted"),
    ]
    assert sheet["case"]["state"] == "accepted"
    assert ami.json("case", "list", "--json") == {"cases": []}


def test_what_cannot_be_is_one_sentence_and_a_code(ami: Any, doubted: Pool) -> None:
    number = str(ami.json("case", "list", "--json")["cases"][0]["id"])
    as_lan = ("--as", "lan", "--reason", "x")
    for arguments, code, sentence in (
        (("show", "99"), 5, "There is no case 99: see `ami case list`."),
        (("edit", number, *as_lan), 2, "Say what counts: --wh FIGURES, --estimate WAY, or --as-said."),
        (("edit", *as_lan, "--as-said"), 2, "Name a case by its number, or a meter by --meter SERIAL"),
        (("edit", number, *as_lan, "--from", "02:20", "--as-said"), 5, "Intervals begin every 30 minutes"),
        (("edit", number, *as_lan, "--from", "25:00", "--as-said"), 2, "25:00 is no time of day"),
        (("edit", number, *as_lan, "--wh", "1,x"), 2, "1,x are no whole Wh"),
        (("edit", number, *as_lan, "--wh", "1"), 5, "48 slots need 48 figures of at least 0 Wh"),
        (("edit", "--meter", "H1", *as_lan, "--day", str(DAY - timedelta(days=3)), "--as-said"), 5,
         "was never validated: run `ami validate` first"),
        (("accept", number, "--as", "lan", "--reason", " "), 5, "Accepting a case needs a reason"),
    ):  # fmt: skip
        done = ami("case", *arguments, code=code)
        assert sentence in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
