"""Modbus: answers to every question over both framings, requests to a bus of units, registers."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from protocols.errors import LocalError, RemoteError
from protocols.meter_models import load
from protocols.modbus.codes import ExceptionCode, ModbusRefused
from protocols.modbus.framing import Framing
from protocols.modbus.identity import Echo, Identification, ReadIdentification, ReportServer, ServerReport
from protocols.modbus.mbap import MbapFraming
from protocols.modbus.pdu import Answer, answer_octets, read_answer
from protocols.modbus.proof import LineProof
from protocols.modbus.registers import Register, RegisterType, WordOrder, pick, read_plan
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
from protocols.modbus.rtu import RtuFraming, crc16, sealed
from protocols.modbus.server import AnyRequest, RtuServer, read_request, request_octets, respond
from tests.fuzz.decoders import BERLIN
from tests.fuzz.entry import Broken, Chunks, Entry, decoder

UNIT: Final = 7
EXCHANGES: Final[tuple[tuple[AnyRequest, Answer], ...]] = (
    (ReadBits(1, 20, 19), Bits(1, (True, False) * 9 + (True,))),
    (ReadBits(2, 0, 8), Bits(2, (True,) * 8)),
    (ReadRegisters(3, 100, 3), Words(3, (1, 2, 0xFFFF))),
    (ReadRegisters(4, 0, 125), Words(4, tuple(range(125)))),
    (WriteBit(5, True), WriteBit(5, True)),
    (WriteRegister(6, 7), WriteRegister(6, 7)),
    (WriteBits(1, (True, False, True)), Written(15, 1, 3)),
    (WriteRegisters(1, (9, 8, 7)), Written(16, 1, 3)),
    (Echo(0x1234), Echo(0x1234)),
    (ReportServer(), ServerReport(b"\x0b\xffmeter")),
    (ReadIdentification(1), Identification(1, 1, ((0, b"maker"), (1, b"product"), (2, b"1.0")), True, 3)),
)


class Meter:
    """Answers every question as it should."""

    def serve(self, request: AnyRequest) -> Answer:
        for asked, answer in EXCHANGES:
            if type(asked) is type(request) and asked.function == request.function:
                return answer
        raise ModbusRefused(ExceptionCode.ILLEGAL_FUNCTION)


def _framed(framing: Framing, pdu: bytes) -> bytes:
    if isinstance(framing, RtuFraming):
        return sealed(bytes((UNIT,)) + pdu)
    return struct.pack(">HHHB", 1, 0, len(pdu) + 1, UNIT) + pdu


def _hear(made: tuple[Framing, Any], chunks: Chunks) -> None:
    """What cannot be the answer ends it: nothing may be asked any more."""
    framing, request = made
    for chunk in chunks:
        try:
            pdu = framing.feed(chunk)
        except RemoteError:
            _over(framing)
            raise
        if pdu is not None:
            read_answer(request, pdu)
            return


def _over(framing: Framing) -> None:
    try:
        framing.ask(ReportServer())
    except LocalError:
        return
    raise Broken("a line with a foreign answer on it asks again")


def _clients() -> Iterator[Entry]:
    for make in (RtuFraming, MbapFraming):
        for request, answer in EXCHANGES:

            def ready(make: Any = make, request: Any = request) -> tuple[Framing, Any]:
                framing = make(UNIT)
                framing.ask(request)
                return framing, request

            framed = [
                _framed(make(UNIT), pdu) for pdu in (answer.to_bytes(), bytes((request.function | 0x80, 2)))
            ]
            seeds = tuple([(raw,) for raw in framed])
            name = f"{make.__name__} {type(request).__name__} {request.function}"
            yield Entry(name, _hear, seeds, ready, wire=True, bombs="modbus")


def _answers() -> Iterator[Entry]:
    for request, answer in EXCHANGES:
        pdus = [answer.to_bytes(), bytes((request.function | 0x80, 2))]
        name = f"read_answer {type(request).__name__} {request.function}"
        yield decoder(name, _read(request), pdus, bombs="modbus")


def _read(request: Any) -> Any:
    def read(raw: bytes) -> object:
        if raw:
            answer_octets(request, raw)
        return read_answer(request, raw)

    return read


def _heard(made: RtuServer, chunks: Chunks) -> None:
    for chunk in chunks:
        made.feed(chunk)


def _proving(made: LineProof, chunks: Chunks) -> None:
    """Whatever is heard, it ends: some questions, and no more."""
    made.question()
    for chunk in chunks:
        left, begun = made.passed(chunk)
        if not chunk.endswith(left + begun):
            raise Broken("what was passed on did not come")
        if made.feed(chunk)[0]:
            return


def _answered(raw: bytes) -> None:
    if raw:
        answer = respond(Meter(), raw)
        request_octets(raw)
        if answer[0] & 0x7F != raw[0] & 0x7F:
            raise Broken("a unit answers another function than it was asked")


def _asked(raw: bytes) -> None:
    # Bits that fill up the last byte mean nothing.
    if raw and read_request((asked := read_request(raw)).to_bytes()) != asked:
        raise Broken("a request is read as another one")


def _servers() -> Iterator[Entry]:
    requests = [request.to_bytes() for request, _ in EXCHANGES]
    frames = tuple([sealed(bytes((unit,)) + request) for unit in (UNIT, 0, 9) for request in requests])
    yield Entry(
        "RtuServer", _heard, (frames, *[(frame,) for frame in frames]),
        lambda: RtuServer({UNIT: Meter(), 9: Meter()}), refusals=(), wire=True, bombs="modbus",
    )  # fmt: skip
    yield Entry(
        "LineProof", _proving, ((sealed(bytes((UNIT, 0x88, 1))),) * 6, *[(frame,) for frame in frames]),
        partial(LineProof, UNIT, ReadRegisters(3, 100, 3)), refusals=(), bombs="modbus",
    )  # fmt: skip
    yield decoder("respond", _answered, requests, refusals=(), bombs="modbus")
    yield decoder("read_request", _asked, requests, bombs="modbus")
    yield decoder("crc16", lambda raw: crc16(raw[:256]), requests, bombs="modbus")


def _words(raw: bytes) -> list[int]:
    return [number for (number,) in struct.iter_unpack(">H", raw[: len(raw) // 2 * 2])]


def _decoded(register: Register, raw: bytes) -> int:
    return register.decode(_words(raw), -1)


def _numbers() -> Iterator[Entry]:
    for kind in RegisterType:
        register = Register(5, kind, order=WordOrder.LITTLE, highest_is_none=not kind.digits)
        seed = struct.pack(f">{kind.words}H", *register.encode(1234, -1))
        yield decoder(
            f"Register.decode {kind}",
            partial(_decoded, register),
            [seed],
            bombs="modbus",
            evidence=False,
        )
    registers = [Register(5, RegisterType.U32), Register(7, RegisterType.I64)]
    (block,) = read_plan(registers)
    yield decoder(
        "pick",
        lambda raw: [pick(one, {block: _words(raw)}) for one in registers],
        [bytes(12)],
        bombs="modbus",
        evidence=False,
    )
    logger = load("dk-mb-log").modbus.logger
    assert logger is not None
    record = bytes(2 * logger.record_words)
    yield decoder(
        "Logger.decode", lambda raw: logger.decode(_words(raw), BERLIN),
        [record * 3, b"\0\1" * 3 * logger.record_words], bombs="modbus", evidence=False,
    )  # fmt: skip


def entries() -> Iterator[Entry]:
    """All of them."""
    yield from _clients()
    yield from _answers()
    yield from _servers()
    yield from _numbers()
