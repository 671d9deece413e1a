"""Modems that dial in, on real sockets: who gets in, who is sent away, and what is left of a conversation."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector import listener as doors
from collector.errors import LinkDown, ListenerError
from collector.links import DialIn, DialOut
from collector.listener import Listener
from collector.settings import HeadEndSettings
from model.grid import Modem, ModemLink
from protocols.dlms.wrapper import Frame

PAYLOAD = Frame(1, 16, b"HB:M1\r\n inside a frame").to_bytes()


def settings(port: int, **more: int) -> HeadEndSettings:
    return HeadEndSettings("", Path("."), lambda raw: raw, listen_port=port, **more)


def modem(name: str, dialect: str = "text-once") -> Modem:
    return Modem(name, ModemLink.DIAL_IN, dialect, registration=name)


@contextlib.asynccontextmanager
async def listening(
    port: int, *modems: Modem, **more: int
) -> AsyncIterator[tuple[Listener, dict[str, DialIn]]]:
    listener = Listener(settings(port, **more))
    links = {one.registration: DialIn(one) for one in modems}
    listener.expect(links)
    await listener.open()
    try:
        yield listener, links
    finally:
        await listener.close()
        await hang_up()


WRITERS: list[asyncio.StreamWriter] = []


async def hang_up() -> None:
    for writer in WRITERS:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    WRITERS.clear()


async def call(port: int, hello: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    WRITERS.append(writer)
    writer.write(hello)
    return reader, writer


async def hung_up(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), 5) == b""
    return True


async def test_a_modem_gives_its_name_and_its_meters_can_be_talked_to(free_port: int) -> None:
    async with listening(free_port, modem("M123")) as (_, links):
        reader, writer = await call(free_port, b"IMEI:M1")
        writer.write(b"23\r\n")
        await links["M123"].ready(5)
        async with links["M123"].lease() as stream:
            stream.write(b"question")
            assert await reader.readexactly(8) == b"question"
            writer.write(b"HB:M123\r\n" + PAYLOAD[:11])
            await asyncio.sleep(0.05)
            writer.write(PAYLOAD[11:] + b"HB:M123\r\n")
            assert await stream.read() == PAYLOAD
        assert await reader.readexactly(18) == b"OK:M123\r\nOK:M123\r\n"


async def test_heartbeats_are_answered_while_nobody_talks_and_late_answers_are_not_handed_out(
    free_port: int,
) -> None:
    async with listening(free_port, modem("M123")) as (_, links):
        reader, writer = await call(free_port, b"IMEI:M123\r\n")
        await links["M123"].ready(5)
        writer.write(PAYLOAD + b"HB:M123\r\n")
        assert await reader.readexactly(9) == b"OK:M123\r\n"
        async with links["M123"].lease() as stream:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await stream.read()


async def test_a_stranger_is_sent_away_and_counted(free_port: int) -> None:
    async with listening(free_port, modem("M123"), modem("M777", "hex-once")) as (listener, links):
        reader, _ = await call(free_port, b"IMEI:M999\r\n")
        assert await hung_up(reader)
        nonsense, _ = await call(free_port, b"GET / HTTP/1.1\r\n\r\n")
        assert await hung_up(nonsense)
        assert listener.rejected == {"unknown_modem": 1, "unknown_dialect": 1}
        assert not links["M123"].connected
        assert not listener.at_the_door


async def test_who_says_nothing_or_no_end_is_sent_away(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "FIRST_BYTE_S", 0.1)
    monkeypatch.setattr(doors, "REGISTRATION_S", 0.3)
    async with listening(free_port, modem("M123")) as (listener, _):
        silent, _ = await call(free_port, b"")
        slow, _ = await call(free_port, b"IMEI:")
        long, _ = await call(free_port, b"IMEI:" + b"1" * 5000)
        assert await hung_up(silent)
        assert await hung_up(slow)
        assert await hung_up(long)
        assert listener.rejected == {"first_byte": 1, "registration_time": 1, "too_long": 1}


async def test_a_crowd_from_one_address_is_capped_and_registered_modems_do_not_count(free_port: int) -> None:
    async with listening(free_port, modem("M123"), modem("M456"), unregistered_per_address=3) as (
        listener,
        links,
    ):
        await call(free_port, b"IMEI:M123\r\n")
        await links["M123"].ready(5)
        for _ in range(3):
            await call(free_port, b"")
        await asyncio.sleep(0.05)
        reader, _ = await call(free_port, b"IMEI:M456\r\n")
        assert await hung_up(reader)
        assert listener.rejected == {"address_cap": 1}
        assert links["M123"].connected


async def test_the_newest_call_that_knows_the_name_wins(free_port: int) -> None:
    async with listening(free_port, modem("M123")) as (_, links):
        old, _ = await call(free_port, b"IMEI:M123\r\n")
        await links["M123"].ready(5)
        new, _ = await call(free_port, b"IMEI:M123\r\n")
        assert await hung_up(old)
        await links["M123"].ready(5)
        async with links["M123"].lease() as stream:
            stream.write(b"?")
            assert await new.readexactly(1) == b"?"


async def test_a_poisoned_line_is_never_used_again(free_port: int) -> None:
    async with listening(free_port, modem("M123")) as (_, links):
        reader, _ = await call(free_port, b"IMEI:M123\r\n")
        await links["M123"].ready(5)
        with pytest.raises(ZeroDivisionError):
            async with links["M123"].lease():
                raise ZeroDivisionError
        assert await hung_up(reader)
        with pytest.raises(LinkDown, match="dial in"):
            async with links["M123"].lease():
                pass
        with pytest.raises(LinkDown, match="has not dialled in"):
            await links["M123"].ready(0.05)


async def test_a_modem_that_breaks_its_own_dialect_is_hung_up_on(free_port: int) -> None:
    async with listening(free_port, modem("M123")) as (_, links):
        reader, writer = await call(free_port, b"IMEI:M123\r\n")
        await links["M123"].ready(5)
        async with links["M123"].lease() as stream:
            writer.write(b"\xff\xff\xff garbage")
            with pytest.raises(LinkDown, match="dialect"):
                await stream.read()
        assert await hung_up(reader)


async def test_a_port_taken_is_one_sentence(free_port: int) -> None:
    async with listening(free_port):
        with pytest.raises(ListenerError, match=f"port {free_port} .* another program has it"):
            await Listener(settings(free_port)).open()


async def test_a_call_nobody_takes_is_one_sentence(free_port: int) -> None:
    link = DialOut(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=free_port))
    with pytest.raises(LinkDown, match=f"modem M1 at 127.0.0.1:{free_port} cannot be called"):
        async with link.lease():
            pass


async def test_conversations_on_one_line_take_turns_and_the_call_is_kept_between_them(free_port: int) -> None:
    calls = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        while asked := await reader.read(100):
            await asyncio.sleep(0.01)
            writer.write(asked)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", free_port)
    link = DialOut(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=free_port))

    async def converse(number: int) -> bytes:
        async with link.lease() as stream:
            stream.write(b"%d" % number)
            return await stream.read()

    assert await asyncio.gather(*(converse(n) for n in range(5))) == [b"%d" % n for n in range(5)]
    assert calls == 1
    link.rest()
    await asyncio.sleep(0.02)
    server.close()
    await server.wait_closed()
