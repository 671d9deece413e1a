"""Conversations with meters: questions in the plan's order, answers as a `Readout`."""

from __future__ import annotations

from collector.errors import AnswerTimeout, LinkDown, UnknownModel
from collector.exchange import dlms, modbus, mode_c
from collector.exchange.abilities import model_of
from collector.exchange.notebook import Notebook
from collector.exchange.scales import Scales
from collector.plan import Wanted
from collector.wire import ByteStream
from model.clock import Clock
from model.readout import Readout
from protocols.dlms.enums import UserDiagnostic
from protocols.errors import LocalError, NotAdmitted, PasswordRefused, ProtocolError
from protocols.meter_models.model import Speech
from storage.fleet import LineMeter

_TALKS = {Speech.DLMS: dlms.converse, Speech.MODBUS: modbus.converse, Speech.MODE_C: mode_c.converse}
_UNPROVED = (UserDiagnostic.AUTHENTICATION_FAILURE, UserDiagnostic.AUTHENTICATION_REQUIRED)


async def read_meter(
    stream: ByteStream,
    meter: LineMeter,
    wanted: Wanted,
    *,
    clock: Clock,
    answer_s: float,
    scales: Scales | None = None,
) -> Readout:
    """One conversation with one meter. What goes wrong is in the readout, and poisons the line where it must.

    `scales` remembers, from one conversation to the next, the scalers this meter has told.
    """
    notes = Notebook(meter.serial, clock, meter.model)
    who = f"meter {meter.serial}"
    try:
        model = model_of(meter.model)
        talk = _TALKS[model.speech]
        await talk(stream, meter, model, wanted, notes, answer_s, Scales() if scales is None else scales)
    except UnknownModel as error:
        notes.ended("unknown_model", f"{who} cannot be read: {error.sentence}")
    except AnswerTimeout as silence:
        stream.poison(f"{who} was too slow: {silence.sentence}")
        said = f"{who}: {silence.sentence}: check its power, its address and the cable to the modem"
        if silence.heard:
            half = f"half an answer: {len(silence.heard)} bytes came, and no more"
            notes.reject(half, silence.heard)
            said = f"{who}: {half} ({silence.sentence}); it will be asked for again"
        notes.ended("timeout", said)
    except LinkDown as down:
        notes.ended("no_link", f"{who}: the line broke off: {down.sentence}")
    except NotAdmitted as refusal:
        stream.poison(f"{who} did not let us in")
        notes.ended("refused", _refusal(meter.serial, refusal))
    except LocalError as error:
        stream.poison(f"{who}: {error.reason}")
        notes.ended("refused", f"{who} cannot be asked as its model says: {error.reason}")
    except ProtocolError as error:
        stream.poison(f"{who} broke the protocol: {error.reason}")
        notes.reject(error.reason, error.raw)
        notes.ended("garbage", f"{who} answered what cannot be understood: {error.reason}; it is asked again")
    readout = notes.readout()
    if readout.answers:  # of another meter than the one that should hang here nothing is kept
        stream.prove()
    return readout


def _refusal(serial: str, refusal: NotAdmitted) -> str:
    who = f"meter {serial}"
    if isinstance(refusal, PasswordRefused) or getattr(refusal, "diagnostic", None) in _UNPROVED:
        return (
            f"{who} refused the password: correct it (AMI_METER_PASSWORD=… ami meter change {serial}), "
            f"or the meter's --address there (meters lock, so it is not tried again)"
        )
    way = f"AMI_METER_PASSWORD=… ami meter change {serial} --model … --address …"
    return f"{who}: {refusal.reason}: check its model, address and password ({way})"
