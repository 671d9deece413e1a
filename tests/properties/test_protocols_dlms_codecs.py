"""Every message read back is the message written; any bytes at all raise only typed errors."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms import apdu, axdr
from protocols.dlms.apdu import (
    Aare,
    Aarq,
    ActionRequestNormal,
    ActionResponseNormal,
    Attribute,
    ConfirmedServiceError,
    DataNotification,
    ExceptionResponse,
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithBlock,
    GetResponseWithList,
    InitiateRequest,
    InitiateResponse,
    InvokeId,
    Rlre,
    Rlrq,
    SetRequestNormal,
    SetResponseNormal,
)
from protocols.dlms.axdr import CompactArray, Data, Shape, Tag
from protocols.dlms.clock import CosemDate, CosemDateTime, CosemTime
from protocols.dlms.enums import (
    ActionResult,
    AssociationResult,
    Conformance,
    Context,
    DataAccessResult,
    Mechanism,
    ProviderDiagnostic,
    ReleaseReason,
    ServiceError,
    StateError,
    UserDiagnostic,
)
from protocols.dlms.reference import Access
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import ProtocolError, RemoteError
from protocols.obis import Obis

octet = st.integers(0, 255)
dates = st.builds(
    CosemDate, st.integers(0, 0xFFFF), st.integers(1, 12) | st.just(255), st.integers(1, 31) | st.just(254)
)
times = st.builds(CosemTime, st.integers(0, 23) | st.just(255), st.integers(0, 59), st.integers(0, 59))
stamps = st.builds(CosemDateTime, dates, times, st.integers(-720, 720) | st.just(-0x8000), octet)

SCALARS: dict[Tag, st.SearchStrategy[Any]] = {
    Tag.NULL: st.none(),
    Tag.DONT_CARE: st.none(),
    Tag.BOOLEAN: st.booleans(),
    Tag.BIT_STRING: st.text("01", max_size=40),
    Tag.OCTET_STRING: st.binary(max_size=300),
    Tag.VISIBLE_STRING: st.text(st.characters(max_codepoint=255), max_size=20),
    Tag.UTF8_STRING: st.text(max_size=20),
    Tag.FLOAT32: st.floats(width=32, allow_nan=False),
    Tag.FLOAT64: st.floats(allow_nan=False),
    Tag.DATE_TIME: stamps,
    Tag.DATE: dates,
    Tag.TIME: times,
} | {
    Tag(tag): st.integers(-(1 << 8 * size - 1), (1 << 8 * size - 1) - 1)
    if signed
    else st.integers(0, (1 << 8 * size) - 1)
    for tag, (size, signed) in axdr.INTEGERS.items()
}


def scalar(tag: Tag) -> st.SearchStrategy[Data]:
    return SCALARS[tag].map(lambda value: Data(tag, value))


@st.composite
def compact(draw: st.DrawFn) -> Data:
    parts = draw(
        st.lists(st.sampled_from([tag for tag in SCALARS if tag is not Tag.NULL]), min_size=1, max_size=4)
    )
    rows = draw(st.lists(st.tuples(*(scalar(tag) for tag in parts)), max_size=4))
    shape = Shape(Tag.STRUCTURE, tuple(Shape(tag) for tag in parts))
    # A row of don't-cares alone has no bytes: nothing on the wire could count such rows.
    rows = [row for row in rows if any(item.tag is not Tag.DONT_CARE for item in row)]
    return Data(Tag.COMPACT_ARRAY, CompactArray(shape, tuple(Data(Tag.STRUCTURE, row) for row in rows)))


values = st.recursive(
    st.sampled_from(list(SCALARS)).flatmap(scalar) | compact(),
    lambda inner: st.builds(
        Data, st.sampled_from([Tag.ARRAY, Tag.STRUCTURE]), st.lists(inner, max_size=5).map(tuple)
    ),
    max_leaves=15,
)

invokes = st.builds(InvokeId, st.integers(0, 15), st.booleans(), st.booleans())
attributes = st.builds(
    Attribute, st.integers(0, 0xFFFF), st.builds(Obis, *[octet] * 6), st.integers(-128, 127)
)
accesses = st.none() | st.builds(Access, octet, values)
encoded = values.map(axdr.encode)
results = encoded | st.sampled_from(DataAccessResult)
information = st.binary(min_size=1, max_size=200)
conformances = st.integers(0, 0xFFFFFF).map(Conformance)
pdus = st.integers(0, 0xFFFF)
titles = st.none() | st.binary(min_size=8, max_size=8)
secrets = st.none() | st.binary(min_size=1, max_size=64)
reasons = st.none() | st.sampled_from(ReleaseReason)

messages: st.SearchStrategy[Any] = st.one_of(
    st.builds(Aarq, information, st.sampled_from(Context), st.sampled_from(Mechanism), secrets, titles),
    st.builds(
        Aare,
        st.sampled_from(AssociationResult),
        st.sampled_from(UserDiagnostic) | st.sampled_from(ProviderDiagnostic),
        st.none() | information,
        st.sampled_from(Context),
        st.sampled_from(Mechanism),
        secrets,
        titles,
    ),
    st.builds(Rlrq, reasons, st.none() | information),
    st.builds(Rlre, reasons, st.none() | information),
    st.builds(GetRequestNormal, invokes, attributes, accesses),
    st.builds(GetRequestNext, invokes, st.integers(0, 0xFFFFFFFF)),
    st.builds(
        GetRequestWithList,
        invokes,
        st.lists(st.tuples(attributes, accesses), min_size=1, max_size=4).map(tuple),
    ),
    st.builds(GetResponseNormal, invokes, results),
    st.builds(
        GetResponseWithBlock,
        invokes,
        st.booleans(),
        st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=300) | st.sampled_from(DataAccessResult),
    ),
    st.builds(GetResponseWithList, invokes, st.lists(results, max_size=4).map(tuple)),
    st.builds(SetRequestNormal, invokes, attributes, values, accesses),
    st.builds(SetResponseNormal, invokes, st.sampled_from(DataAccessResult)),
    st.builds(ActionRequestNormal, invokes, attributes, st.none() | values),
    st.builds(ActionResponseNormal, invokes, st.sampled_from(ActionResult), st.none() | results),
    st.builds(ConfirmedServiceError, octet, octet, octet),
    st.builds(DataNotification, st.integers(0, 0xFFFFFFFF), st.none() | stamps, encoded),
    st.builds(
        ExceptionResponse,
        st.sampled_from(StateError),
        st.sampled_from([code for code in ServiceError if code is not ServiceError.INVOCATION_COUNTER_ERROR]),
    ),
    st.builds(
        ExceptionResponse,
        st.sampled_from(StateError),
        st.just(ServiceError.INVOCATION_COUNTER_ERROR),
        st.none() | st.integers(0, 0xFFFFFFFF),
    ),
)


@given(values)
def test_data_comes_back(value: Data) -> None:
    assert axdr.decode(axdr.encode(value)) == value


@given(messages)
def test_messages_come_back(message: apdu.Apdu) -> None:
    assert apdu.decode(message.to_bytes()) == message


@given(
    st.builds(
        InitiateRequest, conformances, pdus, secrets, st.booleans(), st.none() | st.integers(-128, 127), octet
    )
    | st.builds(InitiateResponse, conformances, pdus, st.none() | st.integers(-128, 127), octet, pdus)
)
def test_initiate_comes_back(message: InitiateRequest | InitiateResponse) -> None:
    assert type(message).from_bytes(message.to_bytes()) == message


@given(messages, st.data())
def test_a_cut_or_longer_message_is_never_taken_for_another(message: apdu.Apdu, data: st.DataObject) -> None:
    raw = message.to_bytes()
    end = data.draw(st.integers(0, len(raw) - 1))
    for wrong in (raw[:end], raw + b"\x00"):
        try:
            found = apdu.decode(wrong)
        except RemoteError:
            continue
        # A normal get-response leaves its data to be checked where it is decoded; the counter of an
        # exception-response may be left out.
        assert isinstance(found, (GetResponseNormal, ExceptionResponse))
        assert found.to_bytes() == wrong


@given(
    st.binary(max_size=400)
    | st.builds(
        lambda head, rest: bytes(head) + rest,
        st.sampled_from(
            [
                b"\xc0\x01",
                b"\xc0\x03",
                b"\xc4\x01",
                b"\xc4\x02",
                b"\xc4\x03",
                b"\x60",
                b"\x61",
                b"\x0f",
                b"\xd8",
                b"\x63",
            ]
        ),
        st.binary(max_size=200),
    )
)
def test_arbitrary_bytes_raise_only_typed_errors(raw: bytes) -> None:
    for decode in (apdu.decode, axdr.decode, InitiateRequest.from_bytes, InitiateResponse.from_bytes):
        try:
            decode(raw)
        except RemoteError as wrong:
            assert wrong.reason  # noqa: PT017


@given(st.lists(st.builds(Frame, pdus, pdus, st.binary(min_size=1, max_size=50)), max_size=5), st.data())
def test_any_chunking_gives_the_same_frames(frames: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(frame.to_bytes() for frame in frames)
    unwrapper = Unwrapper()
    found: list[Frame] = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += unwrapper.feed(stream[:cut])
        stream = stream[cut:]
    assert found == frames
    assert unwrapper.pending == 0


@given(st.lists(st.binary(min_size=1, max_size=64), max_size=8))
def test_arbitrary_streams_raise_only_typed_errors(chunks: list[bytes]) -> None:
    unwrapper = Unwrapper()
    try:
        for chunk in chunks:
            unwrapper.feed(chunk)
    except ProtocolError as wrong:
        assert isinstance(wrong, RemoteError)  # noqa: PT017
