"""`ami simulate meter`: one meter on every port, the same whichever way `ami read` comes to it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.foreign_peers import REPOSITORY, ami_read, our_meter

pytestmark = pytest.mark.xdist_group("simulate-meter")
AS_OF = "2026-10-20T09:00:00+07:00"
ENERGY = ("1.0.1.8.0", "1.0.1.8.1", "1.0.1.8.2", "1.0.1.8.3", "1.0.3.8.0")
QUANTITIES = ("1.0.32.7.0", "1.0.31.7.0", "1.0.16.7.0", "1.0.14.7.0")
PROFILE = "1.0.99.1.0"
DAY = ("--from", "2026-10-19T00:30", "--to", "2026-10-20T00:00")
PORTS = ("wrapper", "hdlc", "modbus-tcp", "modbus-rtu-tcp", "mode-c")


@pytest.fixture(scope="module")
def meter(free_ports: Callable[[], int]) -> Iterator[dict[str, Any]]:
    """One meter on all of its ports; anybody may read it."""
    asked = [word for port in PORTS for word in (f"--{port}", str(free_ports()))]
    with our_meter(*asked, "--seed", "7", "--as-of", AS_OF) as ready:
        yield ready


def test_a_meter_is_the_same_whichever_way_it_is_read(meter: dict[str, Any], tmp_path: Path) -> None:
    assert list(meter["ports"]) == [port.replace("-", "_") for port in PORTS]
    found = {
        port: ami_read(tmp_path, url, *ENERGY, *QUANTITIES, "--clock", "--profile", PROFILE, *DAY)
        for port, url in [
            *meter["urls"].items(),
            ("udp", meter["urls"]["wrapper"].replace("dlms+wrapper", "dlms+wrapper+udp")),
        ]
    }
    for port, document in found.items():
        values = {one["item"]: float(one["value"]) * _SIZES[one["unit"]] for one in document["registers"]}
        reference = {one["item"]: float(one["value"]) for one in found["wrapper"]["registers"]}
        assert values == pytest.approx(reference), port
        assert set(values) == {*ENERGY, *QUANTITIES}, port
        assert document["clock"] == AS_OF, port
        assert _energies(document) == _energies(found["wrapper"]), port
    assert len(_energies(found["wrapper"])) == 48
    for port in ("hdlc", "udp"):
        assert found[port]["registers"] == found["wrapper"]["registers"]
        assert found[port]["profile"] == found["wrapper"]["profile"]
    total, *by_rate = (one["raw"] for one in found["modbus_tcp"]["registers"][:4])
    assert total == sum(by_rate)


_SIZES = {
    "Wh": 1,
    "kWh": 1000,
    "varh": 1,
    "kvarh": 1000,
    "W": 1,
    "kW": 1000,
    "V": 1,
    "A": 1,
    "Hz": 1,
    "var": 1,
}


def _energies(document: dict[str, Any]) -> list[tuple[datetime, float]]:
    """The index of active energy in Wh at every stamp of a profile."""
    names = [one["item"].removesuffix(".255") for one in document["profile"]["columns"]]
    at = next(number for number, name in enumerate(names) if name.endswith("1.8.0"))
    column = document["profile"]["columns"][at]
    size = 10.0 ** column["scaler"] * _SIZES[column["unit"]]
    return [(datetime.fromisoformat(row[0]), round(row[at] * size)) for row in document["profile"]["rows"]]


def test_a_meter_of_which_nothing_is_asked_says_what_it_usually_says(
    meter: dict[str, Any], tmp_path: Path
) -> None:
    usual = {port: ami_read(tmp_path, url) for port, url in meter["urls"].items()}
    energies = {
        port: next(
            one["value"]
            for one in document["registers"]
            if one["item"] in ("1.0.1.8.0", "1.0.1.8.0.255", "active_import KT")
        )
        for port, document in usual.items()
    }
    assert len(set(energies.values())) == 1
    assert len(usual["mode_c"]["registers"]) > 15
    assert usual["hdlc"]["clock"] == AS_OF


def test_forty_days_of_half_hours_by_entry(meter: dict[str, Any], tmp_path: Path) -> None:
    url = meter["urls"]["hdlc"]
    rows = ami_read(tmp_path, url, "--profile", PROFILE, "--entries", "1-2000")["profile"]["rows"]
    assert len(rows) == 40 * 48
    assert rows[-1][0] == AS_OF
    indices = [row[2] for row in rows]
    assert indices == sorted(indices)


def test_a_public_client_sees_little_of_a_meter_with_a_password(
    free_ports: Callable[[], int], tmp_path: Path
) -> None:
    with our_meter("--wrapper", str(free_ports()), "--auth", "lls", "--password", "geheim") as ready:
        assert (ready["clients"], ready["password"]) == ({"none": 16, "lls": 17}, "geheim")
        address = f"dlms+wrapper://127.0.0.1:{ready['ports']['wrapper']}"
        public = ami_read(tmp_path, f"{address}?client=16", "1.0.1.8.0", "--clock", "--objects", code=3)
        assert [one["item"] for one in public["refused"]] == ["1.0.1.8.0"]
        assert public["clock"] is not None
        assert "1.0.1.8.0.255" not in {one["item"] for one in public["objects"]}
        known = ami_read(tmp_path, ready["urls"]["wrapper"], *ENERGY, AMI_METER_PASSWORD="geheim")
        assert [one["item"] for one in known["registers"]] == list(ENERGY)
        for client in ("17", "1"):
            url = f"{address}?client={client}&auth=lls&password=guess"
            assert ami_read(tmp_path, url, "1.0.1.8.0", code=3)["registers"] == []


def test_a_second_home_goes_on_counting_where_the_meter_is(
    free_ports: Callable[[], int], tmp_path: Path
) -> None:
    """Invocation counters outlive the process, and a home that is new to the keys asks the meter first."""
    with our_meter("--hdlc", str(free_ports()), "--auth", "gmac") as ready:
        keys = tmp_path / "keys.toml"
        keys.write_text("".join(f'{name}_key = "{key}"\n' for name, key in ready["keys"].items()))
        for home in ("one", "one", "other", "one"):
            url = f"{ready['urls']['hdlc']}&keys={keys}"
            found = ami_read(tmp_path / home, url, "1.0.1.8.0")
            assert len(found["registers"]) == 1
        wrong = {f"AMI_METER_{name}_KEY": "00" * 16 for name in ("ENCRYPTION", "AUTHENTICATION")}
        assert (
            ami_read(tmp_path / "one", ready["urls"]["hdlc"], "1.0.1.8.0", code=3, **wrong)["registers"] == []
        )


@pytest.mark.parametrize(
    ("port", "url"),
    [
        ("hdlc", "dlms+hdlc+serial://{device}?client=16&baud=19200"),
        ("modbus_rtu_tcp", "modbus+rtu+serial://{device}?model=dk-multi-mb&bits=8E1"),
        ("mode_c", "iec62056-21+serial://{device}"),
    ],
)
def test_serial_ports_are_read_like_sockets(
    meter: dict[str, Any], tmp_path: Path, needs_tool: Callable[..., str], port: str, url: str
) -> None:
    """A pair of programs joined by a pseudo-terminal takes the place of an adapter and an optical head."""
    device = tmp_path / "tty"
    ends = (f"PTY,link={device},raw,echo=0", f"TCP:127.0.0.1:{meter['ports'][port]}")
    with subprocess.Popen([needs_tool("socat"), *ends]) as joined:
        try:
            while not device.exists() and joined.poll() is None:
                time.sleep(0.02)
            found = ami_read(tmp_path, url.format(device=device), "1.0.1.8.0", "--clock")
        finally:
            joined.terminate()
    assert found["clock"] == AS_OF
    by_socket = ami_read(tmp_path, meter["urls"]["wrapper"], "1.0.1.8.0")
    assert found["registers"][0]["raw"] == by_socket["registers"][0]["raw"]


def test_what_cannot_be_served_is_one_sentence(meter: dict[str, Any]) -> None:
    taken = str(meter["ports"]["wrapper"])
    for arguments, sentence in (
        (("--wrapper", taken), f"Port {taken} of 127.0.0.1 is taken"),
        ((), "give the meter at least one port"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ami.main", "simulate", "meter", *arguments],
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            timeout=60,
            check=False,
        )
        assert done.returncode != 0
        assert sentence in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
