"""Half-hours into TimescaleDB and back: a vector a day beside a row an interval, both by binary COPY."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ami.bench.engine import Figures, Outcome, Prepare, Run
from ami.failure import UsageFailure
from model.period import LOCAL, Period
from model.quality import Quality
from model.series import Channel
from storage import days, row_store
from storage.embedded import Embedded
from storage.migrations import migrate
from storage.pool import connect

SIZE = 6_000  # meter-days
UNIT = "intervals/s"
DAYS, SLOTS = 30, 48
FIRST = date(2026, 1, 1)
Ids = npt.NDArray[np.int32]
DATABASE = "AMI_BENCH_DATABASE_URL"


@contextmanager
def surroundings() -> Iterator[dict[str, str]]:
    """A private server in a directory of its own for the rounds, gone with it; what the engines must know."""
    with private_server() as (server, _):
        with connect(server.dsn()) as conn:
            row_store.make(conn)
        yield {DATABASE: str(server.dsn())}


@contextmanager
def private_server() -> Iterator[tuple[Embedded, Path]]:
    """A migrated server in a directory of its own, gone with it; and the directory."""
    with tempfile.TemporaryDirectory(prefix="ami-bench-") as folder:
        server = Embedded(Path(folder) / "home")
        try:
            migrate(server.start())
            yield server, Path(folder)
        finally:
            server.stop("immediate")


def dsn() -> str:
    """The server around the rounds."""
    try:
        return os.environ[DATABASE]
    except KeyError:
        raise UsageFailure(f"{DATABASE} names no database to measure in: run `ami bench store`.") from None


class Meters:
    """Some meters' days of half-hours; the next call gives other meters, so that nothing is stored twice."""

    next_id = os.getpid() * 100_000 % 1_000_000_000

    def __init__(self, size: int, days: int = DAYS) -> None:
        self.count = max(1, size // days)
        random = np.random.default_rng(48)
        self.energy = random.gamma(2.0, 120.0, (self.count, days, SLOTS)).astype(np.int32)
        self.quality = np.full(self.energy.shape, Quality.ACTUAL, np.uint8)

    def ids(self) -> Ids:
        found = np.arange(Meters.next_id, Meters.next_id + self.count, dtype=np.int32)
        Meters.next_id += self.count
        return found

    def outcome(self, energy: npt.NDArray[np.int32], quality: npt.NDArray[np.uint8]) -> Outcome:
        return Outcome(
            energy.size, f"{int(energy.sum())} Wh, {int((quality == Quality.ACTUAL).sum())} actual"
        )


def _save_days(dsn: str, meters: Meters, ids: npt.NDArray[np.int32]) -> None:
    first = np.datetime64(FIRST, "D")
    rows = days.DayRows(
        meter_id=np.repeat(ids, DAYS),
        channel=np.full(len(ids) * DAYS, Channel.ACTIVE_IMPORT, np.int16),
        day=np.tile(first + np.arange(DAYS), len(ids)),
        energy=meters.energy.reshape(-1, SLOTS),
        quality=meters.quality.reshape(-1, SLOTS),
    )
    with connect(dsn) as conn:
        days.save_days(conn, rows, datetime(2026, 2, 1, tzinfo=UTC))


def _save_rows(dsn: str, meters: Meters, ids: npt.NDArray[np.int32]) -> None:
    with connect(dsn) as conn:
        row_store.save(conn, ids, FIRST, meters.energy, meters.quality)


def save_year(dsn: str, year: Period) -> str:
    """The days of `year` of a meter that staff can look up; its serial."""
    first = year.start.astimezone(LOCAL).date()
    meters, many = Meters(1, 1), (year.end - year.start).days
    (meter_id,) = meters.ids().tolist()
    random = np.random.default_rng(meter_id)
    serial = f"year {meter_id}"
    rows = days.DayRows(
        meter_id=np.full(many, meter_id, np.int32),
        channel=np.full(many, Channel.ACTIVE_IMPORT, np.int16),
        day=np.datetime64(first, "D") + np.arange(many),
        energy=random.gamma(2.0, 120.0, (many, SLOTS)).astype(np.int32),
        quality=np.full((many, SLOTS), Quality.ACTUAL, np.uint8),
    )
    with connect(dsn) as conn:
        row_store.register(conn, meter_id, serial)
        days.save_days(conn, rows, year.end)
    return serial


def write_days(size: int) -> Run:
    """A row a day, as the store keeps them."""
    server, meters = dsn(), Meters(size)

    def run() -> Outcome:
        _save_days(server, meters, meters.ids())
        return meters.outcome(meters.energy, meters.quality)

    return run


def write_rows(size: int) -> Run:
    """A row an interval."""
    server, meters = dsn(), Meters(size)

    def run() -> Outcome:
        _save_rows(server, meters, meters.ids())
        return meters.outcome(meters.energy, meters.quality)

    return run


def read_days(size: int) -> Run:
    """Days back into a matrix, over a connection that is there, as a pool keeps it."""
    server, meters = dsn(), Meters(size)
    ids = meters.ids()
    _save_days(server, meters, ids)
    end = date.fromordinal(FIRST.toordinal() + DAYS)
    conn = connect(server)

    def run() -> Outcome:
        found = days.matrix(conn, ids.tolist(), Channel.ACTIVE_IMPORT, FIRST, end)
        return meters.outcome(found.energy, found.quality)

    return run


def read_rows(size: int) -> Run:
    """Rows back into a matrix, over a connection that is there."""
    server, meters = dsn(), Meters(size)
    ids = meters.ids()
    _save_rows(server, meters, ids)
    conn = connect(server)

    def run() -> Outcome:
        return meters.outcome(*row_store.read(conn, ids[0], ids[-1], meters.energy.shape))

    return run


ENGINES: dict[str, Prepare] = {
    "write days": write_days,
    "write rows": write_rows,
    "read days": read_days,
    "read rows": read_rows,
}


def ratios(medians: Mapping[str, Figures]) -> dict[str, float]:
    """How many times faster days are than rows (wall clock: the server works too)."""
    return {
        f"{what}: days vs rows": medians[f"{what} rows"].seconds / medians[f"{what} days"].seconds
        for what in ("write", "read")
    }
