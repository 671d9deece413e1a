"""Half-hours that an answer left out are asked for again, for some days, and then no more."""

from datetime import datetime, timedelta

from collector.polling.known import Known
from collector.polling.plan import Abilities, ProfileAbility, Span, wanted
from model.period import HALF_HOUR, LOCAL, Period
from model.readout import Answer, ProfileBlock, Readout, Rejected
from model.series import Channel, ProfileKind, Unit

PROFILE, BILLING = "1.0.99.1.0.255", "1.0.98.1.0.255"
ABILITIES = Abilities(ProfileAbility(PROFILE, HALF_HOUR), BILLING)
NOW = datetime(2026, 11, 20, 10, 17, tzinfo=LOCAL)
SINCE = NOW.replace(hour=10, minute=0) - timedelta(days=6)
TEN = NOW.replace(minute=0)
DAY = timedelta(days=1)


def answer(
    asked: Period, *, without: tuple[datetime, ...] = (), kind: ProfileKind = ProfileKind.INTERVAL_ENERGY
) -> Answer:
    """A full answer of half-hours, named by their beginnings, without some of them."""
    count = asked.duration // HALF_HOUR
    begins = [asked.start + n * HALF_HOUR for n in range(count)]
    later = HALF_HOUR if kind is ProfileKind.INDEX else timedelta()
    stamps = tuple(at + later for at in begins if at not in without)
    if not stamps:
        return Answer(PROFILE, b"", asked)
    block = ProfileBlock(
        Channel.ACTIVE_IMPORT, kind, "1.0.1.29.0.255", HALF_HOUR, stamps, (1,) * len(stamps),
        (0,) * len(stamps), 0, Unit.WATT_HOUR,
    )  # fmt: skip
    return Answer(PROFILE, b"", asked, blocks=(block,))


def said(known: Known, now: datetime, *answers: Answer, rejected: tuple[Rejected, ...] = ()) -> None:
    outcome = "partial" if rejected else "ok"
    known.note(Readout("A1", "p", now, now, outcome, answers=answers, rejected=rejected))


def asked(known: Known, now: datetime) -> list[Span]:
    """What is asked beside the half-hours since ten."""
    plan = wanted(ABILITIES, known.state(now), since=SINCE, until=None, now=now, live_every=DAY)
    return [span for span in plan.profile if span.asked.end <= TEN]


def half(hours: float) -> Period:
    return Period(TEN - timedelta(hours=hours), TEN - timedelta(hours=hours) + HALF_HOUR)


def test_a_row_that_was_written_late_is_had_the_next_day() -> None:
    for kind in (ProfileKind.INTERVAL_ENERGY, ProfileKind.INDEX, ProfileKind.MEAN_POWER):
        known, late = Known(), half(5)
        said(known, NOW, answer(Period(SINCE, TEN), without=(late.start,), kind=kind))
        assert asked(known, NOW + DAY - HALF_HOUR) == []
        assert asked(known, NOW + DAY) == [Span(PROFILE, late)]
        said(known, NOW + DAY, answer(late, kind=kind))
        assert asked(known, NOW + 2 * DAY) == []


def test_one_that_was_never_written_is_asked_for_three_times() -> None:
    known, gone = Known(), half(0.5)
    said(known, NOW, answer(Period(SINCE, gone.start)), answer(gone, without=(gone.start,)))
    for day in (1, 2, 3):
        assert asked(known, NOW + day * DAY) == [Span(PROFILE, gone)]
        said(known, NOW + day * DAY, answer(gone, without=(gone.start,)))
        assert asked(known, NOW + day * DAY + HALF_HOUR) == []
    for day in range(4, 10):
        assert asked(known, NOW + day * DAY) == []


def test_of_a_hole_only_what_is_still_missing_is_asked_again() -> None:
    known = Known()
    hole = Period(TEN - timedelta(hours=3), TEN)
    begins = tuple(hole.start + n * HALF_HOUR for n in range(6))
    said(known, NOW, answer(Period(SINCE, TEN), without=begins))
    assert asked(known, NOW + DAY) == [Span(PROFILE, hole)]
    said(known, NOW + DAY, answer(hole, without=begins[2:4]))
    assert asked(known, NOW + 2 * DAY) == [Span(PROFILE, Period(begins[2], begins[4]))]


def test_what_is_long_past_and_what_is_no_profile_is_left_alone() -> None:
    known = Known()
    old = (SINCE + timedelta(hours=1), SINCE + timedelta(hours=2))
    said(known, NOW, answer(Period(SINCE, TEN), without=old))
    said(known, NOW, Answer(BILLING, b"", Period(TEN - 40 * DAY, TEN)))
    for day in range(1, 5):
        assert asked(known, NOW + day * DAY) == []


def test_half_an_answer_is_no_hole_and_a_rejected_one_rests() -> None:
    known, late = Known(), half(4)
    incomplete = Answer(PROFILE, b"", Period(SINCE, TEN), complete=False)
    said(known, NOW, incomplete)
    assert known.holes == []
    said(known, NOW, answer(Period(SINCE, TEN), without=(late.start,)))
    for _ in range(3):
        assert asked(known, NOW + DAY) == [Span(PROFILE, late)]
        said(known, NOW + DAY, rejected=(Rejected(PROFILE, "garbage", b"x", late),))
    assert asked(known, NOW + DAY) == []
    assert asked(known, NOW + DAY + timedelta(hours=7)) == [Span(PROFILE, late)]


def test_a_meter_taken_down_meanwhile_is_asked_for_what_it_kept() -> None:
    known, late = Known(), half(4)
    said(known, NOW, answer(Period(SINCE, TEN), without=(late.start,)))
    plan = wanted(
        ABILITIES, known.state(NOW + DAY), since=SINCE, until=late.start, now=NOW + DAY, live_every=DAY
    )
    assert plan.profile == ()
