"""How far back a DLMS meter's load profile goes: what is older is gone, which is said once and not asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from collector.exchange.conversation import Conversation
from collector.exchange.notebook import Notebook
from collector.polling.known import merged
from collector.polling.plan import OLDEST_ROW, Span
from model.period import LOCAL, Period
from model.readout import Answer, MeterEvent
from protocols.dlms import axdr
from protocols.dlms.apdu import Attribute
from protocols.dlms.axdr import integer_of
from protocols.dlms.objects import ENTRIES_IN_USE, buffer
from protocols.dlms.profile import decode_rows
from protocols.dlms.selection import EntrySelection
from protocols.errors import DecodeError, Refused, ServiceRefused
from protocols.meter_models.model import LoadProfile


async def beyond_buffer(
    talk: Conversation, profile: LoadProfile, deep: Sequence[Span], past: Sequence[Span],
    meter_now: datetime, notes: Notebook,
) -> Sequence[Span]:  # fmt: skip
    """The spans of `past` that the meter may still have.

    Those of `deep` that end before its oldest row are noted as answered, with an event: the row is the
    evidence. Spans are left whole, so that the same is asked whenever this runs. A meter that cannot tell, or
    whose first entry is not its oldest, is asked for all of them.
    """
    notes.asking = (OLDEST_ROW, None)
    try:
        oldest, raw = await _oldest(talk, profile, meter_now)
    except (Refused, ServiceRefused, DecodeError) as error:
        notes.reject(error.reason, error.raw)
        return past
    if oldest is None:
        notes.take(Answer(OLDEST_ROW, raw))
        return past
    gone = merged([span.asked for span in deep if span.asked.end <= oldest])
    notes.take(Answer(OLDEST_ROW, raw, events=(_event(gone, oldest, notes),) if gone else ()))
    for period in gone:
        notes.take(Answer(deep[0].item, raw, period))
    return [span for span in past if span.asked.end > oldest]


async def _oldest(
    talk: Conversation, profile: LoadProfile, meter_now: datetime
) -> tuple[datetime | None, bytes]:
    """When the interval of the first entry began; None where it is not the oldest one, or there is none."""
    used = await talk.get(Attribute(7, profile.obis, ENTRIES_IN_USE))
    count = integer_of(axdr.decode(used), "the entries in use")
    if not count:
        return None, used
    raw = await talk.get(buffer(profile.obis), EntrySelection(1, 1))
    stamps = decode_rows(raw, profile.captures, LOCAL, profile.interval_seconds).stamps
    if len(stamps) != 1:
        raise DecodeError(f"{len(stamps)} rows came where the first entry was asked for", raw)
    interval = timedelta(seconds=profile.interval_seconds)
    first = datetime.fromtimestamp(int(stamps[0]), UTC)
    # A buffer sorted the other way round begins with its newest row: so many rows do not fit behind it.
    if first > meter_now - (count - 2) * interval:
        return None, raw
    return first - interval, raw


def _event(gone: Sequence[Period], oldest: datetime, notes: Notebook) -> MeterEvent:
    first, last = (at.astimezone(LOCAL).isoformat(timespec="minutes") for at in (gone[0].start, gone[-1].end))
    since = oldest.astimezone(LOCAL).isoformat(timespec="minutes")
    days = sum((period.duration for period in gone), timedelta()) / timedelta(days=1)
    return MeterEvent(
        notes.now(),
        "beyond_buffer",
        f"{days:.0f} days between {first} and {last} were never read and are older than what it still keeps "
        f"(since {since})",
    )
