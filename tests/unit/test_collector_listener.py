"""Modems that dial in, on real sockets: who gets in, who is sent away, and what is left of a conversation."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collector.errors import LinkDown, ListenerError
from collector.links.kinds import DialIn, DialOut
from collector.listener import door as doors
from collector.listener import listener as listeners
from collector.listener.listener import Listener
from collector.settings import HeadEndSettings
from model.grid import Modem, ModemLink
from protocols.dlms.wrapper import Frame

PAYLOAD = Frame(1, 16, b"HB:M1\r\n inside a frame").to_bytes()


def settings(port: int, **more: Any) -> HeadEndSettings:
    return HeadEndSettings("", Path("."), lambda raw: raw, listen_port=port, **more)


def modem(name: str, dialect: str = "text-once") -> Modem:
    return Modem(name, ModemLink.DIAL_IN, dialect, registration=name)


@contextlib.asynccontextmanager
async def listening(
    port: int, *modems: Modem, **more: Any
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


async def turned_away(port: int, hello: bytes) -> bool:
    """Whether a caller is reset, at the latest when it has said its name."""
    try:
        reader, _ = await call(port, hello)
    except ConnectionError:
        return True
    return await hung_up(reader)


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
        assert not listener.crowd.at_the_door


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
        assert await turned_away(free_port, b"IMEI:M456\r\n")
        assert listener.rejected == {"address_cap": 1}
        assert links["M123"].connected


async def talk(link: DialIn, there: asyncio.StreamReader, *, proves: bool) -> None:
    """A conversation with whoever is at the other end; a meter shows itself or does not."""
    async with link.lease() as stream:
        stream.write(b"?")
        assert await asyncio.wait_for(there.readexactly(1), 2) == b"?"
        if proves:
            stream.prove()


async def twice(port: int, link: DialIn) -> tuple[asyncio.StreamReader, asyncio.StreamReader]:
    """The modem is connected and known to be ours, and calls again."""
    old, _ = await call(port, b"IMEI:M123\r\n")
    await link.ready(5)
    await talk(link, old, proves=True)
    assert link.take_news()
    new, _ = await call(port, b"IMEI:M123\r\nHB:M123\r\n")
    assert await asyncio.wait_for(new.readexactly(9), 5) == b"OK:M123\r\n"
    assert link.take_news()
    return old, new


async def test_a_newcomer_behind_whom_a_meter_proves_itself_takes_the_place(free_port: int) -> None:
    async with listening(free_port, modem("M123")) as (listener, links):
        old, new = await twice(free_port, links["M123"])
        await talk(links["M123"], new, proves=True)
        assert await hung_up(old)
        await talk(links["M123"], new, proves=False)  # it is the modem now and need not prove it each time
        assert not listener.rejected


async def test_an_impostor_is_sent_away_and_the_older_connection_goes_on(free_port: int) -> None:
    async with listening(free_port, modem("M123")) as (listener, links):
        old, new = await twice(free_port, links["M123"])
        await talk(links["M123"], new, proves=False)
        assert await hung_up(new)
        await talk(links["M123"], old, proves=True)
        assert listener.rejected == {"impostor": 1}
        # Nobody from there is even tried for a while; the modem's meters go on being read meanwhile.
        assert await turned_away(free_port, b"IMEI:M123\r\n")
        await talk(links["M123"], old, proves=True)
        assert listener.rejected == {"impostor": 2}


async def test_while_another_head_end_has_the_modem_even_a_single_caller_is_in_doubt(free_port: int) -> None:
    async with listening(free_port, modem("M123")) as (listener, links):
        link = links["M123"]
        reader, _ = await call(free_port, b"IMEI:M123\r\n")
        await link.ready(5)
        link.doubt()
        await talk(link, reader, proves=False)
        assert await hung_up(reader)
        # One who has shown to be none is not tried again; whoever has proved to be it stays.
        again, _ = await call(free_port, b"IMEI:M123\r\n")
        await link.ready(5)
        link.doubt()
        assert not link.connected
        assert await hung_up(again)
        assert listener.rejected == {"impostor": 2}
        link.believe()
        reader, _ = await call(free_port, b"IMEI:M123\r\n")
        await link.ready(5)
        await talk(link, reader, proves=True)
        link.hang_up("it has called another")
        assert await hung_up(reader)
        assert not link.connected


async def test_of_many_who_give_one_name_each_is_tried_once_until_a_meter_answers(free_port: int) -> None:
    async with listening(free_port, modem("M123")) as (listener, links):
        callers = []
        for address in range(2, 12):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", free_port, local_addr=(f"127.0.0.{address}", 0)
            )
            WRITERS.append(writer)
            writer.write(b"IMEI:M123\r\n")
            callers.append(reader)
            await asyncio.sleep(0.01)
        assert await hung_up(callers[-1])
        for caller in callers[:5]:
            await talk(links["M123"], caller, proves=False)
            assert await hung_up(caller)
        await talk(links["M123"], callers[5], proves=True)
        await talk(links["M123"], callers[5], proves=False)
        assert listener.rejected == {"duplicate": 2, "impostor": 5}


async def test_a_newcomer_is_the_modem_when_the_older_connection_is_lost(free_port: int) -> None:
    async with listening(free_port, modem("M123")) as (listener, links):
        _, new = await twice(free_port, links["M123"])
        with pytest.raises(ZeroDivisionError):
            links["M123"]._peace_until = 1e12  # after impostors: the old one is asked, and does not answer
            async with links["M123"].lease():
                raise ZeroDivisionError
        await talk(links["M123"], new, proves=False)
        await talk(links["M123"], new, proves=False)
        assert not listener.rejected


async def test_of_several_newcomers_the_newest_stays(free_port: int) -> None:
    async with listening(free_port, modem("M123")) as (listener, links):
        old, new = await twice(free_port, links["M123"])
        newest, _ = await call(free_port, b"IMEI:M123\r\n")
        assert await hung_up(new)
        await talk(links["M123"], newest, proves=True)
        assert await hung_up(old)
        assert listener.rejected == {"duplicate": 1}
        assert listener.crowd.inside == {"127.0.0.1": 1}


async def test_one_address_may_hold_so_many_modems_and_call_so_fast(free_port: int) -> None:
    names = [f"M{number}00" for number in range(5)]
    async with listening(
        free_port, *map(modem, names), registered_per_address=3, connections_per_second_per_address=0.001
    ) as (listener, links):
        await call(free_port, b"IMEI:M000\r\n")
        await links["M000"].ready(5)
        assert await turned_away(free_port, b"IMEI:M100\r\n")
        assert listener.rejected == {"rate": 1}
    async with listening(free_port, *map(modem, names), registered_per_address=3) as (listener, links):
        for name in names[:3]:
            await call(free_port, f"IMEI:{name}\r\n".encode())
            await links[name].ready(5)
        assert await turned_away(free_port, b"IMEI:M400\r\n")
        assert listener.rejected == {"registered_cap": 1}


async def test_a_modem_that_falls_silent_is_hung_up_on_and_counted(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "SWEEP_S", 0.05)
    monkeypatch.setattr(listeners, "IDLE_S", 0.2)
    async with listening(free_port, modem("M123"), heartbeat_s=0) as (listener, links):
        reader, _ = await call(free_port, b"IMEI:M123\r\n")
        await links["M123"].ready(5)
        assert await hung_up(reader)
        assert listener.rejected == {"idle": 1}
        assert not listener.crowd.inside


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
