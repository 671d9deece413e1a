"""Readings from files into the store: as evidence, with the quality that the file gave them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from psycopg import Connection
from psycopg.rows import TupleRow

from model.readout import Answer, Readout
from operations import hand_reads, plate_multipliers, reader_codes
from operations.errors import MeterRefused
from operations.file_blocks import Taken, blocks_of, reads_of, rendered
from operations.formats.values import FileReadings, IndexPair, Intervals, Rejected, Unusable
from operations.said_quality import FROM_FILE
from storage import fleet, people
from storage.evidence import StoreCounts
from storage.evidence import store as store_evidence
from storage.pool import open_async_pool, open_pool
from storage.register import Hung, hung

_HANDHELD = "handheld"


@dataclass(frozen=True, slots=True)
class Source:
    """A file: its name, its format, the SHA-256 of its bytes, whether its energies are the meter's own."""

    name: str
    format: str
    digest: str
    secondary: bool = False


@dataclass(slots=True)
class _Meters:
    """What the file's names stand for: the stays of the meter, by serial or by point."""

    by_name: dict[str, list[Hung]]

    def of(self, meter: str, serial: str) -> list[Hung]:
        return self.by_name.get(serial, []) or self.by_name.get(meter, [])


def store(dsn: str, source: Source, found: FileReadings, *, by: str, now: datetime) -> FileReadings:
    """Keep what the file says of meters that are registered, in one transaction, and return what was taken.

    A meter nobody knows is rejected by name. Brought again, a file adds nothing. Raises `Unusable` when
    nothing at all can be stored; then nothing was.
    """
    with open_pool(dsn, 1) as pool, pool.connection() as conn:
        meters = _known(conn, found)
        if source.format == _HANDHELD:
            return _or_refuse(_by_hand(conn, source, found, by, now))
        kept, taken = _taken(source, found, meters)
        _or_refuse(kept)
        readouts = _readouts(source, taken, now)
        serials = sorted({readout.serial for _, _, _, readout in readouts})
        detail = {"format": source.format, "sha256": source.digest, "meters": serials[:100]}
        people.audit(conn, now, by, "readings.import", source.name, detail)
        asyncio.run(_keep(dsn, readouts))
    return kept


def _or_refuse(kept: FileReadings) -> FileReadings:
    if kept.is_empty and kept.rejected:
        first, more = kept.rejected[0], len(kept.rejected) - 1
        raise Unusable(first.line, first.why + (f" (and {more} more)" if more else ""))
    return kept


def _known(conn: Connection[TupleRow], found: FileReadings) -> _Meters:
    called = [(one.serial, one.meter) for one in found.intervals]
    called += [(pair.serial, pair.meter) for pair in found.indices]
    names = {name for both in called for name in both if name}
    ids = fleet.meter_ids(conn, sorted(names))
    by_name: dict[str, list[Hung]] = defaultdict(list)
    for place in hung(conn, meter_ids=list(ids.values())):
        by_name[place.serial].append(place)
    for place in hung(conn, points=sorted(names - set(ids))):
        by_name[place.point].append(place)
    return _Meters(by_name)


def _taken(source: Source, found: FileReadings, meters: _Meters) -> tuple[FileReadings, list[Taken]]:
    """What of the file is kept, and as what."""
    taken: list[Taken] = []
    intervals: list[Intervals] = []
    indices: list[IndexPair] = []
    rejected = list(found.rejected)
    claimed: dict[tuple[int, int], str] = {}
    for one in found.intervals:
        obis = f"{FROM_FILE}{source.format}"
        places = meters.of(one.meter, one.serial)
        made = blocks_of(one, places, obis=obis, secondary=source.secondary) if places else _unknown(one)
        if not isinstance(made := _unclaimed(one, made, claimed), Rejected):
            intervals.append(one)
            taken.append(made)
        else:
            rejected.append(made)
    for pair in found.indices:
        places = meters.of(pair.meter, pair.serial)
        made = reads_of(pair, places) if places else _unknown(pair)
        if not isinstance(made := _unclaimed(pair, made, claimed), Rejected):
            indices.append(pair)
            taken.append(made)
        else:
            rejected.append(made)
    return FileReadings(intervals, indices, sorted(rejected, key=lambda one: one.line)), taken


def _unknown(one: Intervals | IndexPair) -> Rejected:
    why = f"no meter {one.serial or one.meter} is registered and hangs anywhere: see `ami meter list`"
    return Rejected(one.line, why, one.meter, one.channel, one.unit)


def _unclaimed(
    one: Intervals | IndexPair, made: Taken | Rejected, claimed: dict[tuple[int, int], str]
) -> Taken | Rejected:
    """What was made of it, unless another channel of the file is that energy of the meter already."""
    if isinstance(made, Rejected):
        return made
    for key in made.channels:
        holder = claimed.setdefault(key, one.channel)
        if holder != one.channel:
            why = f"channel {holder} of the file is that energy of the meter already"
            return Rejected(one.line, why, one.meter, one.channel, one.unit)
    return made


def _readouts(
    source: Source, taken: Sequence[Taken], now: datetime
) -> list[tuple[int, str, datetime, Readout]]:
    by_meter: dict[tuple[int, str], Taken] = {}
    for one in taken:
        for key in one.meters:
            part = one.of(key[0])
            by_meter[key] = by_meter[key] + part if key in by_meter else part
    found = []
    for (meter_id, serial), part in by_meter.items():
        poll = str(uuid5(NAMESPACE_URL, f"file:{source.digest}:{serial}"))
        raw = rendered(source.digest, part)
        answer = Answer(
            f"{FROM_FILE}{source.format}",
            raw,
            blocks=tuple(block for _, block in part.blocks),
            registers=tuple(read for _, read in part.reads),
        )
        found.append((meter_id, "", now, Readout(serial, poll, now, now, "ok", answers=(answer,))))
    return found


async def _keep(dsn: str, readouts: Sequence[tuple[int, str, datetime, Readout]]) -> StoreCounts:
    async with open_async_pool(dsn, 1) as pool, pool.connection() as conn:
        return await store_evidence(conn, readouts)


def _by_hand(
    conn: Connection[TupleRow], source: Source, found: FileReadings, by: str, now: datetime
) -> FileReadings:
    """Each meter's registers together: they are read from one display at one time."""
    groups: dict[tuple[str, datetime], list[IndexPair]] = defaultdict(list)
    for pair in found.indices:
        groups[pair.meter, pair.end].append(pair)
    kept: list[IndexPair] = []
    rejected = list(found.rejected)
    file = {"file": source.name, "sha256": source.digest}
    for (serial, at), pairs in groups.items():
        beside = dict(file)
        for name in ("photo", "reader", "note"):
            told = sorted({pair.told[name] for pair in pairs if pair.told[name]})
            beside |= {name: ", ".join(told)} if told else {}
        rolled_over = any(pair.told["status"] == "Q" for pair in pairs)
        indices = [(pair.channel, pair.current) for pair in pairs]
        try:
            hand_reads.keep(conn, serial, at, indices, rolled_over=rolled_over, by=by, now=now, beside=beside)
        except MeterRefused as refused:
            rejected += [Rejected(p.line, refused.sentence, p.meter, p.channel, p.unit) for p in pairs]
        else:
            kept += pairs
    plate_multipliers.take(conn, kept, now)
    read = {(pair.meter, pair.end) for pair in kept}
    strange = reader_codes.take(conn, found.unread, read, beside=file, by=by, now=now)
    unknown = {one.line for one in strange}
    rejected = [one for one in rejected if one.line not in unknown] + strange
    unread = [one for one in found.unread if one.line not in unknown]
    return replace(found, indices=kept, rejected=sorted(rejected, key=lambda one: one.line), unread=unread)
