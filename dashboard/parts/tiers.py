"""Where in the tiers a household is: how much of each is used, what the next kWh costs."""

from __future__ import annotations

from dash import html

from dashboard.parts.elements import Part, attributes
from dashboard.visit import Visit
from operations.so_far import SoFar, Tier

OPEN_TIER_KWH = 100  # how wide the last, open tier is drawn when little of it is used


def tier_bar(visit: Visit, cost: SoFar) -> Part:
    """The tiers as a bar in their true widths, the current one marked, and a sentence on what comes next."""
    say, fmt = visit.say, visit.fmt
    now = cost.tiers[cost.current]
    sentences: list[Part] = [
        html.Strong(
            f"{say('home.tier_of', n=now.number)} · {say('home.tier_price', price=fmt.number(now.price))}. "
        )
    ]
    if cost.left is None:
        sentences.append(say("home.last_tier"))
    else:
        following = cost.tiers[cost.current + 1]
        sentences.append(
            say(
                "home.next_tier",
                kwh=fmt.number(cost.left),
                n=following.number,
                price=fmt.number(following.price),
            )
        )
    if cost.households > 1:
        sentences.append(" " + say("home.shares", n=fmt.plain(cost.households.normalize() + 0)))
    label = say("home.tier_bar", kwh=fmt.number(cost.kwh), n=now.number)
    bar = html.Div(
        [_tier(visit, tier, tier is now) for tier in cost.tiers],
        className="tiers",
        role="img",
        **attributes({"aria-label": label}),
    )
    return html.Div([bar, html.P(sentences, className="next-tier")], className="tier-box")


def _tier(visit: Visit, tier: Tier, now: bool) -> Part:
    width = tier.size or max(OPEN_TIER_KWH, round(tier.used * 1.25))
    share = 100 * min(1.0, tier.used / width)
    return html.Div(
        [
            html.Div(html.I(style={"width": f"{share:.1f}%"}), className="tier-bar"),
            html.Div(
                [html.Span(visit.say("home.tier_word") + " ", className="tier-word"), str(tier.number)],
                className="tier-name",
            ),
            html.Div(f"{visit.fmt.number(tier.price)} ₫", className="tier-price"),
        ],
        className="tier now" if now else "tier",
        style={"flexGrow": width, "flexBasis": 0},
    )
