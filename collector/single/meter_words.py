"""What a meter said, in words for the person who is trying it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from collector.single.found import unit_word
from model.period import LOCAL
from model.readout import InstantRead, Readout, RegisterRead
from model.series import Channel, Rate, Unit

OUTCOMES = {
    "ok": "everything was read",
    "partial": "it answered, but not everything could be read",
    "refused": "it answered and refused",
    "wrong_meter": "another meter answered",
    "timeout": "it did not answer in time",
    "no_link": "no link",
    "garbage": "what it sent makes no sense",
    "unknown_model": "its model is not known",
    "error": "the conversation broke off",
}
CHANNELS = {
    Channel.ACTIVE_IMPORT: "Energy used",
    Channel.ACTIVE_EXPORT: "Energy fed in",
    Channel.REACTIVE_IMPORT: "Reactive energy used",
    Channel.REACTIVE_EXPORT: "Reactive energy fed in",
}
RATES = {Rate.TOTAL: "total", Rate.NORMAL: "normal", Rate.PEAK: "peak", Rate.OFFPEAK: "off-peak"}
KILO = {Unit.WATT_HOUR: "kWh", Unit.VAR_HOUR: "kvarh"}


def _clock_words(offset_s: float) -> str:
    if abs(offset_s) < 1:
        return "exact to the second"
    return f"{abs(offset_s):.0f} s {'ahead' if offset_s > 0 else 'behind'}"


def _register_words(read: RegisterRead) -> str:
    amount = Decimal(read.raw).scaleb(read.scaler)
    value = (
        f"{amount / 1000:,f} {KILO[read.unit]}"
        if read.unit in KILO
        else f"{amount:,f} {unit_word(read.unit)}"
    )
    return f"{CHANNELS[read.channel]}, {RATES[read.rate]} ({read.rate.code}): {value}."


def _instant_words(read: InstantRead) -> str:
    parts = [*_phases(read.voltage_v, "V"), *_phases(read.current_a, "A")]
    for value, unit in ((read.power_w, "W"), (read.reactive_var, "var"), (read.frequency_hz, "Hz")):
        if value is not None:
            parts.append(f"{value:g} {unit}")
    if read.cos_phi is not None:
        parts.append(f"cosφ {read.cos_phi:g}")
    return ", ".join(parts) or "nothing"


def _phases(values: tuple[float | None, ...], unit: str) -> list[str]:
    """A value a phase, by the phase's name where there are several."""
    if all(value is None for value in values[1:]):
        return [f"{value:g} {unit}" for value in values[:1] if value is not None]
    return [f"L{phase} {value:g} {unit}" for phase, value in enumerate(values, 1) if value is not None]


def sentences(readout: Readout, modem: str) -> list[str]:
    """One conversation, a sentence for each thing that was said or refused."""
    lines = [
        f"Meter {readout.serial} behind modem {modem}: {OUTCOMES.get(readout.outcome, readout.outcome)}."
    ]
    told_below = any(one.reason in readout.detail for one in readout.rejected)
    if readout.detail and not told_below:
        lines.append(f"{readout.detail[:1].upper()}{readout.detail[1:].rstrip('.')}.")
    if readout.clock_offset_s is not None:
        lines.append(f"Its clock is {_clock_words(readout.clock_offset_s)}.")
    for answer in readout.answers:
        lines += [_register_words(read) for read in answer.registers]
        lines += [f"Now: {_instant_words(read)}." for read in answer.instants]
    if readout.answers:
        lines.append(_profile_words(readout))
    lines += [f"{one.item} was not had: {one.reason}." for one in readout.rejected]
    return lines


def _profile_words(readout: Readout) -> str:
    blocks = [block for answer in readout.answers for block in answer.blocks if answer.asked]
    stamps = [stamp for block in blocks for stamp in block.stamps]
    if not stamps:
        return "Load profile: nothing in the last twelve hours."
    # A row is one instant of an answer, whatever the number of its columns.
    rows = sum(
        max((len(block.stamps) for block in answer.blocks), default=0)
        for answer in readout.answers
        if answer.asked
    )
    word = "row" if rows == 1 else "rows"
    return f"Load profile: {rows} {word} from {_local(min(stamps))} to {_local(max(stamps))}."


def _local(at: datetime) -> str:
    return f"{at.astimezone(LOCAL):%d/%m/%Y %H:%M}"
