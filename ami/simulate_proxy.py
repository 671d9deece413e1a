"""`ami simulate proxy`: a bad network between any two programs that speak TCP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import rich_click as click

from ami.console import say
from simulators import proxy_service
from simulators.fault_proxy import FaultProxy
from simulators.faulty_line import PLAIN, Trouble


def endpoint(option: str, text: str) -> tuple[str, int]:
    """Host and port of an option's HOST:PORT."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.UsageError(f"{option} needs HOST:PORT, not {text!r}")
    return host, int(port)


@click.command("proxy")
@click.option("--listen", required=True, help="HOST:PORT to take calls on.")
@click.option("--to", "target", required=True, help="HOST:PORT to pass them on to.")
@click.option("--delay", type=click.FloatRange(0), default=0.0, help="Seconds that every chunk is late.")
@click.option("--jitter", type=click.FloatRange(0), default=0.0, help="Up to so many seconds more.")
@click.option("--slice", "slice_bytes", type=click.IntRange(0), default=0, help="Most bytes in one piece.")
@click.option("--rate", "rate_bytes", type=click.IntRange(0), default=0, help="Bytes a second.")
@click.option("--corrupt", type=click.FloatRange(0, 1), default=0.0, help="Share of chunks that change.")
@click.option(
    "--cut", "cut_chance", type=click.FloatRange(0, 1), default=0.0, help="Share that cuts instead."
)
@click.option("--cut-after", type=click.IntRange(0), help="Cut a connection after so many bytes.")
@click.option("--blackhole", is_flag=True, help="Take everything, let nothing out.")
@click.option(
    "--direction",
    type=click.Choice(["both", "up", "down"]),
    default="both",
    show_default=True,
    help="Which way suffers: up is towards --to.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the draws.")
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="One JSON order a line, each with after_s: seconds after the one before.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON line when ready, and for each order.")
def command(
    listen: str,
    target: str,
    delay: float,
    jitter: float,
    slice_bytes: int,
    rate_bytes: int,
    corrupt: float,
    cut_chance: float,
    cut_after: int | None,
    blackhole: bool,
    direction: str,
    seed: int,
    script: Path | None,
    as_json: bool,
) -> None:
    """Pass TCP connections on over a bad line, until stdin ends or Ctrl-C.

    Orders come as JSON lines on stdin, too: {"do":"set","down":{"delay_s":0.5}}, {"do":"cut"}, {"do":"mend"},
    {"do":"hang_up"}, {"do":"state"}.

    \b
    ami simulate proxy --listen 127.0.0.1:15432 --to 127.0.0.1:5432 --delay 0.2 --jitter 0.1
    ami simulate proxy --listen 127.0.0.1:5000 --to 127.0.0.1:4059 --cut-after 4000 --direction down
    """
    trouble = Trouble(delay, jitter, slice_bytes, rate_bytes, corrupt, cut_chance, cut_after, b"", blackhole)
    host, port = endpoint("--listen", listen)
    proxy = FaultProxy(
        endpoint("--to", target),
        seed,
        PLAIN if direction == "down" else trouble,
        PLAIN if direction == "up" else trouble,
        host,
        port,
    )
    orders = [] if script is None else proxy_service.script(script)

    def ready() -> None:
        if as_json:
            _print({"ready": True, "host": proxy.host, "port": proxy.port})
        else:
            say(f"Passing {proxy.host}:{proxy.port} on to {target}. Ctrl-C ends this.")

    asyncio.run(proxy_service.serve(proxy, orders, ready=ready, answered=_print if as_json else _told))


def _print(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document))


def _told(document: dict[str, Any]) -> None:
    say(json.dumps(document))
