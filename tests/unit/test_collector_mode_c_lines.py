"""Lines to mode C meters that echo, and peers that are none: the first reason is told."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from collector.exchange.echo import Echo
from collector.single import mode_c as single_mode_c
from collector.single.found import Asked, Found, ProfileAsked
from collector.single.routes import ModeCAddress, TcpRoute
from protocols.errors import RemoteError
from simulators.answering import Answerer
from tests.unit.test_collector_mode_c import ASKED, Book, line, meter, serving, talking

ALL = Asked(("1.8.0", "32.7.0"), clock=True)


async def read(answer: Callable[[], Answerer], asked: Asked = ALL, **more: Any) -> Found:
    async with serving(answer) as port, line(port) as stream:
        address = ModeCAddress(TcpRoute("127.0.0.1", port), timeout_s=2, **more)
        return await single_mode_c.read(stream, address, asked)


def echoing(parity: int = 0, password: str = "secret") -> Callable[[], Answerer]:
    def call() -> Answerer:
        answer = meter(Book(), password)()

        def both(chunk: bytes) -> bytes:
            return bytes(byte | parity for byte in chunk) + answer(chunk)

        return both

    return call


@pytest.mark.parametrize("more", [{}, {"password": "secret"}, {"password": "secret", "program": True}])
async def test_a_line_that_echoes_is_read_like_any_other(more: dict[str, Any]) -> None:
    plain = await read(meter(Book()), **more)
    assert (await read(echoing(), **more)).document() == plain.document()
    assert (plain.refused, len(plain.registers)) == ([], 2)


async def test_an_echo_with_other_parity_bits_and_a_profile_after_a_read_out() -> None:
    asked = Asked(("1.8.0",), objects=True, profile=ProfileAsked("1.0.99.1.0", ASKED.start, ASKED.end))
    found = await read(echoing(parity=0x80, password=""), asked)
    assert found.refused == []
    assert found.profile is not None
    assert len(found.profile["rows"]) == 6


def test_an_echo_is_told_from_an_answer() -> None:
    echo = Echo()
    echo.said(b"/?!\r\n")
    assert [echo.strip(part) for part in (b"/", b"?!\r", b"\n/DKE5", b"T\r\n")] == [
        b"",
        b"",
        b"/DKE5",
        b"T\r\n",
    ]
    echo.said(b"\x06")
    assert echo.strip(b"\x06\x02") == b"\x02"
    quiet = Echo()
    quiet.said(b"/?!\r\n")
    assert [quiet.strip(part) for part in (b"/", b"DKE5T\r\n")] == [b"", b"/DKE5T\r\n"]
    quiet.said(b"\x06")
    assert quiet.strip(b"\x06") == b"\x06", "a line that did not echo once does not later"


async def endless(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opening: bytes, more: bytes
) -> None:
    await reader.readuntil(b"\n")
    writer.write(opening)
    if opening.startswith(b"/EMH5\r"):
        await reader.readuntil(b"\n")
        writer.write(b"\x02")
    while not writer.is_closing():
        writer.write(more)
        await writer.drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("opening", "more", "why"),
    [
        (b"/EMH5", b"x" * 4000, "does not end"),
        (b"/EMH5\r\n", b"1.8.0(1*kWh)\r\n" * 100, "a block of more than"),
        (b"/?!x\r\n/EMH5ID\r\n", b"", "no identification"),
    ],
)
@pytest.mark.parametrize("program", [False, True])
async def test_what_is_no_meter_is_told_with_its_first_reason(
    opening: bytes, more: bytes, why: str, program: bool
) -> None:
    async with talking(lambda r, w: endless(r, w, opening, more)) as port, line(port) as stream:
        asked = Asked(ALL.items, clock=True, profile=ProfileAsked("P.01", ASKED.start, ASKED.end))
        address = ModeCAddress(TcpRoute("127.0.0.1", port), timeout_s=2, program=program)
        found = await single_mode_c.read(stream, address, asked)
    assert {one["item"] for one in found.refused} == {*ALL.items, "clock", "P.01"}
    assert all(why in one["reason"] and "b'" in one["reason"] for one in found.refused), found.refused


async def test_a_refused_speed_is_said_plainly() -> None:
    def call() -> Answerer:
        return lambda chunk: b"/EMH5T\r\n" if chunk.startswith(b"/?") else b"\x15"

    with pytest.raises(
        RemoteError, match=r"refuses \(NAK\) the read-out at the speed chosen: say baud=0 to 6"
    ):
        await read(call)


@pytest.mark.parametrize("password", [None, "secret"])
async def test_apparent_energy_and_percents_are_numbers(password: str | None) -> None:
    book = Book(_9_8_0="000012.5*kVAh", _9_7_0="1.25*VA", _9_6_0="2*kVA", _9_8_1="7*VAh", _13_5_0="99.5*%")
    items = ("9.8.0", "9.7.0", "9.6.0", "9.8.1", "13.5.0")
    found = await read(meter(book, password or ""), Asked(items), password=password)
    assert [(one["raw"], one["scaler"], one["unit"], one["value"]) for one in found.registers] == [
        (125, 2, "VAh", "12500"), (125, -2, "VA", "1.25"), (2, 3, "VA", "2000"), (7, 0, "VAh", "7"),
        (995, -1, "%", "99.5"),
    ]  # fmt: skip
