"""What people decided about slots, when their days are validated again: kept, unless the meter has said
something new since.

An estimate gives way to what the meter says later. A figure that a person stated or accepted does not vanish
so: what the meter says instead stands as doubtful, and is told as a finding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
from psycopg import Connection
from psycopg.rows import TupleRow

from analytics.vee import MeterInput, MeterOutput
from analytics.vee import validate as vee
from analytics.vee.inputs import VALUE
from model.day import Finding
from model.quality import Quality, Severity
from operations import said_quality
from storage import edits
from storage.edits import Edit, EditKind

MEASURED = (Quality.ACTUAL, Quality.SUSPECT)
_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Held:
    """What of the decisions about one input holds: (days, slots)."""

    energy: npt.NDArray[np.int32]
    how: npt.NDArray[np.uint8]
    contradicted: npt.NDArray[np.bool_]
    findings: list[Finding] = field(default_factory=list)


def outputs(conn: Connection[TupleRow], inputs: Sequence[MeterInput]) -> list[MeterOutput]:
    """Every input validated, with what people decided."""
    plain = said_quality.kept(inputs, vee(inputs).meters)
    if not inputs:
        return plain
    first = min(one.first for one in inputs)
    end = max(one.first + one.days * _DAY for one in inputs)
    versions = edits.of_meters(conn, {one.meter_id for one in inputs}, first, end)
    if not versions:
        return plain
    for number, (given, said) in enumerate(zip(inputs, plain, strict=True)):
        held = held_in(given, said, versions)
        if held.how.any() or held.findings:
            plain[number] = _again(given, held)
    return plain


def with_decisions(
    given: MeterInput, said: MeterOutput, versions: dict[edits.DayKey, list[Edit]]
) -> MeterInput:
    """The input bearing what of the decisions holds; `said` is what validation makes of it alone."""
    held = held_in(given, said, versions)
    return replace(given, decided=held.energy, decided_how=held.how)


def _again(given: MeterInput, held: _Held) -> MeterOutput:
    decided = [replace(given, decided=held.energy, decided_how=held.how)]
    (output,) = said_quality.kept(decided, vee(decided).meters)
    doubted = held.contradicted & (output.quality == Quality.ACTUAL)
    return replace(
        output,
        quality=np.where(doubted, int(Quality.SUSPECT), output.quality).astype(np.uint8),
        findings=(*output.findings, *held.findings),
    )


def held_in(given: MeterInput, said: MeterOutput, versions: dict[edits.DayKey, list[Edit]]) -> _Held:
    """Slot by slot the last decision that counts, where the meter has not said something new since."""
    shape = (given.days, given.slots)
    held = _Held(np.zeros(shape, np.int32), np.zeros(shape, np.uint8), np.zeros(shape, bool))
    for row in range(given.days):
        key = (given.meter_id, given.channel, given.first + row * _DAY)
        against: dict[int, list[int]] = defaultdict(list)
        owners: dict[int, Edit] = {}
        told: list[Finding] = []
        for edit in edits.standing(versions.get(key, ())):
            decision = edit.decision
            if decision.slots != given.slots:
                told.append(_told(given, edit, [], said, row))
                continue
            owners |= {decision.first_slot + i: edit for i in range(len(decision.energy))}
        for slot, edit in owners.items():
            figure = edit.decision.energy[slot - edit.decision.first_slot]
            verdict = _judge(edit, slot, int(said.energy[row, slot]), int(said.quality[row, slot]))
            if verdict is None:
                against[edit.version].append(slot)
                held.contradicted[row, slot] = True
            elif verdict:
                held.energy[row, slot], held.how[row, slot] = figure, VALUE
        by_version = {edit.version: edit for edit in owners.values()}
        for version, slots in sorted(against.items()):
            told.append(_told(given, by_version[version], sorted(slots), said, row))
        held.findings += told[-1:]  # a day has one finding of a kind: the latest decision speaks
    return held


def _judge(edit: Edit, slot: int, energy: int, quality: int) -> bool | None:
    """Whether the decision holds; None where what the meter said since contradicts it."""
    decision = edit.decision
    i = slot - decision.first_slot
    knew = decision.said_quality[i] in MEASURED
    if quality not in MEASURED or (knew and decision.said_energy[i] == energy):
        return True  # nothing new was said
    if decision.kind is EditKind.ESTIMATE and not knew:
        return False
    return True if energy == decision.energy[i] else None


def _told(given: MeterInput, edit: Edit, slots: list[int], said: MeterOutput, row: int) -> Finding:
    decision = edit.decision
    detail: dict[str, str | int | float | None] = {
        "channel": int(edit.channel),
        "version": edit.version,
        "login": edit.login,
        "slots": len(slots) or len(decision.energy),
        "first_slot": slots[0] if slots else decision.first_slot,
        "case": edit.case_id,
    }
    if slots:
        detail["edited_wh"] = sum(decision.energy[slot - decision.first_slot] for slot in slots)
        detail["said_wh"] = int(said.energy[row, slots].sum())
    else:
        detail["interval_s"] = given.interval_s
    return Finding("edit_contradicted", given.serial, edit.day, Severity.RED, detail)
