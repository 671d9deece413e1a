"""What goes into the spool comes out of it, and is what the model's own JSON form says."""

from datetime import UTC, datetime, timedelta, timezone

import orjson
from hypothesis import given
from hypothesis import strategies as st

from collector.spool.record import decode, encode
from model.jsonform import from_json, to_json
from model.period import Period
from model.readout import Answer, InstantRead, MeterEvent, ProfileBlock, Readout, RegisterRead, Rejected
from model.series import Channel, ProfileKind, Rate, ReadingSource, Unit

zones = st.sampled_from([UTC, timezone(timedelta(hours=7))])
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=zones)  # noqa: DTZ001 - bounds
wide = st.integers(-(1 << 63), (1 << 63) - 1)
number = st.none() | st.floats(-1e6, 1e6)
phases = st.tuples(number, number, number)


@st.composite
def blocks(draw: st.DrawFn) -> ProfileBlock:
    first, size = draw(instants), draw(st.integers(0, 60))
    step = draw(st.sampled_from([60, 900, 1800, 3600]))
    values = st.lists(wide, min_size=size, max_size=size).map(tuple)
    return ProfileBlock(
        draw(st.sampled_from(Channel)), draw(st.sampled_from(ProfileKind)), draw(st.text()),
        timedelta(seconds=step),
        tuple(first + n * timedelta(seconds=step) for n in range(size)), draw(values), draw(values),
        draw(st.integers(-9, 9)), draw(st.sampled_from(Unit)),
    )  # fmt: skip


periods = st.tuples(instants, instants).map(lambda pair: Period(min(pair), max(pair)))
registers = st.builds(
    RegisterRead, st.sampled_from(Channel), st.sampled_from(Rate), instants, wide, st.integers(-9, 9),
    st.sampled_from(Unit), st.sampled_from(ReadingSource), wide,
)  # fmt: skip
instant_reads = st.builds(InstantRead, instants, phases, phases, number, number, number, number)
answers = st.builds(
    Answer, st.text(), st.binary(max_size=200), st.none() | periods, st.booleans(),
    st.lists(blocks(), max_size=2).map(tuple), st.lists(registers, max_size=3).map(tuple),
    st.lists(instant_reads, max_size=2).map(tuple),
    st.lists(st.builds(MeterEvent, instants, st.text(), st.text()), max_size=2).map(tuple),
)  # fmt: skip
rejected = st.builds(Rejected, st.text(), st.text(), st.binary(max_size=50), st.none() | periods)
readouts = st.builds(
    Readout, st.text(), st.text(), instants, instants, st.text(), st.text(), number,
    st.lists(answers, max_size=3).map(tuple),
    st.lists(rejected, max_size=2).map(tuple),
)  # fmt: skip


@given(readouts)
def test_a_readout_survives_the_spool(readout: Readout) -> None:
    raw = encode(readout)
    assert decode(raw) == readout
    assert orjson.loads(raw) == orjson.loads(orjson.dumps(to_json(readout)))
    assert from_json(Readout, orjson.loads(raw)) == readout
