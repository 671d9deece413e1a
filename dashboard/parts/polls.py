"""The last conversations with a meter: how they ended, what that means, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dash import html

from dashboard.parts.elements import Part, badge, card, empty
from dashboard.visit import Visit
from model.grid import ModemLink
from model.period import local_day
from operations import wording
from storage.meters import Poll

OUTCOME_TONES = {"ok": "ok", "partial": "warn"}


@dataclass(frozen=True, slots=True)
class Tries:
    """Conversations one after the other that ended alike: the latest, the earliest, how many."""

    last: Poll
    first: Poll
    count: int


def folded(polls: Sequence[Poll]) -> list[Tries]:
    """Polls, the latest first, with those that follow each other and ended alike in one."""
    runs: list[Tries] = []
    for poll in polls:
        if runs and _sort(poll) == _sort(runs[-1].last):
            runs[-1] = Tries(runs[-1].last, poll, runs[-1].count + 1)
        else:
            runs.append(Tries(poll, poll, 1))
    return runs


def _sort(poll: Poll) -> tuple[str, str]:
    return poll.outcome, poll.modem


def polls_card(visit: Visit, polls: Sequence[Poll]) -> Part:
    """The last conversations: when, how they ended, how far the meter's clock was off."""
    if not polls:
        return card(visit.say("meter.polls"), [empty(visit.say("meter.no_polls"))])
    rows = [_row(visit, tries) for tries in folded(polls)]
    return card(visit.say("meter.polls"), [html.Div(rows, className="rows scrolls")])


def _row(visit: Visit, tries: Tries) -> Part:
    say, fmt, poll = visit.say, visit.fmt, tries.last
    when = fmt.instant(poll.started)
    if tries.count > 1:
        first = tries.first.started
        began = fmt.time(first) if local_day(first) == local_day(poll.started) else fmt.instant(first)
        when = say("meter.poll_times", first=began, last=when, n=tries.count)
    means = wording.poll(
        poll.outcome, poll.modem, dials_in=poll.link is ModemLink.DIAL_IN, language=visit.lang
    )
    offset = poll.clock_offset_s
    clock = "" if offset is None else say("meter.clock_off", n=fmt.number(offset))
    return html.Div(
        [
            html.Div(
                badge(wording.outcome(poll.outcome, visit.lang), OUTCOME_TONES.get(poll.outcome, "bad")),
                className="poll-badge",
            ),
            html.Div(
                [
                    html.Div(
                        [html.Span(when, className="poll-when"), html.Span(clock, className="muted small")]
                    ),
                    html.Div(means, className="poll-means") if means else None,
                    _note(visit, poll) if poll.detail else None,
                ],
                className="row-main",
            ),
        ],
        className="row poll",
    )


def _note(visit: Visit, poll: Poll) -> Part:
    """The collector's own sentence, for whoever looks after the lines: folded away, in its one language."""
    return html.Details(
        [html.Summary(visit.say("meter.poll_note")), html.P(poll.detail, lang="en", className="muted small")]
    )
