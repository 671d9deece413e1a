"""Draws and ledgers say the same in whatever pieces they are asked."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.chance import key, spread, uniform
from simulators.ledger import Ledger

slots = st.integers(min_value=-(2**40), max_value=2**40)


@given(st.integers(0, 2**64 - 1), st.lists(slots, min_size=1, max_size=50))
def test_a_draw_depends_on_key_and_number_alone(seed, at):
    together = uniform(seed, np.array(at, dtype=np.int64))
    alone = [uniform(seed, np.array([one], dtype=np.int64))[0] for one in at]
    assert list(together) == alone
    assert ((together >= 0) & (together < 1)).all()


@given(st.text(max_size=20), st.integers(0, 2**32))
def test_draws_are_spread_evenly(name, number):
    drawn = uniform(key(name, number), np.arange(4000))
    assert abs(drawn.mean() - 0.5) < 0.05
    assert abs(spread(key(name, number), np.arange(4000), 0.2).mean() - 1) < 0.05


def test_keys_do_not_run_into_each_other():
    assert key("a", "bc") != key("ab", "c")
    assert key("seat", 1, 23) != key("seat", 12, 3)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 400),
    st.lists(st.integers(0, 9000), min_size=1, max_size=6),
    st.integers(0, 2**63 - 1),
)
def test_a_ledger_is_the_same_however_far_it_is_asked_first(first, divisor, reaches, seed):
    def count(at):
        return (uniform(seed, at) * 2000).astype(np.int64)

    piecewise = Ledger(count, first, start=(5, 6, 7), divisor=divisor)
    for reach in reaches:
        piecewise.registers((first + reach) * 1800)
    end = first + max(reaches) + 1
    at_once = Ledger(count, first, start=(5, 6, 7), divisor=divisor)
    assert np.array_equal(piecewise.wh(first, end), at_once.wh(first, end))
    primary = count(np.arange(first, end)).sum()
    assert piecewise.registers(end * 1800)[0] == 18 + primary // divisor


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**63 - 1), st.lists(st.integers(0, 200 * 1800), min_size=2, max_size=20))
def test_registers_never_fall(seed, seconds):
    ledger = Ledger(lambda at: (uniform(seed, at) * 900).astype(np.int64), 0, start=(0, 0, 0))
    values = [ledger.registers(second) for second in sorted(seconds)]
    for earlier, later in zip(values, values[1:], strict=False):  # noqa: RUF007
        assert all(a <= b for a, b in zip(earlier, later, strict=True))
        assert later[0] == sum(later[1:])
