"""How old a number is, and how good: said beside every number."""

from __future__ import annotations

from datetime import datetime, timedelta

from dash import html

from dashboard.parts.elements import Part, badge
from dashboard.visit import Visit
from model.quality import Severity

STALE_AFTER = timedelta(minutes=45)  # a half-hour and the time a round of polls takes
SILENT_AFTER = timedelta(hours=24)
TONES = {Severity.INFO: "plain", Severity.BLUE: "info", Severity.AMBER: "warn", Severity.RED: "bad"}


def as_of(visit: Visit, at: datetime | None) -> Part:
    """`Lúc 06:30 12/11/2026 · 3 phút trước`, with a dot that turns amber, then red."""
    if at is None:
        return html.Span([html.I(className="dot dot-off"), visit.say("age.never")], className="as-of")
    age = visit.now - at
    tone = "bad" if age > SILENT_AFTER else "warn" if age > STALE_AFTER else "ok"
    text = visit.say("age.as_of", at=visit.fmt.instant(at), ago=visit.fmt.age(at, visit.now))
    return html.Span([html.I(className=f"dot dot-{tone}"), text], className=f"as-of as-of-{tone}")


def stale_badge(visit: Visit, at: datetime | None) -> Part:
    """A word of warning where the source has stopped; nothing where it has not."""
    if at is None:
        return badge(visit.say("age.never"), "plain")
    age = visit.now - at
    if age > SILENT_AFTER:
        return badge(visit.say("age.silent"), "bad")
    return badge(visit.say("age.stale"), "warn") if age > STALE_AFTER else None


def slots_note(visit: Visit, missing: int, estimated: int) -> str:
    """What of a sum was not measured, in words."""
    if missing and estimated:
        return visit.say("quality.both", missing=missing, estimated=estimated)
    if missing:
        return visit.say("quality.some_missing", missing=missing)
    return (
        visit.say("quality.some_estimated", estimated=estimated)
        if estimated
        else visit.say("quality.all_actual")
    )


def severity_badge(visit: Visit, severity: int) -> Part:
    level = Severity(severity)
    return badge(visit.say(f"severity.{level.name.lower()}"), TONES[level])
