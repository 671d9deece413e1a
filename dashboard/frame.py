"""What stands around every page: brand, navigation of the role, language, theme, sign-out."""

from __future__ import annotations

import re
from typing import Any

import orjson
from dash import Dash, dcc, html

from dashboard.addresses import Page
from dashboard.parts.elements import Part, attributes
from dashboard.plain_pages import asset, dialled
from dashboard.visit import SESSION, Office, Visit
from model.supplier import Supplier
from model.viewer import UserRole

OTHER_LANGUAGE = {
    "vi": ("en", "EN", "EN: switch to English"),
    "en": ("vi", "VI", "VI: chuyển sang tiếng Việt"),
}

# What stands in a phone's bar; the rest opens above it.
UNDER_THUMB = {
    UserRole.ENGINEER: ("overview", "meters", "alerts", "inspections"),
    UserRole.BILLING: ("overview", "meters", "bills", "cases"),
    UserRole.CUSTOMER: ("home", "bills"),
}


def frame(office: Office, pages: tuple[Page, ...]) -> Part:
    """The frame for whoever is signed in; built anew at each full load."""
    visit = office.visit("/", {})
    role = visit.viewer.role
    return html.Div(
        [
            dcc.Location(id="address", refresh=False),
            html.A(visit.say("frame.skip"), href="#page", className="unseen"),
            html.Header([_brand(), *_tools(visit)], className="topbar"),
            html.Div([_brand(), _navigation(visit, pages), _who(visit)], className="side"),
            html.Main([html.Div(id="page"), _supplier(visit, office.supplier)], id="main"),
        ],
        className=f"frame frame-{role}" + ("" if visit.viewer.is_staff else " narrow"),
    )


def _brand() -> Part:
    return dcc.Link([html.Img(src=asset("favicon.svg"), alt=""), "Điện kế"], href="/", className="brand")


def _supplier(visit: Visit, supplier: Supplier) -> Part:
    """Whose pages these are, and whom to call, below every one of them."""
    parts: list[Any] = [supplier.name]
    if supplier.hotline:
        number = html.A(supplier.hotline, href=dialled(supplier.hotline))
        parts += [" · ", visit.say("frame.hotline"), " ", number]
    return html.Footer(parts, className="supplier")


def _navigation(visit: Visit, pages: tuple[Page, ...]) -> Part:
    shown = [page for page in pages if page.nav and visit.viewer.role in page.roles]
    rest = [page for page in shown if page.nav not in UNDER_THUMB[visit.viewer.role]]
    links = [
        dcc.Link(
            [html.Span(className=f"icon i-{page.nav}"), visit.say(f"nav.{page.nav}")],
            href=page.pattern,
            id={"nav": page.name},
            className="nav-link rest" if page in rest else "nav-link",
            style={"--up": len(rest) - 1 - rest.index(page)} if page in rest else None,
        )
        for page in shown
    ]
    return html.Nav(
        [*links, _more(visit) if rest else None],
        className="nav",
        **attributes({"aria-label": visit.say("frame.navigation")}),
    )


def _more(visit: Visit) -> Part:
    """On a phone: what opens the entries that have no room under the thumb."""
    return html.Button(
        [html.Span(className="icon i-more"), visit.say("nav.more")],
        type="button",
        className="nav-more",
        **attributes({"data-menu": "rest", "aria-expanded": "false"}),
    )


def _tools(visit: Visit) -> list[Part]:
    other, short, title = OTHER_LANGUAGE[visit.lang]
    tools = [
        html.Button(
            short,
            type="button",
            className="tool",
            title=title,
            lang=other,
            **attributes({"data-set-lang": other, "aria-label": title}),
        ),
        html.Button(
            html.Span(className="icon i-theme"),
            type="button",
            className="tool",
            title=visit.say("frame.theme"),
            **attributes({"data-set-theme": "other", "aria-label": visit.say("frame.theme")}),
        ),
    ]
    label = visit.say("frame.sign_out")
    form = html.Form(
        [
            dcc.Input(type="hidden", name="token", value=visit.csrf),
            html.Button(
                html.Span(className="icon i-out"),
                type="submit",
                className="tool",
                title=label,
                **attributes({"aria-label": label}),
            ),
        ],
        action="/sign-out",
        method="POST",
    )
    return [*tools, form]


def _who(visit: Visit) -> Part:
    viewer = visit.viewer
    return html.Div(
        [
            html.Strong(viewer.customer or viewer.login),
            visit.say(f"role.{viewer.role}"),
            html.Div(_tools(visit), className="tools"),
        ],
        className="who",
    )


def without_websocket(config: str) -> str:
    """Dash's settings in the page, less its websocket: the page would try to open one for ever, and
    none is answered.
    """
    head, document, tail = re.split(r"(?<=>)(?=\{)|(?<=\})(?=</script>)", config, maxsplit=2)
    settings = orjson.loads(document)
    settings.pop("websocket", None)
    return head + orjson.dumps(settings).decode().replace("<", "\\u003c") + tail


class Pages(Dash):
    """Dash with a document of its own: the visitor's language and theme on the root element, a calm
    wait, no script of strangers.
    """

    def interpolate_index(self, **parts: Any) -> str:  # type: ignore[override]
        """The document; scripts nobody needs stay away: the grid's from customers, who have none."""
        who = SESSION.get()
        scripts, config = parts["scripts"], without_websocket(parts["config"])
        unused = ("/dash_table/",) if who.viewer.is_staff else ("/dash_table/", "/dash_ag_grid/")
        scripts = "\n".join(line for line in scripts.splitlines() if not any(name in line for name in unused))
        theme = f' data-theme="{who.theme}"' if who.theme else ""
        return (
            f'<!doctype html><html lang="{who.lang}"{theme}><head>{parts["metas"]}<title>Điện kế</title>'
            f'<link rel="icon" href="{asset("favicon.svg")}">{parts["css"]}</head><body>'
            '<div id="react-entry-point"><div class="boot" aria-busy="true"><span></span></div></div>'
            f"<footer>{config}{scripts}{parts['renderer']}</footer></body></html>"
        )
