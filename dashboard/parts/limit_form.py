"""The form in which a customer says how much they want to use at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import dcc, html

from analytics.warnings.habit import FEWEST
from dashboard.parts.elements import Part, card
from dashboard.visit import Visit
from model.warning import LimitSpan, LimitUnit, UsageLimit


def form(
    visit: Visit, limits: Sequence[UsageLimit], *, priced: bool, typed: Mapping[str, str] | None = None,
    said: str = "", wrong: bool = False, today_wh: float | None = None, days: int = FEWEST,
) -> Part:  # fmt: skip
    """With the limits that stand and what was used today (None: not known); the `days` that were
    measured are told where they are too few for anything to be unusual. `typed` what somebody typed that is
    refused, and `said` why."""
    say = visit.say
    standing = {limit.span: limit for limit in limits}
    units = [LimitUnit.KWH, LimitUnit.DONG] if priced else [LimitUnit.KWH]
    fields = []
    for span in LimitSpan:
        limit = standing.get(span)
        if limit is not None and limit.unit not in units:  # a price that goes by the hour meanwhile
            limit = None
        chosen = limit.unit if limit else units[0]
        text = (typed or {}).get(span.value, "" if limit is None else _shown(visit, limit))
        if typed and (given := typed.get(f"{span.value}_unit")) in units:
            chosen = LimitUnit(given)
        box = f"limit-{span}"
        fields.append(
            html.Div(
                [
                    html.Label(say(f"warnings.{span}_label"), htmlFor=box),
                    html.Div(
                        [
                            dcc.Input(
                                id=box,
                                type="text",
                                inputMode="decimal",  # type: ignore[arg-type]  # known to browsers, not to Dash
                                value=text,
                                placeholder=say("warnings.none_set"),
                                autoComplete="off",
                                maxLength=20,
                            ),
                            dcc.RadioItems(
                                [{"label": say(f"warnings.{unit}"), "value": unit.value} for unit in units],
                                chosen.value,
                                id=f"{box}-unit",
                                className="choices",
                            ),
                        ],
                        className="limit",
                    ),
                ],
                className="field",
            )
        )
    save = html.Button(
        say("warnings.save"), id="limits-save", n_clicks=0, type="button", className="button button-main"
    )
    note = html.P(said, className="error" if wrong else "done", role="alert" if wrong else "status")
    about = say("warnings.about") if priced else say("warnings.about_kwh")
    few = say("warnings.few", n=days, fewest=FEWEST) if days < FEWEST else ""
    return card(
        say("warnings.limits"),
        [
            _today(visit, today_wh, standing.get(LimitSpan.DAY)),
            html.P(about, className="muted small"),
            html.P(few, className="muted small") if few else None,
            *fields,
            note if said else None,
            html.Div(save),
        ],
        kind="case-form limits",
    )


def _today(visit: Visit, wh: float | None, limit: UsageLimit | None) -> Part:
    """What was used today, and of the limit for a day where it is in kWh."""
    if wh is None:
        return None
    told = visit.say("warnings.today", kwh=visit.fmt.kwh(wh))
    if limit is not None and limit.unit is LimitUnit.KWH:
        told += " " + visit.say("warnings.of_limit", percent=visit.fmt.percent(wh / limit.value, 0))
    return html.P(told, className="today")


def _shown(visit: Visit, limit: UsageLimit) -> str:
    if limit.unit is LimitUnit.DONG:
        return visit.fmt.number(limit.value)
    return visit.fmt.figure(limit.value / 1000)
