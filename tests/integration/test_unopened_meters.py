"""A meter without the password or keys its model wants is not read, and is named until it has them."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

CUSTOMER = ("--customer", "C1", "--name", "An", "--since", "2026-11-01T00:00")
PASSWORD = "AMI_METER_PASSWORD=… ami meter change 1"
KEYS = "AMI_METER_KEYS=FILE ami meter change 2"


def test_what_a_meter_lacks_is_said_until_it_has_it(ami: Any, free_port: int, tmp_path: Path) -> None:
    at = ("--host", "127.0.0.1", "--port", f"{free_port}")
    said = ami("meter", "add", "1", "--model", "dk-1p", *at, *CUSTOMER).stderr
    wants = "its model wants a password, and it is not read until then"
    assert f"Nobody has given a password for meter 1: {wants} ({PASSWORD})." in said
    assert "Try it" not in said
    said = ami("meter", "add", "2", "--model", "dk-1p-s", "--modem", "M-1", *CUSTOMER, "--point", "P2").stderr
    assert KEYS in said
    said = ami("meter", "add", "3", "--model", "dk-mb", "--modem", "M-1", *CUSTOMER, "--point", "P3").stderr
    assert "Nobody" not in said, "Modbus knows no passwords"
    gateway = ("--registration", "GW1", "--dialect", "mqtt")
    said = ami("meter", "add", "4", "--model", "dk-1p", *gateway, *CUSTOMER, "--point", "P4").stderr
    assert "Nobody" not in said, "a gateway opens its meters itself"

    assert ami.json("status", "--json")["meters_unopened"] == {"password": ["1"], "keys": ["2"]}
    shown = ami("status").stdout
    assert "Half-hours of yesterday validated" in shown, (
        "what came and nobody has validated is not among them"
    )
    assert PASSWORD in shown
    assert KEYS in shown

    # Not a byte is sent to them: a meter that is asked with a wrong password locks.
    with socket.create_server(("127.0.0.1", free_port)) as line:
        asked = ("--as-of", "2026-11-02T00:00", "--meter", "1", "--meter", "2", "--json")
        failed = ami.json("collect", "--once", *asked, code=3)["failed"]
        line.settimeout(2)
        caller, _ = line.accept()
        with caller:
            caller.settimeout(2)
            assert caller.recv(100) == b""
    assert PASSWORD in {one["meter"]: one["detail"] for one in failed}["1"]
    assert KEYS in {one["meter"]: one["detail"] for one in failed}["2"]

    register = tmp_path / "register.json"
    register.write_text(ami("export", "register").stdout)
    assert json.loads(register.read_text())
    said = ami("import", "register", str(register)).stderr
    assert PASSWORD in said, "an exported register has no passwords"

    ami.environment["AMI_METER_PASSWORD"] = "12345678"
    assert "Nobody" not in ami("meter", "change", "1").stderr
    assert ami.json("status", "--json")["meters_unopened"] == {"password": [], "keys": ["2"]}
