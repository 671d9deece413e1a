"""A meter that shares its load shape counts as one that has a ledger of its own would."""

import numpy as np
import pytest

from simulators import halfhours, shapes
from simulators.halfhours import SLOT_S
from simulators.shapes import SharedLedger

FIRST = 991_582
START = (1_000, 200, 30)


@pytest.mark.parametrize("permille", [1, 400, 999, 1733])
def test_registers_are_the_whole_shares_of_the_shape_rate_by_rate(permille):
    shape = shapes.drawn(5, FIRST)[3]
    ledger = SharedLedger(shape, permille, START)
    slots = np.arange(FIRST, FIRST + 200)
    counted, rates = shape.supply.shown(slots).sum(axis=1).tolist(), halfhours.rate_of(slots).tolist()
    so_far = [0, 0, 0]
    for at, (wh, rate) in enumerate(zip(counted, rates, strict=True)):
        expected = [start + sum_ * permille // 1000 for start, sum_ in zip(START, so_far, strict=True)]
        assert ledger.registers((FIRST + at) * SLOT_S) == (sum(expected), *expected)
        so_far[rate - 1] += wh
    totals = ledger.totals(FIRST, FIRST + 200)
    assert totals.tolist() == [ledger.registers((FIRST + at) * SLOT_S)[0] for at in range(200)]
    assert ledger.wh(FIRST, FIRST + 199).tolist() == np.diff(totals).tolist()


def test_within_a_half_hour_a_register_rises_evenly_and_before_the_beginning_it_stands():
    ledger = SharedLedger(shapes.drawn(5, FIRST)[0], 1000, START)
    seconds = range(FIRST * SLOT_S, (FIRST + 3) * SLOT_S, 60)
    totals = [ledger.registers(second)[0] for second in seconds]
    assert totals == sorted(totals)
    assert ledger.registers(0)[0] == sum(START) == totals[0]
    with pytest.raises(ValueError, match="begins with half-hour"):
        ledger.wh(FIRST - 1, FIRST)


def test_what_flows_is_what_is_counted():
    ledger = SharedLedger(shapes.drawn(5, FIRST)[1], 700, START)
    slots = np.arange(FIRST - 1, FIRST + 20)
    flowing = shapes.SharedSupply(ledger).flowing(slots)
    assert flowing[0].tolist() == [0, 0, 0]
    assert flowing[1:, 0].tolist() == ledger.wh(FIRST, FIRST + 20).tolist()
