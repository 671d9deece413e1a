"""Meters known by their address alone: where the line begins, and what is spoken on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from collector.keys.meter_keys import MeterKeys
from protocols.dlms.enums import Mechanism
from protocols.dlms.hdlc.parameters import MAX_INFO, MAX_WINDOW
from protocols.dlms.security import AUTHENTICATED_ENCRYPTED, Policy
from protocols.modbus.framing import Carrier

PUBLIC = 16
"""The client of a DLMS meter that needs to prove nothing."""
OUR_TITLE = b"DKE\0\0\0\0\1"
"""The system title we give where the address names none."""


@dataclass(frozen=True, slots=True)
class TcpRoute:
    """A port of a host."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UdpRoute(TcpRoute):
    """A UDP port of a host: messages are datagrams."""


@dataclass(frozen=True, slots=True)
class SerialRoute:
    """A serial port of this machine; `bits` are data bits, parity and stop bits, as in 8N1."""

    device: str
    bps: int = 9600
    bits: str = "8N1"

    def __str__(self) -> str:
        return self.device


Route = TcpRoute | SerialRoute


class DlmsFraming(StrEnum):
    """What carries DLMS messages."""

    WRAPPER = "wrapper"
    HDLC = "hdlc"


@dataclass(frozen=True, slots=True)
class DlmsAddress:
    """A DLMS meter; password and keys are never printed. `title` is our system title, `counter` a floor.

    `protection` is what messages have under `keys` of a security `suite`.
    `general` puts ciphered messages into general-glo- or general-ded-ciphering; `general_window` blocks are
    taken at once in general block transfer (0: not wanted).
    `physical` and `address_size` belong to HDLC: the lower half of the meter's address, and its bytes; so do
    `info` and `window`, the bytes of a frame's contents and the frames in a row that are proposed both ways.
    """

    route: Route
    framing: DlmsFraming = DlmsFraming.WRAPPER
    client: int = PUBLIC
    server: int = 1
    mechanism: Mechanism = Mechanism.NONE
    password: str | None = field(default=None, repr=False)
    timeout_s: float = 10.0
    keys: MeterKeys | None = None
    suite: int = 0
    protection: Policy = AUTHENTICATED_ENCRYPTED
    title: bytes = OUR_TITLE
    counter: int | None = None
    physical: int | None = None
    address_size: int | None = None
    max_pdu: int = 0xFFFF
    info: int = MAX_INFO
    window: int = MAX_WINDOW
    general: bool = False
    general_window: int = 0


@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """A Modbus unit; `function` 3 for holding registers, 4 for input registers."""

    route: Route
    framing: Carrier = Carrier.MBAP
    unit: int = 1
    model: str = ""
    function: int = 3
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ModeCAddress:
    """A meter of IEC 62056-21 mode C. `address` is its device address, `baud` the highest speed (0 to 6).

    `parity` is what its characters are checked for: none, even or ignored. With `program` everything is read
    by commands rather than out of the read-out.
    """

    route: Route
    address: str = ""
    password: str | None = field(default=None, repr=False)
    parity: str = "none"
    baud: int | None = None
    model: str = ""
    program: bool = False
    timeout_s: float = 10.0


Address = DlmsAddress | ModbusAddress | ModeCAddress
