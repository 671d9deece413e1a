"""Real consumption from a file to the store: what a meter's buffer held is stored to the watt-hour.

What ought to be stored is worked out here from the CSV alone, with nothing of the product's.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import io
import json
import shutil
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.file_watch import FileWatch, Seen
from tests.households import two_households
from tests.simulated_fleet import EPOCH, simulated_fleet
from tests.stored_rows import assert_same_rows, stored_rows

VIETNAM = timezone(timedelta(hours=7))
HALF_HOUR = timedelta(minutes=30)
ACTUAL = 1
IMPORT = 1  # the channel of active energy drawn


@dataclasses.dataclass(frozen=True)
class Truth:
    """What a file says: Wh by meter and local beginning, and the rows that came too late to count."""

    wh: dict[str, dict[datetime, int]]
    dropped: list[tuple[str, str]]  # meter, timestamp as the file writes it

    @property
    def slots(self) -> int:
        return sum(map(len, self.wh.values()))

    @property
    def missing(self) -> dict[str, set[datetime]]:
        """Half-hours between the first and the last of a meter that the file does not have."""
        return {
            meter: {
                at
                for at in (first + n * HALF_HOUR for n in range((max(slots) - first) // HALF_HOUR))
                if at not in slots
            }
            for meter, slots in self.wh.items()
            for first in [min(slots)]
        }


def truth(file: Path) -> Truth:
    """The file's wall clock, whole weeks later, so that its last half-hour ends in the week before EPOCH."""
    raw = file.read_bytes()
    text = (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode()
    kept: dict[str, dict[datetime, int]] = defaultdict(dict)
    dropped = []
    for row in csv.DictReader(io.StringIO(text)):
        wall = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=VIETNAM)
        if wall in kept[row["meter"]]:
            dropped.append((row["meter"], row["timestamp"]))
            continue
        wh = (Decimal(row["kwh"]) * 1000).quantize(Decimal(1), ROUND_HALF_UP)
        kept[row["meter"]][wall] = int(wh)
    last_end = max(wall for slots in kept.values() for wall in slots) + HALF_HOUR
    moved = (datetime.fromisoformat(EPOCH) - last_end) // timedelta(weeks=1) * timedelta(weeks=1)
    return Truth(
        {meter: {wall + moved: wh for wall, wh in slots.items()} for meter, slots in kept.items()}, dropped
    )


def replay(ami: Any, file: Path) -> tuple[dict[str, Any], str, Seen]:
    """`ami demo --once --replay` of a copy of `file` that nobody else has; what it printed, who opened it."""
    own = ami.home.parent / file.name
    if own != file:
        shutil.copy(file, own)
    watch = FileWatch(own, ami.home.parent)
    watched = dataclasses.replace(ami, environment={**ami.environment, **watch.environment})
    done = watched("demo", "--once", "--replay", str(own), "--json", "--as-of", EPOCH)
    return json.loads(done.stdout), done.stderr, watch.seen()


def differing(stored: dict[datetime, int], file: dict[datetime, int]) -> list[tuple[str, Any, Any]]:
    """Half-hours where store and file are not the same watt-hours: (at, stored, file), None for no value."""
    return [
        (at.isoformat(), stored.get(at), file.get(at))
        for at in sorted(stored.keys() | file.keys())
        if stored.get(at) != file.get(at)
    ]


def by_day(slots: dict[datetime, int]) -> dict[date, int]:
    days: dict[date, int] = defaultdict(int)
    for at, wh in slots.items():
        days[at.date()] += wh
    return dict(days)


def exported(ami: Any, meter: str) -> dict[datetime, int]:
    document = ami.json("export", "intervals", "--meter", meter, "--quality", "actual", "--json")
    assert document["meter"] == meter
    assert all(row["at"].endswith("+07:00") and row["quality"] == "actual" for row in document["rows"])
    slots = {datetime.fromisoformat(row["at"]): row["wh"] for row in document["rows"]}
    assert len(slots) == len(document["rows"])
    return slots


def blocks(dsn: str, meter: str) -> list[tuple[datetime, int, int]]:
    """(beginning, value, scaler) of every row of every block a meter sent."""
    with psycopg.connect(dsn) as conn:
        return conn.execute(
            """SELECT coalesce(instants[n], at + (n - 1) * make_interval(secs => interval_s)), raw[n], scaler
               FROM profile_block b JOIN meter m ON m.id = b.meter_id, generate_series(1, cardinality(raw)) n
               WHERE m.serial = %s AND b.channel = %s AND b.kind = 'interval_energy'""",
            [meter, IMPORT],
        ).fetchall()


def days(dsn: str, meter: str) -> dict[datetime, tuple[int, int]]:
    """(Wh, quality) of every slot of every day."""
    with psycopg.connect(dsn) as conn:
        found = conn.execute(
            """SELECT day, interval_s, scaler, energy, quality
               FROM profile_day d JOIN meter m ON m.id = d.meter_id WHERE m.serial = %s AND d.channel = %s""",
            [meter, IMPORT],
        ).fetchall()
    slots = {}
    for day, interval_s, scaler, energy, quality in found:
        assert (interval_s, scaler, len(energy), len(quality)) == (1800, 0, 48, 48)
        begin = datetime(day.year, day.month, day.day, tzinfo=VIETNAM)
        slots.update({begin + n * HALF_HOUR: (wh, quality[n]) for n, wh in enumerate(energy)})
    return slots


def assert_stored(ami: Any, dsn: str, file: Path) -> Truth:
    """Run the file through the product and compare the store with it, to the watt-hour."""
    document, said, seen = replay(ami, file)
    said_by_file = truth(file)

    # Only the simulator opened it: no other interpreter by its own account, nobody else by the kernel's.
    assert {"demo", "simulate", "collect"} <= seen.ran
    assert set(seen.opened) == {"simulate"}
    assert seen.openings == len(seen.opened)

    told = document["replay"]
    assert told["kept"] == said_by_file.slots == document["intervals_stored"]
    assert told["duplicates"] == len(said_by_file.dropped)
    assert [(row["meter"], row["timestamp"]) for row in told["duplicate_rows"]] == said_by_file.dropped[:50]
    assert ("already there" in said) == bool(said_by_file.dropped)
    assert document["meters"] == len(said_by_file.wh)
    assert document["wh_billed"] == document["wh_truth"]

    with ThreadPoolExecutor(2) as both:
        stored = dict(
            zip(said_by_file.wh, both.map(lambda meter: exported(ami, meter), said_by_file.wh), strict=True)
        )
    for meter, expected in said_by_file.wh.items():
        assert by_day(stored[meter]) == by_day(expected), meter
        assert not (wrong := differing(stored[meter], expected)), (meter, len(wrong), wrong[:5])

        sent = blocks(dsn, meter)
        assert {scaler for _, _, scaler in sent} == {0}
        received = {at.astimezone(VIETNAM): wh for at, wh, _ in sent}
        assert len(received) == len(sent), f"{meter}: a half-hour was stored twice"
        assert not (wrong := differing(received, expected)), (meter, len(wrong), wrong[:5])

        validated = days(dsn, meter)
        assert {at for at, (_, quality) in validated.items() if quality == ACTUAL} == expected.keys(), meter
        lacking = said_by_file.missing[meter]
        assert lacking <= validated.keys()
        assert not lacking & received.keys()
    return said_by_file


def test_a_file_with_gaps_and_a_doubled_hour(ami: Any, database: str, tmp_path: Path) -> None:
    said_by_file = assert_stored(ami, database, two_households(tmp_path / "two-households.csv"))
    assert len(said_by_file.dropped) == 4
    assert all(len(gaps) > 60 for gaps in said_by_file.missing.values())
    assert [wh for _, wh in sorted(said_by_file.wh["HO-1"].items())[:3]] == [1, 1003, 235]


def test_a_household_whose_name_is_vietnamese(ami: Any, database: str, tmp_path: Path) -> None:
    begin = datetime(2013, 9, 2, tzinfo=VIETNAM)
    rows = [f'"Nhà, số 5",{(begin + n * HALF_HOUR).isoformat()},0.{n % 10}5' for n in range(100)]
    file = tmp_path / "named.csv"
    file.write_text("\n".join(["meter,timestamp,kwh", *rows]) + "\n", encoding="utf-8")
    assert list(assert_stored(ami, database, file).wh) == ["Nhà, số 5"]


@pytest.mark.long
@pytest.mark.parametrize("name", ["london-households", "uk-household", "australia-households"])
def test_real_households(ami: Any, database: str, shared_dir: Path, name: str) -> None:
    assert_stored(ami, database, shared_dir / "data" / f"{name}.csv.gz")


def test_an_answer_spoilt_on_the_way_is_rejected_kept_and_read_again(
    ami: Any, database: str, tmp_path: Path, free_port: int, empty_database: str
) -> None:
    file = two_households(tmp_path / "two-households.csv")
    other = dataclasses.replace(
        ami,
        home=tmp_path / "undisturbed",
        environment={**ami.environment, "AMI_DATABASE_URL": empty_database},
    )
    with simulated_fleet(ami, free_port, "--replay", str(file), as_of=EPOCH) as fleet:
        for installation in (ami, other):
            fleet.register_in(installation, tmp_path)
        other(*fleet.collecting)
        assert fleet.order(do="corrupt", answers=1) == {"corrupt": 1}
        report = ami.json(*fleet.collecting, "--json")
        assert (report["rejected"], report["waiting"], report["failed"]) == (1, 0, [])
        for installation in (ami, other):
            fleet.office(installation, ("validate",))

    with psycopg.connect(database) as conn:
        kept = conn.execute(
            "SELECT meter_id, item, asked_from, asked_to, reason, raw FROM rejected_frame"
        ).fetchall()
        assert len(kept) == 1
        *question, reason, spoilt = kept[0]
        assert reason
        # The same question was asked again: its answer is the bytes that were kept, without the noise.
        (good,) = conn.execute(
            "SELECT raw FROM answer WHERE (meter_id, item, asked_from, asked_to) = (%s, %s, %s, %s)", question
        ).fetchone()  # type: ignore[misc]
    assert len(good) == len(spoilt)
    noise = [at for at, (one, two) in enumerate(zip(good, spoilt, strict=True)) if one != two]
    assert noise == list(range(noise[0], noise[0] + 48))
    assert_same_rows(stored_rows(database), stored_rows(empty_database))
