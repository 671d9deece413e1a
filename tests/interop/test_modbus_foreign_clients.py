"""Foreign Modbus clients read our simulated meter: mbpoll over TCP and serial, modbus-serial by RTU-TCP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pymodbus import FramerType
from pymodbus.client import ModbusTcpClient

from model.grid import ModemLink
from model.period import LOCAL
from protocols import meter_models
from simulators import ports
from simulators.air import Air
from simulators.answering import Answering
from simulators.instrument import Instrument
from simulators.lines import Line
from simulators.modbus_line import ModbusLine
from simulators.modbus_meter import ModbusMeter
from simulators.modbus_rtu_line import rtu_line
from simulators.single_meter import Port, SingleOptions, hung, identity
from tests.foreign_peers import REPOSITORY, ami_read, our_meter

NODE_MODULES = REPOSITORY / ".venv-peers" / "node" / "node_modules"
POLLED = re.compile(r"\[(\d+)\]:\s+(-?\d+)")
PATIENCE_S = 30
NOW = datetime(2026, 11, 21, 9, 10, tzinfo=LOCAL)


@pytest.fixture(scope="module")
def meter(free_ports: Callable[[], int]) -> Iterator[dict[str, Any]]:
    """Our meter on both Modbus ports, its clock standing still."""
    ports = ("--modbus-tcp", str(free_ports()), "--modbus-rtu-tcp", str(free_ports()))
    with our_meter(*ports, "--seed", "3", "--as-of", "2026-11-21T09:10:00+07:00") as told:
        yield told


@pytest.fixture(scope="module")
def values(meter: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[int, int]:
    """What our own client reads: raw values by address."""
    model = meter_models.load(meter["models"]["modbus"])
    read = ami_read(tmp_path_factory.mktemp("home"), meter["urls"]["modbus_tcp"])
    raws = [register["raw"] for register in read["registers"]]
    places = [item.place.modbus for item in model.registers] + [item.place.modbus for item in model.instants]
    return dict(zip((place.address for place in places), raws, strict=True))


@contextmanager
def serial_port(socat: str, folder: Path, port: int) -> Iterator[Path]:
    """A serial port that leads to a TCP port."""
    link = folder / "ttyRTU"
    command = [socat, f"pty,raw,echo=0,link={link}", f"tcp:127.0.0.1:{port}"]
    with subprocess.Popen(command) as process:
        try:
            end = time.monotonic() + PATIENCE_S
            while not link.exists():
                assert time.monotonic() < end, "socat made no serial port"
                time.sleep(0.02)
            yield link
        finally:
            process.terminate()


def poll(mbpoll: str, *arguments: str, code: int = 0) -> tuple[dict[int, int], str]:
    done = subprocess.run(
        [mbpoll, "-1", "-0", "-a", "1", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return {int(at): int(raw) for at, raw in POLLED.findall(done.stdout)}, done.stdout + done.stderr


@pytest.mark.parametrize("way", ["tcp", "rtu"])
def test_mbpoll_reads_what_we_read(
    way: str,
    meter: dict[str, Any],
    values: dict[int, int],
    needs_tool: Callable[..., str],
    tmp_path: Path,
) -> None:
    mbpoll, ports = needs_tool("mbpoll"), meter["ports"]
    if way == "tcp":
        _compare(mbpoll, values, "-m", "tcp", "-p", str(ports["modbus_tcp"]), "127.0.0.1")
        return
    with serial_port(needs_tool("socat"), tmp_path, ports["modbus_rtu_tcp"]) as tty, tty.open("rb"):
        line = ("-m", "rtu", "-b", "9600", "-P", "none", str(tty))
        _compare(mbpoll, values, *line)
        _, said = poll(mbpoll, "-u", *line)
        assert f"Data  : {meter['serial']}" in said
        # And ours, on the same port.
        read = ami_read(tmp_path, f"modbus+rtu+serial://{tty}?unit=1&model={meter['models']['modbus']}")
        assert [register["raw"] for register in read["registers"]] == list(values.values())


def _compare(mbpoll: str, values: dict[int, int], *line: str) -> None:
    energies, _ = poll(mbpoll, "-r", "0", "-c", "5", "-t", "4:int", "-B", *line)
    assert energies == {at: values[at] for at in (0, 2, 4, 6, 8)}
    volts, _ = poll(mbpoll, "-r", "10", "-c", "3", "-t", "4", *line)
    assert volts == {at: values[at] for at in (10, 11, 12)}
    _, said = poll(mbpoll, "-r", "5000", "-c", "1", "-t", "4", *line, code=1)
    assert "Illegal data address" in said
    _, said = poll(mbpoll, "-r", "0", "-c", "2", "-t", "3", *line, code=1)
    assert "Illegal function" in said
    # One value is written with function 6, which no register of this meter takes.
    _, said = poll(mbpoll, "-r", "204", "-t", "4", *line, "7", code=1)
    assert "Illegal data address" in said


def test_modbus_serial_reads_what_we_read(
    meter: dict[str, Any],
    values: dict[int, int],
    needs_tool: Callable[..., str],
    missing: Callable[[str], None],
) -> None:
    node = needs_tool("node", "nodejs")
    if not (NODE_MODULES / "modbus-serial").is_dir():
        missing("npm's modbus-serial is not installed: make peers")
    plan = {
        "host": "127.0.0.1",
        "port": meter["ports"]["modbus_rtu_tcp"],
        "unit": 1,
        "ask": [[3, 0, 25], [3, 5000, 2], [4, 0, 2], [16, 204, [0, 1]], [3, 204, 2], [3, 0, 10]],
    }
    done = subprocess.run(
        [node, REPOSITORY / "tests" / "peers" / "modbus_serial.js"],
        input=json.dumps(plan),
        env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    words, nowhere, wrong, written, selected, again = json.loads(done.stdout)
    model = meter_models.load(meter["models"]["modbus"])
    for place in [i.place for i in model.registers] + [i.place for i in model.instants]:
        register = place.modbus
        found = words["data"][register.address : register.address + register.type.words]
        assert register.decode(found) == values[register.address]
    assert (nowhere, wrong) == ({"exception": 2}, {"exception": 1})
    assert (written, selected) == ({"data": [204, 2]}, {"data": [0, 1]})
    assert again["data"] == words["data"][:10]


@pytest.mark.parametrize("way", ["modbus_tcp", "modbus_rtu_tcp"])
def test_who_a_meter_says_it_is(way: str, meter: dict[str, Any]) -> None:
    """pymodbus asks with functions 17 and 43/14; a meter says the same by TCP and by RTU."""
    framer = FramerType.SOCKET if way == "modbus_tcp" else FramerType.RTU
    with ModbusTcpClient("127.0.0.1", port=meter["ports"][way], framer=framer, timeout=5) as client:
        report = client.report_device_id(device_id=1)
        # pymodbus takes the last byte of a report for the state, which it is of reports without additions.
        assert report.identifier.endswith(meter["serial"][:-1].encode())
        who = client.read_device_information(read_code=1, object_id=0, device_id=1)
        said = (b"Dien ke (simulated)", meter["models"]["modbus"].encode(), meter["serial"].encode())
        assert who.information == dict(enumerate(said))
        assert client.read_device_information(read_code=2, object_id=0, device_id=1).exception_code == 1


@pytest.fixture
def inputs(free_ports: Callable[[], int]) -> Iterator[tuple[dict[str, int], Instrument]]:
    """A simulated meter of a family that serves input registers, behind both kinds of Modbus."""
    options = SingleOptions({Port.MODBUS_TCP: 0}, seed=3, as_of=NOW)
    gauge = Instrument(
        hung(options, identity(options), NOW), meter_models.load("eastron-sdm630"), lambda: NOW
    )
    numbers = {"tcp": free_ports(), "rtu": free_ports()}
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        units = {1: ModbusMeter(gauge, lambda: None)}
        line = Line("M1", ModemLink.DIAL_OUT, ("1",))
        tcp = ModbusLine(line, units, Air({}, lambda: NOW), lambda: False)
        rtu = Answering(rtu_line(units))
        await tcp.start(ports.one("127.0.0.1", numbers["tcp"]))
        await rtu.start(ports.one("127.0.0.1", numbers["rtu"]))
        ready.set()
        await asyncio.to_thread(stop.wait)
        await tcp.stop()
        await rtu.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield numbers, gauge
    finally:
        stop.set()
        thread.join(PATIENCE_S)


@pytest.mark.parametrize("way", ["tcp", "rtu"])
def test_mbpoll_reads_input_registers(
    way: str, inputs: tuple[dict[str, int], Instrument], needs_tool: Callable[..., str], tmp_path: Path
) -> None:
    """Function 4, of a meter whose registers are floats."""
    (numbers, gauge), mbpoll = inputs, needs_tool("mbpoll")

    def compare(*line: str) -> None:
        for item in gauge.model.registers[:2]:
            place = item.place
            at = str(place.modbus.address)
            done = subprocess.run(
                [mbpoll, "-1", "-0", "-a", "1", "-r", at, "-t", "3:float", "-B", *line],
                capture_output=True, text=True, timeout=PATIENCE_S, check=True,
            )  # fmt: skip
            shown = re.search(r"\[\d+\]:\s+(\S+)", done.stdout)
            assert shown is not None, done.stdout
            true = gauge.raw(item.key, place, gauge.second())
            assert float(shown[1]) * 10.0 ** (place.exponent - place.scaler) == pytest.approx(true, rel=1e-5)
        assert "Illegal function" in poll(mbpoll, "-r", "0", "-c", "2", "-t", "4", *line, code=1)[1]

    if way == "tcp":
        compare("-m", "tcp", "-p", str(numbers["tcp"]), "127.0.0.1")
        return
    with serial_port(needs_tool("socat"), tmp_path, numbers["rtu"]) as tty, tty.open("rb"):
        compare("-m", "rtu", "-b", "9600", "-P", "none", str(tty))
