"""`ami read` with general ciphering and general block transfer, at a meter on a real socket."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from collector.single import read as single_read
from collector.single.address import parse
from collector.single.found import Asked
from protocols.dlms import axdr
from protocols.dlms.enums import Conformance, Mechanism
from protocols.dlms.security import MemoryCounters, SecuritySetup
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.server_access import SERVER_CONFORMANCE
from protocols.dlms.wrapper import Unwrapper
from tests.dlms_line import TEXT, Desk

KEYS = {"AMI_METER_ENCRYPTION_KEY": "0E" * 16, "AMI_METER_AUTHENTICATION_KEY": "0A" * 16}
METER = b"DKE\0\0\0\0\7"
GET_CIPHERED, GENERAL_CIPHERED, GENERAL_DEDICATED, BLOCK = 0xC8, 0xDB, 0xDC, 0xE0
ANSWER_CIPHERED, GET_DEDICATED, ANSWER_DEDICATED = 0xCC, 0xD0, 0xD4


async def tags_of(port: int, more: str, **keys: str) -> set[int]:
    """Read the long text, and tell how the requests and answers on the wire began."""
    setup = SecuritySetup(METER, bytes.fromhex("0E" * 16), bytes.fromhex("0A" * 16))
    access = ClientAccess(Mechanism.HLS_GMAC, security=setup, counters=MemoryCounters())
    conformance = SERVER_CONFORMANCE | Conformance.GENERAL_BLOCK_TRANSFER | Conformance.GENERAL_PROTECTION
    desk = Desk()
    desk.values[TEXT] = axdr.octet_string(b"long" * 1000)
    device = Device(desk, {16: ClientAccess(), 1: access}, 300, conformance)
    lines: list[asyncio.Task[None]] = []
    tags: set[int] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            lines.append(task)
        link, ways = ServerConnection({1: device}), (Unwrapper(), Unwrapper())
        while chunk := await reader.read(65536):
            answer = link.receive(chunk)
            for way, raw in zip(ways, (chunk, answer), strict=True):
                tags.update(frame.payload[0] for frame in way.feed(raw))
            writer.write(answer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        address = parse(f"dlms+wrapper://127.0.0.1:{port}?auth=gmac&timeout=5{more}", {**KEYS, **keys})
        found = await single_read.read(address, Asked((f"{TEXT.obis}",)))
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.gather(*lines)
    assert [one["raw"] for one in found.registers] == ["long" * 1000], found.refused
    return tags


@pytest.mark.parametrize(
    ("more", "there", "absent"),
    [
        ("", {GET_CIPHERED}, {GENERAL_CIPHERED, GENERAL_DEDICATED, BLOCK}),
        ("&envelope=general", {GENERAL_CIPHERED}, {GET_CIPHERED, BLOCK}),
        ("&gbt=4", {BLOCK}, {GENERAL_CIPHERED}),
        ("&gbt=4&envelope=general", {BLOCK}, {GET_CIPHERED, GENERAL_DEDICATED}),
    ],
)
async def test_what_the_address_chooses_is_what_is_spoken(
    free_port: int, more: str, there: set[int], absent: set[int]
) -> None:
    tags = await tags_of(free_port, more)
    assert there <= tags
    assert not absent & tags


async def test_a_dedicated_key_of_one_service(free_port: int) -> None:
    tags = await tags_of(free_port, "", AMI_METER_DEDICATED="yes")
    assert {GET_DEDICATED, ANSWER_DEDICATED} <= tags
    assert not {ANSWER_CIPHERED, GENERAL_CIPHERED, GENERAL_DEDICATED} & tags


async def test_a_dedicated_key_in_general_envelopes(free_port: int) -> None:
    tags = await tags_of(free_port, "&envelope=general", AMI_METER_DEDICATED="yes")
    assert GENERAL_DEDICATED in tags
