"""What goes into the spool comes out of it, and is what the model's own JSON form says, shortened."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.spool.record import decode, encode, spelled
from model.jsonform import from_json, to_json
from model.period import HALF_HOUR, LOCAL, Period
from model.readout import Answer, InstantRead, MeterEvent, ProfileBlock, Readout, RegisterRead, Rejected
from model.series import Channel, ProfileKind, Rate, ReadingSource, Unit

USUAL: dict[str, object] = {
    "asked": None,
    "complete": True,
    "blocks": [],
    "registers": [],
    "instants": [],
    "events": [],
}
AT = datetime(2026, 11, 20, 3, tzinfo=UTC)
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
    plain = orjson.loads(orjson.dumps(to_json(readout)))
    size = 5 + int.from_bytes(raw[1:5], "big")
    written, rest = orjson.loads(raw[5:size]), raw[size:]
    for answer in written["answers"]:
        octets = answer["raw"]
        answer["raw"], rest = b64encode(rest[:octets]).decode(), rest[octets:]
        answer.update({name: answer.get(name, usual) for name, usual in USUAL.items()})
        for block in answer["blocks"]:
            short = block["stamps"]
            if isinstance(short, dict):
                assert short["count"] > 2
                first, step = datetime.fromisoformat(short["first"]), timedelta(seconds=short["step_s"])
                block["stamps"] = [(first + n * step).isoformat() for n in range(short["count"])]
    assert rest == b""
    assert written == plain
    assert decode(orjson.dumps(plain)) == readout  # a record of before
    assert from_json(Readout, written) == readout


@pytest.mark.parametrize(
    "stamps",
    [
        (AT, AT + HALF_HOUR, AT + 3 * HALF_HOUR),
        (AT, AT + HALF_HOUR, (AT + 2 * HALF_HOUR).astimezone(LOCAL)),
        (AT, AT + timedelta(milliseconds=1500), AT + timedelta(seconds=3)),
    ],
    ids=["uneven", "of different offsets", "within a second"],
)
def test_stamps_of_any_kind_come_out_as_they_went_in(stamps: tuple[datetime, ...]) -> None:
    block = ProfileBlock(
        Channel.ACTIVE_IMPORT, ProfileKind.INTERVAL_ENERGY, "1.0.1.29.0.255", HALF_HOUR, stamps,
        tuple(range(len(stamps))), (0,) * len(stamps), 0, Unit.WATT_HOUR,
    )  # fmt: skip
    readout = Readout("S", "p", AT, AT, "ok", "", 0.0, (Answer("i", b"", blocks=(block,)),), ())
    (answer,) = decode(encode(readout)).answers
    assert [at.isoformat() for at in answer.blocks[0].stamps] == [at.isoformat() for at in stamps]


def test_a_day_of_half_hours_takes_a_few_bytes_of_stamps() -> None:
    stamps = tuple(AT + n * HALF_HOUR for n in range(48))
    block = ProfileBlock(
        Channel.ACTIVE_IMPORT, ProfileKind.INTERVAL_ENERGY, "1.0.1.29.0.255", HALF_HOUR, stamps,
        (0,) * 48, (0,) * 48, 0, Unit.WATT_HOUR,
    )  # fmt: skip
    assert (
        len(encode(Readout("S", "p", AT, AT, "ok", "", 0.0, (Answer("i", b"", blocks=(block,)),), ()))) < 800
    )


@given(readouts, st.data())
def test_a_record_that_was_cut_off_is_refused(readout: Readout, data: st.DataObject) -> None:
    raw = encode(readout)
    with pytest.raises((ValueError, KeyError, TypeError)):
        decode(raw[: data.draw(st.integers(0, len(raw) - 1))])


@given(instants)
def test_an_instant_is_spelled_as_everywhere(at: datetime) -> None:
    assert spelled(at) == at.isoformat()
