"""`ami check`: what it warns of, and what is as it should be."""

from __future__ import annotations

from typing import Any

from .conftest import Ami


def _remarks(ami: Ami) -> dict[str, dict[str, Any]]:
    return {remark["name"]: remark for remark in ami.json("check", "--json")["remarks"]}


def test_an_office_without_its_own_name_is_warned_of(ami: Ami) -> None:
    told = _remarks(ami)["office"]
    assert told["state"] == "warning"
    assert "[office] in " in told["sentence"]
    ami.environment["AMI_OFFICE"] = "HTX điện Ý Yên"
    assert _remarks(ami)["office"] == {"name": "office", "state": "ok", "sentence": "HTX điện Ý Yên"}


def test_a_database_that_every_command_starts_is_no_warning(ami: Ami) -> None:
    del ami.environment["AMI_DATABASE_URL"]
    told = _remarks(ami)["database"]
    assert told["state"] == "ok"
    assert "every command starts it" in told["sentence"]


def test_the_rate_of_vat_that_is_to_come_has_a_file(ami: Ami) -> None:
    told = _remarks(ami)["VAT"]
    if told["state"] == "warning":  # in the last weeks before the rate ends
        assert "analytics/tariffs/vn/vat.toml" in told["sentence"]
