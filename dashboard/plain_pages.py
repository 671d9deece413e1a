"""Pages written by the server alone: the door, and the refusal of an address. Every value is escaped."""

from __future__ import annotations

from html import escape
from pathlib import Path

from dashboard.visit import Visit
from dashboard.words import Words
from model.supplier import Supplier

ASSETS = Path(__file__).parent / "assets"


def asset(name: str) -> str:
    """The address of a file of ours, which changes when the file does."""
    return f"/assets/{name}?m={int((ASSETS / name).stat().st_mtime)}"


def document(lang: str, theme: str, title: str, body: str) -> str:
    """A whole HTML document around `body`, with our styles and the script of language and theme."""
    styles = "".join(
        f'<link rel="stylesheet" href="{asset(path.name)}">' for path in sorted(ASSETS.glob("*.css"))
    )
    chosen = f' data-theme="{theme}"' if theme else ""
    return (
        f'<!doctype html><html lang="{lang}"{chosen}><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">'
        f'<title>{escape(title)} · Điện kế</title><link rel="icon" href="{asset("favicon.svg")}">{styles}'
        "</head>"
        f'<body>{body}<script src="{asset("ui.js")}"></script></body></html>'
    )


def refusal_page(visit: Visit, theme: str) -> str:
    """What a foreign or unknown address answers."""
    say = visit.say
    body = (
        f'<main><a class="brand" href="/"><img src="{asset("favicon.svg")}" alt="">Điện kế</a>'
        f'<div class="refusal" role="alert"><div class="code">{escape(say("refused.code"))}</div>'
        f"<h1>{escape(say('refused.title'))}</h1><p>{escape(say('refused.text'))}</p>"
        f'<a class="button" href="/">{escape(say("refused.back"))}</a></div></main>'
    )
    return document(visit.lang, theme, say("refused.title"), body)


def away_page(say: Words, theme: str) -> str:
    """What stands while the database does not answer."""
    body = (
        f'<main><div class="refusal" role="alert"><div class="code">{escape(say("away.code"))}</div>'
        f"<h1>{escape(say('away.title'))}</h1><p>{escape(say('away.text'))}</p>"
        f'<a class="button" href="">{escape(say("away.again"))}</a></div></main>'
    )
    return document(say.lang, theme, say("away.title"), body)


def language_buttons(say: Words, kind: str = "tool") -> str:
    """A button a language; the one spoken is pressed."""
    return "".join(
        f'<button type="button" class="{kind}" data-set-lang="{lang}" lang="{lang}" '
        f'aria-pressed="{str(lang == say.lang).lower()}">{name}</button>'
        for lang, name in (("vi", "Tiếng Việt"), ("en", "English"))
    )


def dialled(number: str) -> str:
    """The address by which a telephone dials the number."""
    return "tel:" + "".join(letter for letter in number if letter.isdecimal() or letter == "+")


def hotline(say: Words, supplier: Supplier) -> str:
    """Whom to call, for a telephone to dial; nothing where there is no number."""
    if not supplier.hotline:
        return ""
    shown = f'<a href="{dialled(supplier.hotline)}">{escape(supplier.hotline)}</a>'
    return f"<span>{escape(say('frame.hotline'))} {shown}</span>"


# Half-hours of a day in the village, as bars: a drawing, not a chart.
_HEIGHTS = (9, 8, 7, 7, 8, 12, 19, 27, 24, 18, 16, 21, 29, 24, 17, 15, 18, 26, 41, 58, 63, 55, 38, 20)


def _drawing() -> str:
    bars = "".join(
        f'<rect x="{i * 25 + 4}" y="{430 - h * 4.2:.0f}" width="17" height="{h * 4.2:.0f}" rx="4" '
        f'fill="{"#f3b33d" if h > 50 else "#1f6a62"}" opacity="{0.95 if h > 50 else 0.75}"/>'
        for i, h in enumerate(_HEIGHTS)
    )
    return (
        '<svg viewBox="0 0 600 620" preserveAspectRatio="xMidYMid slice" aria-hidden="true">'
        f'<g>{bars}</g><path d="M0 440H600" stroke="#2c7a72" stroke-width="1.5"/></svg>'
    )


def sign_in_page(
    say: Words,
    theme: str,
    supplier: Supplier,
    *,
    onward: str,
    token: str,
    login: str = "",
    error: str = "",
) -> str:
    """The door of a supplier. `token` guards the form; `error` is the sentence of a refused try."""
    said = f'<p class="door-error" role="alert">{escape(error)}</p>' if error else ""
    body = f"""<div class="door"><div class="door-form">
<span class="brand"><img src="{asset("favicon.svg")}" alt="">Điện kế</span>
<form method="post" action="/sign-in">
<p class="door-supplier">{escape(supplier.name)}</p>
<h1>{escape(say("door.title"))}</h1><p>{escape(say("door.text"))}</p>{said}
<input type="hidden" name="token" value="{escape(token)}">
<input type="hidden" name="next" value="{escape(onward)}">
<label for="login">{escape(say("door.login"))}</label>
<input id="login" name="login" autocomplete="username" autocapitalize="none" spellcheck="false" required
 value="{escape(login)}">
<label for="password">{escape(say("door.password"))}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button class="button button-main" type="submit">{escape(say("door.enter"))}</button></form>
<div class="door-foot">{language_buttons(say)}{hotline(say, supplier)}</div></div>
<div class="door-art">{_drawing()}
<span class="brand"><img src="{asset("favicon.svg")}" alt="">Điện kế</span>
<p>{escape(say("door.promise"))}</p></div></div>"""
    return document(say.lang, theme, say("door.title"), body)
