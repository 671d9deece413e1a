"""What most meters make us do goes a short way, which must lead where the long one does, to the byte."""

from collections.abc import Callable
from itertools import accumulate, pairwise, product

from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms import axdr
from protocols.dlms.acse import Aarq
from protocols.dlms.blocks import MAX_LIST
from protocols.dlms.client import DEFAULT_CONFORMANCE, ClientConnection, ClientSettings
from protocols.dlms.enums import Conformance, Context, DataAccessResult, Mechanism
from protocols.dlms.framing import WrapperFraming
from protocols.dlms.get import read_results, write_results
from protocols.dlms.get_alike import Layouts
from protocols.dlms.initiate import InitiateRequest
from protocols.dlms.reference import access_result
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import DecodeError, RemoteError
from protocols.reader import Reader

GENERAL = Conformance.GENERAL_BLOCK_TRANSFER


@given(
    password=st.none() | st.binary(max_size=300),
    max_pdu=st.integers(0, 0xFFFF),
    window=st.integers(0, 3),
    ports=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
)
def test_an_association_is_asked_for_in_the_bytes_of_its_message(
    password: bytes | None, max_pdu: int, window: int, ports: tuple[int, int]
) -> None:
    mechanism = Mechanism.NONE if password is None else Mechanism.LLS
    settings = ClientSettings(
        *ports, mechanism=mechanism, password=password, max_pdu=max_pdu, general_window=window
    )
    conformance = DEFAULT_CONFORMANCE | GENERAL if window else DEFAULT_CONFORMANCE
    proposal = InitiateRequest(conformance, max_pdu).to_bytes()
    whole = Aarq(proposal, Context.LN, mechanism, password)
    asked = ClientConnection(settings).associate()
    assert asked == Frame(*ports, whole.to_bytes()).to_bytes()
    assert Aarq.from_bytes(asked[8:]) == whole


PLAIN = st.one_of(
    st.integers(0, 2**32 - 1).map(axdr.double_long_unsigned),
    st.integers(0, 2**16 - 1).map(axdr.long_unsigned),
    st.binary(max_size=140).map(axdr.octet_string),
    st.integers(-128, 127).map(lambda scaler: axdr.structure(axdr.integer(scaler), axdr.enum(30))),
).map(axdr.encode)
VALUES = PLAIN | st.just(axdr.encode(axdr.NULL))
RESULTS = st.lists(VALUES | st.sampled_from(DataAccessResult), min_size=1, max_size=12).map(tuple)


def one_by_one(reader: Reader) -> tuple[bytes | DataAccessResult, ...]:
    """`read_results` without its short way: each result by its presence byte and what follows that."""
    count = reader.length()
    if count > MAX_LIST or count * 2 > reader.left:
        raise reader.error(f"{count} results announced in {reader.left} bytes")
    results: list[bytes | DataAccessResult] = []
    for number in range(count):
        rows = number == count - 1 and reader.raw[reader.at + 1 : reader.at + 2] == b"\x01"
        if reader.flag("result"):
            results.append(access_result(reader))
        else:
            results.append(reader.rest() if rows else axdr.skip(reader))
    reader.finish()
    return tuple(results)


def outcome(read: Callable[[Reader], tuple[object, ...]], raw: bytes) -> tuple[object, ...]:
    try:
        return read(Reader(raw))
    except DecodeError as error:
        return error.reason, error.raw


@given(results=RESULTS, mutation=st.data())
def test_a_list_is_read_as_its_values_are_one_by_one(
    results: tuple[bytes | DataAccessResult, ...], mutation: st.DataObject
) -> None:
    raw = bytearray(write_results(results))
    assert read_results(Reader(bytes(raw))) == results
    for _ in range(mutation.draw(st.integers(0, 3))):
        raw[mutation.draw(st.integers(0, len(raw) - 1))] = mutation.draw(st.integers(0, 255))
    cut = bytes(raw[: mutation.draw(st.integers(0, len(raw)))])
    for said in (bytes(raw), cut):
        assert outcome(read_results, said) == outcome(one_by_one, said)


class Plainly:
    """What `WrapperFraming` hears without its short way."""

    def __init__(self, client: int, server: int) -> None:
        self._ends = server, client
        self._unwrapper = Unwrapper()

    def feed(self, chunk: bytes) -> list[bytes]:
        frames = self._unwrapper.feed(chunk)
        for frame in frames:
            if (frame.source, frame.destination) != self._ends:
                ends = f"{frame.source} to {frame.destination} came where {self._ends[0]} to {self._ends[1]}"
                raise RemoteError(f"a frame from {ends} was expected", frame.payload)
        return [frame.payload for frame in frames]


@given(
    payloads=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4),
    mutation=st.none() | st.tuples(st.integers(0, 1 << 10), st.integers(0, 255)),
    cuts=st.lists(st.integers(0, 200), max_size=4),
    alone=st.booleans(),
)
def test_frames_are_heard_alike_alone_and_in_pieces(
    payloads: list[bytes], mutation: tuple[int, int] | None, cuts: list[int], alone: bool
) -> None:
    frames = [bytearray(Frame(1, 16, payload).to_bytes()) for payload in payloads]
    if mutation is not None:
        frame = frames[mutation[0] % len(frames)]
        frame[mutation[0] % len(frame)] = mutation[1]
    whole = b"".join(frames)
    places = sorted({0, *(cut for cut in cuts if cut < len(whole)), len(whole)})
    chunks = [whole[at:end] for at, end in pairwise(places)]
    short, plain = WrapperFraming(16, 1), Plainly(16, 1)
    for chunk in map(bytes, frames) if alone else chunks:
        heard: list[object] = []
        for framing in (short, plain):
            try:
                heard.append(framing.feed(chunk))
            except RemoteError as error:
                heard.append((error.reason, error.raw))
        assert heard[0] == heard[1]
        if isinstance(heard[0], tuple):
            return


@given(results=st.lists(PLAIN, min_size=3, max_size=8).map(tuple))
def test_a_list_that_lies_as_one_before_is_read_alike(results: tuple[bytes, ...]) -> None:
    raw = write_results(results)
    layouts = Layouts()
    layouts.learn(raw, 1, results[:-1])
    layout = layouts.find(Reader(raw, 1), len(results) - 1)
    short = all(value[0] != axdr.Tag.OCTET_STRING or value[1] < 0x80 for value in results[:-1])
    assert (layout is not None) == short
    if layout is None:
        return
    assert layout.values(raw) == results[:-1]
    ends = list(accumulate([1 + len(value) for value in results[:-1]], initial=1))
    telling = [end + octet for end in ends[:-1] for octet in range(6)]  # presence, tag, length or content
    for place, octet in product(telling, (0, 1, 2, 5, 9, 15, 16, 17, 18, 22, 127, 128, 255)):
        other = bytearray(raw)
        other[place] = octet
        values = layout.values(bytes(other))
        if values is not None:
            reader = Reader(bytes(other), 1)
            assert [flagged_value(reader) for _ in values] == list(values)
            assert reader.at == layout.end


def flagged_value(reader: Reader) -> bytes:
    assert not reader.flag("result")
    return axdr.skip(reader)


def test_structures_cut_out_at_one_stroke_count_as_those_that_are_walked_through() -> None:
    scaler = axdr.encode(axdr.structure(axdr.integer(0), axdr.enum(30)))
    said = set()
    for deep in range(3150, 3350, 5):
        last = b"\x02\x82" + deep.to_bytes(2, "big") + b"\x02\x00" * deep
        raw = write_results((*[scaler] * 40, last))
        first, again = outcome(read_results, raw), outcome(read_results, raw)
        assert first == again == outcome(one_by_one, raw)
        said.add(isinstance(first[0], str))
    assert said == {True, False}
