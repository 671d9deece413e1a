"""What a file said of its own values stays with them: an estimate brought in from a file remains one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from analytics.vee import MeterInput, MeterOutput
from analytics.vee.methods import Method, usual
from model.quality import Quality
from storage.blocks import StoredBlock

FROM_FILE: Final = "file:"
"""The beginning of the OBIS of a block that a file brought; its statuses are those of `status_of`."""

_METHOD: Final = 16  # qualities stay below it, methods too

_DAY_S: Final = 86_400


def status_of(quality: Quality, method: Method) -> int:
    """Both in one number; the quality alone where the file does not say the method."""
    return int(quality) + _METHOD * int(method)


def kept(inputs: Sequence[MeterInput], outputs: Sequence[MeterOutput]) -> list[MeterOutput]:
    """The outputs, with the file's word where all that validation says is that the value is there."""
    return [_one(given, output) for given, output in zip(inputs, outputs, strict=True)]


def _one(given: MeterInput, output: MeterOutput) -> MeterOutput:
    blocks = [block for block in given.blocks if isinstance(block, StoredBlock)]
    if not any(block.obis.startswith(FROM_FILE) for block in blocks):
        return output
    said = np.full(output.quality.size, Quality.ACTUAL, np.uint8)
    origin = given.origin + given.past * _DAY_S
    for block in sorted(blocks, key=lambda block: block.received_at):  # the last that spoke of a slot counts
        slot = (block.stamps - origin) // given.interval_s
        inside = (slot >= 0) & (slot < said.size)
        word = block.status if block.obis.startswith(FROM_FILE) else np.full(len(slot), int(Quality.ACTUAL))
        new, before = word[inside], said[slot[inside]]
        # Who says the same of a slot, and not how it was made, takes nothing back.
        said[slot[inside]] = np.where(before % _METHOD == new, before, new)
    theirs = (said % _METHOD).reshape(output.quality.shape)
    made = (said // _METHOD).reshape(output.quality.shape)
    doubted = (output.quality == Quality.ACTUAL) & (theirs > Quality.ACTUAL)
    return replace(
        output,
        quality=np.where(doubted, theirs, output.quality).astype(np.uint8),
        method=np.where(doubted, np.where(made, made, usual(theirs)), output.method).astype(np.uint8),
    )
