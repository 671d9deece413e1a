"""A backup brings back what was there, chunks and all, or changes nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import psycopg
import pytest

from storage import backup
from storage.errors import BackupFailed

FILL = """
CREATE EXTENSION timescaledb;
CREATE TABLE seen (at timestamptz NOT NULL, meter text, wh bigint[]);
SELECT create_hypertable('seen', by_range('at', INTERVAL '1 day'));
INSERT INTO seen SELECT '2026-06-01T00:00Z'::timestamptz + n * INTERVAL '6 hours', 'Đo đếm ' || n, ARRAY[n, n]
FROM generate_series(0, 19) n;
"""


def _rows(dsn: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT at, meter, wh FROM seen ORDER BY at").fetchall()


def _chunks(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM timescaledb_information.chunks").fetchone()
    assert row is not None
    return int(row[0])


def _beside(dsn: str) -> set[str]:
    """What a restore into this database has left beside it."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("SELECT datname FROM pg_database")
        return {row[0] for row in found if row[0].startswith(connection.info.dbname + "_")}


@pytest.fixture
def filled(empty_database: str) -> str:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(FILL)
    return empty_database


def test_a_restore_brings_back_what_the_backup_saw(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "copy.dump"
    rows, chunks = _rows(filled), _chunks(filled)
    assert (len(rows), chunks) == (20, 5)
    backup.backup(tmp_path / "home", filled, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy.dump"]
    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute("DELETE FROM seen WHERE wh[1] > 3")
        connection.execute("CREATE TABLE later (n int)")
    backup.restore(tmp_path / "home", filled, file)
    assert _rows(filled) == rows
    assert _chunks(filled) == chunks
    with psycopg.connect(filled, autocommit=True) as connection:
        assert connection.execute("SELECT to_regclass('later')").fetchone() == (None,)
        # Still a hypertable: a new day becomes a new chunk.
        connection.execute("INSERT INTO seen VALUES ('2026-07-01T00:00Z', 'mới', '{1}')")
    assert _chunks(filled) == chunks + 1
    assert not _beside(filled)


def test_a_cut_off_backup_is_refused_and_nothing_changes(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "copy.dump"
    backup.backup(tmp_path / "home", filled, file)
    rows = _rows(filled)
    whole = file.read_bytes()
    in_the_rows = whole.rindex(b"\x78\x9c")  # where the last table's compressed rows begin
    for part in (
        b"",
        b"no dump at all",
        whole[: len(whole) // 4],
        whole[:in_the_rows],
        whole[: in_the_rows + 4],
    ):
        file.write_bytes(part)
        with pytest.raises(BackupFailed, match=r"copy\.dump") as refused:
            backup.restore(tmp_path / "home", filled, file)
        assert len(str(refused.value).splitlines()) == 1
        assert _rows(filled) == rows
    assert not _beside(filled)


def test_a_restore_under_somebody_who_works_is_refused(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "copy.dump"
    backup.backup(tmp_path / "home", filled, file)
    with (
        psycopg.connect(filled),
        pytest.raises(BackupFailed, match=r"Others use the database .* \(1 open connections\)"),
    ):
        backup.restore(tmp_path / "home", filled, file)


def test_a_backup_that_cannot_be_written_leaves_no_part(filled: str, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="could not be written"):
        backup.backup(tmp_path / "home", filled, tmp_path / "nowhere" / "copy.dump")
    with psycopg.connect(filled, autocommit=True) as connection:
        name = connection.info.dbname
    with pytest.raises(BackupFailed, match="pg_dump did not come to its end"):
        backup.backup(tmp_path / "home", filled.replace(name, "no_such"), tmp_path / "copy.dump")
    assert list(tmp_path.iterdir()) == []
