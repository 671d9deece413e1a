"""What happened to a meter, as its own log has it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from collector.exchange.conversation import Conversation
from collector.exchange.notebook import Notebook
from collector.exchange.profiles import until
from collector.polling.grid import floor_to
from collector.polling.plan import Span
from model.period import HALF_HOUR, LOCAL
from model.readout import Answer, MeterEvent
from protocols.dlms.objects import buffer
from protocols.dlms.profile import decode_rows
from protocols.dlms.selection import RangeSelection
from protocols.errors import DecodeError, Refused, ServiceRefused
from protocols.meter_models.model import EventLog, MeterModel


async def read_events(
    talk: Conversation, model: MeterModel, spans: Iterable[Span], meter_now: datetime, notes: Notebook
) -> None:
    """Ask the log for each span; one that is refused or makes no sense is noted."""
    log = model.events
    assert log is not None
    for whole in spans:
        span = until(whole, floor_to(min(notes.clock(), meter_now), HALF_HOUR))
        if span is None:
            continue
        first, last = span.asked.start.astimezone(LOCAL), span.asked.end.astimezone(LOCAL)
        notes.asking = (whole.item, whole.asked)
        try:
            selection = RangeSelection(first, last, deviation=model.dlms.range_with_deviation)
            raw = await talk.get(buffer(log.obis), selection)
            events = _events(raw, log, span)
        except DecodeError as error:
            notes.reject_rows(error, error.raw)
        except (Refused, ServiceRefused) as error:
            notes.reject(error.reason, error.raw)
        else:
            notes.take(Answer(span.item, raw, span.asked, events=events))


def _events(raw: bytes, log: EventLog, span: Span) -> tuple[MeterEvent, ...]:
    rows = decode_rows(raw, captures=log.captures, zone=LOCAL)
    (codes,) = rows.columns
    if codes.values.dtype != np.int64:
        raise DecodeError("the event log holds codes that are no integers", raw)
    found = []
    for stamp, code, there in zip(rows.stamps.tolist(), codes.values.tolist(), codes.present, strict=True):
        at = datetime.fromtimestamp(stamp, UTC)
        if there and span.asked.start <= at <= span.asked.end:
            found.append(MeterEvent(at, log.words.get(code, f"event_{code}"), f"in its log, code {code}"))
    return tuple(found)
