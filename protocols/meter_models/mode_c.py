"""How a kind of meter speaks IEC 62056-21 mode C: what a model file's [mode_c] table says."""

from dataclasses import dataclass
from enum import StrEnum

from protocols.errors import LocalError
from protocols.iec62056_21.characters import Parity
from protocols.iec62056_21.codes import code_of
from protocols.iec62056_21.identification import BITS_PER_SECOND, OPENING_BPS
from protocols.iec62056_21.profile import StampAt
from protocols.meter_models.table import Table


class DeviceAddress(StrEnum):
    """What a meter wants to be called by: nothing, its serial, or its number on the line."""

    NONE = "none"
    SERIAL = "serial"
    NUMBER = "number"


class Access(StrEnum):
    """Where single values come from: the read-out that any client gets, or commands in programming mode."""

    READ_OUT = "readout"
    COMMANDS = "commands"


@dataclass(frozen=True, slots=True)
class ModeCSettings:
    """`read` is the command for one value, `read_profile` for a profile (R6: in blocks of `block_lines`).

    `stamp_at` says what a profile's stamp means; `date`, `time` and `serial` are addresses; `serial` may be
    empty where the meter does not tell.
    """

    device_address: DeviceAddress = DeviceAddress.NONE
    access: Access = Access.READ_OUT
    password_level: str = "1"
    read: str = "R5"
    read_profile: str = "R5"
    block_lines: int | None = None
    stamp_at: StampAt = StampAt.END
    date: str = "0.9.2"
    time: str = "0.9.1"
    serial: str = "0.0.0"
    parity: Parity = Parity.NONE
    opening_bps: int = OPENING_BPS
    baud: str | None = None


def read_mode_c(table: Table) -> ModeCSettings:
    """The settings of a [mode_c] table; `LocalError` in one sentence."""
    usual = ModeCSettings()
    commands = {name: name for name in ("R1", "R3", "R5", "R6")}
    bauds = {digit: digit for digit in BITS_PER_SECOND if digit.isdigit()}
    lines = table.take("block_lines", int, None)
    settings = ModeCSettings(
        device_address=table.choose("device_address", {str(one): one for one in DeviceAddress}, "none"),
        access=table.choose("access", {str(one): one for one in Access}, "readout"),
        password_level=table.choose("password_level", {"1": "1", "2": "2"}, "1"),
        read=table.choose("read", commands, usual.read),
        read_profile=table.choose("read_profile", commands, usual.read_profile),
        block_lines=lines,
        stamp_at=table.choose("stamp", {str(one): one for one in StampAt}, "end"),
        date=table.take("date", str, usual.date),
        time=table.take("time", str, usual.time),
        serial=table.take("serial", str, usual.serial),
        parity=table.choose("parity", {str(one): one for one in Parity}, "none"),
        opening_bps=table.take("opening_bps", int, OPENING_BPS),
        baud=table.choose("baud", {"": None, **bauds}, ""),
    )
    table.finish()
    if lines is not None and not 1 <= lines <= 999:
        raise LocalError(f"{table.place}: a block has 1 to 999 lines, not {lines}")
    for address in (settings.date, settings.time, *([settings.serial] if settings.serial else [])):
        if code_of(address) is None:
            raise LocalError(f"{table.place}: {address!r} is no address like 0.9.1")
    return settings
