"""RTU and MBAP at their edges: what must not be asked, what must not be believed, what a meter declines."""

from typing import Any

import pytest

from protocols.errors import LocalError, RemoteError
from protocols.modbus.codes import ExceptionCode, ModbusRefused
from protocols.modbus.identity import Identification, ReadIdentification, ReportServer, ServerReport
from protocols.modbus.mbap import MbapFraming
from protocols.modbus.pdu import answer_octets, read_answer
from protocols.modbus.requests import ReadBits, ReadRegisters, Words, WriteBits, WriteRegister, WriteRegisters
from protocols.modbus.rtu import RtuFraming, Silence, sealed
from protocols.modbus.server import RtuServer, read_request, respond

ASKED = ReadRegisters(3, 100, 1)
GOOD = sealed(bytes.fromhex("05 03 02 0064"))


def asking(unit: int = 5, request: Any = ASKED) -> RtuFraming:
    framing = RtuFraming(unit)
    framing.ask(request)
    return framing


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (sealed(bytes.fromhex("06 03 02 0064")), "unit 6 answered where unit 5 was asked: correct the unit"),
        (sealed(bytes.fromhex("05 04 02 0064")), "function 4 answered, 3 was asked"),
        (sealed(bytes.fromhex("05 03 04 0064 0065")), "4 bytes of registers came, 2 were due"),
        (sealed(bytes.fromhex("05 03 00")), "0 bytes of registers came"),
        (GOOD[:-1] + b"\x00", "the check of an answer about registers 100 to 100 is wrong"),
        (b"\x05\x83\x02\x00\x00", "the check"),
        (b"\x05" * 300, "function 5 answered"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_bytes_and_ends_it(answer: bytes, why: str) -> None:
    framing = asking()
    with pytest.raises(RemoteError, match=why) as told:
        framing.feed(answer)
    assert told.value.raw == answer[:257]
    with pytest.raises(LocalError):
        framing.ask(ASKED)
    with pytest.raises(RemoteError, match="nobody asked"):
        framing.feed(GOOD)


@pytest.mark.parametrize("behind", [b"\x00", GOOD])
def test_what_comes_behind_an_answer_ends_it_however_it_is_cut(behind: bytes) -> None:
    """The answer is the same whether more comes with it or after it; nothing is asked behind that."""
    for chunks in ([GOOD + behind], [GOOD, behind], [bytes((octet,)) for octet in GOOD + behind]):
        framing = asking()
        answers, wrong = [], ""
        try:
            answers += [pdu for chunk in chunks if (pdu := framing.feed(chunk)) is not None]
            framing.feed(b"")
        except RemoteError as error:
            wrong = error.reason
        assert (wrong, framing.stray) in (
            ("bytes came that nobody asked for", b""), ("bytes came that nobody asked for", behind),
        )  # fmt: skip
        with pytest.raises(LocalError):
            framing.ask(ASKED)


@pytest.mark.parametrize("framing", [RtuFraming(5), MbapFraming(5)])
def test_one_question_at_a_time(framing: Any) -> None:
    framing.ask(ASKED)
    with pytest.raises(LocalError, match="nothing may be asked"):
        framing.ask(ASKED)


@pytest.mark.parametrize("framing", [RtuFraming(5), MbapFraming(5)])
def test_bytes_that_nobody_asked_for(framing: Any) -> None:
    with pytest.raises(RemoteError, match="nobody asked"):
        framing.feed(GOOD)


def test_a_header_of_an_earlier_question_is_not_believed() -> None:
    framing = MbapFraming(5, 0xFFFF)
    assert framing.ask(ASKED)[:2] == b"\xff\xff"
    assert framing.feed(bytes.fromhex("FFFF 0000 0005 05 03 02 0064")) == bytes.fromhex("03 02 0064")
    assert framing.ask(ASKED)[:2] == b"\0\0"
    with pytest.raises(RemoteError, match="transaction 65535"):
        framing.feed(bytes.fromhex("FFFF 0000 0005 05 03 02 0064"))


def test_units_and_speeds_there_are() -> None:
    for unit in (0, 248):
        with pytest.raises(LocalError, match="1 to 247"):
            RtuFraming(unit)
    with pytest.raises(LocalError, match="0 to 255"):
        MbapFraming(256)
    slow, fast = Silence.at(9600), Silence.at(115200)
    assert slow.between_frames_s == pytest.approx(0.00401, abs=1e-5)
    assert slow.within_frame_s == pytest.approx(0.00172, abs=1e-5)
    assert slow.character_s * 9600 == 11
    assert (fast.within_frame_s, fast.between_frames_s) == (0.00075, 0.00175)
    with pytest.raises(LocalError, match="no 0 Bd"):
        Silence.at(0)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: ReadBits(3, 0, 1), "reads no bits"),
        (lambda: ReadBits(1, 0, 2001), "1 to 2000"),
        (lambda: ReadRegisters(1, 0, 1), "reads no registers"),
        (lambda: ReadRegisters(3, 0, 126), "1 to 125"),
        (lambda: ReadRegisters(3, 0xFFFF, 2), "not all there"),
        (lambda: WriteRegister(0, 0x10000), "0 to 65535"),
        (lambda: WriteBits(0, ()), "1 to 1968"),
        (lambda: WriteRegisters(0, (0,) * 124), "1 to 123"),
        (lambda: ReadIdentification(5), "categories 1 to 4"),
        (lambda: ReadIdentification(4, 256), "0 to 255"),
        (lambda: ServerReport(b""), "no server's report"),
        (lambda: Identification(1, 1, ((0, bytes(250)),)), "does not fit"),
    ],
)
def test_what_cannot_be_asked_or_said(make: Any, why: str) -> None:
    with pytest.raises(LocalError, match=why):
        make()


@pytest.mark.parametrize(
    ("request_", "raw", "why"),
    [
        (ASKED, "", "without content"),
        (ASKED, "03", "without content"),
        (ASKED, "03 02", "2 bytes came about registers 100 to 100, 4 were due"),
        (ASKED, "83 02 00", "3 bytes came"),
        (WriteRegister(1, 3), "06 0001 0004", "writing register 1 was not confirmed as asked"),
        (WriteBits(1, (True,)), "0F 0001 0002", "writing 1 bits from 1 on was not confirmed"),
        (WriteRegisters(1, (9,)), "10 0002 0001", "writing 1 registers from 1 on was not confirmed"),
        (ReportServer(), "11 00", "report of 0 bytes"),
        (ReportServer(), "11 FC 00", "report of 252 bytes"),
        (ReadIdentification(), "2B 0D 01 01 00 00 00", "not asked for"),
        (ReadIdentification(), "2B 0E 02 01 00 00 00", "not asked for"),
        (ReadIdentification(), "2B 0E 01 01 01 00 00", "00 or FF"),
        (
            ReadIdentification(),
            "2B 0E 01 01 00 00 01 00",
            "8 bytes came about the device's ident.*9 were due",
        ),
        (ReadIdentification(), "2B 0E 01 01 00 00 02 00 FF" + "00" * 255, "longer than any"),
    ],
)
def test_answers_that_do_not_fit(request_: Any, raw: str, why: str) -> None:
    with pytest.raises(RemoteError, match=why) as told:
        read_answer(request_, bytes.fromhex(raw))
    assert told.value.raw == bytes.fromhex(raw)


def test_an_exception_no_standard_names() -> None:
    with pytest.raises(ModbusRefused, match="refused the server's report: exception 177") as told:
        read_answer(ReportServer(), b"\x91\xb1")
    assert (told.value.code, told.value.errors) == (177, (177,))


def test_the_length_is_known_as_soon_as_it_can_be() -> None:
    who = ReadIdentification()
    raw = bytes.fromhex("2B 0E 01 01 00 00 02 00 01 61 01 02 6263")
    assert [answer_octets(who, raw[:size]) for size in range(1, len(raw) + 1)] == [7] * 6 + [
        9, 9, 12, 12, 12, 14, 14, 14,
    ]  # fmt: skip
    assert answer_octets(ReportServer(), b"\x11") == 2
    assert [answer_octets(ASKED, GOOD[1:end]) for end in (2, 3, 4)] == [4, 4, 4]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("08 0001 0000", 1),
        ("2B 0D 01 00", 1),
        ("03 0000", 3),
        ("03 0000 0000", 3),
        ("03 0000 007E", 3),
        ("03 FFFF 0002", 2),
        ("05 0000 0001", 3),
        ("0F 0000 0009 01 FF", 3),
        ("10 0000 0002 02 0001", 3),
        ("10 0000", 3),
        ("2B 0E 05 00", 3),
        ("83", 1),
    ],
)
def test_what_a_meter_declines(raw: str, code: int) -> None:
    pdu = bytes.fromhex(raw)
    with pytest.raises(ModbusRefused) as told:
        read_request(pdu)
    assert told.value.code == code
    assert respond(Counting(), pdu) == bytes((pdu[0] | 0x80, code))


class Counting:
    def __init__(self) -> None:
        self.asked: list[object] = []

    def serve(self, request: Any) -> Any:
        self.asked.append(request)
        if isinstance(request, WriteRegister):
            return request
        if isinstance(request, ReadRegisters):
            return Words(request.function, (len(self.asked),) * request.count)
        raise ModbusRefused(ExceptionCode.ILLEGAL_FUNCTION)


def test_a_line_of_units() -> None:
    one, two = Counting(), Counting()
    server = RtuServer({1: one, 2: two})
    asked = sealed(b"\x02" + ASKED.to_bytes())
    assert server.feed(asked[:3]) == b""
    assert server.feed(asked[3:]) == sealed(bytes.fromhex("02 03 02 0001"))
    assert one.asked == []
    assert server.feed(sealed(b"\x03" + ASKED.to_bytes())) == b""  # nobody has this number
    assert server.feed(sealed(b"\x00" + WriteRegister(1, 2).to_bytes())) == b""  # to all, answered by none
    assert one.asked == [WriteRegister(1, 2)]
    # A damaged frame takes what came with it along; the next one is heard.
    assert server.feed(asked[:-1] + b"\x00" + asked) == b""
    assert server.feed(asked) != b""


def test_a_function_nobody_knows_is_declined_and_ends_with_what_came() -> None:
    server = RtuServer({1: Counting()})
    assert server.feed(sealed(b"\x01\x07\x00\x00\x12\x34")) == sealed(b"\x01\x87\x01")
    assert server.feed(b"\x01\x07\x00\x00\x12\x34\x00\x00") == b""
    server.on_silence()
    assert server.feed(sealed(b"\x01" + ASKED.to_bytes())) != b""
    assert server.feed(b"\x01\x07" * 300) == b""  # never keeps more than a frame
    assert server.feed(b"\x01\x0f\x00\x00\x00\x01\xff" + bytes(250)) == b""
    server.on_silence()
    assert server.feed(sealed(b"\x01" + ASKED.to_bytes())) != b""
