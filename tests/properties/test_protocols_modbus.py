"""Modbus under anything: what is written comes back, however cut; what does not fit is never believed."""

import contextlib
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalError, RemoteError
from protocols.modbus.codes import ExceptionCode, ModbusRefused
from protocols.modbus.framing import Framing
from protocols.modbus.identity import Identification, ReadIdentification, ReportServer, ServerReport
from protocols.modbus.mbap import MbapFraming
from protocols.modbus.pdu import Answer, read_answer
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
from protocols.modbus.rtu import RtuFraming, sealed
from protocols.modbus.server import RtuServer, read_request, respond

UNIT = 7
words = st.integers(0, 0xFFFF)
addresses = st.integers(0, 0xFFFF - 2000)


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[Any, Any]:
    """A question and an answer that fits it."""
    address, count = draw(addresses), draw(st.integers(1, 123))
    on = tuple(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    numbers = tuple(draw(st.lists(words, min_size=count, max_size=count)))
    function = draw(st.sampled_from((1, 2, 3, 4, 5, 6, 15, 16, 17, 43)))
    match function:
        case 1 | 2:
            return ReadBits(function, address, count), Bits(function, on)
        case 3 | 4:
            return ReadRegisters(function, address, count), Words(function, numbers)
        case 5:
            return (WriteBit(address, on[0]),) * 2
        case 6:
            return (WriteRegister(address, numbers[0]),) * 2
        case 15:
            return WriteBits(address, on), Written(15, address, count)
        case 16:
            return WriteRegisters(address, numbers), Written(16, address, count)
        case 17:
            return ReportServer(), ServerReport(draw(st.binary(min_size=1, max_size=251)))
    category = draw(st.integers(1, 4))
    objects = draw(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20)), max_size=11))
    told = Identification(category, draw(st.integers(0, 255)), tuple(objects), draw(st.booleans()), 3)
    return ReadIdentification(category, draw(st.integers(0, 255))), told


class Meter:
    def __init__(self, answer: Answer | ExceptionCode) -> None:
        self.answer = answer

    def serve(self, request: object) -> Answer:
        if isinstance(self.answer, ExceptionCode):
            raise ModbusRefused(self.answer)
        return self.answer


def framings() -> tuple[Framing, ...]:
    return RtuFraming(UNIT), MbapFraming(UNIT, 77)


def framed(framing: Framing, pdu: bytes) -> bytes:
    if isinstance(framing, RtuFraming):
        return sealed(bytes((UNIT,)) + pdu)
    return b"\x00\x4d\x00\x00" + (len(pdu) + 1).to_bytes(2, "big") + bytes((UNIT,)) + pdu


@given(exchanges())
def test_messages_come_back(exchange: tuple[Any, Any]) -> None:
    request, answer = exchange
    assert read_request(request.to_bytes()) == request
    assert read_answer(request, answer.to_bytes()) == answer


@given(exchanges(), st.lists(st.integers(0, 256), max_size=4))
def test_any_chunking_gives_the_same_answer(exchange: tuple[Any, Any], cuts: list[int]) -> None:
    request, answer = exchange
    for framing in framings():
        framing.ask(request)
        raw = framed(framing, answer.to_bytes())
        places = sorted({0, len(raw), *(cut % len(raw) for cut in cuts)})
        got = [framing.feed(raw[begin:end]) for begin, end in itertools.pairwise(places)]
        assert got == [None] * (len(got) - 1) + [answer.to_bytes()]


@given(st.lists(exchanges(), min_size=1, max_size=3), st.integers(1, 40))
def test_a_server_hears_the_same_however_it_is_cut(exchanged: list[tuple[Any, Any]], size: int) -> None:
    asked = b"".join(sealed(bytes((UNIT,)) + request.to_bytes()) for request, _ in exchanged)
    meter = Meter(ServerReport(b"\xff"))
    whole, pieces = RtuServer({UNIT: meter}), RtuServer({UNIT: meter})
    said = whole.feed(asked)
    assert said == sealed(bytes((UNIT,)) + b"\x11\x01\xff") * len(exchanged)
    assert said == b"".join(pieces.feed(asked[at : at + size]) for at in range(0, len(asked), size))


@given(exchanges(), st.sampled_from(ExceptionCode))
def test_a_refusal_is_one_wherever_it_is_made(exchange: tuple[Any, Any], code: ExceptionCode) -> None:
    request, _ = exchange
    with pytest.raises(ModbusRefused) as told:
        read_answer(request, respond(Meter(code), request.to_bytes()))
    assert told.value.code is code


@given(exchanges(), st.lists(st.binary(max_size=300), max_size=4))
def test_arbitrary_answers_are_refused_and_end_it(exchange: tuple[Any, Any], chunks: list[bytes]) -> None:
    request, _ = exchange
    for framing in framings():
        framing.ask(request)
        try:
            for chunk in chunks:
                pdu = framing.feed(chunk)
                assert pdu is None or len(pdu) <= 253
        except RemoteError as wrong:
            assert wrong.reason  # noqa: PT017
            with pytest.raises(LocalError):
                framing.ask(request)


@given(exchanges(), st.binary(max_size=260), st.booleans())
def test_arbitrary_messages_are_refused_by_type(
    exchange: tuple[Any, Any], raw: bytes, of_function: bool
) -> None:
    request, _ = exchange
    pdu = bytes((request.function,)) + raw if of_function else raw
    try:
        assert read_answer(request, pdu).to_bytes()[:2] == pdu[:2]
    except RemoteError as wrong:
        assert wrong.reason  # noqa: PT017
    if pdu:
        assert 2 <= len(respond(Meter(ServerReport(b"\xff")), pdu)) <= 3


@given(st.lists(st.binary(max_size=600), max_size=4))
def test_a_server_under_arbitrary_bytes(chunks: list[bytes]) -> None:
    server = RtuServer({UNIT: Meter(ServerReport(b"\xff"))})
    for chunk in chunks:
        server.feed(chunk)
    server.on_silence()
    asked = sealed(bytes((UNIT,)) + ReadRegisters(3, 0, 1).to_bytes())
    assert server.feed(asked) == sealed(bytes((UNIT,)) + b"\x11\x01\xff")


@given(exchanges(), st.integers(0, 1 << 12))
def test_one_bit_changed_is_never_believed(exchange: tuple[Any, Any], place: int) -> None:
    request, answer = exchange
    framing = RtuFraming(UNIT)
    framing.ask(request)
    raw = bytearray(sealed(bytes((UNIT,)) + answer.to_bytes()))
    raw[place // 8 % len(raw)] ^= 1 << place % 8
    with contextlib.suppress(RemoteError):
        # A length made longer is still waited for; the time-out ends that.
        assert framing.feed(bytes(raw)) is None
