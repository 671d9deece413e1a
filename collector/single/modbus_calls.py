"""Asking one Modbus unit known by its address, calling again after an answer that did not come."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from collector.errors import AnswerTimeout, LinkDown
from collector.exchange.modbus_line import ModbusLine
from collector.links.wire import ByteStream
from collector.single.routes import ModbusAddress, SerialRoute
from protocols.errors import RemoteError, ServiceRefused
from protocols.meter_models.model import Place
from protocols.modbus.framing import framing
from protocols.modbus.registers import Block
from protocols.modbus.rtu import Silence

OpenLine = Callable[[], AbstractAsyncContextManager[ByteStream]]
PATIENCE = 2  # answers in succession that do not come, after which the meter is left alone


@dataclass(slots=True)
class Said:
    """What became of each block asked for."""

    words: dict[Block, Sequence[int]] = field(default_factory=dict)
    refused: dict[Block, str] = field(default_factory=dict)

    def reason(self, place: Place) -> str:
        """Why the registers of a place are not there; empty when they are."""
        if any(block.holds(place.modbus) for block in self.words):
            return ""
        return next((why for block, why in self.refused.items() if block.holds(place.modbus)), "")


def modbus_line(stream: ByteStream, address: ModbusAddress, *, settle: bool = False) -> ModbusLine:
    """A conversation with the unit; `settle` after one that broke off."""
    talk = framing(address.framing, address.unit, random.randrange(0x10000))
    route = address.route
    pause_s = Silence.at(route.bps).between_frames_s if isinstance(route, SerialRoute) else 0.0
    return ModbusLine(stream, talk, address.timeout_s, settle=settle, pause_s=pause_s)


async def read_blocks(open_line: OpenLine, address: ModbusAddress, blocks: Sequence[Block]) -> Said:
    """Every block once. An answer that does not come, or is none, costs its own block only.

    So does a meter that hangs up on the first question of a call; one that hangs up later may be of those
    that do so after each answer, and is asked again. The line is opened anew for the others. Raises the first
    such error (`AnswerTimeout`, `LinkDown`, `RemoteError`) when the meter said nothing at all.
    """
    said, left = Said(), list(dict.fromkeys(blocks))
    failures: list[AnswerTimeout | LinkDown | RemoteError] = []
    in_succession, heard, broke_off = 0, False, False
    while left and in_succession < PATIENCE:
        opened = answered = False
        try:
            async with open_line() as stream:
                opened = True
                line = modbus_line(stream, address, settle=broke_off)
                while left:
                    try:
                        said.words[left[0]], _ = await line.read(left[0])
                    except ServiceRefused as no:
                        said.refused[left[0]] = no.reason
                    left.pop(0)
                    heard, answered, in_succession = True, True, 0
        except (AnswerTimeout, LinkDown, RemoteError) as error:
            if not opened:
                if not heard:
                    raise failures[0] if failures else error from None
                why = f"it was not asked, for the meter could not be called again: {spoken_of(error)}"
                said.refused |= dict.fromkeys(left, why)
                return said
            broke_off = True
            if answered and isinstance(error, LinkDown):
                continue
            failures.append(error)
            said.refused[left.pop(0)] = spoken_of(error)
            in_succession += 1
    if failures and not heard:
        raise failures[0]
    said.refused |= dict.fromkeys(left, f"not asked any more: {PATIENCE} answers in succession did not come")
    return said


def spoken_of(error: AnswerTimeout | LinkDown | RemoteError) -> str:
    """What went wrong, in a sentence."""
    return error.reason if isinstance(error, RemoteError) else error.sentence
