"""Modbus over a stream, question by question, whichever framing: a late answer is never handed out.

Whatever goes wrong ends the conversation and the connection, and nothing is asked twice: an answer that did
not come in time is still on its way, and over RTU it could not be told from the answer to the next question.
Where the line is the same for whoever calls next (a serial port, a modem with a bus behind it), the next
caller listens first until it is silent, and then proves with questions whose answers fit nothing else that
all that was asked before has passed, however late it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from collector.errors import AnswerTimeout, LinkDown
from collector.exchange.course import Course
from collector.links.wire import ByteStream
from protocols.errors import RemoteError, ServiceRefused
from protocols.modbus.framing import Framing
from protocols.modbus.pdu import Request, read_answer
from protocols.modbus.proof import LineProof
from protocols.modbus.registers import Block
from protocols.modbus.requests import ReadRegisters, WriteRegisters
from protocols.modbus.rtu import RtuFraming

A = TypeVar("A")
RESTLESS = 5  # times the silence due, after which a line that goes on talking is given up
PROOFS = 16  # time-outs in all that a line which says something may take to prove itself
LINGER = 4  # time-outs after its last byte


class ModbusLine:
    """Raises `AnswerTimeout`, `LinkDown`, `RemoteError`; `ServiceRefused`, a meter's no, ends nothing.

    `answer_s` is the longest time-out of an answer, and the silence that must pass after a conversation that
    broke off on the same line; `settle` says so where the stream cannot know. `pause_s` is kept before every
    question, as a serial line wants it. `course` knows how long answers take here.
    """

    def __init__(
        self,
        stream: ByteStream,
        framing: Framing,
        answer_s: float,
        *,
        settle: bool = False,
        pause_s: float = 0.0,
        course: Course | None = None,
    ) -> None:
        self._course = course or Course(answer_s)
        self._stream, self._framing, self._seconds, self._pause_s = stream, framing, answer_s, pause_s
        self._unsettled = settle or stream.broke_off
        self._proof: LineProof | None = None  # of which late answers may still come

    async def read(self, block: Block, *, bulk: bool = False) -> tuple[list[int], bytes]:
        """The words of one block of registers, and the message they came in; `bulk`: of a logger's window."""
        answer = await self.ask(ReadRegisters(block.function, block.address, block.count), bulk=bulk)
        return list(answer.values), answer.to_bytes()

    async def write(self, address: int, words: Sequence[int]) -> None:
        """Write registers (function 16)."""
        await self.ask(WriteRegisters(address, tuple(words)))

    async def ask(self, request: Request[A], *, bulk: bool = False) -> A:
        """One question and its answer."""
        try:
            await self._settle(request)
            return read_answer(request, await self._converse(request, bulk))
        except ServiceRefused:
            raise
        except (AnswerTimeout, LinkDown, RemoteError) as error:
            self._stream.poison(f"Modbus: {error}")
            raise

    async def _settle(self, request: Request[A]) -> None:
        """Let pass what may still come of a conversation that broke off, and refuse what came since."""
        if self._framing.stray:
            raise RemoteError("more bytes came than one answer has", self._framing.stray)
        if self._pause_s:
            await asyncio.sleep(self._pause_s)
        if self._unsettled and isinstance(self._framing, RtuFraming):
            for _ in range(RESTLESS):
                if not await self._heard_within(self._seconds):
                    break
            else:
                raise RemoteError(f"the line was not silent for {self._seconds:g} s, it talks by itself")
            self._proof = LineProof(self._framing.unit, request)
            await self._prove(self._proof, request)
        self._unsettled = False
        if self._stream.held and self._proof is None:
            raise RemoteError("bytes came that nobody asked for", await self._stream.read())

    async def _prove(self, proof: LineProof, request: Request[A]) -> None:
        """Ask until an answer comes that fits no other question; raises `LinkDown` where none does."""
        loop = asyncio.get_running_loop()
        heard = b""
        lingers = 0.0
        last = loop.time() + PROOFS * self._seconds
        question = proof.question()
        while question:
            self._stream.write(question)
            due = min(loop.time() + self._seconds, last)
            question = b""
            while not question:
                chunk = await self._heard_within(due - loop.time())
                if not chunk:
                    question = proof.question() if loop.time() < last else b""
                    # A line that speaks late may answer the last question late too.
                    if question or not heard or loop.time() >= min(lingers, last):
                        break
                    due = min(lingers, last)
                    continue
                heard += chunk[: 64 - len(heard)]
                lingers = loop.time() + LINGER * self._seconds
                proven, question = proof.feed(chunk)
                if proven:
                    return
        where = "answers to earlier questions may still come on this line"
        if not heard:
            raise AnswerTimeout(
                f"no answer about {request} or anything else from unit {self._unit}, and {where}"
            )
        raise LinkDown("", f"{where}, and its unit {self._unit} proves nothing: wait longer for its answers")

    @property
    def _unit(self) -> int:
        return self._framing.unit if isinstance(self._framing, RtuFraming) else 0

    async def _heard_within(self, seconds: float) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                return await self._stream.read()
        except TimeoutError:
            return b""

    async def _converse(self, request: Request[A], bulk: bool) -> bytes:
        heard = bytearray()
        begun = b""
        self._stream.write(self._framing.ask(request))
        seconds = min(self._course.wait_s(bulk=bulk), self._seconds)
        now = asyncio.get_running_loop().time
        asked_at = now()
        try:
            async with asyncio.timeout(seconds) as patience:
                while True:
                    chunk = await self._stream.read()
                    if not heard:
                        self._course.answered(now() - asked_at, bulk=bulk, repeated=False)
                        patience.reschedule(asked_at + self._seconds)  # it has begun: let it come to its end
                    heard += chunk
                    if self._proof is not None:
                        chunk, begun = self._proof.passed(begun + chunk)
                        if not chunk:
                            continue
                        self._proof = None  # a unit answers in order: those of the proof have passed
                    if (pdu := self._framing.feed(chunk)) is not None:
                        if self._framing.stray:
                            self._stream.poison("Modbus: more bytes came than one answer has")
                        return pdu
        except TimeoutError:
            self._course.silent(bulk=bulk)
            waited = self._seconds if heard else seconds
            raise AnswerTimeout(
                f"no answer about {request} within {round(waited, 2):g} s", bytes(heard)
            ) from None
