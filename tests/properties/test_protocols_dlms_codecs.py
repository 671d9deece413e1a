"""Every message read back is the message written; any bytes at all raise only typed errors."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms import apdu, axdr
from protocols.dlms.apdu import (
    ExceptionResponse,
    GetResponseNormal,
    InitiateRequest,
    InitiateResponse,
)
from protocols.dlms.axdr import Data
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import ProtocolError, RemoteError
from tests.dlms_strategies import conformances, messages, octet, pdus, secrets, values


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
                *[bytes((tag, choice)) for tag in (0xC1, 0xC3, 0xC5, 0xC7) for choice in range(1, 7)],
                b"\xc2",
                b"\xe0",
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
