"""`ami meter add` and `change` over serial ports, calls and datagrams: what is meant, tried, refused."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.foreign_peers import our_meter
from tests.integration.conftest import Ami

AS_OF = "2026-10-20T09:00:00+07:00"
CUSTOMER = ("--customer", "K1", "--name", "Ý", "--since", "2026-10-19")


def line(ami: Ami) -> dict[str, Any]:
    """The one modem of the register, without what it does not have."""
    (modem,) = json.loads(ami("export", "register").stdout)["modems"]
    return {name: value for name, value in modem.items() if value not in ("", 0, "transparent", "M-9")}


def test_a_line_is_what_was_said_and_becomes_what_is_said(ami: Ami) -> None:
    serial_port = ("--device", "/dev/ttyUSB9 300 7E1", "--address", "17")
    ami("meter", "add", "9", "--model", "dk-1p", *serial_port, *CUSTOMER)
    assert line(ami) == {"link": "serial", "device": "/dev/ttyUSB9 300 7E1"}
    missing = ami("meter", "test", "9", code=4).stdout
    assert "Serial port /dev/ttyUSB9 cannot be used: it is not there: check the cable" in missing
    ami("meter", "change", "9", "--dials", "0912345678")
    assert line(ami) == {"link": "csd", "device": "/dev/ttyUSB9 300 7E1", "dials": "0912345678"}
    ami("meter", "change", "9", "--host", "10.8.0.2", "--port", "5000")
    assert line(ami) == {"link": "csd", "host": "10.8.0.2", "port": 5000, "dials": "0912345678"}
    ami("meter", "change", "9", "--dials", "", "--udp", "--address", "1")
    assert line(ami) == {"link": "udp", "host": "10.8.0.2", "port": 5000}
    ami("meter", "change", "9", "--tcp")
    assert line(ami) == {"link": "dial_out", "host": "10.8.0.2", "port": 5000}
    ami("meter", "change", "9", "--registration", "8612", "--dialect", "text-once")
    assert line(ami) == {"link": "dial_in", "registration": "8612", "dialect": "text-once"}


def test_what_makes_no_line_is_one_sentence(ami: Ami) -> None:
    for words, said in (
        (("--device", "COM1", "--address", "17"), "a serial port is written like /dev/ttyUSB0 9600 8N1"),
        (
            ("--device", "/dev/ttyUSB0"),
            "its physical address, 16 to 125 as a rule, not 1: correct its address",
        ),
        (("--dials", "0912345678", "--address", "17"), "a call needs a number, and a serial port or host"),
        (("--device", "/dev/ttyUSB0", "--host", "h"), "--host and --device name different lines"),
        (("--udp",), "datagrams go to a host and a port"),
        ((), "a serial port (--device) or a telephone number (--dials)"),
    ):
        stderr = ami("meter", "add", "9", "--model", "dk-1p", *words, *CUSTOMER, code=5).stderr.strip()
        assert said in stderr
        assert len(stderr.splitlines()) == 1
    assert json.loads(ami("export", "register").stdout)["modems"] == []


def test_a_register_names_the_same_lines(ami: Ami, tmp_path: Path) -> None:
    modems = [
        {"code": "BUS-1", "link": "serial", "device": "/dev/ttyUSB0 9600 8N1"},
        {"code": "CSD-1", "link": "csd", "device": "/dev/ttyUSB1", "dials": "0912345678"},
        {"code": "UDP-1", "link": "udp", "host": "10.8.0.14", "port": 4059},
    ]
    file = tmp_path / "register.json"
    meter = {"serial": "9", "model": "dk-1p", "modem": "BUS-1", "address": 1}
    file.write_text(json.dumps({"modems": modems, "meters": [meter]}))
    assert "Meter 9: on a serial port and in a call" in ami("import", "register", str(file), code=5).stderr
    file.write_text(json.dumps({"modems": modems, "meters": [{**meter, "address": 17}]}))
    assert ami.json("import", "register", str(file), "--json")["added"]["modems"] == 3
    assert [one["link"] for one in json.loads(ami("export", "register").stdout)["modems"]] == [
        "serial", "csd", "udp",
    ]  # fmt: skip


@pytest.mark.long
def test_a_meter_is_read_by_datagrams_and_at_a_serial_port(
    ami: Ami, tmp_path: Path, free_ports: Callable[[], int], needs_tool: Callable[..., str]
) -> None:
    datagrams, bus = free_ports(), free_ports()
    served = ("--wrapper", str(datagrams), "--modbus-rtu-tcp", str(bus))
    device = tmp_path / "tty"
    joined = (f"PTY,link={device},raw,echo=0", f"TCP:127.0.0.1:{bus}")
    with our_meter(*served, "--auth", "lls", "--seed", "7", "--as-of", AS_OF) as ready:
        serial, models = ready["serial"], ready["models"]
        ami.environment["AMI_METER_PASSWORD"] = ready["password"]
        where = ("--host", "127.0.0.1", "--port", str(datagrams), "--udp")
        ami("meter", "add", serial, "--model", models["dlms"], *where, *CUSTOMER)
        assert "everything was read" in ami("meter", "test", serial, "--as-of", AS_OF).stdout
        with subprocess.Popen([needs_tool("socat"), *joined]) as wire:
            try:
                while not device.exists() and wire.poll() is None:
                    time.sleep(0.02)
                ami("meter", "change", serial, "--device", str(device), "--model", models["modbus"])
                assert line(ami) == {"link": "serial", "device": str(device), "code": f"M-{serial}"}
                assert "everything was read" in ami("meter", "test", serial, "--as-of", AS_OF).stdout
            finally:
                wire.terminate()
