"""The line that follows from what the office says of it, and what follows from nothing."""

from dataclasses import replace

import pytest

from model.errors import ModelError
from model.grid import Modem, ModemLink
from operations import line_words
from operations.errors import MeterRefused
from operations.line_words import LineWords

TCP = Modem("M", ModemLink.DIAL_OUT, host="10.8.0.14", port=4059, cell="BTS-1")
UDP = replace(TCP, link=ModemLink.UDP)
BUS = Modem("M", ModemLink.SERIAL, device="/dev/ttyUSB0 300 7E1", cell="BTS-1")
CALL = Modem("M", ModemLink.CSD, device="/dev/ttyUSB0", dials="0912345678", cell="BTS-1")
CALL_THROUGH = Modem("M", ModemLink.CSD, host="10.8.0.2", port=5000, dials="0912345678", cell="BTS-1")
COMES = Modem("M", ModemLink.DIAL_IN, "text-once", registration="8612", cell="BTS-1")
GATEWAY = Modem("M", ModemLink.MQTT, "mqtt", registration="GW1", cell="BTS-1")
ALL = (TCP, UDP, BUS, CALL, CALL_THROUGH, COMES, GATEWAY)

MADE = [
    (LineWords(host="10.8.0.14", port=4059), TCP),
    (LineWords(host="10.8.0.14", port=4059, udp=True), UDP),
    (LineWords(device="/dev/ttyUSB0 300 7E1"), BUS),
    (LineWords(device="/dev/ttyUSB0", dials="0912345678"), CALL),
    (LineWords(host="10.8.0.2", port=5000, dials="0912345678"), CALL_THROUGH),
    (LineWords(registration="8612", dialect="text-once"), COMES),
    (LineWords(registration="GW1", dialect="mqtt"), GATEWAY),
]


@pytest.mark.parametrize(("words", "line"), MADE)
def test_the_kind_of_a_line_follows_from_what_is_said(words: LineWords, line: Modem) -> None:
    assert line_words.modem("7", "M", replace(words, cell="BTS-1")) == line


@pytest.mark.parametrize("before", ALL, ids=lambda line: line_words.way(line))
@pytest.mark.parametrize(("words", "line"), MADE)
def test_every_line_can_become_every_other(before: Modem, words: LineWords, line: Modem) -> None:
    said = replace(
        words, dialect=line.dialect, udp=line.link is ModemLink.UDP, dials=line.dials if line.dials else ""
    )
    if line.registration:
        said = replace(said, dials=None, udp=None)
    became = line_words.modem("7", "M", said, before)
    assert replace(became, registration=line.registration) == line
    assert became.registration in (line.registration, before.registration if before.link is line.link else "")


@pytest.mark.parametrize("before", ALL, ids=lambda line: line_words.way(line))
def test_what_is_not_said_stays(before: Modem) -> None:
    assert line_words.modem("7", "M", LineWords(), before) == before
    assert line_words.modem("7", "M", LineWords(cell="BTS-2"), before) == replace(before, cell="BTS-2")


def test_a_line_stays_what_it_is_where_only_its_place_changes() -> None:
    assert line_words.modem("7", "M", LineWords(host="10.8.0.9"), UDP) == replace(UDP, host="10.8.0.9")
    elsewhere = replace(CALL, device="/dev/ttyUSB1")
    assert line_words.modem("7", "M", LineWords(device="/dev/ttyUSB1"), CALL) == elsewhere
    assert line_words.modem("7", "M", LineWords(device="/dev/ttyUSB0"), CALL_THROUGH) == CALL
    assert line_words.modem("7", "M", LineWords(dials=""), CALL) == replace(BUS, device="/dev/ttyUSB0")
    assert line_words.modem("7", "M", LineWords(udp=False), UDP) == TCP


@pytest.mark.parametrize(
    ("words", "before", "why"),
    [
        (
            LineWords(host="h", port=1, device="/dev/ttyUSB0"),
            None,
            "--host and --device name different lines",
        ),
        (LineWords(registration="8", device="/dev/ttyUSB0"), None, "--registration and --device name"),
        (LineWords(registration="8", dials="0912"), None, "--registration and --dials name"),
        (LineWords(udp=True), None, "datagrams go to a host and a port"),
        (LineWords(udp=True, device="/dev/ttyUSB0"), None, "datagrams go to a host and a port"),
        (LineWords(udp=True), CALL_THROUGH, "datagrams go to a host and a port"),
        (LineWords(dialect="blah"), TCP, "no modem dialect is called “blah”"),
    ],
)
def test_two_lines_in_one_are_refused(words: LineWords, before: Modem | None, why: str) -> None:
    with pytest.raises(MeterRefused, match=f"^meter 7: .*{why}") as told:
        line_words.modem("7", "M", words, before)
    assert told.value.args


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (LineWords(dials="0912345678"), "a call needs a number, and a serial port or host and port"),
        (LineWords(dials="my aunt", device="/dev/ttyUSB0"), "a call needs a number"),
        (LineWords(host="10.8.0.2", dials="0912345678"), "a serial port or host and port of our modem"),
        (LineWords(device="COM1"), "a serial port is written like /dev/ttyUSB0 9600 8N1, not COM1"),
        (LineWords(device="/dev/ttyUSB0 9600 8X1"), "is written like"),
        (LineWords(host="10.8.0.14", udp=True), "datagrams need a host and a port"),
    ],
)
def test_half_a_line_is_refused(words: LineWords, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        line_words.modem("7", "M", words)


IMPOSSIBLE = (
    "host name with spaces", "10.8.0.14 ", "999.1.1.1", "10.8.1", "1234", "10.8.0.14:4059", "[::1]", "-modem",
    "modem..vn", ".", "http://10.8.0.14", "a" * 64, "a." * 127 + "vn", "0.0.0.0", "::", "224.0.0.1",
    "255.255.255.255", "0x7f000001", "10.0X8", "mo\ndem", "\N{CYRILLIC SMALL LETTER A}" * 70,
)  # fmt: skip
POSSIBLE = (
    "10.8.0.14", "modem7", "modem_7.htx.vn", "modem7.htx.vn.", "4g-12.vn", "fd00::7", "fe80::1%eth0",
    "localhost", "0x7g", "trạm7.điện.vn", "7.xn--vn",
)  # fmt: skip


@pytest.mark.parametrize("host", IMPOSSIBLE)
def test_a_host_that_cannot_be_is_refused(host: str) -> None:
    for before in (None, TCP):
        with pytest.raises(ModelError) as told:
            line_words.modem("7", "M", LineWords(host=host, port=4059), before)
        shown = host.replace("\n", "?")
        assert str(told.value) == (
            f"modem M: “{shown}” is neither a name nor the IP address of a machine: write it like "
            "10.8.0.14 or modem7.htx.vn, and the port apart"
        )
    # One that has it from before may still be changed: its radio cell, or to another line.
    old = replace(TCP, host=host)
    assert line_words.modem("7", "M", LineWords(cell="BTS-2"), old).cell == "BTS-2"
    assert line_words.modem("7", "M", LineWords(host="10.8.0.15"), old).host == "10.8.0.15"


@pytest.mark.parametrize("host", POSSIBLE)
def test_a_host_that_can_be_is_taken(host: str) -> None:
    assert line_words.modem("7", "M", LineWords(host=host, port=4059)).host == host


def test_on_a_bus_a_meter_has_an_address_of_its_own() -> None:
    for model, good, bad in (("dk-1p", 17, 1), ("dk-1p", 16_381, 16_382), ("eastron-sdm120", 247, 248)):
        for line in (BUS, CALL):
            line_words.refuse_no_address("7", model, line, good)
            with pytest.raises(MeterRefused, match=rf"not {bad}: correct its address"):
                line_words.refuse_no_address("7", model, line, bad)
        line_words.refuse_no_address("7", model, TCP, bad)
