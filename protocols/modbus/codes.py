"""Numbers of the Modbus application protocol 1.1b3: functions (chapter 6) and exceptions (chapter 7)."""

from enum import IntEnum
from typing import Final

from protocols.errors import LocalError, RemoteError, ServiceRefused, spoken

MAX_PDU: Final = 253
"""Bytes of the longest message without its framing (4.1)."""
EXCEPTION: Final = 0x80
"""Added to the function in an answer that declines."""


class Function(IntEnum):
    """The functions spoken here."""

    READ_COILS = 1
    READ_DISCRETE_INPUTS = 2
    READ_HOLDING_REGISTERS = 3
    READ_INPUT_REGISTERS = 4
    WRITE_SINGLE_COIL = 5
    WRITE_SINGLE_REGISTER = 6
    DIAGNOSTICS = 8
    WRITE_MULTIPLE_COILS = 15
    WRITE_MULTIPLE_REGISTERS = 16
    REPORT_SERVER_ID = 17
    ENCAPSULATED_INTERFACE = 43


class ExceptionCode(IntEnum):
    """Why a meter declines."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    SERVER_DEVICE_FAILURE = 4
    ACKNOWLEDGE = 5
    SERVER_DEVICE_BUSY = 6
    MEMORY_PARITY_ERROR = 8
    GATEWAY_PATH_UNAVAILABLE = 10
    GATEWAY_TARGET_FAILED_TO_RESPOND = 11


class ModbusRefused(ServiceRefused):
    """An exception answer. `code` is a bare number where the standard names none.

    A server's unit raises it to decline.
    """

    def __init__(self, code: int, what: str = "the request", raw: bytes = b"") -> None:
        known = code in ExceptionCode._value2member_map_
        self.code: ExceptionCode | int = ExceptionCode(code) if known else code
        why = spoken(self.code) if isinstance(self.code, ExceptionCode) else f"exception {code}"
        super().__init__(f"the meter refused {what}: {why}", raw, (self.code,))


def require(holds: bool, sentence: str) -> None:
    """What we ask for ourselves must be possible: else `LocalError`."""
    if not holds:
        raise LocalError(sentence)


def agree(holds: bool, sentence: str, raw: bytes) -> None:
    """What the meter sent must fit: else `RemoteError` with the bytes."""
    if not holds:
        raise RemoteError(sentence, raw)
