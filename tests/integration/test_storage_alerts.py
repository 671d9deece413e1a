"""An alert is the same one while what it tells of goes on, however its beginning is reckoned today."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from model.alert import Alert, AlertKind
from model.period import midnight
from model.quality import Severity
from model.viewer import UserRole, Viewer
from storage import alerts, fleet
from storage.grid import save_register
from storage.pool import connect
from tests.storage_samples import DAY, NOW, grid

STAFF = Viewer("ky.thuat", UserRole.ENGINEER)
SINCE = midnight(DAY) - timedelta(days=20)
DAYS = timedelta(days=1)


@pytest.fixture
def conn(database: str) -> Iterator[Connection[TupleRow]]:
    with connect(database) as connection:
        save_register(connection, grid(), bytes)
        yield connection


def watched(
    conn: Connection[TupleRow], kind: AlertKind, since: datetime | None, now: datetime, serial: str = "M001"
) -> int:
    """One look at the meters: what is found is raised, what is no longer found is closed."""
    meter = fleet.meter_ids(conn)[serial]
    found = [] if since is None else [(meter, Alert(kind, serial, Severity.RED, since, {"now": str(now)}))]
    new = alerts.raise_alerts(conn, found, now)
    alerts.close_unseen(conn, list(AlertKind), now)
    return new


def standing(conn: Connection[TupleRow]) -> list[tuple[datetime, str]]:
    return [(row.alert.since, row.state) for row in alerts.alerts(conn, STAFF)]


# The rules of one meter's use behave alike: a few of them stand for all.
LASTING = ["phase_bypass", "vacancy", "stuck_meter", "wrong_meter", "modem_silent", "clock_drift"]


@pytest.mark.parametrize("kind", [AlertKind(word) for word in LASTING])
def test_a_beginning_that_moves_is_the_same_theft(conn: Connection[TupleRow], kind: AlertKind) -> None:
    assert watched(conn, kind, SINCE, NOW) == 1
    (row,) = alerts.alerts(conn, STAFF)
    assert alerts.acknowledge(conn, STAFF, row.id, NOW)
    # a day later and earlier; weeks, when the days looked at begin with another month
    for number, moved in enumerate((DAYS, -DAYS, -9 * DAYS, 15 * DAYS), 1):
        now = NOW + number * DAYS
        assert watched(conn, kind, SINCE + moved, now) == 0
        (seen,) = alerts.alerts(conn, STAFF)
        assert (seen.id, seen.state, seen.alert.since) == (row.id, "acknowledged", SINCE)
        assert (seen.seen_at, seen.alert.evidence) == (now, {"now": str(now)})


def test_what_began_after_it_was_last_seen_is_another_one(conn: Connection[TupleRow]) -> None:
    watched(conn, AlertKind.MODEM_SILENT, SINCE, NOW)
    later = NOW + 5 * DAYS  # nobody watched meanwhile
    assert watched(conn, AlertKind.MODEM_SILENT, NOW + 3 * DAYS, later) == 1
    assert standing(conn) == [(NOW + 3 * DAYS, "open"), (SINCE, "closed")]


def test_what_was_closed_is_another_one(conn: Connection[TupleRow]) -> None:
    watched(conn, AlertKind.VACANCY, SINCE, NOW)
    watched(conn, AlertKind.VACANCY, None, NOW + DAYS)
    assert standing(conn) == [(SINCE, "closed")]
    assert watched(conn, AlertKind.VACANCY, SINCE + DAYS, NOW + 2 * DAYS) == 1
    assert watched(conn, AlertKind.VACANCY, SINCE + 2 * DAYS, NOW + 3 * DAYS) == 0
    assert standing(conn) == [(SINCE + DAYS, "open"), (SINCE, "closed")]


@pytest.mark.parametrize("kind", [kind for kind in AlertKind if not kind.lasts])
def test_each_month_and_each_event_speaks_for_itself(conn: Connection[TupleRow], kind: AlertKind) -> None:
    watched(conn, kind, SINCE, NOW)
    assert watched(conn, kind, SINCE + 2 * DAYS, NOW + DAYS) == 0, "reckoned anew"
    assert watched(conn, kind, SINCE + 4 * DAYS, NOW + 2 * DAYS) == 1
    assert [state for _, state in standing(conn)] == ["open", "closed"]


def test_another_meter_is_another_alert(conn: Connection[TupleRow]) -> None:
    watched(conn, AlertKind.PHASE_BYPASS, SINCE, NOW)
    assert watched(conn, AlertKind.PHASE_BYPASS, SINCE, NOW, "M002") == 1
    assert watched(conn, AlertKind.VACANCY, SINCE, NOW) == 1
