"""Small pieces of a page. Each takes finished words and numbers and knows nothing of where they came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dash import dcc, html

Part = Any  # a Dash component, text, a number or None; Dash comes without types


def attributes(named: dict[str, str]) -> dict[str, Any]:
    """`aria-` and `data-` attributes, whose names Python cannot spell as arguments."""
    return named


def link(text: Part, href: str, kind: str = "") -> Part:
    """A link within the product: changes the page without a reload."""
    return dcc.Link(text, href=href, className=kind or "link")


def badge(text: str, tone: str = "plain") -> Part:
    """A word with a colour: ok, info, warn, bad or plain."""
    return html.Span(text, className=f"badge badge-{tone}")


def heading(
    title: str, under: Sequence[Part] = (), beside: Sequence[Part] = (), back: tuple[str, str] | None = None
) -> Part:
    """The top of a page: its name, what it is about, what can be done, the way back (text, address)."""
    way_back = link(["← ", back[0]], back[1], "back no-print") if back else None
    return html.Header(
        [
            html.Div(
                [way_back, html.H1(title), html.Div(list(under), className="under")], className="head-text"
            ),
            html.Div(list(beside), className="head-beside"),
        ],
        className="head",
    )


def card(
    title: Part, body: Sequence[Part], *, beside: Part = None, foot: Part = None, kind: str = ""
) -> Part:
    """A section with a title. `beside` stands right of the title, `foot` says as of when."""
    top = [html.H2(title), html.Div(beside, className="card-beside")] if title else []
    return html.Section(
        [
            html.Div(top, className="card-top") if top else None,
            html.Div(list(body), className="card-body"),
            html.Footer(foot, className="card-foot") if foot is not None else None,
        ],
        className=f"card {kind}".strip(),
    )


def figure(label: str, value: str, unit: str = "", note: Part = None, tone: str = "") -> Part:
    """One number that matters, with its unit and what to know about it."""
    return html.Div(
        [
            html.Div(label, className="figure-label"),
            html.Div(
                [html.Span(value, className="figure-value"), html.Span(unit, className="figure-unit")],
                className="figure-line",
            ),
            html.Div(note, className="figure-note") if note is not None else None,
        ],
        className=f"figure {tone}".strip(),
    )


def facts(pairs: Iterable[tuple[str, Part]]) -> Part:
    """Names and values, one under the other."""
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value)]) for name, value in pairs if value not in (None, "")],
        className="facts",
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[Part]], numeric: Sequence[int] = ()) -> Part:
    """A table that scrolls by itself when it is wider than the screen. `numeric` columns stand right."""
    kinds = ["num" if index in numeric else "" for index in range(len(heads))]
    body = [
        html.Tr([html.Td(cell, className=kind) for cell, kind in zip(row, kinds, strict=True)])
        for row in rows
    ]
    top = html.Tr(
        [html.Th(text, className=kind, scope="col") for text, kind in zip(heads, kinds, strict=True)]
    )
    return html.Div(
        html.Table([html.Thead(top), html.Tbody(body)]), className="table", tabIndex=0, role="region"
    )


def empty(text: str, more: str = "") -> Part:
    """What stands where there is nothing yet, and why."""
    return html.Div([html.P(text), html.P(more, className="muted") if more else None], className="empty")


def chips(choices: Iterable[tuple[str, str, bool]], label: str) -> Part:
    """A row of links (text, address, whether it is the one shown)."""
    return html.Nav(
        [dcc.Link(text, href=href, className="chip chip-on" if on else "chip") for text, href, on in choices],
        className="chips",
        **attributes({"aria-label": label}),
    )
