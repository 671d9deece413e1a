"""`ami simulate meter`: one meter on every kind of port a meter can have."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import rich_click as click

from ami.console import err, say, table
from ami.instants import INSTANT
from protocols.dlms.enums import Mechanism
from simulators import single_meter, single_service
from simulators.dlms_meter import LOGICAL_DEVICE
from simulators.single_meter import DLMS_MODEL, MODBUS_MODEL, Port, SingleOptions
from simulators.single_service import SingleMeter

MECHANISMS = {"none": Mechanism.NONE, "lls": Mechanism.LLS, "gmac": Mechanism.HLS_GMAC}
WORDS = {mechanism: word for word, mechanism in MECHANISMS.items()}
PORT = click.IntRange(0, 65535)


@click.command("meter")
@click.option("--wrapper", type=PORT, metavar="PORT", help="DLMS with the wrapper, over TCP and UDP.")
@click.option("--hdlc", type=PORT, metavar="PORT", help="DLMS over TCP in HDLC frames.")
@click.option("--modbus-tcp", type=PORT, metavar="PORT", help="Modbus TCP.")
@click.option("--modbus-rtu-tcp", type=PORT, metavar="PORT", help="Modbus RTU over TCP.")
@click.option("--mode-c", type=PORT, metavar="PORT", help="IEC 62056-21 mode C over TCP.")
@click.option(
    "--auth",
    type=click.Choice(tuple(MECHANISMS)),
    default="none",
    show_default=True,
    help="What DLMS clients must prove: nothing (client 16), a password (17), keys (1).",
)
@click.option("--password", default="", metavar="P", help="The password; default: one of the seed's.")
@click.option(
    "--max-pdu",
    type=click.IntRange(single_meter.MIN_PDU, single_meter.MAX_PDU),
    default=1024,
    show_default=True,
    metavar="N",
    help="The largest DLMS message; longer answers come in blocks.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Which meter.")
@click.option("--as-of", type=INSTANT, help="The meter's now, at which it stands still; default: now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line when ready.")
def command(
    wrapper: int | None,
    hdlc: int | None,
    modbus_tcp: int | None,
    modbus_rtu_tcp: int | None,
    mode_c: int | None,
    auth: str,
    password: str,
    max_pdu: int,
    seed: int,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """One meter with 40 days of half-hours on 127.0.0.1, until Ctrl-C.

    Its values are the same whichever way it is read; ports left out are not served. With --auth lls or gmac
    client 16 still gets in, as at real meters, and finds the clock, the meter's name and the list of these.

    \b
    ami simulate meter --wrapper 4059
    ami simulate meter --wrapper 4059 --hdlc 4060 --auth lls --password 12345678
    ami simulate meter --modbus-tcp 5020 --modbus-rtu-tcp 5021 --mode-c 5022 --as-of 2026-10-20T09:00 --json
    """
    asked = {
        Port.WRAPPER: wrapper,
        Port.HDLC: hdlc,
        Port.MODBUS_TCP: modbus_tcp,
        Port.MODBUS_RTU_TCP: modbus_rtu_tcp,
        Port.MODE_C: mode_c,
    }
    ports = {port: number for port, number in asked.items() if number is not None}
    if not ports:
        raise click.UsageError("give the meter at least one port, like --wrapper 4059")
    options = SingleOptions(ports, seed, as_of, MECHANISMS[auth], password, max_pdu)
    asyncio.run(single_service.serve(options, ready=_print if as_json else _show))


def _print(meter: SingleMeter) -> None:
    click.echo(json.dumps(document(meter)))


def document(meter: SingleMeter) -> dict[str, Any]:
    """All one needs to read the meter; keys and titles in hex."""
    who = meter.who
    return {
        "ready": True,
        "serial": who.serial,
        "ports": {port.value: number for port, number in meter.open_ports.items()},
        "auth": WORDS[meter.options.mechanism],
        "clients": {WORDS[mechanism]: client for mechanism, client in meter.clients.items()},
        "server": LOGICAL_DEVICE,
        "max_pdu": meter.options.max_pdu,
        "system_title": who.system_title.hex(),
        "password": who.password,
        "keys": {
            "encryption": who.encryption_key.hex(),
            "authentication": who.authentication_key.hex(),
        },
        "unit": single_meter.UNIT,
        "models": {"dlms": DLMS_MODEL, "modbus": MODBUS_MODEL},
        "urls": urls(meter),
    }


def urls(meter: SingleMeter) -> dict[str, str]:
    """What `ami read` takes to read the meter by each port; passwords and keys are not in them."""
    mechanism = meter.options.mechanism
    dlms = f"client={meter.clients[mechanism]}&server={LOGICAL_DEVICE}&auth={WORDS[mechanism]}"
    modbus = f"unit={single_meter.UNIT}&model={MODBUS_MODEL}"
    schemes = {
        Port.WRAPPER: ("dlms+wrapper", dlms),
        Port.HDLC: ("dlms+hdlc", dlms),
        Port.MODBUS_TCP: ("modbus+tcp", modbus),
        Port.MODBUS_RTU_TCP: ("modbus+rtu+tcp", modbus),
        Port.MODE_C: ("iec62056-21", f"address={meter.who.serial}"),
    }
    return {
        port.value: f"{schemes[port][0]}://{meter.options.host}:{number}?{schemes[port][1]}".rstrip("?")
        for port, number in meter.open_ports.items()
    }


def _show(meter: SingleMeter) -> None:
    who = meter.who
    table("", ("Port", "Address for ami read"), list(urls(meter).items()), to=err)
    rows = [("Serial", who.serial), ("System title", who.system_title.hex())]
    if meter.options.mechanism is Mechanism.LLS:
        rows.append(("Password", who.password))
    elif meter.options.mechanism is Mechanism.HLS_GMAC:
        rows += [
            ("Encryption key", who.encryption_key.hex()),
            ("Authentication key", who.authentication_key.hex()),
        ]
    table("", ("", ""), rows, to=err)
    if hung := _hanging(meter):
        say("To hang it at a customer:")
        say(f"  {hung}")
    say("The meter answers. Ctrl-C ends it.")


def _hanging(meter: SingleMeter) -> str:
    """The command that hangs the meter by a port and secret that its model has; empty where there is none."""
    port, model, secret = Port.WRAPPER, DLMS_MODEL, f"AMI_METER_PASSWORD={meter.who.password} "
    if port not in meter.open_ports or meter.options.mechanism is not Mechanism.LLS:
        port, model, secret = Port.MODBUS_TCP, MODBUS_MODEL, ""
    if port not in meter.open_ports:
        return ""
    way = f"--host {meter.options.host} --port {meter.open_ports[port]} --address {single_meter.UNIT}"
    whose = "--customer HTX001 --name 'Nguyễn Văn An'"
    return f"{secret}ami meter add {meter.who.serial} --model {model} {way} {whose}"
