"""Files of readings beside other people's programs: nemreader's sums, xmlschema on Green Button."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from operations.formats import greenbutton_write, nem12, nem_write, opening, summary
from operations.formats.values import Intervals, Unusable
from tests.foreign_peers import REPOSITORY, Peers

ZONE = timezone(timedelta(hours=10))
SUBSET = [REPOSITORY / "tests" / "vectors" / name for name in ("atom_subset.xsd", "espi_subset.xsd")]


def collected(shared_dir: Path) -> list[Path]:
    return sorted((shared_dir / "data" / "nem12").iterdir())


def ours(path: Path) -> list[dict[str, Any]]:
    return summary.channels(nem12.read(opening.opened(path), ZONE), ZONE)


def test_the_collected_files_give_nemreaders_sums(peers: Peers, shared_dir: Path) -> None:
    """85 valid files of 24 senders, NEM12 and NEM13: the same channels, sums and numbers of values."""
    files = [path for path in collected(shared_dir) if not path.name.startswith("invalid")]
    assert len(files) == 85
    channels = 0
    for path, theirs in zip(files, peers.run("nem_sums.py", {"files": [str(p) for p in files]}), strict=True):
        said = ours(path)
        assert not [one for entry in said for one in entry["rejected"]], path.name
        mine = {(one["meter"], one["channel"]): (one["total"], one["intervals"]) for one in said}
        expected = {
            (nmi, suffix): (pytest.approx(total, abs=1e-6), count)
            for nmi, found in theirs.items()
            for suffix, (total, count) in found.items()
        }
        assert mine == expected, path.name
        channels += len(mine)
    assert channels == 142


def test_the_invalid_files_are_refused_with_the_line(shared_dir: Path) -> None:
    reasons = {
        "15min_200_30min_400": (3, "no 400 record speaks of interval 49 of 96"),
        "30min_200_15min_400": (3, "96 values stand where intervals of 30 minutes make 48"),
        "powercor": (2, "begins with a 200 record"),
        "powercor_missing_fields": (2, "begins with a 200 record"),
    }
    for name, (line, why) in reasons.items():
        with pytest.raises(Unusable, match=why) as refused:
            ours(shared_dir / "data" / "nem12" / f"invalid__Example_NEM12_{name}.csv")
        assert refused.value.line == line
    found = ours(shared_dir / "data" / "nem12" / "invalid__Example_NEM12_incomplete_interval.csv")
    assert [(e["channel"], e["intervals"], [one["line"] for one in e["rejected"]]) for e in found] == [
        ("E1", 48, [3]),
        ("Q1", 96, []),
    ]


def test_the_command_says_the_same_without_a_database(shared_dir: Path, tmp_path: Path) -> None:
    path = next(path for path in collected(shared_dir) if path.suffix == ".ZIP")
    words = ["import", str(path), "--format", "nem12", "--utc-offset", "+10:00", "--dry-run", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "ami.main", *words],
        env={
            **os.environ,
            "AMI_HOME": str(tmp_path / "none"),
            "AMI_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x",
        },
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=True,
    )
    assert json.loads(done.stdout) == ours(path)
    assert not (tmp_path / "none").exists()


def written(channel: str, unit: str, interval_s: int) -> Intervals:
    one = Intervals("20260001 ố/<&>", channel, unit, interval_s)
    first = int(datetime(2026, 9, 30, 17, tzinfo=UTC).timestamp())
    flags = ("17", "9", "8", "11", "12", "10", "7")
    for slot in range(2 * 86_400 // interval_s):
        value = None if slot % 11 == 10 else Decimal(slot) / 8
        one.add(first + slot * interval_s, value, flags[slot % 7])
    return one


def feed() -> str:
    channels = [written("active_import", "Wh", 1800), written("reactive_export", "varh", 900)]
    zone = timezone(timedelta(hours=7))
    return greenbutton_write.write("20260001 ố/<&>", channels, zone, datetime(2026, 11, 1, tzinfo=UTC))


def spoiled(text: str) -> list[str]:
    """The feed with its elements in another order, a value that is none, and one that does not exist."""
    return [
        text.replace(
            "<espi:duration>900</espi:duration><espi:start>", "<espi:start>0</espi:start><espi:start>"
        ),
        text.replace("<espi:quality>9</espi:quality>", "<espi:quality>guessed</espi:quality>"),
        text.replace("<espi:MeterReading/>", "<espi:MeterReadings/>"),
        text.replace("<espi:uom>72</espi:uom></", "</").replace(
            "<espi:kind>12", "<espi:uom>72</espi:uom><espi:kind>12"
        ),
    ]


def judged(peers: Peers, schema: list[Path]) -> None:
    documents = [feed(), *spoiled(feed())]
    good, *bad = peers.run("espi_check.py", {"schema": [str(p) for p in schema], "documents": documents})
    assert good == []
    assert all(bad), bad


def test_green_button_files_have_the_form_of_espi(peers: Peers) -> None:
    judged(peers, SUBSET)


def test_green_button_files_are_valid_by_the_published_schema(peers: Peers, shared_dir: Path) -> None:
    """NAESB's espi.xsd (Apache-2.0), which is not ours to copy, where somebody has put it."""
    folder = shared_dir / "data" / "espi"
    if not (folder / "espi.xsd").is_file():
        pytest.skip("NAESB's espi.xsd and atom.xsd are not in ../shared/data/espi")
    judged(peers, [folder / "atom.xsd", folder / "espi.xsd"])


def test_nemreader_reads_what_we_write(peers: Peers, tmp_path: Path) -> None:
    one = Intervals("NMI0000001", "E1", "kWh", 900, "S1")
    first = int(datetime(2026, 9, 30, 17, tzinfo=UTC).timestamp())
    for slot in range(96 * 3):
        one.add(first + slot * 900, Decimal(slot) / 1000, "A" if slot % 5 else "S14")
    path = tmp_path / "ours.csv"
    text = nem_write.nem12([one], timezone(timedelta(hours=7)), datetime(2026, 11, 1, tzinfo=UTC), "A", "B")
    path.write_text(text, encoding="utf-8", newline="")
    [found] = peers.run("nem_sums.py", {"files": [str(path)]})
    assert found == {"NMI0000001": {"E1": [pytest.approx(sum(range(288)) / 1000), 288]}}
