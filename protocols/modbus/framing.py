"""What carries questions to one unit and its answers back: RTU and MBAP, over whatever line."""

from typing import Protocol

from protocols.modbus.pdu import Request


class ModbusFraming(Protocol):
    """One question at a time. After a `RemoteError`, or an answer that did not come, it is over: open a new
    line, for nobody can tell any more which question the next answer is to."""

    def ask(self, request: Request[object]) -> bytes:
        """The frame to send; `LocalError` while a question is open or after the end."""

    def feed(self, chunk: bytes) -> bytes | None:
        """The answer without its framing once it is whole, None before.

        Raises `RemoteError` with the bytes for whatever cannot be this unit's answer to this question.
        """
