"""One question and its answer, whatever the function (Modbus application protocol 1.1b3, chapter 4)."""

from typing import Protocol, TypeVar

from protocols.modbus.codes import EXCEPTION, ModbusRefused, agree

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Request(Protocol[A_co]):
    """One question; `A_co` is its answer. As text it says what was asked, for errors."""

    @property
    def function(self) -> int:
        """The first byte."""

    def to_bytes(self) -> bytes:
        """The message without its framing."""

    def octets(self, head: bytes) -> int:
        """The length of an answer of this function that begins with `head`.

        More than `head` has while that cannot be said yet; raises `RemoteError` when `head` does not fit.
        """

    def answer(self, pdu: bytes) -> A_co:
        """The answer, whose function and length fit; raises `RemoteError` when its content does not."""


class Answer(Protocol):
    """What a server says to a request."""

    def to_bytes(self) -> bytes:
        """The message without its framing."""


def answer_octets(request: Request[object], head: bytes) -> int:
    """The length of the answer that begins with `head` (at least its function), an exception's included.

    That, and not a pause, is where an answer ends. Raises `RemoteError` when `head` cannot be an answer to
    this request.
    """
    if head[0] == request.function | EXCEPTION:
        return 2
    agree(head[0] == request.function, f"function {head[0]} answered, {request.function} was asked", head)
    return request.octets(head)


def read_answer(request: Request[A], pdu: bytes) -> A:
    """The answer to a request; an exception raises `ModbusRefused`, what does not fit `RemoteError`."""
    agree(len(pdu) >= 2, "an answer without content came", pdu)
    due = answer_octets(request, pdu)
    agree(len(pdu) == due, f"{len(pdu)} bytes came about {request}, {due} were due", pdu)
    if pdu[0] & EXCEPTION:
        raise ModbusRefused(pdu[1], str(request), pdu)
    return request.answer(pdu)
