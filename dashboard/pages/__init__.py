"""The pages, one module each: who may see it, what it reads, how it looks."""

from __future__ import annotations

from dash import Input, Output

from dashboard import answers
from dashboard.addresses import Page
from dashboard.callbacks import Guarded
from dashboard.pages import (
    alerts,
    bill,
    bills,
    case,
    cases,
    home,
    inspection,
    inspections,
    load,
    meter,
    meters,
    overview,
    run,
    runs,
    station,
    stations,
    told_absences,
)
from dashboard.parts.elements import Part

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    home.PAGE,
    meters.PAGE,
    meter.PAGE,
    load.PAGE,
    stations.PAGE,
    station.PAGE,
    bills.PAGE,
    bill.PAGE,
    runs.PAGE,
    run.PAGE,
    alerts.PAGE,
    cases.PAGE,
    case.PAGE,
    inspections.PAGE,
    inspection.PAGE,
)


def connect(guarded: Guarded) -> None:
    """Registers every callback of every page."""

    async def show(path: object, search: object) -> Part:
        return await answers.page(guarded.office, PAGES, path, search)

    guarded.shows(Output("page", "children"), Input("address", "pathname"), Input("address", "search"))(show)
    for module in (overview, home, meters, meter, alerts, run, case, inspection, told_absences):
        module.connect(guarded)


__all__ = ["PAGES", "connect"]
