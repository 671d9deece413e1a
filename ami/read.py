"""`ami read`: one meter by its address, without a database."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import rich_click as click

from ami import clocks, settings
from ami.console import emit, out, say, table
from ami.failure import Exit, NoLink, UsageFailure, end, sentence
from ami.instants import INSTANT
from ami.options import JSON
from ami.read_advice import about, spoken, to_check, way_in
from collector.errors import AnswerTimeout, BadAddress, LinkDown
from collector.keys.counters import FileCounters
from collector.single import read as single_read
from collector.single.address import parse
from collector.single.found import Asked, Found, ProfileAsked
from collector.single.item_forms import misspelt
from collector.single.routes import Address, DlmsAddress, ModbusAddress, ModeCAddress
from protocols import meter_models
from protocols.dlms.security import key_name
from protocols.errors import LocalError, NotAdmitted, RemoteError
from protocols.meter_models.model import Speech

# What a meter is asked for when nothing is named: its clock and the energy it has counted.
USUAL = ("1.0.1.8.0.255",)


@click.command("read")
@click.argument("url")
@click.argument("items", nargs=-1, metavar="[ITEM]…")
@click.option("--profile", metavar="OBIS", help="Read this load profile too, like 1.0.99.1.0.")
@click.option("--from", "first", type=INSTANT, help="First instant of the profile, itself included.")
@click.option(
    "--to",
    "last",
    type=INSTANT,
    help="Last instant of the profile, itself included; it needs --from; default: now.",
)
@click.option("--entries", metavar="A-B", help="Rows A to B of the profile instead, 1 the oldest.")
@click.option("--clock", is_flag=True, help="Read the meter's clock.")
@click.option("--objects", is_flag=True, help="List the objects the meter has.")
@click.option(
    "--forget",
    metavar="TITLE",
    help="Believe the meter with this system title (16 hexadecimal digits) from its lowest counter on again: "
    "it was replaced or reset.",
)
@JSON
def command(
    url: str,
    items: tuple[str, ...],
    profile: str | None,
    first: datetime | None,
    last: datetime | None,
    entries: str | None,
    clock: bool,
    objects: bool,
    forget: str | None,
    as_json: bool,
) -> None:
    """Read one meter by its URL; no database is needed, and nothing that was read is stored.

    \b
    dlms+wrapper://HOST:PORT           DLMS over TCP
    dlms+wrapper+udp://HOST:PORT       DLMS in UDP datagrams
    dlms+hdlc://HOST:PORT              DLMS in HDLC frames, through a transparent modem
    dlms+hdlc+serial:///dev/ttyUSB0    … or an RS-485 or optical head of this machine
    modbus+tcp://HOST:PORT             Modbus TCP
    modbus+rtu+tcp://HOST:PORT         Modbus RTU through a transparent modem
    modbus+rtu+serial:///dev/ttyUSB0   … or a serial port
    iec62056-21://HOST:PORT            mode C through a transparent modem
    iec62056-21+serial:///dev/ttyUSB0  … or an optical head

    After a question mark stand, joined by &:

    \b
    all      timeout=SECONDS of an answer (10); serial ports: bps=9600, bits=8N1
    dlms     client=16, server=1, auth=none|lls|gmac|hls|hls-md5|hls-sha1|hls-sha256
             (hls-gmac is gmac), password=…, pdu=65535, gbt=N (general block transfer, N blocks at once);
             HDLC: physical=N, address_size=1|2|4, info=2030 (bytes of a frame),
             window=7 (frames in a row), both lowered by the meter;
             gmac: keys=FILE, title=HEX (ours), counter=N (at least; from 2147483648 on
             only with counter_again=N), suite=0,
             cipher=both|authenticated|encrypted|none,
             envelope=service|general (general-glo- or -ded-ciphering)
    modbus   unit=1, model=… (`ami meter models`), function=holding|input
    mode C   address=…, password=…, baud=0 to 6, parity=none|even|ignored,
             access=readout|program

    Where no port is named it is 4059 (DLMS, mode C) or 502 (Modbus).

    An ITEM is an OBIS code (1.0.1.8.0); at a Modbus meter ADDRESS:COUNT (52:2) or, where the URL names the
    model, an OBIS code; at a mode C meter also a code as the meter writes it (1.8.0, F.F). Without anything
    asked a DLMS meter gives its clock and energy, a Modbus meter all that its model describes, a mode C meter
    its read-out.

    A password is better put into AMI_METER_PASSWORD than into the URL, for others can list the command lines
    of this machine; with it client 17 asks. An address that says client=16 or auth=none wants none.

    Keys (auth=gmac, client 1) never stand on the command line: in hex in AMI_METER_ENCRYPTION_KEY and
    AMI_METER_AUTHENTICATION_KEY, or in a file that AMI_METER_KEYS or keys=… names: two lines of TOML,
    encryption_key = "…" and authentication_key = "…", or the JSON that `ami simulate meter` prints. With
    dedicated = true there (or AMI_METER_DEDICATED=yes) every association gets a dedicated key of its own,
    drawn at random. How often keys were used (their invocation counters) is kept in $AMI_HOME.

    A meter whose counters go back is not believed, for a recorded message would be read again. Where it was
    replaced or reset under its old system title, --forget TITLE says so, once; our own counters stay.

    Exit codes: 0 all read, 2 not asked properly (no meter was called), 3 some of it refused, 4 no link,
    130 stopped with Ctrl-C.

    \b
    ami read 'dlms+wrapper://10.8.0.14:4059?client=16' 1.0.1.8.0 --clock
    AMI_METER_PASSWORD=… ami read 'dlms+wrapper://10.8.0.14:4059' \\
        --profile 1.0.99.1.0 --from 2026-10-01 --to 2026-10-02 --json
    AMI_METER_KEYS=keys.toml ami read 'dlms+hdlc://10.8.0.14:4059?auth=gmac' --objects
    ami read 'dlms+hdlc+serial:///dev/ttyUSB0?client=16&bps=9600' --clock
    ami read 'modbus+tcp://10.8.0.15:502?unit=1&model=eastron-sdm630'
    ami read 'modbus+rtu+tcp://10.8.0.15:502?unit=1&timeout=3' 52:2
    ami read 'iec62056-21://10.8.0.16:3000' 1.8.0 --clock
    """
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    address = _address(url)
    asked = Asked(items, clock, objects, _profile(profile, first, last, entries))
    if wrong := misspelt(address, asked):
        raise UsageFailure(sentence(wrong))
    if asked == Asked() and isinstance(address, DlmsAddress):
        asked = replace(asked, items=USUAL, clock=True)
    if not isinstance(address, DlmsAddress):
        _known(address, asked)
    found = _read(address, asked, forget)
    if as_json:
        emit(found.document())
    else:
        show(found)
    if found.refused:
        end(Exit.PARTLY)


def _read(address: Address, asked: Asked, forget: str | None) -> Found:
    """What the meter said; a meter that lets nobody in has refused all of it."""
    counters = _counters(address)
    if forget is not None:
        _forget(address, forget, counters)
    try:
        return asyncio.run(single_read.read(address, asked, counters))
    except NotAdmitted as error:
        found = Found()
        parts = (("clock", asked.clock), ("objects", asked.objects))
        for item in (*asked.items, *(name for name, wanted in parts if wanted)):
            found.refuse(item, error.reason)
        if asked.profile is not None:
            found.refuse(asked.profile.obis, error.reason)
        say(way_in(address, error))
        return found
    except AnswerTimeout as silence:
        raise NoLink(sentence(f"{address.route}: {silence.sentence}: {to_check(address)}")) from silence
    except LinkDown as down:
        if "hung up" not in str(down):
            raise
        raise NoLink(
            f"{str(down)[:1].upper()}{str(down)[1:]}: check that this port speaks {spoken(address)}, "
            "and that nobody else is talking to the meter."
        ) from down
    except LocalError as error:
        raise UsageFailure(sentence(f"This meter cannot be asked so: {error.reason}")) from error
    except RemoteError as error:
        raise NoLink(
            f"What came from {address.route} cannot be trusted ({error.reason}): nothing was read; "
            f"{about(error, address)}."
        ) from error
    finally:
        if counters is not None:
            counters.save()


def _counters(address: Address) -> FileCounters | None:
    """The invocation counters of this home, where the address has keys: without keys it needs no home."""
    if not isinstance(address, DlmsAddress) or address.keys is None:
        return None
    return FileCounters(settings.load().home)


def _forget(address: Address, title: str, counters: FileCounters | None) -> None:
    """What was heard of a meter under the address's key counts no more."""
    if counters is None or not isinstance(address, DlmsAddress) or address.keys is None:
        raise UsageFailure("--forget is about counters of keys: it goes with auth=gmac only.")
    if re.fullmatch(r"[0-9A-Fa-f]{16}", title) is None or bytes.fromhex(title) == address.title:
        raise UsageFailure("--forget wants the meter's system title, 16 hexadecimal digits.")
    counters.forget_heard(key_name(address.keys.encryption, bytes.fromhex(title)))


def _known(address: ModbusAddress | ModeCAddress, asked: Asked) -> None:
    """Refuse a model that there is none of, or that is read otherwise, and a question about nothing."""
    speech = Speech.MODBUS if isinstance(address, ModbusAddress) else Speech.MODE_C
    if address.model:
        fitting = [name for name in meter_models.names() if meter_models.load(name).speech is speech]
        if address.model not in fitting:
            raise UsageFailure(
                f"No meter model is called {address.model} that is read like this: "
                f"use one of {', '.join(fitting)}."
            )
    elif asked == Asked() and speech is Speech.MODBUS:
        raise UsageFailure("Nothing is asked of this meter: name ADDRESS:COUNT, or add model=… to its URL.")


def _address(url: str) -> Address:
    try:
        return parse(url, os.environ)
    except BadAddress as error:
        raise UsageFailure(sentence(str(error))) from error


def _profile(
    obis: str | None, first: datetime | None, last: datetime | None, entries: str | None
) -> ProfileAsked | None:
    if obis is None:
        if first or last or entries:
            raise click.UsageError("--from, --to and --entries belong to --profile OBIS")
        return None
    if entries is not None:
        if first or last:
            raise click.UsageError("choose --entries or --from and --to, not both")
        return ProfileAsked(obis, entries=_entries(entries))
    if last and not first:
        raise click.UsageError("--to needs --from")
    now = clocks.wall()
    if first and not last and first > now:
        raise click.UsageError(f"--from {first.isoformat()} lies in the future: no meter has such rows yet")
    last = (last or now) if first else None
    if first and last and last < first:
        raise click.UsageError("--from lies after --to")
    return ProfileAsked(obis, first, last)


def _entries(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,9})-(\d{1,9})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise click.UsageError(f"--entries {text!r}: write two numbers from 1 on, like 1-48")
    return int(match[1]), int(match[2])


def show(found: Found) -> None:
    """What was read, for a person."""
    if found.clock is not None:
        out.print("Clock", found.clock)
    if found.registers:
        rows = [(r["item"], _value(r), r["unit"], _raw(r)) for r in found.registers]
        table("", ("Item", "Value", "Unit", "Raw"), rows, right=("Value",))
    if found.profile is not None:
        headings = [_heading(column) for column in found.profile["columns"]]
        table("Profile (raw values)", headings, found.profile["rows"], right=headings[1:])
        if not found.profile["rows"]:
            say("The profile has no rows there.")
    if found.objects is not None:
        listed = [(one["item"], one["class"], one["version"]) for one in found.objects]
        table("Objects", ("Item", "Class", "Version"), listed)
    for one in found.refused:
        say(f"{one['item']} was refused: {one['reason']}.")


def _value(register: dict[str, Any]) -> str:
    return "" if register["value"] is None else str(register["value"])


def _raw(register: dict[str, Any]) -> str:
    raw = register["raw"]
    if isinstance(raw, list):
        return " ".join(str(word) for word in raw)
    return f"{raw} × 10^{register['scaler']}" if register["scaler"] else str(raw)


def _heading(column: dict[str, Any]) -> str:
    name = str(column["item"])
    scaler = f"10^{column['scaler']} " if column.get("scaler") else ""
    unit = column.get("unit") or ""
    return f"{name}\n{scaler}{unit}" if unit else name
