"""The list of meters on a desk: a grid, its failing rows told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dash_ag_grid as dag

from dashboard.formats import NO_VALUE
from dashboard.parts.elements import Part
from dashboard.visit import Visit
from operations import wording
from storage.meters import MeterSummary

# The grid's colours are the page's own, so that a change of theme reaches it without a redraw.
GRID_THEME = (
    "themeQuartz.withParams({backgroundColor: 'var(--card)', foregroundColor: 'var(--ink)', "
    "textColor: 'var(--ink)', "
    "headerTextColor: 'var(--muted)', headerBackgroundColor: 'var(--card)', "
    "headerFontWeight: 500, borderColor: 'var(--line)', "
    "rowHoverColor: 'var(--sunk)', selectedRowBackgroundColor: 'var(--sunk)', accentColor: 'var(--brand)', "
    "browserColorScheme: 'inherit', fontFamily: 'inherit', fontSize: 14, "
    "wrapperBorderRadius: 12, cellHorizontalPadding: 11})"
)
FAILED = "params.data.failing"
FAILING = {"failing": FAILED}
GOOD = ("ok", "partial")


def who(visit: Visit, meter: MeterSummary) -> str:
    """Whose the meter is: a customer's, a station's, or nobody's any more."""
    if meter.removed:
        return visit.say("meters.removed")
    return meter.customer_name or visit.say("meter.head_of", station=meter.station_name or NO_VALUE)


def outcome(visit: Visit, meter: MeterSummary) -> str:
    """How the last try to read it ended, in words."""
    if not meter.last_outcome:
        return visit.say("meters.never")
    return wording.outcome(meter.last_outcome, visit.lang)


def failing(meter: MeterSummary) -> bool:
    """Whether a meter that hangs was not read at the last try, or never."""
    return not meter.removed and meter.last_outcome not in GOOD


def grid_rows(visit: Visit, found: Sequence[MeterSummary]) -> list[dict[str, Any]]:
    """What the grid shows of the meters, a row each."""
    fmt = visit.fmt
    return [
        {
            "serial": meter.serial,
            "link": f"[{meter.serial}](/meters/{meter.serial})",
            "customer": who(visit, meter),
            "address": meter.address or NO_VALUE,
            "station": meter.station_name or NO_VALUE,
            "today": meter.today_wh,
            "today_text": fmt.kwh(meter.today_wh),
            "contact": meter.last_contact.isoformat() if meter.last_contact else "",
            "contact_text": fmt.age(meter.last_contact, visit.now),
            "outcome": outcome(visit, meter),
            "failing": failing(meter),
            "alerts": meter.alerts,
        }
        for meter in found
    ]


def meter_grid(visit: Visit, found: Sequence[MeterSummary]) -> Part:
    """The grid with its first rows."""
    say = visit.say

    def column(field: str, **more: Any) -> dict[str, Any]:
        return {
            "field": field,
            "headerName": say(f"meters.column.{field}"),
            "sortable": True,
            "resizable": True,
            **more,
        }

    text = {"function": "params.data.today_text"}
    wrapped = {"wrapHeaderText": True}
    none_is_blank = {"function": "params.value ? params.value : ''"}
    columns = [
        column("link", cellRenderer="markdown", width=100, sortable=False),
        column("customer", width=150),
        column("address", flex=1, minWidth=240, tooltipField="address", cellClass="small"),
        column("station", width=216),
        column("today", width=88, type="rightAligned", valueFormatter=text, **wrapped),
        column("contact", width=112, valueFormatter={"function": "params.data.contact_text"}),
        column("outcome", width=124, cellClassRules=FAILING),
        column("alerts", width=74, type="rightAligned", valueFormatter=none_is_blank, **wrapped),
    ]
    return dag.AgGrid(
        id="meters-grid",
        rowData=grid_rows(visit, found),
        columnDefs=columns,
        rowClassRules={"failing-row": FAILED},
        className="grid-frame",
        dashGridOptions={
            "theme": {"function": GRID_THEME},
            "rowHeight": 46,
            "headerHeight": 48,
            "suppressCellFocus": False,
            "localeText": {"noRowsToShow": say("meters.none"), "loadingOoo": say("meters.loading")},
        },
        getRowId="params.data.serial",
        style={"height": ""},  # the style sheet's
    )
