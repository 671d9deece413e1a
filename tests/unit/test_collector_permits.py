"""Permits to talk: caps are kept, the urgent go first, all come to their turn, a dead cell is spared."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami import event_loop
from collector.polling.permits import DOWN_S, Permits
from collector.polling.urgency import Urgency
from collector.watch.metrics import REGISTRY
from tests.virtual_time import run

AGE = 10.0
ORDINARY = [each for each in Urgency if each is not Urgency.ON_DEMAND]


@dataclass(frozen=True)
class Wish:
    urgency: Urgency
    cell: str
    at: float
    lasts: float
    patience: float  # gives up then; -1: never


WISHES = st.lists(
    st.builds(
        Wish,
        st.sampled_from(Urgency),
        st.sampled_from(["", "", "A", "B"]),
        st.integers(0, 40).map(float),
        st.integers(1, 9).map(float),
        st.sampled_from([-1.0, -1.0, -1.0, 0.0, 3.0]),
    ),
    max_size=40,
)


async def talk(permits: Permits, wishes: Sequence[Wish]) -> list[tuple[float, int]]:
    """When each was let in, by its number; every instant is looked at for broken caps."""
    loop = asyncio.get_running_loop()
    log: list[tuple[float, int]] = []
    talking: Counter[str] = Counter()

    async def one(number: int, wish: Wish) -> None:
        await asyncio.sleep(wish.at)
        try:
            async with asyncio.timeout(None if wish.patience < 0 else wish.patience) as patience:
                async with permits.take(wish.urgency, wish.cell):
                    patience.reschedule(None)
                    log.append((loop.time(), number))
                    general = "in all" if wish.urgency is not Urgency.ON_DEMAND else "on demand"
                    talking.update([general, f"in cell {wish.cell}"])
                    assert talking["in all"] <= permits.active <= permits.sessions
                    for cell in "AB":
                        assert talking[f"in cell {cell}"] <= permits.cell_sessions
                    await asyncio.sleep(wish.lasts)
                    talking.subtract([general, f"in cell {wish.cell}"])
        except TimeoutError:
            pass

    async with asyncio.TaskGroup() as group:
        for number, wish in enumerate(wishes):
            group.create_task(one(number, wish))
    assert permits.active == 0
    return log


@given(WISHES, st.integers(1, 4), st.integers(1, 3))
@settings(deadline=None, max_examples=150)
def test_caps_hold_and_everybody_who_stays_is_let_in(wishes: list[Wish], sessions: int, cell: int) -> None:
    log = run(talk(Permits(sessions, cell_sessions=cell, age_s=AGE), wishes))
    let_in = [number for _, number in log]
    assert len(set(let_in)) == len(let_in)
    assert {number for number, wish in enumerate(wishes) if wish.patience < 0} <= set(let_in)


@given(WISHES.map(lambda wishes: [w for w in wishes if not w.cell and w.patience < 0]), st.integers(1, 3))
@settings(deadline=None, max_examples=150)
def test_whoever_is_let_in_has_waited_longest_for_his_class(wishes: list[Wish], sessions: int) -> None:
    log = run(talk(Permits(sessions, age_s=AGE), wishes))
    at = {number: when for when, number in log}

    def place(wish: Wish) -> float:
        return wish.at + AGE * wish.urgency

    for number, wish in enumerate(wishes):
        if wish.urgency is Urgency.ON_DEMAND:
            assert at[number] == wish.at  # waits for no permit of the general kind
            continue
        for other, them in enumerate(wishes):
            passed_over = them.at < at[number] < at[other] and them.urgency is not Urgency.ON_DEMAND
            assert not passed_over or place(them) >= place(wish)


def test_on_demand_waits_for_nobody_where_all_permits_are_taken() -> None:
    taken = [Wish(urgency, "", 0.0, 50.0, -1.0) for urgency in ORDINARY]
    log = run(talk(Permits(2, age_s=AGE), [*taken, Wish(Urgency.ON_DEMAND, "", 5.0, 1.0, -1.0)]))
    assert (5.0, len(taken)) in log


def test_back_fill_comes_to_its_turn_however_many_urgent_ones_keep_coming() -> None:
    urgent = [Wish(Urgency.CLOSING, "", float(at), 1.0, -1.0) for at in range(200)]
    wishes = [*urgent, Wish(Urgency.BACK_FILL, "", 0.5, 1.0, -1.0)]
    log = run(talk(Permits(1, age_s=AGE), wishes))
    (when,) = [when for when, number in log if number == len(urgent)]
    assert 3 * AGE <= when <= 3 * AGE + 2  # after three classes' time it stands where a closing stands


def test_on_demand_is_the_first_in_its_cell_but_goes_beyond_no_cap_of_it() -> None:
    old = [Wish(Urgency.BACK_FILL, "A", 0.0, 100.0, -1.0) for _ in range(3)]
    log = run(talk(Permits(50, cell_sessions=1, age_s=AGE), [*old, Wish(Urgency.ON_DEMAND, "A", 90, 1, -1)]))
    assert log[1] == (100.0, 3)


def test_new_connections_are_spaced_and_the_urgent_call_first() -> None:
    async def scenario() -> list[tuple[float, Urgency]]:
        permits = Permits(100, calls_per_second=4.0)
        loop = asyncio.get_running_loop()
        made: list[tuple[float, Urgency]] = []

        async def call(urgency: Urgency) -> None:
            async with permits.take(urgency) as permit:
                await permit.call()
                made.append((loop.time(), urgency))

        async with asyncio.TaskGroup() as group:
            for urgency in (*reversed(ORDINARY), *ORDINARY):
                group.create_task(call(urgency))
            await asyncio.sleep(0.6)
            group.create_task(call(Urgency.ON_DEMAND))
        return made

    made = run(scenario())
    (asked,) = [at for at, urgency in made if urgency is Urgency.ON_DEMAND]
    assert asked == pytest.approx(0.6)  # at once
    times = [at for at, urgency in made if urgency is not Urgency.ON_DEMAND]
    assert all(later - earlier >= 0.25 - 1e-9 for earlier, later in pairwise(times))
    assert times[-1] < 2.6
    order = [urgency for _, urgency in made if urgency is not Urgency.ON_DEMAND]
    assert order[0] is Urgency.BACK_FILL  # nobody else was there yet
    assert order[1:] == sorted(order[1:])


def test_back_fill_is_asked_back_by_as_many_as_wait_and_has_one_question_first() -> None:
    async def scenario() -> None:
        permits = Permits(2)
        async with permits.take(Urgency.BACK_FILL) as one, permits.take(Urgency.BACK_FILL) as two:
            assert not one.give_way(Urgency.BACK_FILL)
            assert not one.give_way(Urgency.BACK_FILL)
            waiting = asyncio.create_task(talk(permits, [Wish(Urgency.ROUTINE, "", 0, 0, -1)]))
            await asyncio.sleep(0.001)
            assert not two.give_way(Urgency.BACK_FILL)  # its first question
            assert one.wanted
            assert one.give_way(Urgency.BACK_FILL)
            assert not two.give_way(Urgency.BACK_FILL)  # one waits, one goes
            assert one.give_way(Urgency.BACK_FILL)
        await waiting
        async with permits.take(Urgency.ROUTINE) as routine, permits.take(Urgency.ROUTINE):
            waiting = asyncio.create_task(talk(permits, [Wish(Urgency.CLOSING, "", 0, 0, -1)]))
            await asyncio.sleep(0.001)
            assert not routine.give_way(Urgency.ROUTINE)  # short, and soon over
            assert routine.give_way(Urgency.BACK_FILL)  # on its way into what is long
        await waiting

    run(scenario())


def test_a_waiter_whose_cell_is_full_asks_nobody_else_to_go() -> None:
    async def scenario() -> None:
        permits = Permits(9, cell_sessions=1)
        async with (
            permits.take(Urgency.BACK_FILL, "B") as elsewhere,
            permits.take(Urgency.BACK_FILL, "A") as in_a,
        ):
            waiting = asyncio.create_task(talk(permits, [Wish(Urgency.CLOSING, "A", 0, 0, -1)]))
            await asyncio.sleep(0.001)
            assert [elsewhere.give_way(Urgency.BACK_FILL) for _ in range(2)] == [False, False]
            assert not elsewhere.wanted
            assert [in_a.give_way(Urgency.BACK_FILL) for _ in range(2)] == [False, True]
        await waiting

    run(scenario())


def test_a_cell_that_is_down_is_called_rarely_and_one_that_is_back_soon_has_all_its_room() -> None:
    async def scenario() -> tuple[list[float], list[float]]:
        permits = Permits(1000, calls_per_second=1000, cell_sessions=8)
        loop = asyncio.get_running_loop()
        failed: list[float] = []
        went_well: list[float] = []

        async def call(lasts: float) -> None:
            async with permits.take(Urgency.ROUTINE, "A") as permit:
                await permit.call()
                if loop.time() < 60:
                    failed.append(loop.time())
                    permit.unreached()
                else:
                    permit.reached()
                    went_well.append(loop.time())
                    await asyncio.sleep(lasts)

        async with asyncio.TaskGroup() as group:
            for _ in range(100):
                group.create_task(call(1.0))
        return failed, went_well

    failed, went_well = run(scenario())
    assert len(failed) < 40  # of hundred modems in a minute, each of which answers at once that it cannot
    assert len([at for at in failed if at > 20]) < 18
    assert went_well[-1] < went_well[0] + 22  # eight at a time again
    assert len(failed) + len(went_well) == 100


def test_whoever_waits_for_a_cell_that_is_down_is_let_in_though_the_timer_goes_off_a_little_early() -> None:
    """The loop of a head-end counts in whole milliseconds."""

    async def let_in() -> bool:
        permits = Permits(10, cell_sessions=1)
        failed = await permits.permit(Urgency.ROUTINE, "A")
        next_one = asyncio.create_task(permits.permit(Urgency.ROUTINE, "A"))
        await asyncio.sleep(0)
        failed.unreached()
        failed.give_back()
        await asyncio.wait([next_one], timeout=2 * DOWN_S[0])
        return next_one.done() or not next_one.cancel()

    async def scenario() -> list[bool]:
        return await asyncio.gather(*(let_in() for _ in range(40)))

    with asyncio.Runner(loop_factory=event_loop.new_event_loop) as runner:
        assert all(runner.run(scenario()))


def test_the_wait_is_measured_by_urgency() -> None:
    def waited() -> float:
        labels = {"urgency": "back_fill"}
        return REGISTRY.get_sample_value("ami_permit_wait_seconds_sum", labels) or 0.0

    before = waited()
    run(
        talk(Permits(1), [Wish(Urgency.BACK_FILL, "", 0.0, 7.0, -1), Wish(Urgency.BACK_FILL, "", 1.0, 1, -1)])
    )
    assert waited() - before == pytest.approx(6.0)
