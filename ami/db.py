"""`ami db`: the database server and what is in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import rich_click as click

from ami import home
from ami.console import emit, facts, say
from ami.failure import Exit, InputFailure, UsageFailure, end
from ami.options import JSON
from ami.settings import Settings, load
from storage import backup as copies
from storage.embedded import Embedded
from storage.errors import Unreachable
from storage.migrations import migrate as apply_migrations
from storage.migrations import pending


@click.group("db")
def command() -> None:
    """Start, stop, migrate, back up and restore the database.

    Without AMI_DATABASE_URL a private TimescaleDB runs below $AMI_HOME, on 127.0.0.1 alone, with a
    generated password.
    """


def _embedded(settings: Settings) -> Embedded:
    if settings.database_url is not None:
        raise UsageFailure("AMI_DATABASE_URL names a server of yours: start and stop it with its own tools.")
    home.prepare(settings)
    return Embedded(settings.home)


@command.command()
def start() -> None:
    """Start the embedded server and keep it running until `ami db stop`.

    Without this, every command that needs the server starts it, and the last one to leave stops it.
    """
    settings = load()
    server = _embedded(settings)
    home.start_to_stay(settings, server)
    status = server.status()
    say(f"The database runs on 127.0.0.1:{status.port} (process {status.pid}); `ami db stop` stops it.")


@command.command()
@click.option("--mode", type=click.Choice(["fast", "immediate"]), default="fast", help="How hard to stop.")
def stop(mode: Literal["fast", "immediate"]) -> None:
    """Stop the embedded server."""
    settings = load()
    server = _embedded(settings)
    was_running = server.status().running
    server.stop(mode=mode)
    home.keep_running(settings)
    say("The database has stopped." if was_running else "The database was not running.")


@command.command()
@JSON
def status(as_json: bool) -> None:
    """Is it running, where, and is its schema up to date? Exit 4 when it is not running."""
    settings = load()
    if settings.database_url is None:
        found = Embedded(settings.home).status()
        document: dict[str, Any] = {
            "kind": "embedded",
            "running": found.running,
            "pid": found.pid,
            "port": found.port,
            "data": str(found.data),
            "version": found.version,
        }
        waiting = pending(Embedded(settings.home).dsn()) if found.running else None
    else:
        document, waiting = _external(settings.database_url)
    document["pending_migrations"] = waiting
    if as_json:
        emit(document)
    else:
        shown = {**document, "pending_migrations": None if waiting is None else ", ".join(waiting) or "none"}
        facts([(key.replace("_", " ").capitalize(), value) for key, value in shown.items()])
    if not document["running"]:
        end(Exit.NO_LINK)


def _external(url: str) -> tuple[dict[str, Any], list[str] | None]:
    try:
        waiting = pending(url)
    except Unreachable as away:
        return {"kind": "external", "running": False, "why": str(away)}, None
    return {"kind": "external", "running": True}, waiting


@command.command()
def migrate() -> None:
    """Bring the schema up to date."""
    with home.database(load(), migrated=False, make=True) as dsn:
        applied = apply_migrations(dsn)
    say(f"Applied {', '.join(applied)}." if applied else "The schema is up to date.")


@command.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the database; arguments go to psql, and its exit code is handed on.

    \b
    ami db psql
    ami db psql -c 'select count(*) from meter'
    """
    settings = load()
    with home.database(settings, migrated=False) as dsn:
        code = copies.psql(settings.home, dsn, arguments)
    end(code)


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(file: Path) -> None:
    """Write the whole database into FILE (PostgreSQL's custom format)."""
    settings = load()
    if file.exists():
        raise InputFailure(f"{file} exists already: name another file, a backup is never overwritten.")
    with home.database(settings) as dsn:
        copies.backup(settings.home, dsn, file)
    say(f"The database is in {file} ({file.stat().st_size:,} bytes).")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--yes", is_flag=True, help="Replace what is in the database without asking.")
def restore(file: Path, yes: bool) -> None:
    """Replace what is in the database by the backup in FILE; first stop whatever uses it."""
    settings = load()
    if not yes:
        if not sys.stdin.isatty():
            raise UsageFailure(
                "A restore replaces everything in the database: say --yes to do it without a question."
            )
        click.confirm("Replace everything in the database by this backup?", abort=True)
    with home.database(settings, migrated=False, make=True) as dsn:
        copies.restore(settings.home, dsn, file)
        apply_migrations(dsn)
    say(f"The database holds what was in {file}.")
