"""Everything that reads one message, or a part of one, out of bytes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from protocols.dlms import apdu, axdr, ber
from protocols.dlms.action import Outcome, read_long_outcome, read_outcomes, write_outcomes
from protocols.dlms.axdr import Data
from protocols.dlms.blocks import DataBlock
from protocols.dlms.change import read_values, write_values
from protocols.dlms.client import DEFAULT_CONFORMANCE
from protocols.dlms.clock import CosemDateTime, read_clock
from protocols.dlms.enums import ActionResult, DataAccessResult
from protocols.dlms.get import LAYOUTS, read_results, write_results
from protocols.dlms.hdlc.address import read_address
from protocols.dlms.hdlc.fcs import fcs, intact
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.objects import ScalerUnit, read_capture_objects
from protocols.dlms.objects.activity import ActivityCalendar, Calendar
from protocols.dlms.objects.holding import Holding
from protocols.dlms.objects.securing import KeyKind, WrappedKey
from protocols.dlms.profile import decode_columns, decode_rows, decode_rows_strictly
from protocols.dlms.profile_alike import Alike
from protocols.dlms.reference import Access, Attribute, LongInvokeId, access_result, read_access, write_access
from protocols.dlms.security import Suite
from protocols.dlms.security.control import SecurityControl
from protocols.dlms.security.envelopes import GeneralDedicated, GeneralGlobal, Protected
from protocols.dlms.security.general import GeneralSigning, Header
from protocols.dlms.selection import EntrySelection, read_selection
from protocols.dlms.wrapper import Frame
from protocols.errors import RemoteError
from protocols.obis import Obis
from protocols.reader import Reader
from tests.cosem_objects import OBJECTS, STAMP
from tests.dlms_line import ENERGY
from tests.fuzz import messages
from tests.fuzz.discovery import classes
from tests.fuzz.entry import Broken, Chunks, Entry, decoder, steady

MOST_SEEDS: Final = 32
HANOI: Final = timezone(timedelta(hours=7))
BERLIN: Final = ZoneInfo("Europe/Berlin")
"""A zone whose days have 23 and 25 hours too."""
LISTS: Final[tuple[bytes, ...]] = tuple(
    write_results((*values, messages.VALUE))
    for values in (
        (b"\x06\0\1\2\3", b"\x09\x03abc", bytes.fromhex("02020f00161e")),
        (bytes.fromhex("02020fff161e"), b"\x0a\x02ab", b"\x12\1\2"),
        (b"\x06\0\1\2\3", DataAccessResult(3), b"\x12\1\2"),
    )
)
"""Answers to lists with numbers, texts and scalers, as they come along with each other."""
_ROOM: Final = {
    "protocols.iec62056_21": "lines", "protocols.modbus": "modbus", "protocols.dlms.hdlc": "hdlc",
}  # fmt: skip


def accepted(
    read: Callable[[bytes], object], pool: Iterable[bytes], most: int = MOST_SEEDS
) -> tuple[bytes, ...]:
    """Those that can be read."""
    found = []
    for raw in pool:
        try:
            read(raw)
        except RemoteError:
            continue
        found.append(raw)
        if len(found) == most:
            break
    return tuple(found)


def _read_whole(read: Callable[[Reader], Any]) -> Callable[[bytes], Any]:
    def whole(raw: bytes) -> Any:
        reader = Reader(raw)
        found = read(reader)
        reader.finish()
        return found

    return whole


PARTS: Final[tuple[bytes, ...]] = (
    STAMP.to_bytes(), STAMP.date.to_bytes(), STAMP.time.to_bytes(),
    bytes.fromhex("ffff0afe07 02000000 8000ff"), Obis(1, 0, 1, 8, 0).to_bytes(),
    apdu.InitiateRequest(DEFAULT_CONFORMANCE).to_bytes(),
    apdu.InitiateResponse(DEFAULT_CONFORMANCE, 1024, -3).to_bytes(),
    apdu.ConfirmedServiceError(1, 6, 2).to_bytes(), LinkParameters(256, 1024, 3, 7).to_bytes(),
    bytes.fromhex("81801405020080 06020080 070400000001 080400000001"), bytes.fromhex("10020f"), b"\x03",
    b"\x02\x23",
    GeneralDedicated(b"DKE\0\0\0\0\1", Protected(SecurityControl(Suite(0)), 1, bytes(20))).to_bytes(),
    GeneralGlobal(b"", Protected(SecurityControl(Suite(0)), 1, bytes(20))).to_bytes(),
    GeneralSigning(Header(b"1", b"DKE\0\0\0\0\1"), messages.VALUE, bytes(64)).to_bytes(), b"\x00\x02\x00\x23",
    b"/?!\r\n", b"/?12345678!\r\n", b"/DKE5\\@TEST\r\n", b"\x06050\r\n",
)  # fmt: skip


def _messages() -> Iterator[Entry]:
    """Every class that is made of bytes, and gives them back."""
    pool = (*messages.apdus(), *PARTS)
    for kind in classes():
        read = getattr(kind, "from_bytes", None)
        if read is None or len(inspect.signature(read).parameters) != 1:
            continue
        room = next((bombs for name, bombs in _ROOM.items() if kind.__module__.startswith(name)), "axdr")
        # A rejection without reasons is one all the same, and is written with all its bytes.
        check = steady(read, lambda message: bytes(message.to_bytes()))
        yield decoder(f"{kind.__name__}.from_bytes", read, accepted(read, pool), bombs=room, verify=check)


def _values() -> Iterator[Entry]:
    """Every class that is made of `Data`: parts of attributes and objects."""
    pool = [(raw, data) for raw in messages.values() if (data := _data(raw)) is not None]
    key = WrappedKey(KeyKind.MASTER, bytes(24)).to_data()
    pool.append((axdr.encode(key), key))
    pool += [(axdr.encode(item), item) for _, data in list(pool) for item in _inside(data)]
    for kind in classes():
        read = getattr(kind, "from_data", None)
        if read is not None:
            seeds = tuple(dict.fromkeys(raw for raw, data in pool if _readable(read, data)))[:MOST_SEEDS]
            whole = _of_data(read)
            check = steady(whole, lambda found: axdr.encode(found.to_data()))
            yield decoder(f"{kind.__name__}.from_data", whole, seeds, evidence=False, verify=check)
        if kind in {type(held) for held in OBJECTS}:
            yield _object(kind)


def _data(raw: bytes) -> Data | None:
    try:
        return axdr.decode(raw)
    except RemoteError:
        return None


def _inside(data: Data) -> Iterator[Data]:
    if data.tag in (axdr.Tag.ARRAY, axdr.Tag.STRUCTURE):
        for item in data.value:
            yield item
            yield from _inside(item)


def _readable(read: Callable[[Data], object], data: Data) -> bool:
    try:
        read(data)
    except RemoteError:
        return False
    return True


def _of_data(read: Callable[[Data], Any]) -> Callable[[bytes], Any]:
    return lambda raw: read(axdr.decode(raw))


def _attributes(raw: bytes) -> dict[int, Data]:
    """Values one after the other: a byte for the number of each."""
    reader = Reader(raw)
    found: dict[int, Data] = {}
    while reader.left:
        number = reader.u8()
        found[number] = axdr.read(reader)
    return found


def _written(attributes: dict[int, Data]) -> bytes:
    return b"".join(bytes((number,)) + axdr.encode(data) for number, data in attributes.items())


def _object(kind: Any) -> Entry:
    name = Obis(1, 0, 1, 8, 0)
    held = [one for one in OBJECTS if type(one) is kind]

    def read(raw: bytes) -> Any:
        return kind.from_attributes(name, _attributes(raw))

    check = steady(read, lambda found: _written(found.to_attributes()))

    def verify(found: Any) -> None:
        check(found)
        with suppress(RemoteError):
            _ = getattr(found, "scaled", None)

    seeds = [_written(one.to_attributes()) for one in held]
    return decoder(f"{kind.__name__}.from_attributes", read, seeds, evidence=False, verify=verify)


def _rows(raw: bytes) -> bytes:
    with suppress(RemoteError):
        decode_rows(raw, messages.CAPTURES, HANOI, 1800)
    return raw


def _same_rows(raw: bytes) -> None:
    """The fast path says what the strict one says, or leaves it to it."""
    for zone in (HANOI, BERLIN, None):
        fast, strict = [_told(decode, raw, zone) for decode in (decode_rows, decode_rows_strictly)]
        if fast != strict:
            raise Broken(f"fast {fast:.80}, strict {strict:.80}")


def _told(decode: Callable[..., Any], raw: bytes, zone: tzinfo | None) -> str:
    try:
        rows = decode(raw, messages.CAPTURES, zone, 1800)
    except RemoteError:
        return "refused"
    return repr((rows.stamps.tolist(), rows.status.tolist(), [one.values.tolist() for one in rows.columns]))


def _scaled(raw: bytes) -> object:
    reader = Reader(raw)
    scale = ScalerUnit.from_data(axdr.read(reader))
    return scale.value(axdr.integer_of(axdr.read(reader), "a number")), scale.known_unit()


def _selected(raw: bytes) -> object:
    reader = Reader(raw)
    return read_selection(Access(reader.u8(), axdr.read(reader)))


def _parts() -> Iterator[Entry]:
    """What stands inside messages, read by itself."""
    value, values = messages.VALUE, accepted(axdr.decode, messages.values(), 200)
    outcomes = (Outcome(ActionResult(0), value), Outcome(ActionResult(3)))
    reads: list[tuple[str, Callable[[Reader], Any], Callable[[Any], bytes], list[bytes]]] = [
        ("Outcome.read", Outcome.read, Outcome.to_bytes, [one.to_bytes() for one in outcomes]),
        ("read_outcomes", read_outcomes, write_outcomes, [write_outcomes(outcomes)]),
        ("DataBlock.read", DataBlock.read, DataBlock.to_bytes, [messages.BLOCK.to_bytes()]),
        ("read_values", read_values, write_values, [write_values((messages.REGISTER, messages.EVERY_KIND))]),
        ("read_results", read_results, write_results, [write_results((value, DataAccessResult(3)))]),
        ("Attribute.read", Attribute.read, Attribute.to_bytes, [ENERGY.to_bytes()]),
        ("LongInvokeId.read", LongInvokeId.read, LongInvokeId.to_bytes, [LongInvokeId(7, True).to_bytes()]),
        ("access_result", access_result, lambda code: bytes((code,)), [b"\x03"]),
        (
            "read_access",
            read_access,
            write_access,
            [write_access(EntrySelection(1, 2).to_access()), b"\0"],
        ),
    ]
    for name, read, write, seeds in reads:
        whole = _read_whole(read)
        yield decoder(name, whole, seeds, verify=steady(whole, write))
    yield decoder("read_long_outcome", read_long_outcome, [outcomes[0].to_bytes(), value])
    yield decoder("axdr.skip", _read_whole(axdr.skip), values)
    yield decoder("axdr.decode", axdr.decode, values, verify=_comes_back)
    yield decoder("repr of Data", lambda raw: repr(axdr.decode(raw)), values)
    elements = accepted(ber.elements, messages.apdus())
    yield decoder(
        "ber.elements", lambda raw: [ber.elements(inner) for _, inner in ber.elements(raw)], elements
    )
    yield decoder(
        "ber.only",
        lambda raw: ber.identified(ber.only(raw, 6), 1),
        [ber.tlv(6, ber.identifier(1, 1))],
        evidence=False,
    )
    yield decoder("ber.unsigned", ber.unsigned, [ber.tlv(2, b"\x05")])
    yield decoder("Frame.from_datagram", Frame.from_datagram, [Frame(1, 16, value).to_bytes()])
    yield decoder("read_clock", lambda raw: read_clock(raw, BERLIN), (PARTS[0], PARTS[3]))
    yield decoder("to_datetime", lambda raw: CosemDateTime.from_bytes(raw).to_datetime(BERLIN), PARTS[:1])
    yield decoder("read_address", read_address, (b"\x03", b"\x02\x23", b"\x00\x02\x00\x23"), bombs="hdlc")
    yield decoder("fcs", lambda raw: intact(raw + fcs(raw)), values, bombs="hdlc")
    rows = accepted(_strict, (*messages.PROFILES, *values))
    yield decoder("decode_rows", _rows, rows, verify=_same_rows)
    yield decoder("decode_rows_strictly", _strict, rows)
    yield decoder("Alike.learn and read", _alike, rows)
    yield decoder("Layouts.learn and find", _met_before, LISTS)
    yield decoder("decode_columns", lambda raw: decode_columns(raw, messages.CAPTURES), rows)
    captures = axdr.encode(axdr.array(*[column.to_data() for column in messages.CAPTURES]))
    yield decoder(
        "read_capture_objects", lambda raw: read_capture_objects(axdr.decode(raw)), [captures], evidence=False
    )
    yield decoder(
        "ScalerUnit.value", _scaled, [axdr.encode(ScalerUnit(-2, 30).to_data()) + value], evidence=False
    )
    ranges = [
        bytes((1,)) + axdr.encode(messages.RANGE.parameters),
        bytes((2,)) + axdr.encode(messages.ENTRIES.parameters),
    ]
    yield decoder("read_selection", _selected, ranges, evidence=False)
    calendar = next(one for one in OBJECTS if isinstance(one, ActivityCalendar))
    yield decoder(
        "Calendar.from_attributes",
        lambda raw: Calendar.from_attributes(_attributes(raw), 2),
        [_written(calendar.to_attributes())],
        evidence=False,
    )


def _strict(raw: bytes) -> object:
    return decode_rows_strictly(raw, messages.CAPTURES, HANOI, 1800)


def _alike(raw: bytes) -> object:
    """What was learnt of an answer is what is read out of the same answer."""
    rows = decode_rows(raw, messages.CAPTURES, HANOI, 1800)
    known = Alike[None](messages.CAPTURES)
    known.learn(raw, rows, None)
    return known.read(raw)


def _met_before(raw: bytes) -> object:
    """A list that lies as one before is read as if it were the first of its kind."""
    for seed in LISTS:
        read_results(Reader(seed))
    found = _read_or_refused(raw)
    LAYOUTS.forget()
    first = _read_or_refused(raw)
    if str(first) != str(found):
        raise Broken(f"{raw.hex():.200} is read as {first!r:.200}, after others as {found!r:.200}")
    if isinstance(found, RemoteError):
        raise found
    return found


def _read_or_refused(raw: bytes) -> object:
    try:
        return read_results(Reader(raw))
    except RemoteError as refused:
        return refused


def _comes_back(data: Data) -> None:
    """Encoded and read again; what had longer lengths than it needs may then hold too many structures."""
    raw = axdr.encode(data)
    try:
        again = axdr.decode(raw)
    except RemoteError as wrong:
        if "more arrays and structures" in wrong.reason:
            return
        raise Broken(f"{data!r} does not come back: {wrong}") from wrong
    if axdr.encode(again) != raw:
        raise Broken(f"{data!r} comes back as {again!r}")


def _held() -> Iterator[Entry]:
    """Objects behind a meter that anybody may write and act upon."""
    places = [(held.CLASS_ID, held.obis, number) for held in OBJECTS for number in held.to_attributes()]

    def write(made: Holding, chunks: Chunks) -> None:
        for chunk in chunks:
            reader = Reader(chunk)
            at, method = reader.u8(), reader.u8()
            class_id, name, number = places[at % len(places)]
            data = axdr.read(reader)
            made.write(class_id, name, number, data)
            made.act(class_id, name, method % 4, data)
            made.read(class_id, name, number, None)
            made.listed()

    seeds = [bytes((at, 1)) + axdr.encode(data) for at, data in enumerate(_all_attributes())]
    yield Entry(
        "Holding",
        write,
        (tuple(seeds), *[(seed,) for seed in seeds]),
        lambda: Holding(OBJECTS, places),
        stream=True,
    )


def _all_attributes() -> Iterator[Data]:
    for held in OBJECTS:
        yield from held.to_attributes().values()


def entries() -> Iterator[Entry]:
    """All of them."""
    check = steady(apdu.decode, lambda message: message.to_bytes())
    yield decoder("apdu.decode", apdu.decode, accepted(apdu.decode, messages.apdus(), 400), verify=check)
    yield from _messages()
    yield from _values()
    yield from _parts()
    yield from _held()
