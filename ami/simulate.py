"""`ami simulate`: meters that speak the real protocols."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import rich_click as click

from ami import clocks, simulate_meter, simulate_proxy
from ami.console import counted, err, say, table
from ami.instants import INSTANT
from model.grid import Register
from simulators import networks
from simulators.fleet import serve
from simulators.options import MOST_METERS, District, Options


@click.group("simulate")
def command() -> None:
    """Simulated meters. They share the head-end's codecs, so they prove nothing about a protocol."""


command.add_command(simulate_meter.command)
command.add_command(simulate_proxy.command)


@command.command("fleet")
@click.option("--seed", type=int, default=1, show_default=True, help="Which cooperative.")
@click.option("--customers", type=click.IntRange(20, 2000), default=60, show_default=True, help="How many.")
@click.option("--meters", type=click.IntRange(1, MOST_METERS), help="A district of so many households.")
@click.option("--modems", type=click.IntRange(min=1), help="Modems of these --meters; default: one for four.")
@click.option(
    "--dial-in",
    type=click.FloatRange(0, 1),
    help="Share of the modems of --meters that call --dial-in-to; default: 0.5.",
)
@click.option("--keyed", type=click.FloatRange(0, 1), help="Share of --meters that want keys; default: none.")
@click.option(
    "--profile",
    type=click.Choice(networks.names()),
    default="clean",
    show_default=True,
    help="What the network does to answers; simulators/networks.toml has the shares.",
)
@click.option(
    "--heartbeat", type=click.FloatRange(0.1), default=10.0, show_default=True, help="Seconds between two."
)
@click.option("--epoch", type=INSTANT, help="The instant the world is made for; default: --as-of, or now.")
@click.option("--as-of", type=INSTANT, help="The meters' now; it stands still unless --ticking.")
@click.option("--ticking", is_flag=True, help="Run on from --as-of.")
@click.option(
    "--replay", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Replay this CSV instead."
)
@click.option("--push-to", help="HOST:PORT of the head-end's receiver; meters push there what they have.")
@click.option(
    "--push-every", type=click.FloatRange(1), default=1800.0, show_default=True, help="Seconds between two."
)
@click.option("--dial-in-to", help="HOST:PORT of the head-end's listener for modems that dial in.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where the modems listen that are called."
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON line when ready; then a JSON line for each on stdin."
)
def serve_fleet(
    seed: int,
    customers: int,
    meters: int | None,
    modems: int | None,
    dial_in: float | None,
    keyed: float | None,
    profile: str,
    heartbeat: float,
    epoch: datetime | None,
    as_of: datetime | None,
    ticking: bool,
    replay: Path | None,
    push_to: str | None,
    push_every: float,
    dial_in_to: str | None,
    host: str,
    as_json: bool,
) -> None:
    """A seeded cooperative of two stations, until stdin ends or Ctrl-C; with --meters a district of that size
    instead, cheap enough to load a head-end on the same machine.

    Without --dial-in-to every modem is called. Where the ports below 32768 of --host run out, a district goes
    on with those of the next address (127.0.0.2). Once the meters answer, they are listed with addresses and
    passwords. With --json the list is a line on stdout instead: the register of the grid, which `ami import
    register` takes as it is.

    \b
    ami simulate fleet --seed 7
    ami simulate fleet --seed 7 --json > ready.json
    ami simulate fleet --as-of 2026-10-20T09:00 --ticking --dial-in-to 127.0.0.1:4059
    ami simulate fleet --replay households.csv.gz
    ami simulate fleet --meters 10000 --modems 2500 --dial-in 0.5 --profile lossy --dial-in-to 127.0.0.1:4059
    """
    target = None if dial_in_to is None else simulate_proxy.endpoint("--dial-in-to", dial_in_to)
    size = _district(meters, modems, dial_in, keyed)
    if size is not None and replay is not None:
        raise click.UsageError("a fleet replays a file or has --meters, not both")
    options = Options(
        seed=seed,
        customers=customers,
        epoch=epoch or as_of or clocks.wall(),
        as_of=as_of,
        ticking=ticking,
        replay=replay,
        dial_in_to=target,
        host=host,
        push_to=None if push_to is None else simulate_proxy.endpoint("--push-to", push_to),
        push_every_s=push_every,
        district=size,
        network=profile,
        heartbeat_s=heartbeat,
    )
    asyncio.run(serve(options, ready=None if as_json else _show))


def _district(
    meters: int | None, modems: int | None, dial_in: float | None, keyed: float | None
) -> District | None:
    if meters is None:
        if modems is not None or dial_in is not None or keyed is not None:
            raise click.UsageError("--modems, --dial-in and --keyed go with --meters: say how many")
        return None
    return District(
        meters,
        -(-meters // 4) if modems is None else modems,
        0.5 if dial_in is None else dial_in,
        keyed or 0.0,
    )


def _show(register: Register) -> None:
    """The meters that hang, for a person, on stderr."""
    modems = {modem.code: modem for modem in register.modems}
    meters = {meter.serial: meter for meter in register.meters}
    points = {point.code: point for point in register.points}
    names = {customer.code: customer.name for customer in register.customers}
    rows = []
    for hung in register.installations:
        meter, customer = meters[hung.serial], points[hung.point].customer
        if hung.until is not None:
            continue
        modem = modems[meter.modem]
        where = f"{modem.host}:{modem.port}" if modem.host else f"dials in as {modem.registration}"
        who = f"{customer} {names.get(customer, '')}".strip()
        rows.append((meter.serial, meter.model, where, meter.address, meter.password or "", who))
    table("", ("Serial", "Model", "Modem", "Address", "Password", "Customer"), rows, to=err)
    say(f"Answering: {counted(len(rows), 'meter')}. Ctrl-C ends this.")
