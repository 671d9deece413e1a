"""What a simulated meter counts after its switch was opened, its load limited, its clock set."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.period import LOCAL
from model.series import Channel
from protocols import meter_models
from protocols.dlms import axdr
from protocols.dlms.clock import write_clock
from protocols.dlms.enums import ActionResult, DataAccessResult
from protocols.dlms.objects import CLOCK_TIME, InterfaceClass
from protocols.dlms.objects.disconnecting import ControlState, DisconnectControl, SwitchEvent
from protocols.dlms.objects.limiting import Limiter
from protocols.meter_models.model import Quantity
from protocols.obis import obis
from simulators import halfhours, village
from simulators.dlms_meter import DlmsMeter
from simulators.halfhours import SLOT_S
from simulators.instrument import Instrument
from simulators.ledger import Ledger
from simulators.moving_clock import MovingClock, wall
from simulators.told import Told

EPOCH = datetime(2026, 10, 20, 9, 12, tzinfo=LOCAL)
SWITCH, LIMITER = obis("0.0.96.3.10"), obis("0.0.17.0.0")
FLEET = village.build(7, EPOCH, 40, can_dial_in=False)


class Bench:
    """A household's meter and a clock to turn."""

    def __init__(self, model="dk-1p"):
        hung = next(meter for meter in FLEET.meters.values() if meter.model == model and not meter.drift_s)
        self.clock = MovingClock(wall, EPOCH, ticking=False)
        self.instrument = Instrument(hung, meter_models.load(model), self.clock)
        self.meter = DlmsMeter(self.instrument, lambda: None)
        self.plain = hung.ledger

    def later(self, **passed):
        self.clock.set(self.clock() + timedelta(**passed))

    def act(self, method):
        return self.meter.act(InterfaceClass.DISCONNECT_CONTROL, SWITCH, method, axdr.integer(0))

    def total(self):
        item = self.instrument.model.register(Channel.ACTIVE_IMPORT)
        return self.instrument.index(item.key, item.place, self.instrument.second())

    def plain_total(self):
        return self.plain.registers(self.instrument.second())[0]


def test_behind_an_open_switch_nothing_is_counted():
    bench = Bench()
    before = bench.total()
    assert bench.act(DisconnectControl.REMOTE_DISCONNECT) == ActionResult.SUCCESS
    assert bench.meter.read(70, SWITCH, 3, None) == axdr.enum(ControlState.DISCONNECTED)
    assert bench.instrument.quantities()[Quantity.POWER] == 0
    assert bench.instrument.quantities()[Quantity.VOLTAGE_1] > 200
    bench.later(hours=5)
    missed = bench.plain_total() - before
    assert bench.total() == before
    assert missed > 0
    assert bench.act(DisconnectControl.REMOTE_RECONNECT) == ActionResult.SUCCESS
    bench.later(hours=2)
    assert bench.total() == bench.plain_total() - missed
    wh = np.diff(bench.instrument.window(0, bench.instrument.second(), with_start=True, capacity=14).at)
    assert (wh == 0).sum() >= 9
    assert [act.what for act in bench.instrument.acts] == ["remote_disconnect", "remote_reconnect"]


def test_a_switch_that_stands_open_is_not_opened_again():
    bench = Bench()
    bench.act(DisconnectControl.REMOTE_DISCONNECT)
    assert bench.act(DisconnectControl.REMOTE_DISCONNECT) == ActionResult.OTHER_REASON
    assert bench.act(3) == ActionResult.READ_WRITE_DENIED
    assert Bench("dk-1p-5").act(1) == ActionResult.OBJECT_UNDEFINED


def test_no_more_flows_than_the_limit():
    bench = Bench()
    assert bench.meter.read(71, LIMITER, Limiter.THRESHOLD_ACTIVE, None).value == 0xFFFFFFFF
    set_to = bench.meter.write(71, LIMITER, Limiter.THRESHOLD_NORMAL, axdr.double_long_unsigned(100))
    assert set_to == DataAccessResult.SUCCESS
    assert bench.meter.read(71, LIMITER, Limiter.THRESHOLD_ACTIVE, None).value == 100
    before = bench.total()
    bench.later(hours=10)
    assert 0 < bench.total() - before <= 100 * 10
    wrong = bench.meter.write(71, LIMITER, Limiter.THRESHOLD_NORMAL, axdr.octet_string(b"1"))
    assert wrong == DataAccessResult.TYPE_UNMATCHED
    assert bench.meter.write(71, LIMITER, 3, axdr.NULL) == DataAccessResult.READ_WRITE_DENIED


@pytest.mark.parametrize("by_s", [-40, 45])
def test_a_clock_that_is_set_changes_no_index(by_s):
    bench = Bench()
    before = bench.total()
    wanted = bench.clock() + timedelta(seconds=by_s)
    value = axdr.octet_string(write_clock(wanted))
    assert bench.meter.write(8, CLOCK_TIME.obis, 2, value) == DataAccessResult.SUCCESS
    assert bench.instrument.second() == halfhours.seconds_of(wanted)
    assert bench.total() == before
    bench.later(hours=3)
    entries = bench.instrument.window(0, bench.instrument.second(), with_start=True, capacity=20)
    assert (np.diff(entries.at) >= 0).all()
    assert (np.diff(entries.stamps) == SLOT_S).all()
    assert (
        bench.meter.write(8, CLOCK_TIME.obis, 2, axdr.octet_string(b"now")) == DataAccessResult.TYPE_UNMATCHED
    )


EVENTS = st.lists(
    st.tuples(
        st.integers(1, 9000),
        st.sampled_from([*SwitchEvent, "limit", "clock"]),
        st.integers(-4000, 4000),
    ),
    max_size=6,
)


@given(EVENTS, st.integers(0, 5000))
def test_whatever_it_is_told_a_register_never_goes_back(events, more):
    """Every half-hour's register lies between its neighbours, the total is the sum of its rates, and nothing
    is counted that did not flow."""
    told = Told(Ledger(lambda slots: slots % 7 * 100, 100, start=(5, 6, 7)))
    shown = 130 * SLOT_S + 17
    ledger_s = shown
    for passed, event, size in events:
        shown += passed
        ledger_s += passed
        match event:
            case "limit":
                told.limit(abs(size), shown)
            case "clock":
                if shown + size > 110 * SLOT_S:
                    told.move_clock(shown, size)
                    shown += size
            case _:
                told.happens(event, shown)
        now = told.registers(shown)
        assert now[0] == sum(now[1:]) <= told._ledger.registers(ledger_s)[0]
    shown += more
    at = told.registers(shown)[0]
    totals = told.totals(110, shown // SLOT_S + 1)
    assert (np.diff(totals) >= 0).all()
    assert (told.wh(110, shown // SLOT_S) == np.diff(totals)).all()
    assert totals[-1] <= at
