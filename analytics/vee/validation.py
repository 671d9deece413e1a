"""Blocks and registers to validated days, meter by meter."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from analytics.vee.by_rate import tell_rates
from analytics.vee.counting import Counted, count, exact_slots
from analytics.vee.estimation import estimate
from analytics.vee.findings import Log
from analytics.vee.inputs import BLANK, VALUE, Int64, MeterInput, MeterOutput, Validated
from analytics.vee.rules.limits import of_class
from analytics.vee.samples import Slots, hung, indices, profile_slots
from model.period import local_day
from model.quality import Quality, Severity

Grade = npt.NDArray[np.uint8]


def validate(inputs: Iterable[MeterInput]) -> Validated:
    """Days of every meter: energies in primary Wh, a quality and a method per slot, findings.

    A slot is ACTUAL when the profile gives it, or an index at both its ends does. A gap between register
    reads gets exactly what the registers counted less what is known: LINEAR up to two hours, LIKE_DAY, else
    FLAT, and that for no more than a week. A gap that no register holds is UNSCALED up to two hours, and up
    to a week where three like days are known; any other stays MISSING.
    """
    return Validated(tuple(_meter(meter) for meter in inputs))


def _meter(meter: MeterInput) -> MeterOutput:
    log = Log(meter.serial, meter.first, meter.days, meter.slots, meter.past)
    profile = profile_slots(meter, log)
    counted = count(meter, indices(meter, log), log)
    energy, grade = _known(meter, profile, counted)
    method = estimate(meter, counted, energy, grade, rounded=profile.rounded, log=log)
    _tell(meter, counted, energy, grade, rounded=profile.rounded, log=log)
    tell_rates(meter, energy, grade, rounded=profile.rounded, log=log)
    _doubt(meter, energy, grade, log)
    shape = (meter.days, meter.slots)
    start = meter.past * meter.slots
    return MeterOutput(
        serial=meter.serial,
        meter_id=meter.meter_id,
        channel=meter.channel,
        first=meter.first,
        energy=energy[start:].astype(np.int32).reshape(shape),
        quality=grade[start:].reshape(shape),
        method=method[start:].reshape(shape),
        findings=log.findings(),
    )


def _known(meter: MeterInput, profile: Slots, counted: Counted) -> tuple[Int64, Grade]:
    """What needs no estimate: history as it stands, the profile, then slots between two index values."""
    energy = np.zeros(len(profile.energy), np.int64)
    grade = np.zeros(len(energy), np.uint8)
    slot, delta = exact_slots(meter, counted)
    energy[slot], grade[slot] = delta, Quality.ACTUAL
    energy[profile.known] = profile.energy[profile.known]
    grade[profile.known] = Quality.ACTUAL
    grade[profile.doubted] = Quality.SUSPECT
    if meter.history is not None and meter.history_quality is not None:
        past = meter.past * meter.slots
        quality = np.asarray(meter.history_quality, np.uint8).reshape(-1)
        held = (quality != Quality.MISSING) & (quality != Quality.UNSCALED)
        energy[:past] = np.where(held, np.asarray(meter.history, np.int64).reshape(-1), 0)
        grade[:past] = np.where(held, quality, Quality.MISSING)
    if meter.decided is not None and meter.decided_how is not None:
        first = meter.past * meter.slots
        how, mine = meter.decided_how.reshape(-1), energy[first:]
        mine[how == VALUE] = meter.decided.reshape(-1)[how == VALUE]
        mine[how == BLANK] = 0
        grade[first:][how == VALUE], grade[first:][how == BLANK] = Quality.EDITED, Quality.MISSING
    low, high = hung(meter)
    start = meter.origin + np.arange(len(energy)) * meter.interval_s
    elsewhere = (start + meter.interval_s <= low) | (start >= high)
    energy[elsewhere], grade[elsewhere] = 0, Quality.MISSING
    return energy, grade


def _tell(
    meter: MeterInput, counted: Counted, energy: Int64, grade: Grade, *, rounded: bool, log: Log
) -> None:
    """Gaps up to the last thing heard, sums against registers, meters hung and taken down."""
    actual = np.isin(grade, (Quality.ACTUAL, Quality.SUSPECT, Quality.EDITED))
    low, _ = hung(meter)
    heard = int(np.flatnonzero(actual)[-1]) + 1 if actual.any() else 0
    if len(counted.at):
        heard = max(heard, int(counted.at[-1] - meter.origin) // meter.interval_s)
    first = (low - meter.origin) // meter.interval_s
    for start in range(meter.past * meter.slots, len(energy), meter.slots):
        a, b = max(start, first), min(start + meter.slots, heard)
        lacking = ~actual[a:b] if b > a else actual[:0]
        if lacking.any():
            missing = int((grade[a:b] == Quality.MISSING).sum())
            log.note(
                log.day_of(start),
                "gap",
                Severity.BLUE if missing else Severity.INFO,
                slots=int(lacking.sum()),
                missing=missing,
                estimated_wh=int(energy[a:b][lacking].sum()),
            )
    limit = of_class(meter.customer_class)["sum_mismatch"] if meter.customer_class else None
    for day, registers_wh, profile_wh in counted.mismatches(meter, energy, grade, rounded):
        over = abs(registers_wh - profile_wh)
        if limit is not None and over <= limit["wh"] + limit["share"] * registers_wh:
            continue
        log.note(day, "sum_mismatch", Severity.AMBER, registers_wh=registers_wh, profile_wh=profile_wh)
    if meter.until is not None:
        log.note(local_day(meter.until), "swap", Severity.INFO, taken_down=meter.until.isoformat())


def _doubt(meter: MeterInput, energy: Int64, grade: Grade, log: Log) -> None:
    """What the rules about slots find in these days, the history seen with them."""
    if not meter.customer_class:
        return
    from analytics.vee.rules import ABOUT_SLOTS, RULES, Seen

    limits = of_class(meter.customer_class)
    shape = (meter.past + meter.days, meter.slots)
    first = meter.first - timedelta(meter.past)
    seen = Seen(
        meter.serial, first, energy.reshape(shape), grade.reshape(shape), meter.customer_class, meter.outages
    )
    for name in ABOUT_SLOTS:
        for finding in RULES[name](seen, limits[name]):
            # What goes on since before the history begins was told as it began.
            if not (name == "zero_use" and meter.past and finding.detail["at"] == seen.at(0).isoformat()):
                log.keep(finding)
