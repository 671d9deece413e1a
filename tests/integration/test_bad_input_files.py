"""Files that cannot be used: one sentence with file and line, exit code 5, nothing of it stored."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from operations.customer_columns import COLUMNS
from operations.spreadsheet import write_csv
from tests.bad_meters import rows
from tests.refusals import refused, sentence_of

AS_OF = "2026-11-21T09:10:00+07:00"
HEAD = "meter,timestamp,kwh\n"
ROW = "A,2013-06-03T10:00:00,1\n"
REPLAYS: dict[str, tuple[str | bytes, str]] = {
    "missing column": ("meter,timestamp\nA,2013-06-03T10:00:00\n", "line 1: no column kwh: the first line"),
    "NaN": (HEAD + ROW.replace(",1", ",NaN"), "line 2: NaN is no number of kWh: leave the row out"),
    "negative": (HEAD + ROW.replace(",1", ",-0.1"), "line 2: -0.1 kWh is below zero"),
    "past all numbers": (HEAD + ROW.replace(",1", ",1e999999"), "line 2: 1e999999 kWh in a half-hour is no"),
    "unsorted": (HEAD + ROW + ROW.replace("T10", "T09"), "line 3: 2013-06-03T09:00:00 of A comes after"),
    "empty": ("", "line 1: no column meter, timestamp, kwh"),
    "not gzip": (b"\x1f\x8bnot at all", "damaged or cut off: pack it anew"),
    "cut off": (gzip.compress((HEAD + ROW * 99).encode())[:-9], "damaged or cut off: pack it anew"),
    "missing meter name": (HEAD + ROW[1:], "line 2: the row names no meter"),
}


@pytest.mark.parametrize("case", REPLAYS)
def test_a_replay_file(ami: Any, tmp_path: Path, case: str) -> None:
    content, part = REPLAYS[case]
    file = tmp_path / "used.csv.gz"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    process = ami.start(
        "simulate", "fleet", "--json", "--replay", str(file), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    stdout, process.stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (5, "")
    sentence = sentence_of(process)
    assert sentence.startswith("The file used.csv.gz")
    assert part in sentence


def test_a_demo_of_a_bad_file_leaves_the_home_free_for_a_good_one(
    ami: Any, tmp_path: Path, database: str
) -> None:
    """The good one has the hour that autumn doubles: the first values are kept, the others told."""
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text(HEAD + "A,2013-06-03T10:00:00,much\n")
    done = ami("demo", "--once", "--json", "--as-of", AS_OF, "--replay", str(bad), code=5)
    assert sentence_of(done) == "The file bad.csv, line 2: 'much' is no number of kWh: write it like 0.25."
    assert rows(database, "SELECT count(*) FROM meter") == [(0,)]
    stamps = [
        "00:30:00+01:00",
        "01:00:00+01:00",
        "01:30:00+01:00",
        "01:00:00+00:00",
        "01:30:00+00:00",
        "02:00:00+00:00",
    ]
    good.write_text(HEAD + "".join(f"A,2013-10-27T{at},0.{n}\n" for n, at in enumerate(stamps, 1)))
    done = ami("demo", "--once", "--json", "--as-of", AS_OF, "--replay", str(good), code=None, timeout=120)
    assert "2 rows name a half-hour that was already there" in done.stderr
    assert "Traceback" not in done.stderr
    stored = rows(database, "SELECT raw FROM profile_block ORDER BY at")
    assert [wh for (raw,) in stored for wh in raw] == [100, 200, 300, 600]
    document = json.loads(done.stdout)
    assert document["replay"]["duplicates"] == 2
    assert document["intervals_stored"] == 4


def test_a_home_that_forgot_what_it_shows(ami: Any, database: str) -> None:
    ami.home.mkdir()
    (ami.home / "demo.json").write_text('{"seed": 1')
    sentence = refused(ami, "demo", "--once", code=1)
    assert sentence.startswith(f"{ami.home / 'demo.json'}, which says what this demo shows, is damaged")
    assert rows(database, "SELECT count(*) FROM meter") == [(0,)]


def test_a_customer_file(ami: Any, tmp_path: Path, database: str) -> None:
    """Every wrong line is told, by line and column, and not even the right ones are stored."""
    base = {column.heading: column.example for column in COLUMNS} | {"Mã khách hàng": "KH1"}
    wrong = {"Mã khách hàng": "KH2", "Mã điểm đo": "KH2001", "Số hộ": "nhiều", "Biểu giá": "vn-moon"}
    file = tmp_path / "khách hàng.csv"
    write_csv(file, list(base), [list(base.values()), list({**base, **wrong}.values())])
    done = ami("import", "customers", str(file), code=5)
    sentence = sentence_of(done)
    assert "The file khách hàng.csv was not imported, nothing was stored" in sentence
    assert "line 3, column “Số hộ”: “nhiều” is not a number of households" in sentence
    assert "line 3, column “Biểu giá”" in done.stderr.replace("\n", " ")
    assert rows(database, "SELECT count(*) FROM customer") == [(0,)]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            '{"stations": 3}',
            "is no register of a grid, nothing was stored (Register.stations: 3 does not fit",
        ),
        ('{"stations": [{"code": "T1", "name": "x"}], "more": 1}', "(Register: unknown field more)"),
        ("{", "is no JSON document that can be read"),
        (
            '{"installations": [{"point": "P", "serial": "M", "since": "2026-10-01T00:00:00+07:00"}]}',
            "installations contradict it or the store",
        ),
        *(
            (
                '{"stations": [{"code": "T1", "name": "x"}], "modems": [{"code": "M1", "link": "dial_out", '
                f'"host": "{host}", "port": {port}}}]}}',
                part,
            )
            for host, port, part in (
                ("999.1.1.1", 4059, "Modem M1: “999.1.1.1” is neither a name nor the IP address"),
                ("a host", 4059, "Modem M1: “a host” is neither a name nor the IP address of a machine"),
                ("", 4059, "modem M1: a dial-out modem needs a host and a port from 1 to 65535"),
                ("10.8.0.14", 0, "modem M1: a dial-out modem needs a host and a port from 1 to 65535"),
                ("10.8.0.14", 70000, "modem M1: a dial-out modem needs a host and a port from 1 to 65535"),
            )
        ),
    ],
)
def test_a_register(ami: Any, tmp_path: Path, database: str, text: str, part: str) -> None:
    file = tmp_path / "grid.json"
    file.write_text(text)
    sentence = refused(ami, "import", "register", str(file), code=5)
    assert part in sentence
    assert rows(database, "SELECT count(*) FROM station") == [(0,)]


def test_a_modem_at_no_host(ami: Any, database: str) -> None:
    """What is typed with a meter, and what it is changed to; the port is click's to refuse."""
    new = ("meter", "add", "20260001", "--model", "dk-1p", "--customer", "K1", "--name", "A")
    sentence = refused(ami, *new, "--host", "host name with spaces", code=5)
    assert sentence == (
        "Meter 20260001: modem M-20260001: “host name with spaces” is neither a name nor the IP address of a "
        "machine: write it like 10.8.0.14 or modem7.htx.vn, and the port apart."
    )
    assert "give host and port of its modem" in refused(ami, *new, "--host", "", code=5)
    for port in ("0", "70000"):
        assert f"{port} is not in the range" in refused(
            ami, *new, "--host", "10.8.0.14", "--port", port, code=2
        )
    assert rows(database, "SELECT count(*) FROM modem") == [(0,)]
    ami(*new, "--host", "10.8.0.14")
    assert "“999.1.1.1” is neither" in refused(
        ami, "meter", "change", "20260001", "--host", "999.1.1.1", code=5
    )
    assert rows(database, "SELECT host FROM modem") == [("10.8.0.14",)]


@pytest.mark.parametrize(
    "verb",
    [["export", "closing", "--csv", "--output"], ["import", "template"], ["db", "backup"]],
)
def test_a_file_that_cannot_be_written(ami: Any, tmp_path: Path, verb: list[str]) -> None:
    sentence = refused(ami, *verb, str(tmp_path / "none" / "x.csv"), code=1)
    assert str(tmp_path / "none" / "x.csv") in sentence
    assert "No such file or directory" in sentence


@pytest.mark.parametrize(
    "verb", [["export", "register"], ["export", "closing", "--csv"], ["meter", "models"]]
)
def test_stdout_that_is_full(ami: Any, verb: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        process = ami.start(*verb, stdout=full, stderr=subprocess.PIPE)
        process.stderr = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert sentence_of(process) == "The disk is full (where stdout goes): make room, then run this again."


def test_a_template_of_another_kind(ami: Any, tmp_path: Path) -> None:
    sentence = refused(ami, "import", "template", str(tmp_path / "x.pdf"), code=5)
    assert sentence == f"{tmp_path / 'x.pdf'}: end the name in .xlsx or .csv."
