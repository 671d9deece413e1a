"""Published Modbus messages and frames, read and written again byte for byte, in both directions.

[S] Modbus application protocol 1.1b3: the worked examples of chapters 6 and 7;
[L] Modbus over serial line 1.02, appendix B: the example of the check;
[M] Open Modbus/TCP specification 1.0 (Swales, 1999), chapter 4: reading unit 9;
[P] pymodbus (BSD-3-Clause) at 73612751, test/pdu and test/framer;
[T] tmodbus (BSD-3-Clause) at 9df52576, tests/pdu;
[U] ufactory's Modbus TCP document (docs.ufactory.cc/modbustcp_cn), its examples;
[A] ABB A43/A44 user manual 2CMC480001M0201 C, pages 168 and 169;
[E] Eastron SDM630 Modbus manual (as quoted on wiki.marcluerssen.de), reading a voltage;
[K] KBR multicomp F144 manual EDEBDA0279-2320, page 62.
"""

import struct
from typing import Any

import pytest

from protocols.errors import RemoteError
from protocols.modbus.codes import ExceptionCode, ModbusRefused
from protocols.modbus.identity import Echo, Identification, ReadIdentification, ReportServer, ServerReport
from protocols.modbus.mbap import MbapFraming
from protocols.modbus.pdu import read_answer
from protocols.modbus.requests import (
    Bits,
    ReadBits,
    ReadRegisters,
    Words,
    WriteBit,
    WriteBits,
    WriteRegister,
    WriteRegisters,
    Written,
)
from protocols.modbus.rtu import RtuFraming, crc16, intact, sealed
from protocols.modbus.server import RtuServer, read_request, request_octets


def bits(octets: str, count: int) -> tuple[bool, ...]:
    raw = bytes.fromhex(octets)
    return tuple(bool(raw[at // 8] & 1 << at % 8) for at in range(count))


REQUESTS = [
    ("S 6.1", "01 0013 0013", ReadBits(1, 19, 19)),
    ("P", "01 0075 0003", ReadBits(1, 117, 3)),
    ("U", "01 0000 0010", ReadBits(1, 0, 16)),
    ("S 6.2", "02 00C4 0016", ReadBits(2, 196, 22)),
    ("P", "02 0075 0003", ReadBits(2, 117, 3)),
    ("P framer", "02 0102 0008", ReadBits(2, 258, 8)),
    ("S 6.3", "03 006B 0003", ReadRegisters(3, 107, 3)),
    ("P", "03 0075 0003", ReadRegisters(3, 117, 3)),
    ("T", "03 1234 000A", ReadRegisters(3, 0x1234, 10)),
    ("S 6.4", "04 0008 0001", ReadRegisters(4, 8, 1)),
    ("P", "04 0075 0003", ReadRegisters(4, 117, 3)),
    ("T", "04 1234 000A", ReadRegisters(4, 0x1234, 10)),
    ("S 6.5", "05 00AC FF00", WriteBit(172, on=True)),
    ("P", "05 0075 FF00", WriteBit(117, on=True)),
    ("T", "05 3039 0000", WriteBit(12345, on=False)),
    ("S 6.6", "06 0001 0003", WriteRegister(1, 3)),
    ("P", "06 0075 0070", WriteRegister(117, 112)),
    ("U", "06 0020 0006", WriteRegister(32, 6)),
    ("S 6.11", "0F 0013 000A 02 CD01", WriteBits(19, bits("CD01", 10))),
    ("P", "0F 0075 0003 01 05", WriteBits(117, (True, False, True))),
    ("P", "0F 0001 0005 01 1F", WriteBits(1, (True,) * 5)),
    ("U", "0F 0002 0003 01 07", WriteBits(2, (True,) * 3)),
    ("S 6.12", "10 0001 0002 04 000A 0102", WriteRegisters(1, (10, 258))),
    ("P", "10 0075 0003 06 006F 0079 0083", WriteRegisters(117, (111, 121, 131))),
    ("U", "10 0003 0002 04 04D2 0D80", WriteRegisters(3, (1234, 3456))),
    ("S 6.8", "08 0000 A537", Echo(0xA537)),
    ("P", "08 0000 0000", Echo(0)),
    ("S 6.13", "11", ReportServer()),
    ("S 6.21", "2B 0E 01 00", ReadIdentification(1, 0)),
    ("T", "2B 0E 04 05", ReadIdentification(4, 5)),
    ("P", "2B 0E 02 00", ReadIdentification(2, 0)),
]
ANSWERS = [
    ("S 6.1", "01 03 CD6B05", ReadBits(1, 19, 19), Bits(1, bits("CD6B05", 19))),
    ("P", "01 05 CD6BB20E1B", ReadBits(1, 19, 37), Bits(1, bits("CD6BB20E1B", 37))),
    ("U", "01 02 F700", ReadBits(1, 0, 16), Bits(1, bits("F700", 16))),
    ("T", "01 02 FF03", ReadBits(1, 0, 10), Bits(1, (True,) * 10)),
    ("S 6.2", "02 03 ACDB35", ReadBits(2, 196, 22), Bits(2, bits("ACDB35", 22))),
    ("U", "02 02 FF00", ReadBits(2, 0, 16), Bits(2, (True,) * 8 + (False,) * 8)),
    ("S 6.3", "03 06 022B 0000 0064", ReadRegisters(3, 107, 3), Words(3, (555, 0, 100))),
    ("P", "03 04 0003 0011", ReadRegisters(3, 117, 2), Words(3, (3, 17))),
    ("U", "03 04 0005 0006", ReadRegisters(3, 3, 2), Words(3, (5, 6))),
    ("S 6.4", "04 02 000A", ReadRegisters(4, 8, 1), Words(4, (10,))),
    ("P", "04 04 0003 0011", ReadRegisters(4, 117, 2), Words(4, (3, 17))),
    ("T", "04 06 1234 5678 9ABC", ReadRegisters(4, 1, 3), Words(4, (0x1234, 0x5678, 0x9ABC))),
    ("S 6.5", "05 00AC FF00", WriteBit(172, on=True), WriteBit(172, on=True)),
    ("S 6.6", "06 0001 0003", WriteRegister(1, 3), WriteRegister(1, 3)),
    ("S 6.11", "0F 0013 000A", WriteBits(19, bits("CD01", 10)), Written(15, 19, 10)),
    ("U", "0F 0002 0003", WriteBits(2, (True,) * 3), Written(15, 2, 3)),
    ("S 6.12", "10 0001 0002", WriteRegisters(1, (10, 258)), Written(16, 1, 2)),
    ("U", "10 0003 0002", WriteRegisters(3, (1234, 3456)), Written(16, 3, 2)),
    ("S 6.8", "08 0000 A537", Echo(0xA537), Echo(0xA537)),
    ("P", "11 03 050154", ReportServer(), ServerReport(b"\x05\x01\x54")),
    ("T", "11 07 616263 FF 78797A", ReportServer(), ServerReport(b"abc\xffxyz")),
    ("T", "11 04 616263 00", ReportServer(), ServerReport(b"abc\x00")),
    (
        "P",
        "2B 0E 01 01 00 00 01 00 01 77",
        ReadIdentification(),
        Identification(1, 1, ((0, b"w"),)),
    ),
    (
        "P",
        "2B 0E 01 81 00 01 01 00 06 666F6F626172",
        ReadIdentification(),
        Identification(1, 0x81, ((0, b"foobar"),), following=1),
    ),
    (
        "P",
        "2B 0E 01 83 00 00 03 00 07 436F6D70616E79 01 07 50726F64756374 02 07 76322E312E3132",
        ReadIdentification(),
        Identification(1, 0x83, ((0, b"Company"), (1, b"Product"), (2, b"v2.1.12"))),
    ),
    (
        "T",
        "2B 0E 01 02 FF 03 01 00 04 54657374",
        ReadIdentification(),
        Identification(1, 2, ((0, b"Test"),), more=True, following=3),
    ),
]
DECLINED = [
    ("S 7", "81 02", ReadBits(1, 0x04A1, 1), ExceptionCode.ILLEGAL_DATA_ADDRESS),
    ("P framer", "83 02", ReadRegisters(3, 0x7C, 2), ExceptionCode.ILLEGAL_DATA_ADDRESS),
    ("P faulty", "86 02", WriteRegister(1, 1), ExceptionCode.ILLEGAL_DATA_ADDRESS),
    ("P framer", "90 02", WriteRegisters(1, (1,)), ExceptionCode.ILLEGAL_DATA_ADDRESS),
]
# Whole RTU frames: unit, question, answer.
FRAMES = [
    ("P framer", ReadRegisters(3, 0x7C, 2), "11 03 007C 0002 0743", "11 03 04 008D 008E FBBD"),
    ("E", ReadRegisters(4, 0, 2), "01 04 0000 0002 71CB", "01 04 04 4366 3334 1B38"),
    (
        "K",
        ReadRegisters(4, 1, 6),
        "01 04 0001 0006 21C8",
        "01 04 0C 436B5AB4 42DC6720 42480C63 AF7C",
    ),
    (
        "A 168",
        ReadRegisters(3, 0x5000, 36),
        "05 03 5000 0024 5555",
        "05 03 48 00000000000D1290 0000000000031209 00000000000A0086 0000000000041705 0000000000012B18"
        "000000000002EBED 00000000000EA7FE 000000000003DB92 00000000000ACC6C 2F9F",
    ),
    (
        "A",
        ReadRegisters(3, 0x5460, 60),
        "05 03 5460 003C 5471",
        "05 03 78 0000000000031292 00000000000498E1 0000000000056655 000000000000923A 0000000000011C9B"
        "0000000000016333 0000000000028058 0000000000037C45 0000000000040321 0000000000006B11"
        "00000000000069DC 000000000004674E 00000000000062E5 00000000000188A1 00000000000064FA 21B0",
    ),
]
SEALED = [
    ("L", "0207", "4112"),
    ("P", "1234234534564567", "E2DB"),
    ("P", "1101 05 CD6BB20E1B", "45E6"),
    ("P", "1183 02", "C134"),
    ("P", "042B0E01810001010006666F6F626172", "D73B"),
    ("P", "002B0E0200", "4D47"),
]


@pytest.mark.parametrize(("source", "raw", "request_"), REQUESTS)
def test_requests(source: str, raw: str, request_: Any) -> None:
    pdu = bytes.fromhex(raw)
    assert request_.to_bytes() == pdu
    assert read_request(pdu) == request_
    assert request_octets(pdu) == len(pdu)


@pytest.mark.parametrize(("source", "raw", "request_", "answer"), ANSWERS)
def test_answers(source: str, raw: str, request_: Any, answer: Any) -> None:
    pdu = bytes.fromhex(raw)
    assert read_answer(request_, pdu) == answer
    assert answer.to_bytes() == pdu


@pytest.mark.parametrize(("source", "raw", "request_", "code"), DECLINED)
def test_exceptions(source: str, raw: str, request_: Any, code: ExceptionCode) -> None:
    with pytest.raises(ModbusRefused) as told:
        read_answer(request_, bytes.fromhex(raw))
    assert (told.value.code, told.value.raw) == (code, bytes.fromhex(raw))

    class Declining:
        def serve(self, request: object) -> Any:
            raise ModbusRefused(code)

    answered = RtuServer({17: Declining()}).feed(sealed(b"\x11" + request_.to_bytes()))
    assert answered == sealed(b"\x11" + bytes.fromhex(raw))


@pytest.mark.parametrize(("source", "request_", "asked", "answered"), FRAMES)
def test_rtu_frames_in_both_directions(source: str, request_: Any, asked: str, answered: str) -> None:
    frame, answer = bytes.fromhex(asked), bytes.fromhex(answered)
    reader = RtuFraming(frame[0])
    assert reader.ask(request_) == frame
    pdu = reader.feed(answer)
    assert pdu is not None
    words = read_answer(request_, pdu)

    class Meter:
        def serve(self, request: object) -> Any:
            assert request == request_
            return words

    assert RtuServer({frame[0]: Meter()}).feed(frame) == answer


def test_the_numbers_in_the_makers_frames() -> None:
    said = {source: bytes.fromhex(answered)[3:-2] for source, _, _, answered in FRAMES}
    assert struct.unpack(">f", said["E"])[0] == pytest.approx(230.2)
    assert struct.unpack(">3f", said["K"]) == pytest.approx((235.35, 110.20, 50.012), abs=0.005)
    kilowatt_hours = [word / 100 for word in struct.unpack(">15Q", said["A"])]
    assert kilowatt_hours[:6] == [2013.62, 3012.81, 3538.77, 374.34, 728.59, 909.31]


@pytest.mark.parametrize(("source", "raw", "check"), SEALED)
def test_checks(source: str, raw: str, check: str) -> None:
    frame = bytes.fromhex(raw + check)
    if source == "P" and raw.startswith("1234"):  # printed as a number, high byte first, as it is sent
        assert crc16(bytes.fromhex(raw)) == 0xDBE2
    assert sealed(bytes.fromhex(raw)) == frame
    assert intact(frame)
    assert not intact(frame[:-1] + bytes((frame[-1] ^ 1,)))


@pytest.mark.parametrize(
    ("source", "unit", "first", "request_", "asked", "answered"),
    [
        ("M", 9, 0, ReadRegisters(3, 4, 1), "0000 0000 0006 09 03 0004 0001", "0000 0000 0005 09 03 02 0005"),
        ("U", 1, 1, ReadBits(1, 0, 16), "0001 0000 0006 01 01 0000 0010", "0001 0000 0005 01 01 02 F700"),
        ("P", 17, 3077, ReadRegisters(3, 0x7C, 2), "0C05 0000 0006 11 03 007C 0002",
         "0C05 0000 0007 11 03 04 008D 008E"),
        ("U", 1, 1, WriteRegisters(3, (1234, 3456)), "0001 0000 000B 01 10 0003 0002 04 04D2 0D80",
         "0001 0000 0006 01 10 0003 0002"),
    ],
)  # fmt: skip
def test_headers_of_modbus_tcp(
    source: str, unit: int, first: int, request_: Any, asked: str, answered: str
) -> None:
    reader = MbapFraming(unit, first)
    assert reader.ask(request_) == bytes.fromhex(asked)
    assert reader.feed(bytes.fromhex(answered)) == bytes.fromhex(answered)[7:]
    refused = MbapFraming(unit, first)
    refused.ask(request_)
    wrong = bytes.fromhex(answered)
    with pytest.raises(RemoteError):
        refused.feed(wrong[:2] + b"\x00\x01" + wrong[4:])
