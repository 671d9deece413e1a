"""The register of outages: what meters told, a station that fell silent, what people entered."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from model.period import LOCAL, Period
from storage.outages import OutageSource, outages_of
from tests.remote_orders import PASSWORDS, here, people
from tests.simulated_fleet import simulated_fleet

DAY = datetime(2026, 11, 17, tzinfo=LOCAL)


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def acts(ami: Any, login: str, *words: str, code: int = 0) -> Any:
    """`ami outage …` by somebody with the right password."""
    secret = PASSWORDS.get(login, "a-long-word-of-khach1")
    more = ("--as", login, "--password-stdin", "--as-of", at(24).isoformat(), "--json")
    done = here(ami, "outage", *words, *more, code=code, stdin=secret + "\n")
    return done.stderr if code else json.loads(done.stdout)


def listed(ami: Any, *words: str) -> list[dict[str, Any]]:
    return list(json.loads(here(ami, "outage", "list", "--json", *words).stdout)["outages"])


def find(ami: Any, hour: float) -> dict[str, int]:
    return dict(json.loads(here(ami, "outage", "find", "--json", "--as-of", at(hour).isoformat()).stdout))


@pytest.fixture
def grid(ami: Any, tmp_path: Path) -> Any:
    """Two meters of station T01, one of T02, and people."""
    for number, station in ((1, "T01"), (2, "T01"), (3, "T02")):
        place = f"--customer KH{number} --name An --station {station} --modem M{number} --port 4{number}59"
        words = f"meter add 2026000{number} --model dk-1p --host 127.0.0.1 {place}"
        here(ami, *words.split(), "--since", at(-300).isoformat())
    people(ami, customer="KH1")
    return ami


def test_what_meters_told_and_people_entered(grid: Any, database: str) -> None:
    ami = grid
    with psycopg.connect(database, autocommit=True) as conn:
        for meter, hour, code in (
            (1, 8, "power_off"),
            (1, 9, "power_on"),
            (2, 8, "power_off"),
            (3, 10, "power_on"),
        ):
            conn.execute(
                "INSERT INTO meter_event (meter_id, at, code, received_at) VALUES (%s, %s, %s, %s)",
                [meter, at(hour), code, at(hour)],
            )
        conn.execute("TRUNCATE validation_due")
        assert find(ami, 11)["told"] == 3
        assert find(ami, 11) == {"told": 0, "told_anew": 0, "silent": 0, "silences_ended": 0}
        due = conn.execute("SELECT DISTINCT meter_id FROM validation_due ORDER BY 1").fetchall()
        assert due == [(1,), (2,)]
        whole = Period(at(0), at(24))
        assert outages_of(conn, [1, 2, 3], whole) == {
            1: [Period(at(8), at(9))],
            2: [Period(at(8), at(24))],  # it lasts; of meter 3 nobody knows since when
        }

        entered = acts(
            ami, "lan", "add", "--station", "T01", "--from", at(8.5).isoformat(), "--note", "thay MBA"
        )
        assert (entered["station"], entered["told_by"], entered["ended"]) == ("T01", "lan", None)
        number = str(entered["id"])
        assert acts(ami, "minh", "end", number, "--at", at(10).isoformat())["ended"] is not None
        acts(
            ami, "hoa", "add", "--meter", "20260003", "--from", at(12).isoformat(), "--to", at(13).isoformat()
        )
        assert outages_of(conn, [1, 2, 3], whole) == {
            1: [Period(at(8), at(10))],
            2: [Period(at(8), at(24))],
            3: [Period(at(12), at(13))],
        }
        # Meter 2 tells late, and meter 3 in its log since when it had been without.
        late = "(2, %s, 'power_on', '', now()), (3, %s, 'power_off', '', now())"
        conn.execute(f"INSERT INTO meter_event VALUES {late}", [at(9.5), at(9.75)])
        assert find(ami, 14) == {"told": 1, "told_anew": 1, "silent": 0, "silences_ended": 0}
        assert find(ami, 14)["told"] == 0
        assert outages_of(conn, [2, 3], whole) == {
            2: [Period(at(8), at(10))],
            3: [Period(at(9.75), at(10)), Period(at(12), at(13))],
        }
        assert len(listed(ami)) == 5
        assert {one["serial"] or one["station"] for one in listed(ami, "--station", "T01")} == {
            "20260001", "20260002", "T01",
        }  # fmt: skip
        assert len(listed(ami, "--meter", "20260001")) == 2

        # An outage that a meter began and somebody ended keeps its end, whatever is told again.
        conn.execute("INSERT INTO meter_event VALUES (3, %s, 'power_off', '', now())", [at(15)])
        assert find(ami, 16)["told"] == 1
        (lasts,) = listed(ami, "--meter", "20260003", "--open")
        acts(ami, "minh", "end", str(lasts["id"]), "--at", at(15.5).isoformat())
        assert find(ami, 17) == {"told": 0, "told_anew": 0, "silent": 0, "silences_ended": 0}
        assert listed(ami, "--meter", "20260003", "--open") == []

        acts(ami, "lan", "withdraw", number, "--note", "it was T03")
        assert outages_of(conn, [1], whole) == {1: [Period(at(8), at(9))]}
        deeds = conn.execute(
            "SELECT login, action FROM audit WHERE object = %s ORDER BY id", [f"outage {number}"]
        )
        assert deeds.fetchall() == [("lan", "outage.add"), ("minh", "outage.end"), ("lan", "outage.withdraw")]

    add = ("add", "--from", at(1).isoformat())
    assert "one of the two" in acts(ami, "lan", *add, code=5)
    assert "one of the two" in acts(ami, "lan", *add, "--station", "T01", "--meter", "20260001", code=5)
    assert "no station T09" in acts(ami, "lan", *add, "--station", "T09", code=5)
    assert "ends after it has begun" in acts(
        ami, "lan", *add, "--station", "T01", "--to", at(0.5).isoformat(), code=5
    )
    assert "is for the role" in acts(ami, "khach", *add, "--station", "T01", code=5)


def test_a_station_that_falls_silent(
    ami: Any, tmp_path: Path, database: str, free_ports: Callable[[], int]
) -> None:
    """All modems of a station fall silent, and one of another; later the station is heard again."""
    ami.environment |= {"AMI_ANSWER_S": "1", "AMI_DIAL_IN_WAIT_S": "2"}
    port = free_ports()
    with simulated_fleet(ami, port, "--customers", "40", "--seed", "4") as fleet:
        fleet.register_in(ami, tmp_path)
        stations = modems_by_station(fleet)
        gone, others = stations["TBA-01"], stations["TBA-02"]
        ami(*fleet.collecting, "--meter", *_between("--meter", _first_meters(fleet)), code=None)

        fleet.order(do="clock", at=at(10).isoformat())
        fleet.order(do="silence", on=True, modems=[*gone, others[0]])
        _collect(ami, fleet, 10)
        assert find(ami, 10.25)["silent"] == 1
        assert find(ami, 10.5)["silent"] == 0
        (found,) = listed(ami)
        assert (found["station"], found["source"], found["ended"]) == ("TBA-01", "silence", None)
        assert datetime.fromisoformat(found["began"]) == at(10)
        with psycopg.connect(database) as conn:
            ids = [row[0] for row in conn.execute("SELECT id FROM meter")]
            assert outages_of(conn, ids, Period(at(9), at(12))) == {}
            asked = outages_of(conn, ids, Period(at(9), at(12)), set(OutageSource))
            assert set(map(tuple, asked.values())) == {(Period(at(10), at(12)),)}

        fleet.order(do="clock", at=at(11).isoformat())
        fleet.order(do="silence", on=False, modems=gone)
        _collect(ami, fleet, 11)
        assert find(ami, 11.25) == {"told": 0, "told_anew": 0, "silent": 0, "silences_ended": 1}
        (found,) = listed(ami)
        assert datetime.fromisoformat(found["ended"]) == at(11)

        # Taken back while it lasts, it hides no other one.
        people(ami)
        for hour in (12, 14):
            fleet.order(do="clock", at=at(hour).isoformat())
            fleet.order(do="silence", on=True, modems=gone)
            _collect(ami, fleet, hour)
            assert find(ami, hour + 0.25)["silent"] == 1
            acts(ami, "lan", "withdraw", str(listed(ami)[0]["id"]), "--note", "the radio cell")
            assert find(ami, hour + 0.5)["silent"] == 0
            fleet.order(do="clock", at=at(hour + 1).isoformat())
            fleet.order(do="silence", on=False, modems=gone)
            _collect(ami, fleet, hour + 1)
            find(ami, hour + 1.25)
        assert listed(ami, "--open") == []


def modems_by_station(fleet: Any) -> dict[str, list[str]]:
    """The modems of each station's meters that hang."""
    station = {point["code"]: point["station"] for point in fleet.register["points"]}
    modem = {meter["serial"]: meter["modem"] for meter in fleet.register["meters"]}
    found: dict[str, list[str]] = {}
    for hung in fleet.register["installations"]:
        here_now = found.setdefault(station[hung["point"]], [])
        if hung["until"] is None and modem[hung["serial"]] not in here_now:
            here_now.append(modem[hung["serial"]])
    return found


def _first_meters(fleet: Any) -> list[str]:
    """One meter of every modem is enough to hear it."""
    removed = {hung["serial"] for hung in fleet.register["installations"] if hung["until"] is not None}
    by_modem: dict[str, str] = {}
    for meter in fleet.register["meters"]:
        if meter["serial"] not in removed:
            by_modem.setdefault(meter["modem"], meter["serial"])
    return list(by_modem.values())


def _between(word: str, serials: list[str]) -> list[str]:
    return [part for serial in serials for part in (word, serial)][1:]


def _collect(ami: Any, fleet: Any, hour: float) -> None:
    words = ("collect", "--once", "--as-of", at(hour).isoformat(), "--listen-port", str(fleet.port))
    ami(*words, "--meter", *_between("--meter", _first_meters(fleet)), code=None)


def test_meters_tell_of_a_power_cut(
    ami: Any, tmp_path: Path, database: str, free_ports: Callable[[], int]
) -> None:
    """A station is cut off for 40 minutes: its meters have it in their logs, and count nothing meanwhile."""
    ami.environment |= {"AMI_ANSWER_S": "2"}
    size = ("--meters", "2", "--modems", "2", "--dial-in", "0", "--keyed", "1")
    with simulated_fleet(ami, free_ports(), *size) as fleet:
        fleet.register_in(ami, tmp_path)
        station = fleet.register["stations"][0]["code"]
        fleet.order(do="clock", at=at(9.75).isoformat())
        cut = fleet.order(do="power", station=station, on=False)["power"]
        assert set(cut) == {modem["code"] for modem in fleet.register["modems"]}
        fleet.order(do="clock", at=at(11.25).isoformat())
        fleet.order(do="power", station=station, on=True)
        fleet.order(do="clock", at=at(12).isoformat())
        done = ami.json(*fleet.collecting[:2], "--as-of", at(12).isoformat(), "--json")
        assert done["failed"] == []
        assert find(ami, 12.25)["told"] == 2
        with psycopg.connect(database) as conn:
            without = outages_of(conn, [1, 2], Period(at(0), at(12)))
            assert without == {meter: [Period(at(9.75), at(11.25))] for meter in (1, 2)}
            spans = conn.execute("SELECT spans FROM answered WHERE item = '0.0.99.98.0.255'").fetchall()
            assert len(spans) == 2
        here(ami, "validate", "--as-of", at(12).isoformat())
        with psycopg.connect(database) as conn:
            days = conn.execute(
                "SELECT energy[21:23] FROM profile_day WHERE day = %s", [at(0).date()]
            ).fetchall()
        assert [list(dark) for (dark,) in days] == [[0, 0, dark[2]] for (dark,) in days]
        # Asked again, nothing is told twice.
        ami.json(*fleet.collecting[:2], "--as-of", at(12.5).isoformat(), "--json", code=None)
        assert find(ami, 12.75)["told"] == 0
