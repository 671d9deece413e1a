"""What a reading brought, in the words of an order's result: JSON, values exact as text."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from collector.single.found import UNITS
from model.readout import ProfileBlock, Readout, RegisterRead


def facts_of(readout: Readout) -> dict[str, Any]:
    """Registers, instants and the load profile of a readout; what it has none of is left out."""
    found: dict[str, Any] = {}
    registers = [_register(one) for answer in readout.answers if not answer.asked for one in answer.registers]
    instants = [one for answer in readout.answers for one in answer.instants]
    profile = [_block(one) for answer in readout.answers if answer.asked for one in answer.blocks]
    if registers:
        found["registers"] = registers
    if instants:
        last = asdict(instants[-1])
        found["instants"] = {**last, "at": last["at"].isoformat()}
    if profile:
        found["profile"] = profile
    if readout.clock_offset_s is not None:
        found["clock_offset_s"] = readout.clock_offset_s
    if readout.rejected:
        found["rejected"] = [f"{one.item}: {one.reason}" for one in readout.rejected]
    return found


def _register(read: RegisterRead) -> dict[str, Any]:
    return {
        "channel": read.channel.name.lower(),
        "rate": read.rate.code,
        "at": read.at.isoformat(),
        "value": _value(read.raw, read.scaler),
        "unit": UNITS[read.unit],
    }


def _block(block: ProfileBlock) -> dict[str, Any]:
    return {
        "channel": block.channel.name.lower(),
        "kind": block.kind.value,
        "interval_s": block.interval.total_seconds(),
        "unit": UNITS[block.unit],
        "rows": [
            [stamp.isoformat(), _value(raw, block.scaler)]
            for stamp, raw in zip(block.stamps, block.raw, strict=True)
        ],
    }


def _value(raw: int, scaler: int) -> str:
    return format(Decimal(raw).scaleb(scaler), "f")
