"""The half-hours of a bill's period, block by block, back to the bytes of their answers.

A bill stands upon indices; its half-hours are what these were checked by, and what a load curve shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from uuid import UUID

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from model.period import Period, shown
from model.series import Channel, ProfileKind
from operations import sums
from operations.proof.decoding import REGISTERS, series_of, values_of
from protocols import meter_models
from protocols.errors import LocalError, ProtocolError
from protocols.meter_models import MeterModel
from storage import traces
from storage.register import Hung
from storage.traces import StoredAnswer, TracedBlock


@dataclass(frozen=True, slots=True)
class BlockStep:
    """One profile block and the answer whose bytes say all its values (None: `why`)."""

    serial: str
    kind: ProfileKind
    at: datetime
    values: int
    digest: str
    poll: UUID
    answer: int | None
    why: str = ""
    contradiction: str = ""


@dataclass(frozen=True, slots=True)
class HalfHours:
    """`wh`: primary Wh of the validated half-hours of the period; None where one is not actual."""

    wh: int | None
    blocks: tuple[BlockStep, ...]


def trace(conn: Connection[TupleRow], places: Sequence[Hung], period: Period) -> HalfHours:
    """The validated sum of a point's half-hours, and each block of them back to its bytes."""
    models = {place.serial: place.model for place in places}
    meters = {place.meter_id for place in places}
    found = traces.blocks(conn, meters, Channel.ACTIVE_IMPORT, period)

    @cache
    def answers(serial: str, poll: UUID) -> list[StoredAnswer]:
        return traces.answers(conn, serial, poll)

    steps = tuple(_step(block, models[block.serial], answers(block.serial, block.poll)) for block in found)
    summed = sums.summed_wh(places, period, sums.days_of(conn, [places], period)) if places else None
    return HalfHours(summed, steps)


def _step(block: TracedBlock, model_name: str, answers: Sequence[StoredAnswer]) -> BlockStep:
    at = datetime.fromtimestamp(int(block.stamps[0]), UTC)
    said = shown(at)
    step = BlockStep(block.serial, block.kind, at, len(block.raw), block.digest, block.poll, None)
    try:
        model = meter_models.load(model_name)
    except LocalError as error:
        return _with(step, why=error.reason)
    for answer in answers:
        try:
            says = _says(model, answer, block)
        except ProtocolError:
            continue
        if says is None:
            continue
        if hashlib.sha256(answer.raw).digest() != answer.digest:
            wrong = f"the bytes of answer {answer.id} of meter {block.serial} are not those received"
            return _with(step, answer.id, contradiction=f"{wrong}: their SHA-256 differs")
        if says:
            return _with(step, answer.id)
        wrong = f"the profile of meter {block.serial} from {said} on is not what the bytes of answer"
        return _with(step, answer.id, contradiction=f"{wrong} {answer.id} say")
    return _with(step, why=f"no stored answer of {block.serial} says its profile from {said} on")


def _with(step: BlockStep, answer: int | None = None, why: str = "", contradiction: str = "") -> BlockStep:
    return BlockStep(
        step.serial, step.kind, step.at, step.values, step.digest, step.poll, answer, why, contradiction
    )


def _says(model: MeterModel, answer: StoredAnswer, block: TracedBlock) -> bool | None:
    """Whether the bytes say every value of the block; None where they do not speak of all its instants."""
    if answer.item == REGISTERS and len(block.raw) == 1:  # an index read at the half-hour
        values = values_of(model, answer.item, answer.raw)
        return any(value.channel is block.channel and value.raw == block.raw[0] for value in values) or None
    series = [
        one
        for one in series_of(model, answer.item, answer.raw)
        if one.channel is block.channel and one.kind is block.kind
    ]
    if not series:
        return None
    stamps = np.concatenate([one.stamps for one in series])
    raw = np.concatenate([one.raw for one in series])
    known = np.isin(block.stamps, stamps)
    if not known.all():
        return None
    pairs = set(zip(stamps.tolist(), raw.tolist(), strict=True))
    return set(zip(block.stamps.tolist(), block.raw.tolist(), strict=True)) <= pairs
