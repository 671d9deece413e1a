from datetime import UTC, datetime, timedelta

import pytest

from collector.exchange.abilities import abilities_of
from collector.polling.known import Known, merged
from collector.polling.plan import (
    Abilities,
    ProfileAbility,
    State,
    ceil_to,
    floor_to,
    next_due,
    wanted,
    weeks,
)
from collector.polling.roster import Seat
from model.errors import ModelError
from model.grid import Modem, ModemLink
from model.period import HALF_HOUR, LOCAL, Period
from model.readout import Answer, InstantRead, Readout, Rejected
from storage.fleet import Line, LineMeter

PROFILE = "1.0.99.1.0.255"
BILLING = "0.0.98.1.0.255"
ABILITIES = Abilities(ProfileAbility(PROFILE, HALF_HOUR), BILLING, instants=True)
SINCE = datetime(2026, 9, 1, tzinfo=LOCAL)
NOW = datetime(2026, 11, 20, 10, 17, tzinfo=LOCAL)
LIVE = timedelta(minutes=1)


NOTHING = State()


def ask(state: State = NOTHING, **changes: object):
    arguments = {"since": SINCE, "until": None, "now": NOW, "live_every": LIVE, **changes}
    abilities = arguments.pop("abilities", ABILITIES)
    return wanted(abilities, state, **arguments)  # type: ignore[arg-type]


def test_everything_is_asked_of_a_meter_never_read_and_nothing_beyond_the_last_whole_half_hour() -> None:
    asked = ask()
    assert (
        sum((span.asked.duration for span in asked.profile), timedelta())
        == datetime(2026, 11, 20, 10, tzinfo=LOCAL) - SINCE
    )
    assert asked.profile[0].asked.end == datetime(2026, 11, 20, 10, tzinfo=LOCAL)  # newest first
    assert asked.profile[-1].asked == Period(SINCE, datetime(2026, 9, 7, tzinfo=LOCAL))  # to the Monday
    assert asked.registers
    assert asked.instants


def test_months_whose_closing_is_missing_are_one_question_a_year() -> None:
    (span,) = ask().billing
    # The snapshot of 1 September 00:00 closes August: the meter was hung at that very instant.
    assert span.asked == Period(datetime(2026, 8, 1, tzinfo=LOCAL), datetime(2026, 11, 1, tzinfo=LOCAL))
    answered = State(
        {BILLING: [Period(datetime(2026, 8, 1, tzinfo=LOCAL), datetime(2026, 10, 1, tzinfo=LOCAL))]}
    )
    (span,) = ask(answered).billing
    assert span.asked == Period(datetime(2026, 10, 1, tzinfo=LOCAL), datetime(2026, 11, 1, tzinfo=LOCAL))


def test_an_answered_week_is_not_asked_again_and_a_hole_in_it_is() -> None:
    day = Period(datetime(2026, 10, 6, 12, tzinfo=LOCAL), datetime(2026, 10, 6, 18, tzinfo=LOCAL))
    answered = [Period(SINCE, day.start), Period(day.end, datetime(2026, 11, 20, 10, tzinfo=LOCAL))]
    assert [span.asked for span in ask(State({PROFILE: answered})).profile] == [day]


def test_a_removed_meter_is_asked_for_its_past_only() -> None:
    removed = datetime(2026, 10, 14, 9, 40, tzinfo=LOCAL)
    asked = ask(until=removed)
    assert max(span.asked.end for span in asked.profile) == datetime(2026, 10, 14, 9, 30, tzinfo=LOCAL)
    assert not asked.registers
    assert not asked.instants


def test_only_the_first_question_to_an_index_profile_wants_the_row_at_its_beginning() -> None:
    abilities = Abilities(ProfileAbility(PROFILE, HALF_HOUR, opening=True))
    asked = ask(abilities=abilities)
    assert [span.opening for span in asked.profile] == [False] * (len(asked.profile) - 1) + [True]


def test_a_conversation_has_a_bounded_number_of_questions() -> None:
    asked = ask(since=datetime(2024, 1, 1, tzinfo=LOCAL), limit=20)
    assert len(asked.profile) + len(asked.billing) == 20
    assert asked.left > 100
    assert asked.questions == 20 + asked.left + 2


def test_registers_are_read_once_a_half_hour_and_instants_as_often_as_told() -> None:
    at = datetime(2026, 11, 20, 10, 1, tzinfo=LOCAL)
    state = State(last_register=at, last_instant=NOW - timedelta(seconds=59))
    assert not ask(state).registers
    assert not ask(state).instants
    assert ask(State(last_register=at - timedelta(minutes=2))).registers
    assert ask(State(last_instant=NOW - LIVE)).instants
    assert next_due(state, NOW, LIVE, ABILITIES) == NOW + timedelta(seconds=1)
    assert next_due(state, NOW, LIVE, Abilities()) == datetime(2026, 11, 20, 10, 30, tzinfo=LOCAL)


@pytest.mark.parametrize(("hours", "due", "following"), [(1, 9, 10), (8, 8, 16), (24, 0, 24)])
def test_who_is_read_seldom_is_asked_at_parts_of_the_local_day(hours: int, due: int, following: int) -> None:
    """Bills close at their own time all the same."""
    today, every = datetime(2026, 11, 20, tzinfo=LOCAL), timedelta(hours=hours)
    now, begun = today + timedelta(hours=9, minutes=40), today + timedelta(hours=due)
    asked = ask(now=now, every=every)
    assert max(span.asked.end for span in asked.profile) == begun
    assert asked.billing == ask(now=now).billing
    read = State({PROFILE: [Period(SINCE, begun)]}, last_register=begun)
    assert not ask(read, now=now, every=every).profile
    assert not ask(read, now=now, every=every).registers
    assert ask(State(last_register=begun - timedelta(seconds=1)), now=now, every=every).registers
    assert next_due(read, now, None, ABILITIES, every) == today + timedelta(hours=following)


def test_a_meter_hung_tomorrow_is_left_alone() -> None:
    assert ask(since=NOW + timedelta(days=1)).nothing


def test_short_intervals_are_asked_for_by_the_day() -> None:
    period = Period(SINCE, SINCE + timedelta(days=2, hours=3))
    assert [piece.duration for piece in weeks(period, timedelta(minutes=1))] == [
        timedelta(days=1), timedelta(days=1), timedelta(hours=3)
    ]  # fmt: skip


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ModelError, match="offset"):
        floor_to(datetime(2026, 1, 1), HALF_HOUR)  # noqa: DTZ001
    assert ceil_to(datetime(2026, 1, 1, 0, 1, tzinfo=UTC), HALF_HOUR) == datetime(
        2026, 1, 1, 0, 30, tzinfo=UTC
    )


def readout(
    outcome: str, *, answers: tuple[Answer, ...] = (), rejected: tuple[Rejected, ...] = ()
) -> Readout:
    return Readout("A1", "p", NOW, NOW, outcome, answers=answers, rejected=rejected)


def test_a_readout_that_lies_in_the_spool_counts_as_answered() -> None:
    known = Known({PROFILE: [Period(SINCE, SINCE + timedelta(days=6))]})
    more = Period(SINCE + timedelta(days=6), SINCE + timedelta(days=13))
    known.note(readout("ok", answers=(Answer(PROFILE, b"", more),)))
    known.note(readout("ok", answers=(Answer(PROFILE, b"", more, complete=True),)))
    assert known.answered[PROFILE] == [Period(SINCE, SINCE + timedelta(days=13))]


def test_what_is_learnt_from_scratch_is_planned_anew_at_once() -> None:
    """Though the store tells as many things of it as before."""
    line = Line(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=1), ())
    meter = LineMeter(1, "A1", "dk-1p", 1, 6, None, SINCE, None)
    ability = abilities_of("dk-1p").profile
    assert ability is not None
    seat = Seat(line, meter, abilities_of("dk-1p"), Known())
    seat.known.answered_before(ability.item, [Period(SINCE, NOW)])
    assert not seat.wants(NOW, HALF_HOUR).profile
    seat.known = Known()
    seat.known.answered_before(ability.item, [Period(SINCE, NOW - timedelta(days=1))])
    assert seat.wants(NOW, HALF_HOUR).profile


def test_what_a_clock_that_was_ahead_told_is_had_anew() -> None:
    """The store has it from a head-end whose clock was a day ahead."""
    known, ahead = Known(), NOW + timedelta(days=1)
    known.fresh(ahead, ahead)
    state = known.state(NOW)
    assert (state.last_register, state.last_instant) == (None, None)
    read = InstantRead(NOW)
    known.note(readout("ok", answers=(Answer("instants", b"", instants=(read,)),)))
    known.note(readout("ok", rejected=(Rejected("registers", "there is none", b""),)))
    state = known.state(NOW)
    assert (state.last_register, state.last_instant) == (NOW, NOW), "once"
    known.fresh(None, NOW + timedelta(seconds=20))
    assert known.state(NOW).last_instant == NOW + timedelta(seconds=20), "a few seconds are nothing"


def test_half_an_answer_stays_asked() -> None:
    known = Known()
    known.note(readout("partial", answers=(Answer(PROFILE, b"", Period(SINCE, NOW), complete=False),)))
    assert known.answered == {}


def test_a_question_answered_badly_three_times_rests_and_comes_back() -> None:
    known = Known()
    asked = ask().profile[0].asked
    for _ in range(3):
        assert asked in [span.asked for span in ask(known.state(NOW)).profile]
        known.note(readout("partial", rejected=(Rejected(PROFILE, "garbage", b"x", asked),)))
    assert asked not in [span.asked for span in ask(known.state(NOW)).profile]
    assert asked in [span.asked for span in ask(known.state(NOW + timedelta(hours=7))).profile]


def test_failures_add_up_until_something_comes() -> None:
    known = Known()
    known.note(readout("timeout"))
    known.note(readout("no_link"))
    assert known.failures == 2
    known.note(readout("ok", answers=(Answer(PROFILE, b"", Period(SINCE, NOW)),)))
    assert known.failures == 0


def test_merged_periods_touch_nowhere() -> None:
    hour = timedelta(hours=1)
    a, b, c = (Period(SINCE + n * hour, SINCE + (n + 1) * hour) for n in (0, 1, 3))
    assert merged([c, b, a]) == [Period(a.start, b.end), c]
