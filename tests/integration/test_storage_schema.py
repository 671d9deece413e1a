"""The migrations make what the snapshot says, once, whoever asks; a wrong past is refused."""

from __future__ import annotations

import concurrent.futures
import os
from pathlib import Path

import psycopg
import pytest

import storage
from storage import migrations, schema
from storage.errors import MigrationEdited, MigrationFailed, SchemaTooNew, Unreachable
from storage.migrations import Migration, migrate, pending
from storage.pool import connect

SNAPSHOT = Path(storage.__file__).with_name("schema_snapshot.sql")


def test_the_migrations_make_the_snapshot(database: str) -> None:
    """AMI_WRITE_SNAPSHOT=1 writes it anew, for a reader to compare."""
    with connect(database) as conn:
        made = schema.describe(conn)
    if os.environ.get("AMI_WRITE_SNAPSHOT"):
        SNAPSHOT.write_text(made, encoding="utf-8")
    assert made == schema.snapshot(), "run this test with AMI_WRITE_SNAPSHOT=1 and read the difference"


def test_a_table_nobody_wrote_down_shows(database: str) -> None:
    with connect(database) as conn:
        conn.execute("ALTER TABLE meter ADD COLUMN colour text")
        assert schema.describe(conn) != schema.snapshot()


def test_migrations_are_applied_once(empty_database: str) -> None:
    names = [step.name for step in migrations.migrations()]
    assert names == sorted(names)
    assert pending(empty_database) == names
    assert migrate(empty_database) == names
    assert migrate(empty_database) == []
    assert pending(empty_database) == []
    with connect(empty_database) as conn:
        assert schema.describe(conn) == schema.snapshot()


def test_two_programs_may_migrate_at_once(empty_database: str) -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        one, two = pool.map(migrate, [empty_database] * 2)
    assert sorted(one + two) == [step.name for step in migrations.migrations()]


def test_an_edited_migration_is_refused(database: str) -> None:
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE schema_migration SET sha256 = 'x' WHERE name = '0002_evidence'")
    with pytest.raises(MigrationEdited, match="0002_evidence"):
        migrate(database)


def test_a_newer_database_is_refused(database: str) -> None:
    with psycopg.connect(database) as conn:
        conn.execute("INSERT INTO schema_migration (name, sha256) VALUES ('0099_more', 'x')")
    with pytest.raises(SchemaTooNew, match="0099_more"):
        pending(database)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (*migrations.migrations(), Migration("0090_broken", "CREATE TABLE half (a int); SELECT 1/0"))
    monkeypatch.setattr(migrations, "migrations", lambda: steps)


@pytest.mark.usefixtures("broken")
def test_a_step_that_fails_leaves_nothing(database: str) -> None:
    with pytest.raises(MigrationFailed, match="0090_broken failed"):
        migrate(database)
    assert pending(database) == ["0090_broken"]
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT to_regclass('half')").fetchone() == (None,)


def test_nobody_at_the_address_is_one_sentence(free_port: int) -> None:
    with pytest.raises(Unreachable, match="cannot be reached") as caught:
        migrate(f"postgresql://ami:geheim@127.0.0.1:{free_port}/ami")
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_step_has_a_number_of_its_own() -> None:
    numbers = [step.name.partition("_")[0] for step in migrations.migrations()]
    assert len(set(numbers)) == len(numbers)
