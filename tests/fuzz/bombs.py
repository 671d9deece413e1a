"""The most expensive things that can be said in 64 KiB: to whoever listens it must cost next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from protocols.dlms.axdr import encode
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.wrapper import Frame
from protocols.iec62056_21.messages import Data
from protocols.modbus.rtu import sealed
from tests.dlms_line import ENERGY
from tests.fuzz import messages
from tests.fuzz.mutations import LONGEST

_ROOM: Final = LONGEST - 64
"""A message is put into frames besides."""
LARGE: Final = 16 * LONGEST


def _filled(one: bytes, head: bytes = b"", room: int = _ROOM) -> bytes:
    return head + one * ((room - len(head)) // max(1, len(one)))


def _array(one: bytes, room: int = _ROOM) -> bytes:
    count = (room - 5) // len(one)
    return b"\x01\x83" + count.to_bytes(3, "big") + one * count


def _compact(shape: bytes, contents: bytes) -> bytes:
    return b"\x13" + shape + b"\x83" + len(contents).to_bytes(3, "big") + contents


def _tree(depth: int, width: int) -> bytes:
    return b"\x00" if depth == 0 else bytes((2, width)) + _tree(depth - 1, width) * width


@cache
def axdr() -> tuple[bytes, ...]:
    """Values: many, small, nested, described in few bytes and made of none."""
    stamp = bytes.fromhex("07e60101ff000000ff800000")
    each = [
        b"\x00", b"\xff", b"\x11\x05", b"\x12\x05\x05", b"\x15" + b"\x05" * 8, b"\x02\x00", b"\x01\x00",
        b"\x02\x01\x00", b"\x02\x02\x00\x00", b"\x02\x01\x02\x00", b"\x02\x81\x01\x00",
        b"\x02\x84\x00\x00\x00\x01\x00", b"\x09\x01a", b"\x09\x00", b"\x09\x84\x00\x00\x00\x01a",
        b"\x0a\x01a", b"\x0c\x01a", b"\x0c\x02\xc3\xa9", b"\x04\x01\x80", b"\x04\x81\x01\x80", b"\x04\x00",
        b"\x04\x09\xff\x80", b"\x17" + b"\x41" * 4, b"\x18" + b"\x41" * 8, b"\x19" + stamp,
        b"\x1a" + stamp[:5], b"\x1b" + stamp[5:9], b"\x13\x11\x01\x05", b"\x13\x11\x00",
        b"\x13\x02\x01\x11\x00", b"\x13\x02\x02\x01\x75\x30\x00\x11\x01\x05",
        b"\x13" + b"\x02\x01" * 14 + b"\x11\x00", b"\x13\x02\x82\x03\xe8" + b"\x00" * 1000 + b"\x00",
    ]  # fmt: skip
    each += [b"\x02\x01" * depth + b"\x00" for depth in (4, 8, 14, 15)]
    filler = b"\x01" * (_ROOM - 100)
    shapes = [
        b"\x11", b"\x12", b"\x06", b"\x15", b"\x02\x01\x11", b"\x02\x02\x11\x11", b"\x02\x04" + b"\x11" * 4,
        b"\x02\x01\x12", b"\x02\x01" * 14 + b"\x11", b"\x1a", b"\x1b", b"\x09", b"\x0a", b"\x0c", b"\x04",
        b"\x01\x00\x01\x11", b"\x02\x03\x00\x00\x11", b"\x17", b"\x18", b"\x02\x02\x01\x00\x00\x11\x11",
        b"\x02\x02\x02\x00\x11", b"\x03", b"\x02\x02\x01\x7f\xff\x00\x11", b"\x02\x02\x09\x11",
        b"\x02\x02\x01\xff\xff\x01\xff\xff\x01\xff\xff\x00\x11",
    ]  # fmt: skip
    found = [_array(one) for one in each] + [_compact(shape, filler) for shape in shapes]
    found += [
        _compact(b"\x09", bytes(_ROOM - 100)),
        _compact(b"\x1a", stamp[:5] * 13_000),
        _compact(b"\x1b", bytes(65_000)),
    ]
    found += [
        _compact(b"\x02\x82\x03\xe8" + tag * 999 + b"\x11", filler[:60_000])
        for tag in (b"\x00", b"\x11", b"\x09")
    ]
    found += [_tree(13, 2), _tree(9, 3), b"\x02\x01" * 10_000 + b"\x00", b"\x01\x01" * 32_000]
    found += [
        b"\x04\x83" + (8 * 60_000).to_bytes(3, "big") + b"\xa5" * 60_000,
        b"\x09\x83" + (60_000).to_bytes(3, "big") + filler[:60_000],
    ]
    found += [
        b"\x09\x84\xff\xff\xff\xff" + filler[:100],
        b"\x01\x84\x3b\x9a\xca\x00" + bytes(60_000),
        _array(b"\x0c\x01a")[:-1] + b"\xff",
    ]
    return tuple(found)


@cache
def longer(length: int) -> tuple[bytes, ...]:
    """The dearest of these at any length: an answer as long as a long profile is one value."""
    stamp = bytes.fromhex("07e60101ff000000ff800000")
    each = [
        b"\x12\x05\x05", b"\x02\x01\x00", b"\x02\x03\x00\x00\x00", b"\x02\x02\x00\x00", b"\x04\x09\xff\x80",
        b"\x02\x81\x01\x00", b"\x1a" + stamp[:5], b"\x02\x01" * 14 + b"\x00", b"\x13\x02\x01\x11\x00",
    ]  # fmt: skip
    shapes = [b"\x1b", b"\x0c", b"\x02\x01\x12", b"\x02\x01\x11", b"\x02\x02\x09\x11", b"\x01\x10\x00\x1b"]
    row = bytes.fromhex("0202090c") + stamp + b"\x00"
    return (
        *[_array(one, length) for one in each],
        *[_compact(shape, b"\x01" * (length - 100)) for shape in shapes],
        _array(row, length),
        _array(b"\x02\x02\x00\x00", length).replace(b"\x02\x02\x00\x00", row, 1),
    )


@cache
def apdus() -> tuple[bytes, ...]:
    """The same inside the messages that carry values; lists of as many things as fit; blocks."""
    heads = {b""}
    for raw in (message.to_bytes() for message in (*messages.REQUESTS, *messages.ANSWERS)):
        for value in (messages.VALUE, encode(messages.EVERY_KIND)):
            if value in raw:
                heads.add(raw[: raw.index(value)])
    worst = [axdr()[at] for at in (5, 10, 20, 25, 30, 33, 40, 52, -1, -2)]
    found = [head + bomb[: _ROOM - len(head)] for head in sorted(heads) for bomb in worst]
    names = ENERGY.to_bytes()
    item = names + b"\x00"
    for count in (b"\x82\x04\x00", b"\x84\x3b\x9a\xca\x00"):
        found += [
            b"\xc0\x03\xc1" + _filled(item, count),
            b"\xc1\x04\xc1" + _filled(item, count),
            b"\xc3\x03\xc1" + _filled(names, count),
        ]
        found += [
            b"\xc4\x03\xc1" + _filled(b"\x01\x03", count),
            b"\xc4\x03\xc1" + _filled(b"\x00\x00", count),
        ]
        found += [b"\xc5\x05\xc1" + _filled(b"\x00", count), b"\xc7\x03\xc1" + _filled(b"\x00\x00", count)]
    small = b"\x13\x02\x02\x01\x75\x30\x00\x11\x01\x05"
    found.append(b"\xc1\x04\xc1\x82\x03\xe8" + item * 1000 + b"\x82\x03\xe8" + small * 1000)
    found.append(b"\xc1\x04\xc1\x82\x03\xe8" + item * 1000 + b"\x82\x03\xe8" + axdr()[0][:50_000])
    found += [bytes((tag,)) + _filled(b"\xbe\x00", b"\x83\x00\xff\x00") for tag in range(0x60, 0x64)]
    found += [
        b"\x61\x83\x00\xff\x00" + b"".join(bytes((tag, 1, 0)) for tag in range(256) if tag & 31 != 31) * 90
    ]
    found += [
        _filled(b"\x80\x00", b"\x60\x83\x00\xfe\x00"),
        b"\xe0\x80\x00\x01\x00\x00\x83\x00\xfe\x00" + bytes(65_000),
    ]
    found += [bytes((tag,)) + b"\x82\xfe\x00\x30" + bytes(65_000) for tag in (0xCC, 0xC8, 0xD4, 0x21, 0x28)]
    found += [bytes((tag,)) + b"\x08DKE\0\0\0\0\1\x82\xfe\x00\x30" + bytes(65_000) for tag in (0xDB, 0xDC)]
    return tuple([raw[:_ROOM] for raw in found])


@cache
def hdlc() -> tuple[bytes, ...]:
    """False headers, whole frames by the thousand, frames that never end."""
    client, meter = HdlcAddress(16), HdlcAddress(1, 17)
    longer = HdlcAddress(1, 17, octets=4)
    frames = [
        HdlcFrame(meter, client, control(kind, final=final)) for kind in Kind for final in (False, True)
    ]
    frames += [HdlcFrame(client, meter, frame.control) for frame in frames]
    frames += [
        HdlcFrame(*ends, octet, info, more)
        for ends in ((client, meter), (meter, client), (client, longer))
        for octet in (control(Kind.I), control(Kind.I, final=False), control(Kind.UI))
        for info in (b"\xe6\xe7\x00\xc4", b"\xe6\xe6\x00\xc0\x01\xc1", bytes(128), b"\x01")
        for more in (False, True)
    ]
    frames += [
        HdlcFrame(*ends, control(Kind.SNRM), LinkParameters(128 + at, 128).to_bytes())
        for at in (0, 1)
        for ends in ((meter, client), (client, meter))
    ]
    found = [_filled(frame.to_bytes()) for frame in frames]
    found += [_filled(frame.to_bytes()[:-1]) for frame in frames[::7]]
    header = HdlcFrame(client, meter, control(Kind.I), bytes(500)).to_bytes()
    found += [
        _filled(header[:10]),
        _filled(header[:8]),
        _filled(header[:-2] + b"\x7e"),
        _filled(b"\x7e" + header[1:30]),
    ]
    found += [
        _filled(one)
        for one in (
            b"\x7e",
            b"\x7e\xa0",
            b"\x7e\xa7\xff",
            b"\x7e\xa0\x7e",
            b"\x7e\xa0\x07\x03\x21\x93\x0f\x01\x7e",
            b"\xa0",
            b"\x00",
        )
    ]
    found += [
        _filled(b"\x7e\xa0\x0a\x00\x02\x00\x23\x21\x93\x00\x00"),
        _filled(b"\x7e\xa8\x20\x21\x02\x23"),
        _filled(b"\x7e\xaf\xff\x02\x02\x02\x03\x21\x10\x00\x00"),
    ]
    snrm = HdlcFrame(meter, client, control(Kind.SNRM)).to_bytes()
    for octets in (1, 2):
        found.append(
            b"".join([HdlcFrame(meter, HdlcAddress(at), control(Kind.SNRM)).to_bytes() for at in range(128)])
            * (2600 // 128 * octets)
        )
    found.append((snrm + HdlcFrame(meter, client, control(Kind.I), b"\xe6\xe6\x00\xc0").to_bytes()) * 2000)
    return tuple([raw[:LONGEST] for raw in found])


@cache
def wrapper() -> tuple[bytes, ...]:
    """Frames by the thousand, and inside them what is expensive."""
    found = [
        _filled(Frame(*ends, payload).to_bytes())
        for ends in ((1, 16), (16, 1), (1, 1))
        for payload in (b"\x00", b"\x60\x00", messages.VALUE)
    ]
    found += [
        _filled(message.to_bytes())
        for message in (
            Frame(1, 16, messages.ANSWERS[5].to_bytes()),
            Frame(16, 1, messages.REQUESTS[5].to_bytes()),
        )
    ]
    found += [
        Frame(*ends, raw).to_bytes() for raw in (*axdr()[::6], *apdus()[::9]) for ends in ((1, 16), (16, 1))
    ]
    found += [_filled(b"\x00\x01"), _filled(b"\x00"), b"\x00\x01\x00\x01\x00\x10\xff\xff" + bytes(60_000)]
    return tuple([raw[:LONGEST] for raw in found])


@cache
def lines() -> tuple[bytes, ...]:
    """Brackets, blocks and lines by the thousand."""
    each = [
        b"(", b")", b"()", b"a()", b"(1)", b"1.8.0(1*kWh)\r\n", b"\r\n", b" ", b"a", b"!", b"/", b"/?!\r\n",
        b"/a", b"\x01", b"\x02", b"\x03", b"\x02\x03\x03", b"\x02\x04\x04", b"\x06", b"\x15", b"\x01B0\x03q",
        b"\x01P0\x03`", b"\x01R5\x021.8.0()\x03\x00", b"\x060", b"\x06050\r\n", b"\x00", b"\x7f", b"\xff",
        b"P.01()", b"P.01(0261120003000)(00)(30)(1)(1.29.0)(kWh)(1)", b"(1)(2)\r\n", b"(-)", b"(1.5)", b"0",
        b"12.", b"\x01W1\x02(1)\x03\x4c", b"/DKE5TEST\r\n",
    ]  # fmt: skip
    found = [_filled(one) for one in each]
    header = b"P.01(0261120003000)(00)(30)(1)(1.29.0)(kWh)"
    rows = [
        _filled(one, header)
        for one in (b"(1)", b"(1.123456)", b"(-)", b"\r\n(1)", b"(123456789012.123456)", b"()")
    ]
    found += rows + [_filled(one, header + b"(-)") for one in (b"(1)", b"(1.5)", b"(-1.25)")]
    wide = b"P.01(0261120003000)(00)(30)(32)" + b"(1.29.0)(kWh)" * 32
    found += [_filled(b"(1)" * 32, wide), _filled(b"(-)(1.5)" * 16, wide)]
    found += [
        Data(raw[:65_000]).to_bytes()
        for raw in (*rows, _filled(b"1.8.0(1)\r\n"), _filled(b"a()"), _filled(b"(1)"), _filled(b"a"))
    ]
    found += [
        _filled(Data(b"(1)", False).to_bytes()),
        _filled(Data(b"1.8.0(1)").to_bytes()),
        b"\x02" + _filled(b"a(b)"),
        _filled(b"\x02a\x03b"),
    ]
    return tuple([raw[:LONGEST] for raw in found])


@cache
def modbus() -> tuple[bytes, ...]:
    """Requests and answers by the thousand."""
    pdus = [bytes((7,)) + bytes((function,)) + bytes(4) for function in (1, 3, 5, 15, 16, 17, 43, 99)] + [
        b"\x07\x11",
        b"\x00\x03\x00\x00\x00\x01",
    ]
    found = [_filled(sealed(pdu)) for pdu in pdus] + [_filled(pdu) for pdu in pdus]
    found += [
        _filled(one)
        for one in (
            b"\x00",
            b"\xff",
            b"\x07",
            b"\x07\x03",
            b"\x07\x03\x06\x00\x01",
            b"\x00\x01\x00\x00\x00\x05\x07\x03\x02\x00\x01",
        )
    ]
    return tuple([raw[:LONGEST] for raw in found])


@cache
def modem() -> tuple[bytes, ...]:
    """A modem that talks without end."""
    each = [
        b"IMEI:868123456789012\r\n", b"HB:868123456789012\r\n", b"IMEI:", b"I", b"\x55\xaa\x01", b"\x55",
        b"\xaa", b"\x00", b"\x00\x01", b"\x7e", b"\x7e\xa0\x07", b"\r\n",
        bytes.fromhex("55aa01 0868123456789012 0d"), Frame(1, 16, b"\x00").to_bytes(),
        b"\x00\x01\x00\x00\x00\x02\x07", b"\r\nNO CARRIER\r\n", b"\r\nNO CARRIE", b"\r", b"\nN", b"OK\r\n",
        b"RING\r\n", b"CONNECT 9600\r\n", b"A\r",
    ]  # fmt: skip
    return tuple([_filled(one) for one in each])


def of(kind: str) -> tuple[bytes, ...]:
    """The bombs that are meant for an entry of this kind."""
    return _KINDS[kind]()


def _axdr_and_apdus() -> tuple[bytes, ...]:
    return axdr() + apdus()


_KINDS: Final[dict[str, Callable[[], tuple[bytes, ...]]]] = {
    "axdr": _axdr_and_apdus, "hdlc": hdlc, "wrapper": wrapper, "lines": lines, "modbus": modbus,
    "modem": modem, "at": modem,
}  # fmt: skip
