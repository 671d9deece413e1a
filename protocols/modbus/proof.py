"""Whether an RTU line may be trusted again after an answer that did not come.

The answer may still be on its way, for longer than anybody waits, and nothing in it would say to which
question it is. But a unit answers its questions in the order in which they come, so whoever has the answer
to a question that fits no other has let everything pass that was asked before. Such questions are:

1. The echo (function 8, sub-function 0) of a number that this program sends once in 65,536 times: the very
   bytes come back. This proves at once.
2. Where a unit declines the echo, the same again, or the device's identification (43/14), or the server's
   report (17), `ROUNDS` times, each when the one before is answered. Nothing else is ever asked with these
   functions; an earlier proof that was given up leaves one answer of a kind behind, and so many never.
3. Where a unit keeps silent about all of that, the registers to be asked for, one or two of them in the
   order of `STEPS`. Answers of one and of two differ (a unit that gives single registers alone declines two),
   and the order is such that an answer to an earlier question, or four of them, fall out of step before its
   end. One register must always be had, for exceptions alone prove nothing.
"""

import itertools
import secrets
from collections import deque
from typing import Final

from protocols.errors import RemoteError
from protocols.modbus.codes import EXCEPTION
from protocols.modbus.identity import Echo, ReadIdentification, ReportServer
from protocols.modbus.pdu import Request, answer_octets
from protocols.modbus.requests import ReadRegisters
from protocols.modbus.rtu import MAX_FRAME, intact, sealed

_numbers: Final = itertools.count(secrets.randbelow(0x10000))
_HEADS: Final = {1: 3, 2: 3, 3: 3, 4: 3, 17: 3}
"""Functions whose answer says in its third byte how many follow."""
_FIXED: Final = {5: 8, 6: 8, 8: 8, 15: 8, 16: 8}
ROUNDS: Final = 6
STEPS: Final = (1, 2, 1, 1, 2, 2, 1)


class LineProof:
    """One proof, before `request` is asked of `unit`.

    Ask `question()` after question, a time-out apart, until `feed` says that the line is proven or there is
    no further question. Answers of these questions that come later still are taken out by `passed`.
    """

    def __init__(self, unit: int, request: Request[object]) -> None:
        self._unit, self._request = unit, request
        kinds = (Echo, ReadIdentification, ReportServer)
        self._kinds = deque([kind for kind in kinds if _mark(kind).function != request.function])
        self._functions = frozenset([_mark(kind).function for kind in self._kinds])
        self._echoes: set[bytes] = set()
        self._asked: Request[object] | None = None
        self._rounds = 0  # answered of this kind
        self._stepping = False
        self._held = bytearray()

    def question(self) -> bytes:
        """The next frame to send, when the one before was not answered in time; nothing when none is left."""
        self._held.clear()  # what was begun and broke off is no frame any more
        self._rounds = 0
        if self._kinds:
            return self._ask(_mark(self._kinds.popleft()))
        if self._stepping or not isinstance(self._request, ReadRegisters):
            return b""
        self._stepping = True
        return self._ask(self._step())

    def feed(self, chunk: bytes) -> tuple[bool, bytes]:
        """Whether this proves the line, and what is to be sent at once because of it."""
        self._held += chunk
        while (frame := _cut(self._held)) is not None:
            if frame[0] != self._unit or self._asked is None:
                continue
            # Once a step has been asked, its own answer must have passed too.
            if not self._stepping and frame[1:-2] in self._echoes:
                return True, b""
            if not self._answered(frame[1:-2]):
                continue
            self._rounds += 1
            if self._rounds == (len(STEPS) if self._stepping else ROUNDS):
                return True, b""
            return False, self._ask(self._step() if self._stepping else _mark(type(self._asked)))
        return False, b""

    def passed(self, raw: bytes) -> tuple[bytes, bytes]:
        """Bytes before an answer: those left without late answers of ours, and a beginning of such a one."""
        held = bytearray(raw)
        while held:
            if not self._late(held):
                return bytes(held), b""
            before = bytes(held)
            if _cut(held) is None:
                return (b"", before) if len(before) < MAX_FRAME else (before, b"")
        return b"", b""

    def _late(self, held: bytearray) -> bool:
        return held[0] == self._unit and (len(held) < 2 or held[1] & 0x7F in self._functions)

    def _answered(self, pdu: bytes) -> bool:
        """Whether this fits the question; a single register that is declined does not."""
        asked = self._asked
        assert asked is not None
        if pdu[0] == asked.function | EXCEPTION:
            return not self._stepping or STEPS[self._rounds] != 1
        if isinstance(asked, Echo):
            return False
        try:
            return answer_octets(asked, pdu) == len(pdu)
        except RemoteError:
            return False

    def _step(self) -> Request[object]:
        assert isinstance(self._request, ReadRegisters)
        address = min(self._request.address, 0x10000 - max(STEPS))
        return ReadRegisters(self._request.function, address, STEPS[self._rounds])

    def _ask(self, request: Request[object]) -> bytes:
        self._asked = request
        if isinstance(request, Echo):
            self._echoes.add(request.to_bytes())
        return sealed(bytes((self._unit,)) + request.to_bytes())


def _mark(kind: type[object]) -> Request[object]:
    if kind is Echo:
        return Echo(next(_numbers) % 0x10000)
    return ReadIdentification() if kind is ReadIdentification else ReportServer()


def _cut(held: bytearray) -> bytes | None:
    """The whole frame at the beginning, taken off; what cannot begin one is dropped with all behind it."""
    if len(held) < 5:
        return None
    due = _octets(held)
    if due is None or (len(held) >= due and not intact(bytes(held[:due]))):
        held.clear()
        return None
    if len(held) < due:
        return None
    frame = bytes(held[:due])
    del held[:due]
    return frame


def _octets(held: bytearray) -> int | None:
    """The length of the answer that begins here, None where its function is unknown."""
    function = held[1]
    if function & 0x80:
        return 5
    if function in _HEADS:
        return _HEADS[function] + held[2] + 2
    if function == ReadIdentification().function:
        try:
            return 1 + ReadIdentification().octets(bytes(held[1:])) + 2
        except RemoteError:
            return None
    return _FIXED.get(function)
