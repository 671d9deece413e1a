"""A month's bills by two persons at the command line."""

from __future__ import annotations

from model.viewer import UserRole
from operations import accounts, close, importing
from storage.pool import open_pool
from tests.integration.conftest import Ami
from tests.operations_grid import NOW, OCTOBER, grid, read_month

PASSWORD = "mot-mat-khau-dai"
AS_OF = ("--as-of", NOW.isoformat())


def test_draft_check_approve_issue_show(ami: Ami, database: str) -> None:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        read_month(database)
        close.run(pool, OCTOBER, NOW)
        for login in ("lan", "minh"):
            accounts.add_user(pool, login, UserRole.BILLING, PASSWORD, now=NOW)
    ami.environment["AMI_PASSWORD"] = PASSWORD
    month = ("--month", "2026-10", *AS_OF)
    drafted = ami.json("bill", "draft", *month, "--as", "lan", "--json", code=3)
    number = str(drafted["run"]["id"])
    assert [one["point"] for one in drafted["held_back"]] == ["BLIND"]
    assert {one["key"]: one["bills"] for one in drafted["totals"]["plan"]} == {
        "vn-business": 1,
        "vn-household": 3,
    }
    refused = ami("bill", "run", *month, code=5).stderr
    assert f"Billing run {number} of these bills is draft (drafted by lan): finish or withdraw it" in refused
    ami("bill", "check", number, *AS_OF, "--as", "lan", code=3)
    refused = ami("bill", "approve", number, *AS_OF, "--as", "lan", code=5).stderr
    assert f"Billing run {number} was drafted by lan: a second person has to approve it" in refused
    ami("bill", "approve", number, *AS_OF, "--as", "minh")
    done = ami("bill", "issue", number, *AS_OF, "--as", "lan")
    assert f"4 bills went out with run {number}." in done.stderr
    shown = ami.json("bill", "show", number, "--json")
    assert (shown["run"]["state"], shown["run"]["approved_by"]) == ("issued", "minh")
    assert len(shown["run"]["indices_sha256"]) == 64
    total = sum(one["total"] for one in ami.json("bill", "list", "--month", "2026-10", "--json")["bills"])
    assert shown["sums"]["total"] == total
    assert "Run" in ami("bill", "runs").stdout
    supposed = ami.json("bill", "what-if", "14/2025/QĐ-TTg", *month, "--json")
    assert {one["plan"] for one in supposed["plans"]} == {"vn-business", "vn-household"}
    days = ("--stopped", "2026-11-01", "--mended", "2026-11-11")
    stuck = ami.json("meter", "damaged", "H1", "--state", "K", *days, "--json")
    (register,) = stuck["registers"]
    assert (register["register"], register["kwh_per_day"], register["days"]) == ("KT", "4.355", 10)
    assert (register["kwh"], register["index"], register["confidence"]) == (44, "1178.6", "C")
    refused = ami("meter", "damaged", "MB", "--state", "burnt", *days, code=5).stderr
    assert "Meter MB: no index of KT is known of the 62 days before 01/11/2026" in refused
    assert "There is no billing run 99" in ami("bill", "show", "99", code=5).stderr


def test_where_two_persons_are_wanted_one_command_drafts_and_checks(ami: Ami, database: str) -> None:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        read_month(database)
        close.run(pool, OCTOBER, NOW)
    ami.environment["AMI_SECOND_PERSON"] = "true"
    report = ami.json("bill", "run", "--month", "2026-10", *AS_OF, "--json", code=3)
    assert report["issued"] == 0
    [run] = ami.json("bill", "runs", "--json")["runs"]
    assert (run["state"], run["drafted_by"]) == ("checked", "office")
