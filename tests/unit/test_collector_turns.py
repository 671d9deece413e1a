"""One line, many who want it: the most urgent is next, equals in the order of their coming."""

import asyncio
import contextlib

from hypothesis import given
from hypothesis import strategies as st

from collector.links.turns import Turns
from collector.polling.permits import Urgency


@given(st.lists(st.sampled_from(Urgency), max_size=12))
def test_the_most_urgent_is_next_and_equals_in_the_order_of_coming(urgencies: list[Urgency]) -> None:
    async def scenario() -> list[tuple[Urgency, int]]:
        turns = Turns()
        await turns.take(Urgency.BACK_FILL)
        served: list[tuple[Urgency, int]] = []

        async def one(urgency: Urgency, number: int) -> None:
            await turns.take(urgency)
            served.append((urgency, number))
            await asyncio.sleep(0)
            turns.give_back()

        tasks = [asyncio.create_task(one(urgency, at)) for at, urgency in enumerate(urgencies)]
        await asyncio.sleep(0)
        assert turns.wanted_by == min(urgencies, default=None)
        turns.give_back()
        await asyncio.gather(*tasks)
        assert turns.wanted_by is None
        assert not turns.taken
        return served

    assert asyncio.run(scenario()) == sorted((urgency, at) for at, urgency in enumerate(urgencies))


def _wanted_by(turns: Turns) -> Urgency | None:
    """Asked anew each time: what it was says nothing of what it is."""
    return turns.wanted_by


async def test_whoever_gives_up_waiting_is_passed_over() -> None:
    turns = Turns()
    await turns.take(Urgency.ROUTINE)
    hasty = asyncio.create_task(turns.take(Urgency.ON_DEMAND))
    patient = asyncio.create_task(turns.take(Urgency.BACK_FILL))
    await asyncio.sleep(0)
    assert _wanted_by(turns) is Urgency.ON_DEMAND
    hasty.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await hasty
    assert _wanted_by(turns) is Urgency.BACK_FILL
    turns.give_back()
    await patient
    assert turns.taken


async def test_whoever_is_called_and_gone_in_the_same_moment_passes_the_turn_on() -> None:
    turns = Turns()
    await turns.take(Urgency.ROUTINE)
    first = asyncio.create_task(turns.take(Urgency.ON_DEMAND))
    second = asyncio.create_task(turns.take(Urgency.ROUTINE))
    await asyncio.sleep(0)
    turns.give_back()  # it is the first one's now
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    async with asyncio.timeout(1):
        await second
