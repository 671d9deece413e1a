"""The head-end's conversation over a line in memory: HDLC opens and closes, silence is asked about again."""

import asyncio
from typing import ClassVar

import pytest

from collector.errors import AnswerTimeout
from collector.exchange.conversation import Conversation
from collector.links.wire import Medium
from protocols.dlms import axdr
from protocols.dlms.client import ClientSettings
from protocols.dlms.framing import Framing, ServerFraming
from protocols.dlms.get import Listing
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.errors import Refused, RemoteError
from tests.dlms_line import ECHO, ENERGY, NOWHERE, SECOND, SWITCH, TEXT, Desk

ADDRESS = HdlcAddress(1, 17)


class Line:
    """A `ByteStream` whose other end is a meter; it swallows the answers numbered in `lost`."""

    def __init__(self, desk: Desk, framing: ServerFraming | None, lost: frozenset[int] = frozenset()) -> None:
        self.meter = ServerConnection({1: Device(desk, {16: ClientAccess()}, 300)}, framing)
        self.lost = lost
        self.answers = 0
        self.poisoned = ""
        self._coming: asyncio.Queue[bytes] = asyncio.Queue()

    medium: ClassVar = Medium.BARE
    held, broke_off, gateway = 0, False, False

    async def read(self) -> bytes:
        return await self._coming.get()

    def write(self, raw: bytes) -> None:
        answer = self.meter.receive(raw)
        self.answers += 1
        if answer and self.answers not in self.lost:
            self._coming.put_nowait(answer)

    def poison(self, why: str) -> None:
        self.poisoned = why

    def prove(self) -> None:
        pass

    def carries(self, *, framed: bool) -> None:
        pass


def conversation(line: Line, framing: Framing | None = None, seconds: float = 5.0) -> Conversation:
    return Conversation(line, ClientSettings(answer_seconds=seconds), framing)


async def test_a_whole_visit_over_hdlc() -> None:
    desk = Desk()
    line = Line(desk, HdlcServerFraming({ADDRESS: 1}))
    talk = conversation(line, HdlcFraming(16, ADDRESS))
    await talk.associate()
    assert axdr.decode(await talk.get(TEXT)).value == bytes(range(256)) * 20
    assert [got.attribute for got in await talk.get_all((ENERGY, TEXT, SECOND))] == [ENERGY, TEXT, SECOND]
    await talk.set(TEXT, axdr.octet_string(bytes(1000)))
    assert desk.values[TEXT] == axdr.octet_string(bytes(1000))
    assert await talk.act(SWITCH) is None
    assert await talk.act(ECHO, axdr.unsigned(7)) == b"\x11\x07"
    with pytest.raises(Refused, match="object undefined"):
        await talk.set(NOWHERE, axdr.NULL)
    with pytest.raises(Refused, match="object undefined"):
        await talk.act(NOWHERE)
    await talk.release()
    assert desk.values[TEXT].value == bytes(1000)


async def test_lost_answers_are_asked_for_again() -> None:
    line = Line(Desk(), HdlcServerFraming({ADDRESS: 1}), frozenset((1, 4, 7)))
    talk = conversation(line, HdlcFraming(16, ADDRESS), 0.05)
    await talk.associate()
    assert axdr.decode(await talk.get(TEXT)).value == bytes(range(256)) * 20
    await talk.release()


@pytest.mark.parametrize("hdlc", [False, True])
async def test_a_meter_that_falls_silent_is_a_timeout(hdlc: bool) -> None:
    line = Line(Desk(), HdlcServerFraming({ADDRESS: 1}) if hdlc else None, frozenset(range(4, 99)))
    talk = conversation(line, HdlcFraming(16, ADDRESS) if hdlc else None, 0.02)
    await talk.associate()
    with pytest.raises(AnswerTimeout, match=r"no answer about .* within 0.02 s"):
        await talk.get(TEXT)
        await talk.get(TEXT)


async def test_a_meter_that_hangs_up_ends_the_question() -> None:
    line = Line(Desk(), HdlcServerFraming({ADDRESS: 1}))
    talk = conversation(line, HdlcFraming(16, ADDRESS))
    await talk.associate()
    line.meter.on_silence()  # its inactivity time-out: the next frame is answered with DM
    with pytest.raises(RemoteError):
        await talk.get(ENERGY)


async def test_what_came_along_is_handed_out_in_any_order_and_only_once() -> None:
    line = Line(Desk(), None)
    talk = conversation(line)
    await talk.associate()
    along = Listing(tuple([(name, None) for name in (ENERGY, TEXT, SECOND, NOWHERE)]))
    (energy,) = await talk.get_along((ENERGY,), along)
    asked = line.answers
    assert [got.attribute for got in await talk.get_all((NOWHERE, TEXT))] == [NOWHERE, TEXT]
    assert [got.attribute for got in await talk.get_all((SECOND,))] == [SECOND]
    assert line.answers == asked
    assert await talk.get_all((ENERGY,)) == [energy]
    assert [got.attribute for got in await talk.get_all((SECOND, TEXT))] == [SECOND, TEXT]
    assert line.answers > asked
    await talk.release()
