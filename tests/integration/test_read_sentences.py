"""What `ami read` says when it cannot read: where, what happened, what to do; before a call where it can."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.foreign_peers import REPOSITORY, ami_read, our_meter

pytestmark = pytest.mark.xdist_group("simulate-meter")
KEY = "00112233445566778899aabbccddeeff"


@pytest.fixture(scope="module")
def meter(free_ports: Callable[[], int]) -> Iterator[dict[str, Any]]:
    asked = ("hdlc", "modbus-tcp", "mode-c")
    words = [word for port in asked for word in (f"--{port}", str(free_ports()))]
    lls = ("--auth", "lls", "--password", "geheim", "--as-of", "2026-10-20T09:00:00+07:00")
    with our_meter(*words, *lls) as ready:
        yield ready


@contextmanager
def silence() -> Iterator[int]:
    """A port that takes calls and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def ami(home: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """The code and everything that was said."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AMI_")}
    done = subprocess.run(
        [sys.executable, "-m", "ami.main", *arguments],
        env={**inherited, "AMI_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        cwd=REPOSITORY,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("url", "what"),
    [
        (
            "dlms+wrapper://{}?client=16",
            "check server=1 and client=16, and that this port speaks DLMS over TCP",
        ),
        ("dlms+hdlc://{}?client=16", "that this port speaks DLMS in HDLC frames"),
        ("modbus+tcp://{}?unit=9", "check unit=9, and that this port speaks Modbus TCP"),
        ("modbus+rtu+tcp://{}?unit=9", "check unit=9, and that this port speaks Modbus RTU"),
        ("iec62056-21://{}?address=7", "check address=7, and that this port speaks IEC 62056-21 mode C"),
    ],
)
def test_silence_is_told_with_its_place_and_what_to_check(tmp_path: Path, url: str, what: str) -> None:
    with silence() as port:
        item = "0:2" if url.startswith("modbus") else "1.0.1.8.0"
        code, said = ami(tmp_path, "read", url.format(f"127.0.0.1:{port}") + "&timeout=0.2", item)
    assert code == 4
    assert f"ami: 127.0.0.1:{port}: no answer about" in said
    assert what in said
    assert len(said.splitlines()) == 1
    if "hdlc" in url:
        assert re.search(r"within 0\.2 s, asked 4 times in 0\.8\d* s", said), said


def test_what_cannot_be_trusted_is_told_with_its_place(meter: dict[str, Any], tmp_path: Path) -> None:
    port = meter["ports"]["mode_c"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [sys.executable, "-m", "ami.main", "read", f"dlms+wrapper://127.0.0.1:{port}?client=16"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY) as reader:
            call, _ = server.accept()
            call.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            said = reader.communicate(timeout=60)[1]
            call.close()
    assert reader.returncode == 4
    assert f"What came from 127.0.0.1:{port} cannot be trusted (" in said
    assert "check server=1 and client=16, and that this port speaks DLMS over TCP." in said


@pytest.mark.parametrize(
    ("url", "asked", "what"),
    [
        ("dlms+wrapper://{}", ("1.0.1.8",), "'1.0.1.8' is no item of this meter: an item is an OBIS code"),
        ("dlms+wrapper://{}", ("",), "'' is no item"),
        ("dlms+wrapper://{}", ("--profile", "abc"), "--profile 'abc' is no profile: write an OBIS code like"),
        ("modbus+tcp://{}", ("0:2", "zwei"), "'zwei' is no item of this meter: an item is ADDRESS:COUNT"),
        ("modbus+tcp://{}", ("0:126",), "at most 125 registers"),
        ("modbus+tcp://{}", ("--profile", "abc"), "is no profile"),
        (
            "iec62056-21://{}",
            ("abc",),
            "'abc' is no item of this meter: an item is a code as the meter writes",
        ),
        ("iec62056-21://{}", ("--profile", "abc"), "or P.01 as the meter writes it"),
        ("iec62056-21://{}", ("--profile", "P.01", "--from", "2099-01-01"), "lies in the future"),
        ("iec62056-21://{}?timeout=0", (), "above 0, up to 600"),
        ("dlms+hdlc://127.0.0.1:abc", (), "is no address: its port is a number from 1 to 65535"),
        ("dlms+hdlc://{}?auth=gmac&encryption_key=" + KEY, (), "a key never stands in an address"),
        ("dlms+hdlc://{}?auth=gmac&keys=" + KEY, (), "a key never stands in an address"),
        ("dlms+hdlc://{}", ("--profile", "1.0.99.1.0", "--entries"), "(see `ami read --help`)"),
    ],
)
def test_what_makes_no_sense_is_told_before_anybody_is_called(
    tmp_path: Path, url: str, asked: tuple[str, ...], what: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        code, said = ami(tmp_path, "read", url.format(f"127.0.0.1:{server.getsockname()[1]}"), *asked)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert code == 2
    assert what.lower() in said.lower()
    assert len(said.splitlines()) == 1
    assert KEY not in said


def test_keys_that_are_not_there(tmp_path: Path) -> None:
    gmac = "dlms+hdlc://127.0.0.1:1?auth=gmac"
    code, said = ami(tmp_path, "read", gmac, AMI_METER_ENCRYPTION_KEY=KEY)
    assert (code, "goes AMI_METER_AUTHENTICATION_KEY: set it too" in said) == (2, True)
    code, said = ami(tmp_path, "read", gmac, AMI_METER_KEYS="/nonexist")
    assert (code, "name a file that you may read in keys=" in said) == (2, True)
    both = {"AMI_METER_ENCRYPTION_KEY": KEY, "AMI_METER_AUTHENTICATION_KEY": KEY}
    _, said = ami(Path("/proc/nowhere"), "read", gmac, **both)
    assert "set AMI_HOME to a directory of yours" in said


def test_what_the_meter_has_as_something_else(meter: dict[str, Any], tmp_path: Path) -> None:
    lls = {"AMI_METER_PASSWORD": "geheim"}
    asked = ("0.0.40.0.0", "1.0.99.1.0", "0.0.17.0.0", "1.0.99.99.0", "--profile", "1.0.1.8.0")
    found = ami_read(tmp_path, meter["urls"]["hdlc"], *asked, code=3, **lls)
    assert [one["reason"] for one in found["refused"]] == [
        "the meter has it as class 15, an association: --objects lists what it shows",
        "the meter has it as class 7, a profile generic: read it with --profile 1.0.99.1.0",
        "the meter has it as class 71, a limiter, which has no value of its own to show",
        "the meter refused 1.0.99.99.0.255 attribute 2 (class 3): object undefined",
        "the meter has it as class 3 (register): read it as an item, without --profile",
    ]
    modbus = ami_read(tmp_path, meter["urls"]["modbus_tcp"], "1.0.99.1.0", "--profile", "1.0.1.8.0", code=3)
    assert [one["reason"] for one in modbus["refused"]] == [
        "this is the meter's load profile: read it with --profile 1.0.99.1.0",
        "this is a register: name it as an item, without --profile",
    ]


def test_one_name_whatever_is_spoken_and_it_can_be_asked_for(meter: dict[str, Any], tmp_path: Path) -> None:
    usual = {
        port: {one["item"] for one in ami_read(tmp_path, url, AMI_METER_PASSWORD="geheim")["registers"]}
        for port, url in meter["urls"].items()
    }
    assert usual["hdlc"] == {"1.0.1.8.0.255"}
    assert set.intersection(*usual.values()) == {"1.0.1.8.0.255"}
    again = ami_read(tmp_path, meter["urls"]["modbus_tcp"], *sorted(usual["modbus_tcp"]))
    assert {one["item"] for one in again["registers"]} == usual["modbus_tcp"]


def test_a_mode_c_meter_that_wants_a_password(meter: dict[str, Any], tmp_path: Path) -> None:
    url = meter["urls"]["mode_c"]
    missing = ami_read(tmp_path, f"{url}&access=program", "1.8.0", "--profile", "P.01", code=3)
    assert all("put it into AMI_METER_PASSWORD" in one["reason"] for one in missing["refused"])
    code, said = ami(tmp_path, "read", url, "1.8.0", AMI_METER_PASSWORD="guess")
    assert (code, "correct it (AMI_METER_PASSWORD" in said, "guess" in said) == (3, True, False)
    early = ("--profile", "P.01", "--from", "2026-01-01", "--to", "2026-01-02")
    empty = ami_read(tmp_path, f"{url}&model=dk-a1700", *early, AMI_METER_PASSWORD="geheim")
    assert empty["profile"]["rows"] == []
    assert len(empty["profile"]["columns"]) > 2
    code, said = ami(tmp_path, "read", url, *early, AMI_METER_PASSWORD="geheim")
    assert (code, "The profile has no rows there." in said) == (0, True)


def test_keys_that_do_not_fit_lead_to_suite_and_cipher(free_ports: Callable[[], int], tmp_path: Path) -> None:
    wrong = {"AMI_METER_ENCRYPTION_KEY": KEY, "AMI_METER_AUTHENTICATION_KEY": KEY}
    with our_meter("--hdlc", str(free_ports()), "--auth", "gmac") as ready:
        code, said = ami(tmp_path, "read", ready["urls"]["hdlc"], **wrong)
    assert code == 3
    assert "correct the keys, suite=…, cipher=…" in said


def test_a_bench_without_a_name_is_one_sentence(tmp_path: Path) -> None:
    code, said = ami(tmp_path, "bench")
    assert (code, len(said.splitlines())) == (2, 1)
    assert "ami bench --help" in said
