"""Real consumption files, good ones and bad ones."""

import gzip
from datetime import datetime, timedelta

import numpy as np
import pytest

from model.period import LOCAL
from simulators import halfhours, replay
from simulators.errors import ReplayError

EPOCH = datetime(2026, 10, 20, 9, 12, tzinfo=LOCAL)
HEAD = "meter,timestamp,kwh\n"


def write(tmp_path, text, name="file.csv"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_the_wall_clock_becomes_local_time_whole_weeks_later(tmp_path):
    text = HEAD + "A,2013-06-03T23:30:00+01:00,0.25\nA,2013-06-04T00:00:00Z,0.0005\n"
    found = replay.load(write(tmp_path, text), EPOCH)
    (recording,) = found.recordings
    first = halfhours.begin_of(recording.first)
    assert (first.hour, first.minute, first.weekday()) == (23, 30, 0)
    assert list(recording.wh) == [250, 1]  # half-up
    end = first + timedelta(hours=1)
    assert EPOCH - timedelta(days=7) < end <= EPOCH
    assert found.weeks * 7 == (first.date() - datetime(2013, 6, 3).date()).days  # noqa: DTZ001


def test_gzip_and_plain_are_the_same(tmp_path):
    text = HEAD + "A,2013-06-03T23:30:00,0.25\nB,2013-06-03T22:00:00,1\n"
    plain = replay.load(write(tmp_path, text), EPOCH)
    packed = replay.load(write(tmp_path, text, "file.csv.gz"), EPOCH)
    assert [(r.name, r.first, list(r.wh)) for r in plain.recordings] == [
        (r.name, r.first, list(r.wh)) for r in packed.recordings
    ]


def test_the_doubled_hour_of_autumn_keeps_its_first_values(tmp_path):
    rows = [
        "A,2013-10-27T00:30:00+01:00,0.1",
        "A,2013-10-27T01:00:00+01:00,0.2",
        "A,2013-10-27T01:30:00+01:00,0.3",
        "A,2013-10-27T01:00:00+00:00,0.4",
        "A,2013-10-27T01:30:00+00:00,0.5",
        "A,2013-10-27T02:00:00+00:00,0.6",
    ]
    found = replay.load(write(tmp_path, HEAD + "\n".join(rows)), EPOCH)
    assert list(found.recordings[0].wh) == [100, 200, 300, 600]
    assert found.duplicate_count == 2
    assert [(d["line"], d["kept_wh"], d["dropped_wh"]) for d in found.duplicates] == [
        (5, 200, 400),
        (6, 300, 500),
    ]
    (remark,) = found.report()["remarks"]
    assert "2 rows" in remark
    assert "line 5" in remark


@pytest.mark.parametrize("offsets", [("", ""), ("Z", "Z"), ("+01:00", "+00:00")], ids=["none", "Z", "both"])
def test_the_doubled_hour_is_known_though_its_first_pass_has_a_hole(tmp_path, offsets):
    summer, winter = offsets
    stamps = [
        f"00:30:00{summer}",
        f"01:30:00{summer}",
        *(f"0{at}:00{winter}" for at in ("1:00", "1:30", "2:00")),
    ]
    text = HEAD + "".join(f"A,2013-10-27T{at},0.{n}\n" for n, at in enumerate(stamps, 1))
    found = replay.load(write(tmp_path, text), EPOCH)
    assert list(found.recordings[0].wh) == [100, 300, 200, 500]
    assert [(d["line"], d["kept_wh"], d["dropped_wh"]) for d in found.duplicates] == [(5, 200, 400)]


def test_a_file_that_begins_within_the_doubled_hour(tmp_path):
    text = HEAD + "A,2013-10-27T01:30:00+01:00,0.1\nA,2013-10-27T01:00:00+00:00,0.2\n"
    (recording,) = replay.load(write(tmp_path, text), EPOCH).recordings
    assert list(recording.wh) == [200, 100]


def test_a_half_hour_the_file_lacks_is_lacking(tmp_path):
    text = HEAD + "A,2013-06-03T10:00:00,0.25\nA,2013-06-03T11:30:00,0\n"
    (recording,) = replay.load(write(tmp_path, text), EPOCH).recordings
    assert list(recording.wh) == [250, -1, -1, 0]
    assert recording.rows == 2


@pytest.mark.parametrize("blank", ["\n", "   ", "\t\n", " \n\n  "])
def test_blank_lines_are_passed_over(tmp_path, blank):
    text = HEAD + blank.lstrip() + "A,2013-06-03T10:00:00,0.25\n" + blank
    assert replay.load(write(tmp_path, text), EPOCH).rows == 1


def test_rows_before_1970_are_rows_like_others(tmp_path):
    text = HEAD + "A,1969-12-31T23:30:00,0.25\nA,1970-01-01T00:00:00,0.5\nB,1968-01-01T10:00:00,0.1\n"
    found = replay.load(write(tmp_path, text), EPOCH)
    assert [list(recording.wh) for recording in found.recordings] == [[250, 500], [100]]
    end = halfhours.begin_of(found.recordings[0].first + 2)
    assert (end.hour, end.minute, end.weekday()) == (0, 30, 3)  # as 1 January 1970 was
    assert EPOCH - timedelta(days=7) < end <= EPOCH


BAD = {
    "missing column": ("meter,timestamp\nA,2013-06-03T10:00:00\n", 1, "no column kwh"),
    "not a number": (HEAD + "A,2013-06-03T10:00:00,NaN\n", 2, "no number of kWh"),
    "empty value": (HEAD + "A,2013-06-03T10:00:00,\n", 2, "no number of kWh"),
    "underscores": (HEAD + "A,2013-06-03T10:00:00,1_000\n", 2, "no number of kWh"),
    "a NUL": (HEAD + "B,2013-06-03T10:00:00,1\nA\0A,2013-06-03T10:00:00,1\n", 3, "has a NUL"),
    "word": (HEAD + "A,2013-06-03T10:00:00,much\n", 2, "no number of kWh"),
    "infinite": (HEAD + "A,2013-06-03T10:00:00,inf\n", 2, "no number of kWh"),
    "negative": (HEAD + "A,2013-06-03T10:00:00,0.1\nA,2013-06-03T10:30:00,-0.1\n", 3, "below zero"),
    "unsorted": (HEAD + "A,2013-06-03T10:00:00,1\nA,2013-06-03T09:30:00,1\n", 3, "sort the rows"),
    "two rows the wrong way round": (
        HEAD + "A,2013-06-03T10:30:00,1\nA,2013-06-03T10:00:00,1\nA,2013-06-03T11:00:00,1\n",
        3,
        "10:00:00 of A comes after a later one: sort the rows",
    ),
    "the wrong way round at the end": (
        HEAD + "A,2013-06-03T10:30:00Z,1\nA,2013-06-03T10:00:00Z,1\n",
        3,
        "sort the rows",
    ),
    "a decimal comma": (HEAD + "A,2026-03-02T00:00:00,0,5\n", 2, "with a decimal point, not a comma"),
    "a decimal comma in quotes": (HEAD + 'A,2026-03-02T00:00:00,"0,5"\n', 2, "write it like 0.25"),
    "doubled column": ("meter,timestamp,kwh,kWh\nA,2013-06-03T10:00:00,1,2\n", 1, "is called kwh: keep one"),
    "hourly": (
        HEAD + "".join(f"A,2013-06-03T{hour:02}:00:00,1\n" for hour in range(5)),
        0,
        "rows of A mostly stand 60 minutes apart: half-hours only",
    ),
    "daily": (
        HEAD + "".join(f"A,2013-06-{day:02}T00:00:00,1\n" for day in range(1, 9)),
        0,
        "mostly stand 1440 minutes apart",
    ),
    "quarter-hours": (HEAD + "A,2013-06-03T10:15:00,1\n", 2, "only half-hours from :00 and :30"),
    "a day alone": (HEAD + "A,2013-06-03,1\n", 2, "is no time"),
    "an ISO week": (HEAD + "A,2013-W23-1T10:00:00,1\n", 2, "is no time"),
    "a time in Arabic digits": (HEAD + "A,٢٠١٣-٠٦-٠٣T١٠:٠٠:٠٠,1\n", 2, "is no time"),
    "Arabic digits": (HEAD + "A,2013-06-03T10:00:00,٠.٢٥\n", 2, "no number of kWh: write it like"),
    "past all numbers": (HEAD + "A,2013-06-03T10:00:00,1e999999\n", 2, "write kWh, not Wh"),
    "no time": (HEAD + "A,03/06/2013,1\n", 2, "is no time"),
    "off the half-hour": (HEAD + "A,2013-06-03T10:10:00,1\n", 2, "does not begin a half-hour"),
    "short row": (HEAD + "A,2013-06-03T10:00:00\n", 2, "2 fields"),
    "nameless": (HEAD + ",2013-06-03T10:00:00,1\n", 2, "names no meter"),
    "in Wh": (HEAD + "A,2013-06-03T10:00:00,123456\n", 2, "write kWh, not Wh"),
    "no rows": (HEAD, 0, "no row"),
    "empty file": ("", 1, "no column"),
    "not text": ("meter,timestamp,kwh\nA\udcff", 0, "save it as UTF-8"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_sentence(tmp_path, name):
    text, line, reason = BAD[name]
    path = tmp_path / "bad.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ReplayError, match=reason.replace("?", r"\?")) as caught:
        replay.load(path, EPOCH)
    assert caught.value.line == line
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("the file bad.csv")


def test_a_file_cut_off_or_absent_is_one_sentence(tmp_path):
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(gzip.compress((HEAD + "A,2013-06-03T10:00:00,1\n" * 50).encode())[:-9])
    with pytest.raises(ReplayError, match="damaged or cut off"):
        replay.load(path, EPOCH)
    with pytest.raises(ReplayError, match="cannot be read"):
        replay.load(tmp_path / "absent.csv", EPOCH)
    with pytest.raises(ReplayError, match="cannot be read"):
        replay.load(tmp_path, EPOCH)


@pytest.mark.parametrize(
    ("name", "meters", "kept", "duplicates"),
    [
        ("london-households.csv.gz", 3, 60_915, 0),
        ("uk-household.csv.gz", 1, 22_521, 15),
        ("australia-households.csv.gz", 5, 156_871, 0),
    ],
)
def test_the_real_files(shared_dir, name, meters, kept, duplicates):
    found = replay.load(shared_dir / "data" / name, EPOCH)
    assert (len(found.recordings), found.duplicate_count) == (meters, duplicates)
    assert sum(recording.rows for recording in found.recordings) == kept
    end = max(recording.first + len(recording.wh) for recording in found.recordings)
    assert EPOCH - timedelta(days=7) < halfhours.begin_of(end) <= EPOCH
    assert all(np.all(recording.wh >= -1) for recording in found.recordings)
