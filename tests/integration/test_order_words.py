"""What is said of orders, keys and outages to who asks for what cannot be; an order that is waited for."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.remote_orders import PASSWORDS, acts, here, people

SINCE = ("--from", "2026-11-20T07:30+07:00")


@pytest.fixture
def office(ami: Any) -> Any:
    """One meter with a password, and people."""
    place = "--host 127.0.0.1 --port 9 --customer KH1 --name An"
    here(ami, *f"meter add 20260001 --model dk-1p {place} --since 2026-11-01T00:00".split())
    people(ami, customer="KH1")
    return ami


def test_who_is_unknown_is_hung_first(office: Any) -> None:
    wanted = "There is no meter 5: correct it (see `ami meter list`), or hang it first (`ami meter add 5 …`)."
    assert wanted in here(office, "order", "read", "5", "--as", "lan", code=5).stderr
    outage = ("outage", "add", *SINCE, "--as", "lan", "--password-stdin")
    password = PASSWORDS["lan"] + "\n"
    assert wanted in here(office, *outage, "--meter", "5", code=5, stdin=password).stderr
    station = here(office, *outage, "--station", "T9", code=5, stdin=password).stderr
    assert "`ami meter add … --station T9`" in station


def test_a_meter_without_keys_has_none_to_change(office: Any) -> None:
    said = here(
        office, "key", "rotate", "20260001", "--as", "minh", "--password-stdin", code=5,
        stdin=PASSWORDS["minh"] + "\n",
    ).stderr  # fmt: skip
    assert "Meter 20260001 (dk-1p) is opened without keys, so there are none to change" in said


def test_why_an_outage_was_taken_back_is_listed(office: Any) -> None:
    assert "No outage is in the register" in here(office, "outage", "list").stderr
    assert "No outage that lasts of station T01 is" in (
        here(office, "outage", "list", "--open", "--station", "T01").stderr
    )
    acting = ("--as", "lan", "--password-stdin")
    password = PASSWORDS["lan"] + "\n"
    here(office, "outage", "add", *SINCE, "--station", "T01", "--note", "thay MBA", *acting, stdin=password)
    here(office, "outage", "withdraw", "1", "--note", "it was T03", *acting, stdin=password)
    listed = here(office, "outage", "list").stdout
    assert "taken back: it was T03" in " ".join(listed.split())  # a narrow terminal breaks it
    (one,) = json.loads(here(office, "outage", "list", "--json").stdout)["outages"]
    assert (one["note"], one["withdrawn_for"]) == ("thay MBA", "it was T03")


def test_an_order_for_two_is_waited_for_from_the_first(office: Any) -> None:
    office.environment["AMI_PASSWORD"] = PASSWORDS["lan"]
    waiting = office.start(
        "order", "disconnect", "20260001", "--reason", "debt", "--as", "lan", "--wait", "60",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert waiting.stderr is not None
        assert "Order 1 waits for a second person" in waiting.stderr.readline()
        assert waiting.poll() is None
        acts(office, "lan", "cancel", "1", "--reason", "paid")
        out, _ = waiting.communicate(timeout=20)
    finally:
        waiting.kill()
    assert (waiting.returncode, "cancelled" in out) == (3, True)
