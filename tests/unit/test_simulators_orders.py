"""What a fleet is asked to be and to do."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from model.clock import frozen
from model.errors import ModelError
from model.grid import ModemLink
from model.period import LOCAL
from protocols import meter_models
from simulators import fleet as fleets
from simulators import village
from simulators.air import Air
from simulators.control import Control
from simulators.errors import SimulatorError
from simulators.instrument import Instrument
from simulators.modbus_meter import ModbusMeter
from simulators.moving_clock import MovingClock
from simulators.options import Options
from simulators.service import Service

EPOCH = datetime(2026, 10, 20, 9, 12, tzinfo=LOCAL)


class Wall:
    """A real clock under the test's hand."""

    def __init__(self):
        self.now = datetime(2027, 1, 1, tzinfo=LOCAL)

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def village_():
    return village.build(7, EPOCH, 60, can_dial_in=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"customers": 19}, "20 to 2000 customers"),
        ({"customers": 2001}, "20 to 2000 customers"),
        ({"port_from": 80}, "cannot listen from port 80"),
        ({"port_from": 40_000}, "cannot listen from port 40000"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused(options, words):
    with pytest.raises(SimulatorError, match=words):
        Options(seed=1, epoch=EPOCH, **options)


def test_naive_instants_are_refused():
    naive = datetime(2026, 10, 20)  # noqa: DTZ001
    with pytest.raises(ModelError):
        Options(seed=1, epoch=naive)
    with pytest.raises(ModelError):
        Options(seed=1, epoch=EPOCH, as_of=naive)


def test_a_clock_stands_still_runs_on_or_shows_the_real_time():
    wall = Wall()
    still, running, real = (
        MovingClock(wall, at, ticking=ticking)
        for at, ticking in ((EPOCH, False), (EPOCH, True), (None, False))
    )
    wall.now += timedelta(minutes=7)
    assert (still(), running(), real()) == (EPOCH, EPOCH + timedelta(minutes=7), wall.now)
    for clock in (still, running, real):
        clock.set(EPOCH + timedelta(days=1))
    wall.now += timedelta(minutes=1)
    assert still() == real() == EPOCH + timedelta(days=1)
    assert running() == EPOCH + timedelta(days=1, minutes=1)
    running.set(None)
    assert running() == wall.now


def test_orders_reach_clock_and_air(village_):
    clock = MovingClock(frozen(EPOCH), EPOCH, ticking=False)
    air = Air(village_.silent, clock)
    control = Control(village_, clock, air, lambda begin, end: {"1": {"from": 0, "to": 5}})
    (dead,) = village_.silent
    assert air.is_silent(dead)
    assert control.obey('{"do":"clock","at":"2026-10-16T09:00"}') == {"clock": "2026-10-16T02:00:00+00:00"}
    assert not air.is_silent(dead)
    control.obey('{"do":"clock","at":"2026-10-21T09:00:00+07:00"}')
    assert control.obey('{"do":"silence","on":false}') == {"silence": {dead: False}}
    assert not air.is_silent(dead)
    other = next(line.code for line in village_.lines if line.code != dead)
    assert not air.is_silent(other)
    control.obey(f'{{"do":"silence","modems":["{other}"],"on":true}}')
    assert air.is_silent(other)
    truth = control.obey('{"do":"truth","from":"2026-09-01","to":"2026-10-01"}')["truth"]
    assert truth["registers"] == {"1": {"from": 0, "to": 5}}
    assert len(truth["planted"]) == 7
    assert control.obey('{"do":"clock","at":null}') == {"clock": EPOCH.isoformat()}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "7",
        '"clock"',
        "{}",
        '{"do":"clock"}',
        '{"do":"clock","at":5}',
        '{"do":"clock","at":"yesterday"}',
        '{"do":"silence","on":"yes"}',
        '{"do":"silence","modems":"all","on":true}',
        '{"do":"silence","modems":[1],"on":true}',
        '{"do":"corrupt","answers":"1"}',
        '{"do":"truth","from":"2026-09-01"}',
    ],
)
def test_a_bad_order_is_one_sentence(village_, line):
    clock = MovingClock(frozen(EPOCH), EPOCH, ticking=False)
    control = Control(village_, clock, Air({}, clock), lambda begin, end: {})
    answer = control.obey(line)
    assert list(answer) == ["error"]
    assert "\n" not in answer["error"]


def test_noise_is_used_up_by_answers_long_enough_to_hold_rows():
    air = Air({}, frozen(EPOCH))
    answer = bytes(range(200))
    assert air.spoiled(answer) == answer
    air.corrupt(1)
    assert air.spoiled(answer[:60]) == answer[:60]
    spoiled = air.spoiled(answer)
    assert len(spoiled) == len(answer)
    assert sum(a != b for a, b in zip(answer, spoiled, strict=True)) == 48
    assert spoiled[:8] == answer[:8]
    assert air.spoiled(answer) == answer


def test_without_a_listener_every_modem_waits_to_be_called(village_):
    alone = village.build(7, EPOCH, 60, can_dial_in=False)
    assert {line.link for line in alone.lines} == {ModemLink.DIAL_OUT}
    assert {line.link for line in village_.lines} == {ModemLink.DIAL_OUT, ModemLink.DIAL_IN}
    assert [line.serials for line in alone.lines] == [line.serials for line in village_.lines]
    assert alone.planted == village_.planted
    heads = [s for s, hung in village_.meters.items() if hung.model == "dk-head"]
    assert all(line.link is ModemLink.DIAL_OUT for line in village_.lines if set(heads) & set(line.serials))


def test_many_households_of_a_file_share_modems(tmp_path: Path):
    path = tmp_path / "many.csv"
    path.write_text("meter,timestamp,kwh\n" + "".join(f"M{i},2024-01-01T00:00,0.1\n" for i in range(101)))
    fleet = fleets.build(Options(seed=1, epoch=EPOCH, replay=path))
    assert len(fleet.lines) <= 40
    assert [serial for line in fleet.lines for serial in line.serials] == [f"M{i}" for i in range(101)]


def test_a_replay_says_what_its_buffers_hold_up_to_its_clock(tmp_path: Path):
    path = tmp_path / "gap.csv"
    path.write_text(
        "meter,timestamp,kwh\nA,2024-01-01T00:00,0.1\nA,2024-01-01T00:30,0.2\nA,2024-01-01T02:00,0.4\n"
    )
    options = Options(seed=1, epoch=EPOCH, replay=path)
    fleet = fleets.build(options)
    for at, held in ((EPOCH, (3, 700)), (datetime(2026, 10, 19, 1, 45, tzinfo=LOCAL), (2, 300))):
        clock = MovingClock(frozen(at), at, ticking=False)
        service = Service(fleet, options, clock, Air({}, clock))
        control = Control(fleet, clock, service.air, service.truth, service.buffers)
        truth = control.obey('{"do":"truth","from":"2026-10-01","to":"2026-11-01"}')["truth"]
        assert truth["buffers"] == {"A": {"rows": held[0], "wh": held[1]}}


def test_a_serial_goes_into_the_registers_as_utf_8_or_is_refused(village_):
    (serial, hung), *_ = [each for each in village_.meters.items() if each[1].model == "dk-mb"]

    def meter(name):
        named = replace(hung, serial=name)
        return ModbusMeter(Instrument(named, meter_models.load(hung.model), frozen(EPOCH)), lambda: None)

    words = meter("Nhà số 5")._serial_words()
    assert b"".join(word.to_bytes(2, "big") for word in words) == "Nhà số 5".encode().ljust(16, b"\0")
    with pytest.raises(
        SimulatorError, match=r"meter Nhà dưới, số 5: its serial takes 20 bytes .* hold 16: give"
    ):
        meter("Nhà dưới, số 5")


def test_a_replay_takes_the_place_of_the_village(tmp_path: Path):
    path = tmp_path / "two.csv"
    path.write_text(
        "meter,timestamp,kwh\nA,2024-01-01T00:00,0.1\nB,2024-01-01T00:30,0.2\nB,2024-01-01T01:00,0.3\n"
    )
    fleet = fleets.build(Options(seed=1, epoch=EPOCH, replay=path, dial_in_to=("127.0.0.1", 9)))
    assert [customer.code for customer in fleet.customers] == ["A", "B"]
    assert fleet.planted == ()
    assert {point.supplies[0].plan for point in fleet.points} == {"vn-household"}
    assert [line.link for line in fleet.lines] == [ModemLink.DIAL_OUT, ModemLink.DIAL_IN]
    assert fleet.history_from == datetime(2026, 10, 19, tzinfo=LOCAL)
