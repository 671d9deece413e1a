"""What broken and hostile meters say over HDLC, Modbus and in mode C: a typed error with the bytes."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.errors import LocalError, RemoteError
from protocols.iec62056_21.client import ClientSettings, ModeCClient
from protocols.iec62056_21.messages import Command, Data
from protocols.modbus.mbap import MbapFraming
from protocols.modbus.requests import ReadRegisters, Words
from protocols.modbus.rtu import RtuFraming, sealed

CPU_S = 0.05


@dataclass(frozen=True)
class Bad:
    """What comes, chunk by chunk, and how the error speaks of it."""

    chunks: tuple[bytes, ...]
    why: str


METER = HdlcAddress(1, 17)


def said(kind: Kind, info: bytes = b"", *, more: bool = False, send: int = 0, receive: int = 1) -> bytes:
    octet = control(kind, final=not more, send=send, receive=receive)
    return HdlcFrame(HdlcAddress(16), METER, octet, info, more).to_bytes()


def segment(number: int) -> bytes:
    """One of a message that never ends; each gives us the turn."""
    octet = control(Kind.I, final=True, send=number % 8, receive=1)
    return HdlcFrame(HdlcAddress(16), METER, octet, b"\xe6\xe7\x00" + bytes(120), True).to_bytes()


HDLC: dict[str, Bad] = {
    "endless: noise": Bad((bytes(20_000),), "without a frame"),
    "endless: a frame that never ends": Bad((b"\x7e\xa7\xff\x21\x02\x23" * 8000,), "without a frame"),
    "endless: segments": Bad(
        tuple([segment(at) for at in range(20_000)]),
        "a message of more than",
    ),
    "at once: thousands of frames": Bad((said(Kind.RR) * 1024, said(Kind.RR)), "frames came at once"),
    "wrongly tagged: no LLC header": Bad((said(Kind.I, b"\x01\x02\x03\x04"),), "without the LLC header"),
    "wrongly tagged: nothing in it": Bad((said(Kind.I, b"\xe6\xe7\x00"),), "nothing behind"),
    "acknowledges what was never sent": Bad((said(Kind.RR, receive=5),), "never sent"),
    "closed by the meter": Bad((said(Kind.DM),), "closed the HDLC link"),
}


@pytest.mark.parametrize("name", HDLC)
def test_a_meter_that_frames_badly(name: str) -> None:
    link = HdlcFraming(16, METER)
    link.connect()
    assert link.feed(said(Kind.UA)) == []
    link.wrap(b"\xc0\x01\xc1")
    bad = HDLC[name]
    begin = time.process_time()
    with pytest.raises(RemoteError, match=bad.why) as wrong:
        for chunk in bad.chunks:
            assert link.feed(chunk) == []
            link.replies()
    assert wrong.value.raw
    assert time.process_time() - begin < CPU_S * len(bad.chunks)
    assert not link.connected
    with pytest.raises(LocalError, match="broken"):
        link.wrap(b"x")
    with pytest.raises(RemoteError):
        link.feed(said(Kind.RR))


ANSWER = Words(3, (1, 2, 3)).to_bytes()
RTU: dict[str, bytes] = {
    "truncated and over": sealed(b"\x07" + ANSWER)[:-1] + b"\x00",
    "corrupted": sealed(b"\x07" + ANSWER)[:-1] + b"\xff",
    "of another unit": sealed(b"\x08" + ANSWER),
    "of another function": sealed(b"\x07\x04" + ANSWER[1:]),
    "of another length": sealed(b"\x07" + Words(3, (1, 2)).to_bytes()),
    "endless": b"\x07\x03\x06" + bytes(60_000),
}


@pytest.mark.parametrize("name", RTU)
def test_a_modbus_meter_that_answers_badly(name: str) -> None:
    line = RtuFraming(7)
    line.ask(ReadRegisters(3, 100, 3))
    with pytest.raises(RemoteError) as wrong:
        line.feed(RTU[name])
    assert wrong.value.raw
    with pytest.raises(LocalError):
        line.ask(ReadRegisters(3, 100, 3))


MBAP: dict[str, str] = {
    "a late answer to an earlier question": "0002 0000 0009 07 03 06 0001 0002 0003",
    "another protocol": "0005 0001 0009 07 03 06 0001 0002 0003",
    "another unit": "0005 0000 0009 08 03 06 0001 0002 0003",
    "a length of 65,535": "0005 0000 ffff 07 03 06 0001 0002 0003",
    "a length of nothing": "0005 0000 0000 07",
}


@pytest.mark.parametrize("name", MBAP)
def test_a_modbus_meter_over_tcp_that_answers_badly(name: str) -> None:
    line = MbapFraming(7, 5)
    line.ask(ReadRegisters(3, 100, 3))
    with pytest.raises(RemoteError) as wrong:
        line.feed(bytes.fromhex(MBAP[name]))
    assert wrong.value.raw
    with pytest.raises(LocalError):
        line.ask(ReadRegisters(3, 100, 3))


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (RtuFraming(7), sealed(b"\x07" + ANSWER)),
        (MbapFraming(7, 5), bytes.fromhex("0005 0000 0009 07 03 06 0001 0002 0003")),
    ],
    ids=["RTU", "MBAP"],
)
def test_what_comes_behind_an_answer_ends_the_line(line: RtuFraming | MbapFraming, answer: bytes) -> None:
    line.ask(ReadRegisters(3, 100, 3))
    assert line.feed(answer + b"\x00") == ANSWER
    assert line.stray == b"\x00"
    with pytest.raises(LocalError):
        line.ask(ReadRegisters(3, 100, 3))


def reading() -> ModeCClient:
    client = ModeCClient(ClientSettings(max_answer_bytes=100_000))
    client.sign_on()
    client.receive(b"/DKE5TEST\r\n")
    client.program()
    client.receive(Command("P0", "()").to_bytes())
    client.read("1.8.0")
    return client


MANY = Data(b"1.8.0(1)" * 900, last=False).to_bytes()
MODE_C: dict[str, Bad] = {
    "corrupted, again and again": Bad((Data(b"1.8.0(1)").to_bytes()[:-1] + b"\x00",) * 4, "came damaged"),
    "oversized: a block without end": Bad((b"\x02" + b"1" * 200_000,), "more than"),
    "endless: blocks that announce others": Bad((MANY,) * 20, "more than"),
    "endless: an empty block before another": Bad((Data(b"", last=False).to_bytes(),), "nothing in it"),
    "endless: nothing but fill": Bad((b"\x00\r\n\x7f" * 5000,) * 5, "without a message"),
    "at once: hundreds of messages": Bad((Data(b"1(1)", last=False).to_bytes() * 300,), "at once"),
    "wrongly tagged": Bad((b"/DKE5TEST\r\n",), "not expected"),
    "noise": Bad((b"\xff\xfe\xfd" * 40,), "no message begins"),
    "about something else": Bad((Data(b"2.8.0(1)").to_bytes(),), "about 2.8.0"),
    "hangs up": Bad((Command("B0").to_bytes(),), "ended the conversation"),
}  # fmt: skip


@pytest.mark.parametrize("name", MODE_C)
def test_a_mode_c_meter_that_answers_badly(name: str) -> None:
    bad = MODE_C[name]
    client = reading()
    begin = time.process_time()
    with pytest.raises(RemoteError, match=bad.why) as wrong:
        for chunk in bad.chunks:
            for event in client.receive(chunk):
                assert type(event).__name__ == "Send"  # it asks for a repetition or the next block
    assert time.process_time() - begin < CPU_S * len(bad.chunks)
    assert wrong.value.raw
    with pytest.raises(LocalError, match="broken"):
        client.receive(Data(b"1.8.0(1)").to_bytes())
