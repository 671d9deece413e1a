"""Conversations, profiles, modems and registers under arbitrary input."""

from datetime import UTC, timedelta, timezone

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms import objects
from protocols.dlms.apdu import Aare, GetResponseNormal, InitiateResponse, InvokeId
from protocols.dlms.axdr import INTEGERS, Tag
from protocols.dlms.client import DEFAULT_CONFORMANCE, ClientConnection, ClientSettings
from protocols.dlms.enums import AssociationResult, UserDiagnostic
from protocols.dlms.profile import _fast, decode_rows, decode_rows_strictly
from protocols.dlms.profile_server import encode_rows
from protocols.dlms.selection import CLOCK_COLUMN, CaptureObject
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.wrapper import Frame
from protocols.errors import RemoteError
from protocols.modbus.registers import Register, RegisterType, WordOrder
from protocols.modem.dialects import names
from protocols.modem.stream import ModemStream
from protocols.obis import Obis, obis

ENERGY = objects.register(obis("1.0.1.8.0"))


def ready() -> ClientConnection:
    client = ClientConnection(ClientSettings())
    client.associate()
    grant = InitiateResponse(DEFAULT_CONFORMANCE, 0).to_bytes()
    aare = Aare(AssociationResult.ACCEPTED, UserDiagnostic.NULL, grant)
    client.receive(Frame(1, 16, aare.to_bytes()).to_bytes())
    return client


@given(st.binary(max_size=120), st.booleans())
def test_a_client_under_arbitrary_answers(payload: bytes, framed: bool) -> None:
    client = ready()
    client.get(ENERGY)
    try:
        client.receive(Frame(1, 16, payload).to_bytes() if framed and payload else payload)
    except RemoteError as wrong:
        assert wrong.reason  # noqa: PT017


@given(st.binary(max_size=60), st.data())
def test_any_chunking_of_an_answer_gives_the_same_events(value: bytes, data: st.DataObject) -> None:
    whole, pieces = ready(), ready()
    raw = Frame(1, 16, GetResponseNormal(InvokeId(1), value).to_bytes()).to_bytes()
    for client in (whole, pieces):
        client.get(ENERGY)
    cut = data.draw(st.integers(0, len(raw)))
    assert whole.receive(raw) == pieces.receive(raw[:cut]) + pieces.receive(raw[cut:])


class Nothing:
    def read(self, class_id: int, obis: Obis, attribute: int, selection: object) -> bytes:
        return b"\x00"


@given(st.binary(max_size=120))
def test_a_server_answers_anything_framed(payload: bytes) -> None:
    server = ServerConnection({1: Device(Nothing(), {16: ClientAccess()})})
    server.receive(ClientConnection(ClientSettings()).associate())
    if payload:
        assert len(server.receive(Frame(16, 1, payload).to_bytes())) > 8


profiles = st.lists(
    st.sampled_from([tag for tag in INTEGERS if tag not in (Tag.BCD, Tag.ENUM)]), min_size=1, max_size=5
).flatmap(
    lambda tags: st.tuples(
        st.just([Tag(tag) for tag in tags]),
        st.integers(1, 60),
        st.integers(0, 2_500_000_000),
        st.integers(-720, 720),
        st.booleans(),
        st.integers(0, 1 << 30),
    )
)


def build(
    tags: list[Tag], count: int, first: int, offset: int, deviation: bool, seed: int
) -> tuple[bytes, list[CaptureObject], np.ndarray, list[np.ndarray]]:
    chance = np.random.default_rng(seed)
    stamps = first + np.arange(count, dtype=np.int64) * 1800
    columns = []
    for tag in tags:
        octets, signed = INTEGERS[tag]
        bits = min(8 * octets - signed, 62)
        columns.append(chance.integers(-(1 << bits) if signed else 0, 1 << bits, count, dtype=np.int64))
    raw = encode_rows(stamps, list(zip(tags, columns, strict=True)), offset, deviation=deviation)
    captures = [CLOCK_COLUMN, *(CaptureObject(3, Obis(1, 0, at, 8, 0)) for at in range(len(tags)))]
    return raw, captures, stamps, columns


@given(profiles)
def test_profiles_come_back_fast_and_strictly(
    profile: tuple[list[Tag], int, int, int, bool, int],
) -> None:
    raw, captures, stamps, columns = build(*profile)
    zone = timezone(timedelta(minutes=profile[3]))
    fast = _fast(raw, captures, 0, zone)
    assert fast is not None
    for rows in (fast, decode_rows_strictly(raw, captures, zone)):
        assert rows.stamps.tolist() == stamps.tolist()
        assert [column.values.tolist() for column in rows.columns] == [values.tolist() for values in columns]


@given(profiles, st.integers(0, 1 << 20), st.integers(1, 255))
def test_a_corrupted_profile_is_the_same_to_both_decoders(
    profile: tuple[list[Tag], int, int, int, bool, int], place: int, flip: int
) -> None:
    raw, captures, _, _ = build(*profile)
    wrong = bytearray(raw)
    wrong[place % len(wrong)] ^= flip
    fast = _fast(bytes(wrong), captures, 0, UTC)
    try:
        strict = decode_rows_strictly(bytes(wrong), captures, UTC)
    except RemoteError:
        assert fast is None
    else:
        rows = decode_rows(bytes(wrong), captures, UTC)
        assert rows.stamps.tolist() == strict.stamps.tolist()
        for one, other in zip(rows.columns, strict.columns, strict=True):
            assert one.values.tolist() == other.values.tolist()


@given(profiles, st.sampled_from((0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0xFF)), st.booleans())
def test_however_the_number_of_rows_is_written_both_decoders_agree(
    profile: tuple[list[Tag], int, int, int, bool, int], form: int, full: bool
) -> None:
    """Every form of a length, the indefinite 80 and those of no or too many bytes among them."""
    count = 128 if full else profile[1]
    raw, captures, _, _ = build(profile[0], count, *profile[2:])
    start = 2 if raw[1] < 0x80 else 2 + (raw[1] & 0x7F)
    octets = form & 0x7F if form > 0x80 else 0
    told = count.to_bytes(min(octets, 8), "big") if octets else b""
    wrong = bytes((1, form)) + told + raw[start:]
    fast = _fast(wrong, captures, 0, UTC)
    try:
        strict = decode_rows_strictly(wrong, captures, UTC)
    except RemoteError:
        assert fast is None
    else:
        assert fast is None or fast.stamps.tolist() == strict.stamps.tolist()


@given(st.sampled_from(names()), st.lists(st.binary(max_size=40), max_size=6))
def test_a_modem_under_arbitrary_bytes(name: str, chunks: list[bytes]) -> None:
    stream = ModemStream(name)
    try:
        for chunk in chunks:
            stream.feed(chunk)
    except RemoteError as wrong:
        assert wrong.reason  # noqa: PT017


@given(st.sampled_from(RegisterType), st.sampled_from(WordOrder), st.data())
def test_registers_come_back(kind: RegisterType, order: WordOrder, data: st.DataObject) -> None:
    bits = 20 if kind.digits else kind.words * 16
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind.signed else (0, (1 << bits) - 1)
    raw = data.draw(st.integers(low, high))
    register = Register(0, kind, 3, order)
    assert register.decode(register.encode(raw)) == raw
