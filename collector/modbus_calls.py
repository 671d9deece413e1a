"""Asking one Modbus unit known by its address, calling again after an answer that did not come."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from collector.errors import AnswerTimeout, LinkDown
from collector.exchange.modbus_line import ModbusLine
from collector.routes import ModbusAddress, SerialRoute
from collector.wire import ByteStream
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

    The line is then opened anew for the others. Raises the first such error (`AnswerTimeout`, `LinkDown`,
    `RemoteError`) when the meter said nothing at all.
    """
    said, left = Said(), list(dict.fromkeys(blocks))
    failures: list[AnswerTimeout | RemoteError] = []
    in_succession, heard = 0, False
    while left and in_succession < PATIENCE:
        try:
            async with open_line() as stream:
                line = modbus_line(stream, address, settle=bool(failures))
                while left:
                    try:
                        said.words[left[0]], _ = await line.read(left[0])
                    except ServiceRefused as no:
                        said.refused[left[0]] = no.reason
                    left.pop(0)
                    heard, in_succession = True, 0
        except (AnswerTimeout, RemoteError) as error:
            failures.append(error)
            said.refused[left.pop(0)] = spoken_of(error)
            in_succession += 1
        except LinkDown as down:
            if not heard:
                raise failures[0] if failures else down from None
            said.refused |= dict.fromkeys(left, down.sentence)
            return said
    if failures and not heard:
        raise failures[0]
    said.refused |= dict.fromkeys(left, "not asked any more: the meter has fallen silent")
    return said


def spoken_of(error: AnswerTimeout | LinkDown | RemoteError) -> str:
    """What went wrong, in a sentence."""
    return error.reason if isinstance(error, RemoteError) else error.sentence
