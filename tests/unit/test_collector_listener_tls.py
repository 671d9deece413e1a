"""Modems that speak TLS: the same door behind it, and whoever does not get through it in time is counted."""

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest

from collector.errors import ListenerError
from collector.links.kinds import DialIn
from collector.listener import doorway
from collector.listener.listener import Listener
from collector.settings import HeadEndSettings
from model.grid import Modem, ModemLink
from tests.certificates import certificate

MODEM = Modem("M123", ModemLink.DIAL_IN, "text-once", registration="M123")


def settings(port: int, files: tuple[Path, Path]) -> HeadEndSettings:
    return HeadEndSettings(
        "",
        Path("."),
        lambda raw: raw,
        listen_port=port,
        listen_tls_port=0,
        listen_tls_certificate=files[0],
        listen_tls_key=files[1],
    )


async def test_a_modem_registers_and_is_talked_to_through_tls(free_port: int, tmp_path: Path) -> None:
    files = certificate(tmp_path)
    listener, link = Listener(settings(free_port, files)), DialIn(MODEM)
    listener.expect({"M123": link})
    await listener.open()
    trust = ssl.create_default_context(cafile=files[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.tls_port, ssl=trust)
    writer.write(b"IMEI:M123\r\n")
    await link.ready(5)
    async with link.lease() as stream:
        stream.write(b"question")
        assert await asyncio.wait_for(reader.readexactly(8), 5) == b"question"
        writer.write(b"\0\1\0\1\0\1\0\1!HB:M123\r\n")
        assert await asyncio.wait_for(stream.read(), 5) == b"\0\1\0\1\0\1\0\1!"
    assert await asyncio.wait_for(reader.readexactly(9), 5) == b"OK:M123\r\n"
    assert listener.crowd.inside == {"127.0.0.1": 1}
    await listener.close()
    with contextlib.suppress(OSError):
        await asyncio.wait_for(reader.read(), 5)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    assert not listener.rejected


async def test_no_handshake_in_time_or_none_at_all_is_counted(
    free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorway, "HANDSHAKE_S", 0.2)
    listener = Listener(settings(free_port, certificate(tmp_path)))
    listener.expect({"M123": DialIn(MODEM)})
    await listener.open()
    _, silent = await asyncio.open_connection("127.0.0.1", listener.tls_port)
    plain_reader, plain = await asyncio.open_connection("127.0.0.1", listener.tls_port)
    plain.write(b"IMEI:M123\r\n")
    with contextlib.suppress(OSError):
        await asyncio.wait_for(plain_reader.read(), 5)
    async with asyncio.timeout(5):
        while listener.crowd.at_the_door:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert listener.rejected == {"tls": 2}
    for writer in (silent, plain):
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    await listener.close()


async def test_files_that_are_no_use_are_one_sentence(free_port: int, tmp_path: Path) -> None:
    right, _ = certificate(tmp_path)
    listener = Listener(settings(free_port, (right, right)))
    with pytest.raises(ListenerError, match="check that they belong together"):
        await listener.open()
    await listener.close()
