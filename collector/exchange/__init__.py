"""Conversations with meters: questions in the plan's order, answers as a `Readout`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from collector.errors import AnswerTimeout, LinkDown, UnknownModel
from collector.exchange import dlms, modbus, mode_c
from collector.exchange.abilities import model_of
from collector.exchange.course import Course
from collector.exchange.notebook import Notebook
from collector.exchange.opened import lacking
from collector.exchange.scales import Scales
from collector.keys.fleet_keys import OurSide
from collector.links.wire import ByteStream
from collector.polling.clock_limits import ClockLimits
from collector.polling.plan import Wanted
from collector.watch.metrics import AUTH_FAILURES
from model.clock import Clock
from model.readout import Readout
from protocols.dlms.enums import UserDiagnostic
from protocols.errors import (
    AssociationRefused,
    LocalError,
    NotAdmitted,
    PasswordRefused,
    ProtocolError,
    SecurityError,
)
from protocols.meter_models.model import MeterModel, Speech
from storage.fleet import LineMeter

_OTHERS = {Speech.MODBUS: modbus.converse, Speech.MODE_C: mode_c.converse}
_UNPROVED = (UserDiagnostic.AUTHENTICATION_FAILURE, UserDiagnostic.AUTHENTICATION_REQUIRED)


def read_meter(
    stream: ByteStream,
    meter: LineMeter,
    wanted: Wanted,
    *,
    clock: Clock,
    answer_s: float,
    scales: Scales | None = None,
    clock_limits: ClockLimits | None = None,
    course: Course | None = None,
    heard: Callable[[Readout], None] | None = None,
    ours: OurSide | None = None,
) -> Coroutine[Any, Any, Readout]:
    """One conversation with one meter. What goes wrong is in the readout, and poisons the line where it must.

    `scales` remembers, from one conversation to the next, the scalers this meter has told. `clock_limits`:
    its clock is set where it is off by more, or much less; None: it is left alone. `course` says how long
    its answers take, at most `answer_s`, and when to give way.
    `ours`: how this head-end opens meters that want keys.
    `heard` is told as soon as all has been said, where a leave-taking follows.
    """
    notes = Notebook(meter.serial, clock, meter.model)
    notes.limits = clock_limits
    notes.heard = heard
    known = Scales() if scales is None else scales
    going = Course(answer_s) if course is None else course

    def talk(model: MeterModel) -> Coroutine[Any, Any, None]:
        if model.speech is Speech.DLMS:
            return dlms.converse(stream, meter, model, wanted, notes, going, known, ours)
        return _OTHERS[model.speech](stream, meter, model, wanted, notes, going, known)

    notes.course = going
    return conversed(stream, meter, notes, talk)


async def conversed(
    stream: ByteStream, meter: LineMeter, notes: Notebook, talk: Callable[[MeterModel], Awaitable[None]]
) -> Readout:
    """One conversation of whatever kind; how it broke off, if it did, is in the notes and in the line."""
    who = f"meter {meter.serial}"
    try:
        model = model_of(meter.model)
        if said := lacking(meter, model):
            notes.ended("refused", said)
        else:
            await talk(model)
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
        if isinstance(refusal, AssociationRefused):
            AUTH_FAILURES.inc()
        notes.ended("refused", _refusal(meter, refusal))
    except LocalError as error:
        stream.poison(f"{who}: {error.reason}")
        notes.ended("refused", f"{who} cannot be asked as its model says: {error.reason}")
    except SecurityError as error:
        stream.poison(f"{who} must not be believed: {error.reason}")
        AUTH_FAILURES.inc()
        notes.reject(error.reason, error.raw)
        notes.ended("garbage", f"{who} answered what must not be believed: {error.reason}; it is asked again")
    except ProtocolError as error:
        stream.poison(f"{who} broke the protocol: {error.reason}")
        notes.reject(error.reason, error.raw)
        notes.ended("garbage", f"{who} answered what cannot be understood: {error.reason}; it is asked again")
    readout = notes.readout()
    if readout.answers:  # of another meter than the one that should hang here nothing is kept
        stream.prove()
    return readout


def _refusal(meter: LineMeter, refusal: NotAdmitted) -> str:
    serial = meter.serial
    who = f"meter {serial}"
    if meter.keys.current is not None:
        return (
            f"{who}: {refusal.reason}: correct its keys (AMI_METER_KEYS=FILE ami meter change {serial}), "
            f"or the meter's --address there (it is not read with less)"
        )
    if isinstance(refusal, PasswordRefused) or getattr(refusal, "diagnostic", None) in _UNPROVED:
        return (
            f"{who} refused the password; correct it (AMI_METER_PASSWORD=… ami meter change {serial}), "
            f"or the meter's --address there (meters lock, so it is not tried again)"
        )
    way = f"AMI_METER_PASSWORD=… ami meter change {serial} --model … --address …"
    return f"{who}: {refusal.reason}: check its model, address and password ({way})"
