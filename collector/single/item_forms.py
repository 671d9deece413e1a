"""How an item and a profile are written at each kind of meter, told before anybody is called."""

from __future__ import annotations

import re

from collector.single.found import Asked
from collector.single.routes import Address, DlmsAddress, ModbusAddress
from protocols.errors import LocalError
from protocols.iec62056_21.codes import code_of
from protocols.modbus.registers import MAX_REGISTERS
from protocols.obis import Obis

RANGE = re.compile(r"(\d{1,5}):(\d{1,3})")
DLMS_FORM = "an OBIS code like 1.0.1.8.0 or 1-0:1.8.0"
MODBUS_FORM = f"ADDRESS:COUNT of at most {MAX_REGISTERS} registers, like 52:2, or an OBIS code of the model"
MODE_C_FORM = "a code as the meter writes it, like 1.8.0, 1-0:1.8.0 or F.F, or an OBIS code like 1.0.1.8.0"
_PLACE = re.compile(r"(?=.*[\d.])[^\s()/!]{1,32}")
"""An address in a meter's memory; IEC 62056-21 (6.3.2) keeps brackets, / and ! out of it."""


def range_of(item: str) -> tuple[int, int] | None:
    """The address and count of ADDRESS:COUNT; None for what is none, or more than one read takes."""
    match = RANGE.fullmatch(item)
    if match is None:
        return None
    address, count = int(match[1]), int(match[2])
    return (address, count) if 0 < count <= MAX_REGISTERS and address + count <= 0x10000 else None


def misspelt(address: Address, asked: Asked) -> str:
    """One sentence about the first item, or the profile, that no meter of this kind can have; else empty."""
    for item in asked.items:
        if isinstance(address, DlmsAddress):
            fits, form = _is_obis(item), DLMS_FORM
        elif isinstance(address, ModbusAddress):
            fits, form = range_of(item) is not None or _is_obis(item), MODBUS_FORM
        else:
            fits, form = _is_place(item), MODE_C_FORM
        if not fits:
            return f"{item!r} is no item of this meter: an item is {form}"
    if asked.profile is not None:
        code, usual = asked.profile.obis, "an OBIS code like 1.0.99.1.0"
        if isinstance(address, DlmsAddress | ModbusAddress):
            fits = _is_obis(code)
        else:
            fits, usual = _is_place(code), f"{usual}, or P.01 as the meter writes it"
        if not fits:
            return f"--profile {code!r} is no profile: write {usual}"
    return ""


def _is_obis(text: str) -> bool:
    try:
        Obis.parse(text)
    except LocalError:
        return False
    return True


def _is_place(text: str) -> bool:
    return _is_obis(text) or code_of(text) is not None or _PLACE.fullmatch(text) is not None
