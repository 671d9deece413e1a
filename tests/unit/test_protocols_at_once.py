"""How much may come at once, and how much a few bytes may mean: bounds that no honest peer comes near."""

from collections.abc import Callable
from datetime import UTC

import numpy as np
import pytest

from protocols.dlms import apdu, axdr
from protocols.dlms.apdu import Attribute, GetResponseNormal, InvokeId
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.hdlc.stream import MAX_AT_ONCE as MAX_FRAMES
from protocols.dlms.hdlc.stream import Deframer
from protocols.dlms.profile import decode_rows
from protocols.dlms.selection import CLOCK_COLUMN, CaptureObject
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import DecodeError, LocalError, RemoteError
from protocols.iec62056_21.framer import MAX_AT_ONCE as MAX_MESSAGES
from protocols.iec62056_21.framer import Framer
from protocols.iec62056_21.messages import Acknowledged
from protocols.meter_models import load
from protocols.modbus.framing import Carrier, framing
from protocols.modbus.requests import ReadRegisters, Words
from protocols.modbus.rtu import sealed
from protocols.modbus.server import MAX_AT_ONCE as MAX_REQUESTS
from protocols.modbus.server import RtuServer
from protocols.modem.at import MAX_SAID, AtDialogue, CallFailed, HungUp
from protocols.obis import obis
from protocols.reader import Reader


def array(element: str, count: int) -> bytes:
    return b"\x01\x82" + count.to_bytes(2, "big") + bytes.fromhex(element) * count


def compact(shape: str, contents: bytes) -> bytes:
    return b"\x13" + bytes.fromhex(shape) + b"\x82" + len(contents).to_bytes(2, "big") + contents


@pytest.mark.parametrize("read", [axdr.decode, lambda raw: axdr.skip(Reader(raw))])
@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (array("02010201020100", 8_000), "more arrays and structures"),
        (bytes.fromhex("0101" * axdr.MAX_DEPTH + "131100"), "nested deeper"),
        (bytes.fromhex("13" + "0201" * (axdr.MAX_DEPTH + 1) + "1100"), "nested deeper"),
        (array("131100", 1100), "does not describe an element"),
        (bytes.fromhex("0982ff"), "announced"),
        (bytes.fromhex("0108"), "announced"),
        (b"\x08", "not a tag"),
        (bytes.fromhex("0905ff"), "announced|cut off"),
        (bytes.fromhex("040905"), "announced|cut off"),
        (b"\x13", "missing"),
    ],
)
def test_what_a_value_may_be_made_of(read: Callable[[bytes], object], raw: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why) as wrong:
        read(raw)
    assert wrong.value.raw == raw


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (compact("0202 0175300011", b"\x01"), "more elements"),
        (compact("0202 0101ff0011", bytes(70)), "more elements"),
        (compact("0201 11", bytes(6000)), "more elements"),
        (compact("12", bytes(5)), "cut off"),
        (compact("0201 12", bytes(5)), "announced"),
        (compact("0202 1111", bytes(5)), "cut off"),
        (compact("09", b"\x05a"), "announced"),
        (compact("0c", b"\x01\xff"), "not UTF-8"),
        (compact("04", b"\x08"), "cut off"),
    ],
)
def test_what_a_compact_array_may_mean(raw: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        axdr.decode(raw)


@pytest.mark.parametrize("cells", [1, 2, 4])
def test_rows_that_are_null_but_for_the_first_are_taken_whatever_their_number(cells: int) -> None:
    """A null is what stood in the row before: a row of nulls has two bytes and one for each column."""
    stamp = bytes.fromhex("090c 07ea010105000000ff8000 00")
    first = bytes((2, cells)) + stamp + bytes.fromhex("0600000001") * (cells - 1)
    rows = 20_000
    raw = b"\x01\x82" + rows.to_bytes(2, "big") + first + (bytes((2, cells)) + bytes(cells)) * (rows - 1)
    captures = [CLOCK_COLUMN, *(CaptureObject(3, obis(f"1.0.{at}.8.0")) for at in range(1, cells))]
    found = decode_rows(raw, captures, UTC, 1800)
    assert len(found.stamps) == rows
    assert np.unique(np.diff(found.stamps)).tolist() == [1800]
    assert all((column.values == 1).all() for column in found.columns)


def test_a_compact_array_of_ordinary_rows_is_taken_whatever_its_length() -> None:
    rows = compact("0204 12 12 12 11", bytes(7 * 9000))
    value = axdr.decode(rows).value
    assert len(value.items) == 9000


def test_the_bounds_hold_for_a_whole_list() -> None:
    """Each of these is within them; a list of a thousand would have meant thirty million values."""
    one = bytes.fromhex("13 0202 011f400011 01 05")
    item = Attribute(1, obis("0.0.96.1.0"), 2).to_bytes() + b"\x00"
    assert len(axdr.decode(one).value.items) == 1
    raw = b"\xc1\x04\xc1" + b"\x82\x03\xe8" + item * 1000 + b"\x82\x03\xe8" + one * 1000
    with pytest.raises(DecodeError, match="more elements"):
        apdu.decode(raw)


def test_a_value_is_decoded_where_it_is_wanted() -> None:
    answer = GetResponseNormal(InvokeId(1), b"\x11\x07")
    assert answer.value() == axdr.unsigned(7)
    with pytest.raises(LocalError, match="there is no value"):
        GetResponseNormal(InvokeId(1), DataAccessResult.OTHER_REASON).value()


def test_so_many_frames_at_once_are_none() -> None:
    frame = HdlcFrame(HdlcAddress(16), HdlcAddress(1, 17), control(Kind.RR)).to_bytes()
    deframer = Deframer()
    for _ in range(2):
        assert len(deframer.feed(frame * MAX_FRAMES)) == MAX_FRAMES
        deframer.spoken()  # who is answered may go on
    assert len(deframer.feed(frame * (MAX_FRAMES + 1))) == MAX_FRAMES
    with pytest.raises(RemoteError, match="frames came at once") as wrong:
        deframer.feed(b"")
    assert wrong.value.raw
    assert len(deframer.feed(frame)) == 1


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_the_bounds_of_a_line_are_the_same_however_it_is_cut(size: int) -> None:
    frame = HdlcFrame(HdlcAddress(16), HdlcAddress(1, 17), control(Kind.RR)).to_bytes()
    for raw, frames, why in (
        (frame * (MAX_FRAMES + 1), MAX_FRAMES, "frames came at once"),
        (frame + bytes(16_400) + frame * 2, 1, "without a frame"),
        (frame + bytes(16_384 - 1) + frame * 2, 3, ""),
    ):
        deframer, heard, wrong = Deframer(), 0, ""
        try:
            for at in range(0, len(raw), size):
                heard += len(deframer.feed(raw[at : at + size]))
            deframer.feed(b"")
        except RemoteError as error:
            wrong = error.reason
        assert (heard, why in wrong, bool(why)) == (frames, True, bool(wrong))


def test_whole_frames_before_an_impossible_one_come_first() -> None:
    whole = Frame(1, 16, b"x")
    for wrong in (b"\x00\x02", bytes.fromhex("00010001 0010 0000")):
        unwrapper = Unwrapper()
        assert unwrapper.feed(whole.to_bytes() + wrong) == [whole]
        with pytest.raises(RemoteError):
            unwrapper.feed(b"")


def test_so_many_messages_at_once_are_forgotten() -> None:
    framer = Framer()
    framer.feed(Acknowledged().to_bytes() * (MAX_MESSAGES + 2))
    for _ in range(MAX_MESSAGES):
        assert framer.next() == Acknowledged()
    with pytest.raises(DecodeError, match="messages came at once"):
        framer.next()
    assert framer.next() is None
    framer.feed(Acknowledged().to_bytes())
    assert framer.next() == Acknowledged()


class Meter:
    def serve(self, request: object) -> Words:
        return Words(3, (7,))


def test_so_many_requests_at_once_are_not_all_answered() -> None:
    request = sealed(b"\x01" + ReadRegisters(3, 0, 1).to_bytes())
    bus = RtuServer({1: Meter()})
    one = bus.feed(request)
    assert bus.feed(request * (MAX_REQUESTS + 50)) == one * MAX_REQUESTS
    assert bus.feed(request) == one


def test_more_than_one_answer_is_none() -> None:
    for carrier in Carrier:
        line = framing(carrier, 1)
        line.ask(ReadRegisters(3, 0, 1))
        head = b"\x01" if carrier is Carrier.RTU else bytes.fromhex("0001 0000 0005 01")
        pdu = bytes.fromhex("03 02 0007")
        answer = sealed(head + pdu) if carrier is Carrier.RTU else head + pdu
        assert line.feed(answer + b"\x00") == pdu
        assert line.stray == b"\x00"
        with pytest.raises(RemoteError, match="nobody asked for"):
            line.feed(answer)


def test_a_logger_has_no_more_records_than_its_window() -> None:
    log = load("dk-mb-log").modbus.logger
    assert log is not None
    with pytest.raises(DecodeError, match="no whole records"):
        log.decode([0] * log.record_words * (log.window_records + 1), None)  # type: ignore[arg-type]


def test_a_modem_that_talks_without_end() -> None:
    modem = AtDialogue()
    modem.dial("0987654321")
    with pytest.raises(CallFailed, match="talks without end"):
        modem.receive(b"RING\r\n" * MAX_SAID)
    modem = AtDialogue()
    modem.dial("0987654321")
    for word in (b"OK\r\n", b"OK\r\n", b"CONNECT\r\n"):
        modem.receive(word)
    modem.hang_up()
    modem.expired()
    modem.expired()
    modem.expired()
    # The meter still talks; what the modem says to ATH comes at the end.
    assert modem.receive(b"data\r\n" * MAX_SAID + b"OK\r\n") == [HungUp()]
