"""A foreign mode C client reads our simulated meter: read-out, password, single values, profile."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.foreign_peers import Peers, ami_read, our_meter

ITEMS = {"1.8.0": "1.0.1.8.0", "32.7.0": "1.0.32.7.0", "0.9.1": "1.0.0.9.1"}
RANGE = "02611200000;02611200800"  # 17 stamps: the rows of 00:00 to 08:00
POWERS = {"kWh": 3, "kvarh": 3, "V": 0, None: 0}


@pytest.mark.parametrize("auth", ["none", "lls"])
def test_a_foreign_client_reads_what_ours_reads(
    auth: str, peers: Peers, free_ports: Callable[[], int], tmp_path: Path
) -> None:
    port = free_ports()
    told = ("--mode-c", str(port), "--auth", auth, "--password", "MatKhau1", "--seed", "3")
    with our_meter(*told, "--as-of", "2026-11-21T09:10:00+07:00") as meter:
        address = re.search(r"address=(\d+)", meter["urls"]["mode_c"])
        assert address is not None
        plan = {
            "port": port, "address": address[1], "password": "MatKhau1", "items": list(ITEMS), "range": RANGE,
        }  # fmt: skip
        theirs = peers.run("mode_c_client.py", plan)
        ours = ami_read(
            tmp_path, meter["urls"]["mode_c"], *ITEMS.values(), "--clock", "--profile", "1.0.99.1.0",
            "--from", "2026-11-20T00:00:00+07:00", "--to", "2026-11-20T08:00:00+07:00",
            AMI_METER_PASSWORD="MatKhau1",
        )  # fmt: skip
    assert theirs["identification"] == [
        "DKE",
        "5",
        "@MODEC-1",
    ]  # it leaves the \\ of \\@ out, and keeps the @
    assert (theirs["challenge"], theirs["admitted"]) == ("P0", "\x06")
    assert {item: theirs["readout"][item] for item in ITEMS} == theirs["single"]
    for item, found in zip(ITEMS, ours["registers"], strict=True):
        text, unit = theirs["single"][item]
        if unit:
            assert Decimal(found["value"]) == Decimal(text).scaleb(POWERS[unit])
        else:
            assert found["value"] == text
    rows = pairs(theirs["profile R5"])
    assert rows == pairs(theirs["profile R6"])
    assert len(rows) == 17
    scalers = [column["scaler"] for column in ours["profile"]["columns"][2:]]
    assert [
        tuple(Decimal(raw).scaleb(scaler - 3) for raw, scaler in zip(row[2:], scalers, strict=True))
        for row in ours["profile"]["rows"]
    ] == rows


def pairs(text: str) -> list[tuple[Decimal, ...]]:
    """The rows of two values, in thousands of the unit."""
    found = re.findall(r"^\(([\d.]+)\)\(([\d.]+)\)", text, re.MULTILINE)
    return [tuple(map(Decimal, row)) for row in found]
