"""`ami check`: what is wrong with this installation."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import rich_click as click
from rich.markup import escape

from ami import clocks, home
from ami.console import emit, out
from ami.failure import Exit, Failure, end
from ami.options import JSON
from ami.settings import FILE_NAME, Settings, load
from analytics.tariffs import NoVatRate, last_vat_day, unconfirmed_files, vat_file, vat_percent
from model.period import local_day
from storage.embedded import Embedded
from storage.errors import StorageError, WrappingKeyUnusable
from storage.migrations import pending
from storage.pool import connect
from storage.secrets import WrappingKey

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ROOM_BYTES = 2 * 2**30
VAT_WARNING = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing looked at. `state`: ok, warning or wrong; `sentence` says what, where and what to do."""

    name: str
    state: str
    sentence: str


@click.command("check")
@JSON
def command(as_json: bool) -> None:
    """Look at home, office, key, disk, database, ports, tariffs and VAT; exit 1 when something is wrong."""
    settings = load()
    remarks = [remark for look in LOOKS for remark in look(settings)]
    if as_json:
        emit({"ok": all(r.state != "wrong" for r in remarks), "remarks": remarks})
    else:
        marks = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "wrong": "[red]✗[/]"}
        for remark in remarks:
            out.print(marks[remark.state], f"[bold]{remark.name}[/]", escape(remark.sentence), soft_wrap=True)
    if any(remark.state == "wrong" for remark in remarks):
        end(Exit.FAILED)


def _home(settings: Settings) -> Iterator[Remark]:
    try:
        place = home.prepare(settings)
    except Failure as failure:
        yield Remark("home", "wrong", str(failure))
        return
    free = shutil.disk_usage(place).free
    if free < ROOM_BYTES:
        yield Remark(
            "home",
            "wrong",
            f"{place} has {free / 2**30:.1f} GiB left: make room, the spool stops when it is full.",
        )
    else:
        yield Remark("home", "ok", f"{place}, {free / 2**30:.0f} GiB free")


def _office(settings: Settings) -> Iterator[Remark]:
    if settings.office == Settings(settings.home).office:
        said = (
            f"It is called “{settings.office}” as by default: write name, hotline, address and tax code below"
        )
        yield Remark(
            "office", "warning", f"{said} [office] in {settings.home / FILE_NAME}: they stand on every bill."
        )
    else:
        yield Remark("office", "ok", settings.office)


def _key(settings: Settings) -> Iterator[Remark]:
    path = settings.wrapping_key_path
    try:
        opens = _opens(settings)
        if not path.exists():
            yield Remark("key", "warning", "There is no wrapping key yet: `ami init` makes it.")
            return
        WrappingKey.load(path)
    except WrappingKeyUnusable as error:
        yield Remark("key", "wrong", str(error))
    else:
        tried = ", opens what this database keeps" if opens else ""
        yield Remark("key", "ok", f"{path}, for its owner alone{tried}")


def _opens(settings: Settings) -> bool:
    """Whether the key opens something; False where there is nothing, or no database, to try it on."""
    dsn = settings.database_url
    if dsn is None:
        server = Embedded(settings.home)
        if not server.status().running:
            return False
        dsn = server.dsn()
    try:
        return not pending(dsn) and home.key_file(settings, dsn).prove()
    except WrappingKeyUnusable:
        raise
    except StorageError:
        return False  # said of the database


def _database(settings: Settings) -> Iterator[Remark]:
    dsn = settings.database_url
    if dsn is None:
        server = Embedded(settings.home)
        if not server.status().running:
            said = "The embedded server rests: every command starts it for itself, `ami db start` for good."
            yield Remark("database", "ok", said)
            return
        dsn = server.dsn()
    try:
        with connect(dsn) as conn:
            found = conn.info.server_version
        waiting = pending(dsn)
    except StorageError as error:
        yield Remark("database", "wrong", str(error))
        return
    if waiting:
        yield Remark("database", "wrong", f"The schema lacks {', '.join(waiting)}: run `ami db migrate`.")
    else:
        yield Remark("database", "ok", f"PostgreSQL {found // 10000}.{found % 10000}, schema up to date")


def _ports(settings: Settings) -> Iterator[Remark]:
    wanted = (
        ("pages", settings.web_host, settings.web_port),
        ("modems", settings.listen_host, settings.listen_port),
    )
    for name, host, port in wanted:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                said = f"{host}:{port} is taken ({error.strerror}): fine if `ami` itself is running there."
                yield Remark(f"port of the {name}", "warning", said)
            else:
                reach = "; only this machine reaches it" if host in LOOPBACK else ""
                yield Remark(f"port of the {name}", "ok", f"{host}:{port} is free{reach}")
    if settings.web_host not in LOOPBACK and not settings.tls:
        yield Remark(
            "TLS",
            "wrong",
            "Pages are served to the network without TLS: set tls_certificate and tls_key in [web].",
        )


def _law(settings: Settings) -> Iterator[Remark]:
    today = local_day(clocks.wall())
    last = last_vat_day()
    try:
        rate = vat_percent(today)
    except NoVatRate as error:
        yield Remark("VAT", "wrong", str(error))
    else:
        if last - today <= VAT_WARNING:
            said = (
                f"{rate} % until {last:%d/%m/%Y}; no rate is known after that, later bills will be "
                f"held: add the rate to {vat_file()} once it is law."
            )
            yield Remark("VAT", "warning", said)
        else:
            yield Remark("VAT", "ok", f"{rate} % until {last:%d/%m/%Y}")
    tables: dict[str, list[str]] = {}
    for place in unconfirmed_files():
        file, _, name = place.partition(": ")
        tables.setdefault(file, []).append(name)
    for file, names in tables.items():
        said = (
            f"{file}: {', '.join(names)} stand on memory alone (confidence C): compare them with the "
            "decision's annex."
        )
        yield Remark("tariff", "warning", said)


def _broker(settings: Settings) -> Iterator[Remark]:
    broker = settings.broker
    if broker is None:
        return
    from collector.mqtt.gateways import probe  # costly, and few have gateways

    if wrong := asyncio.run(probe(broker)):
        yield Remark("MQTT", "wrong", f"{wrong}; see [mqtt] in {settings.home / FILE_NAME}.")
    elif not broker.tls and broker.host not in LOOPBACK:
        yield Remark(
            "MQTT", "warning", f"{broker.where} answers, but without TLS anybody on the way reads along."
        )
    else:
        yield Remark("MQTT", "ok", f"the broker {broker.where} answers")


LOOKS: tuple[Callable[[Settings], Iterator[Remark]], ...] = (
    _home,
    _office,
    _key,
    _database,
    _ports,
    _broker,
    _law,
)
