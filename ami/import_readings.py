"""`ami import FILE --format …`: readings in other programs' files."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import rich_click as click

from ami import clocks, home
from ami.console import counted, emit, say, table, when
from ami.failure import Exit, InputFailure, end
from ami.settings import load
from operations import door_bill
from operations.formats import opening, summary
from operations.formats.numbers import offset
from operations.formats.reading import READERS
from operations.formats.values import FileReadings, Unusable

TOLD = 100  # lines left out that are listed one by one


class _Offset(click.ParamType[Any]):
    """An offset from UTC."""

    name = "+hh:mm"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return value if isinstance(value, timezone) else offset(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("readings")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--format",
    "name",
    type=click.Choice(list(READERS)),
    help="What the file is, which has to be said; NEM13 goes by either name.",
)
@click.option("--dry-run", is_flag=True, help="Say what is in it and store nothing; needs no database.")
@click.option(
    "--utc-offset",
    "zone",
    type=_Offset(),
    default="+07:00",
    show_default=True,
    help="Of the clock that times without an offset were told by (Australian NEM12: +10:00).",
)
@click.option(
    "--secondary",
    is_flag=True,
    help="The energies are the meter's own, before CT and VT; default: what was really used.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON list on stdout, an entry a channel.")
def readings(
    file: Path, name: str | None, dry_run: bool, zone: timezone, secondary: bool, as_json: bool
) -> None:
    """Bring in readings from FILE, plain, .gz or .zip; `ami import FILE --format …` says the same.

    What can be used is stored as evidence with its quality flags, and the days it touches are due for
    validation; brought again it adds nothing. Lines that cannot be used are named with their reason (exit 3);
    a file of which nothing can be used is refused with its line (exit 5).

    \b
    ami import readings.zip --format nem12 --dry-run --json
    ami import route-S01-2026-10.csv --format handheld
    """
    if name is None:
        raise click.UsageError(f"say what {file.name} is: --format {', '.join(READERS)}")
    try:
        raw = opening.opened(file)
        found = READERS[name](raw, zone)
        if not dry_run:
            found = _stored(file, raw, name, found, secondary=secondary)
    except Unusable as refused:
        where = f"{file.name}, line {refused.line}" if refused.line else file.name
        raise InputFailure(f"{where}: {refused.why}; nothing was stored") from refused
    documents = summary.channels(found, zone)
    if name == "handheld":
        _with_bills(documents, found)
    if as_json:
        emit(documents)
    else:
        _tell(documents, found, dry_run=dry_run)
    if found.rejected:
        end(Exit.PARTLY)


def _stored(file: Path, raw: bytes, name: str, found: FileReadings, *, secondary: bool) -> FileReadings:
    from operations import file_readings  # only now: a dry run needs no database

    settings = load()
    source = file_readings.Source(file.name, name, hashlib.sha256(raw).hexdigest(), secondary)
    with home.database(settings) as dsn:
        return file_readings.store(dsn, source, found, by="ami", now=clocks.clock(None)())


def _with_bills(documents: list[dict[str, Any]], found: FileReadings) -> None:
    """The provisional bill of a point stands at the first of its registers."""
    bills = door_bill.of_points(found.indices)
    for document in documents:
        point = document.get("point") or document["meter"]
        document["bill"] = bills.pop(point, None)


def _tell(documents: list[dict[str, Any]], found: FileReadings, *, dry_run: bool) -> None:
    rows = [
        (
            one["meter"],
            one["channel"],
            f"{one['total']:,} {one['unit']}",
            f"{one['intervals']:,}",
            when(datetime.fromisoformat(one["from"])) if one["from"] else "",
            when(datetime.fromisoformat(one["to"])) if one["to"] else "",
            ", ".join(f"{flag} {count:,}" for flag, count in one["quality"].items()),
            len(one["rejected"]) or "",
        )
        for one in documents
        if one["meter"] or one["intervals"]
    ]
    columns = ("Meter", "Channel", "Total", "Intervals", "From", "To", "Quality", "Left out")
    table("", columns, rows, right=("Total", "Intervals", "Left out"))
    for one in found.rejected[:TOLD]:
        say(f"  line {one.line}: {one.why}" if one.line else f"  {one.why}")
    if len(found.rejected) > TOLD:
        say(f"  … and {len(found.rejected) - TOLD:,} more: --json lists them")
    if found.unread:
        came = f"{counted(len(found.unread), 'register')} came back with a code of what was found there"
        say(f"{came}: " + ("they would be cases." if dry_run else "judge them, `ami case list`."))
    said = "would be stored" if dry_run else "stored"
    taken = sum(one["intervals"] > 0 for one in documents)
    say(f"{counted(taken, 'channel')} {said}; {counted(len(found.rejected), 'line')} left out.")
