"""`ami worker`: the jobs of the office."""

from __future__ import annotations

import logging
from datetime import datetime

import rich_click as click

from ami import clocks, home, logs
from ami.console import say
from ami.options import AS_OF
from ami.settings import load
from analytics import warm_up
from operations import jobs
from storage.errors import Unreachable
from storage.pool import connect


@click.command("worker")
@AS_OF
@click.option("--ticking", is_flag=True, help="Run on from --as-of.")
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=2, show_default=True, help="Jobs at a time."
)
def command(as_of: datetime | None, ticking: bool, concurrency: int) -> None:
    """Run jobs as they come due: validate, close, bill, watch.

    Keep one or more running beside the head-end, under something that starts it again.
    """
    settings = load()
    logs.to_stderr(settings.log_format, logging.WARNING)
    warm_up()
    with home.database(settings) as dsn:
        say("The office is at work: jobs are done as they come due. Ctrl-C ends it.")
        jobs.work(
            dsn,
            clock=clocks.clock(as_of, ticking=ticking),
            concurrency=concurrency,
            second_person=settings.second_person,
            alerts_per_1000=settings.alerts_per_1000,
        )
        try:
            connect(dsn).close()
        except Unreachable as away:
            say(f"{away} The worker ends, whoever started it starts it again.")
