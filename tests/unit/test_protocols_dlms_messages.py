"""Messages that are none, and messages of ours that cannot be written."""

from collections.abc import Callable

import pytest

from protocols.dlms import apdu, axdr, ber
from protocols.dlms.acse import Aare, Aarq
from protocols.dlms.apdu import (
    ActionRequestWithList,
    Attribute,
    ConfirmedServiceError,
    DataBlock,
    GetRequestWithList,
    GetResponseNormal,
    InitiateRequest,
    InitiateResponse,
    InvokeId,
    LongInvokeId,
    SetRequestWithList,
)
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.blocks import MAX_LIST, Cutting
from protocols.dlms.clock import CosemDate, CosemDateTime, CosemTime
from protocols.dlms.enums import Conformance, DataAccessResult
from protocols.dlms.selection import EntrySelection, read_selection
from protocols.errors import DecodeError, LocalError
from protocols.obis import obis

ONE = InvokeId(1)
ENERGY = Attribute(3, obis("1.0.1.8.0"), 2)
NAME = "00030100010800ff02"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 bytes"),
        ("c0", "1 bytes"),
        ("ee01", "begins no message"),
        (f"c003c100{NAME}00", "0 attributes"),
        (f"c003c1820401{NAME}00", "1025 attributes"),
        (f"c003c105{NAME}00", "5 attributes"),
        (f"c104c101{NAME}000200 00".replace(" ", ""), "2 values for 1"),
        (f"c303c101{NAME}020000", "2 parameters for 1"),
        ("c403c1840fffffff", "results announced"),
        (f"c101c1{NAME}0205", "presence byte"),
        ("c701c11600", "no action-result"),
        ("c701c10002", "presence byte"),
        ("c503c105", "4 bytes announced"),
        (f"c102c1{NAME}000000000001ff", "not allowed"),
        ("c20109", "date-time of 9"),
        ("0f000000000900", "a byte is missing"),
        ("0f0000000009050102030405", "date-time of 5"),
        ("0f00000000000009", "too many"),
        ("e0", "1 bytes"),
        ("e08000010000 05".replace(" ", ""), "5 bytes announced"),
        ("6003a10106", "missing"),
        ("6100", "the application context is missing"),
        ("6203800200"[:8], "announced"),
        ("6205800100be00", "a byte is missing"),
        ("630480020000", "one byte"),
        ("6303800105", "no ReleaseReason"),
        ("6002df00", "form ACSE does not use"),
        ("6002b100", "has no place"),
        ("600ba109060760857405080109", "without user-information"),
        ("601da109060760857405080109be10040e01000000065f1f0400007e1f04b0", "no Context"),
    ],
)
def test_what_is_no_message_is_told(text: str, why: str) -> None:
    with pytest.raises(DecodeError, match=why) as wrong:
        apdu.decode(bytes.fromhex(text))
    assert wrong.value.raw is not None


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (lambda: GetRequestWithList(ONE, ()).to_bytes(), "1 to 1024"),
        (lambda: GetRequestWithList(ONE, ((ENERGY, None),) * (MAX_LIST + 1)).to_bytes(), "not 1025"),
        (lambda: SetRequestWithList(ONE, ((ENERGY, None),), ()).to_bytes(), "0 values for 1"),
        (lambda: ActionRequestWithList(ONE, (ENERGY,), ()).to_bytes(), "0 parameters for 1"),
        (lambda: InvokeId(16), "0 to 15"),
        (lambda: LongInvokeId(1 << 24).to_bytes(), "long invoke-id"),
        (lambda: Attribute(70_000, ENERGY.obis, 2).to_bytes(), "does not fit"),
        (lambda: ConfirmedServiceError(1, 6, 256).to_bytes(), "does not fit"),
        (lambda: Cutting(b"long").next(13), "too short for a block"),
        (lambda: GetResponseNormal(ONE, DataAccessResult.OTHER_REASON).value(), "no value"),
        (lambda: axdr.encode(Data(Tag.ENUM, -1)), "cannot be written"),
        (lambda: axdr.encode(axdr.array(*[Data(Tag.NULL, 1)] * 99)), "carries no value"),
    ],
)
def test_what_cannot_be_written_is_our_mistake(wrong: Callable[[], object], why: str) -> None:
    with pytest.raises(LocalError, match=why):
        wrong()


def test_blocks_of_a_value() -> None:
    cutting = Cutting(bytes(range(10)))
    assert not cutting.done
    assert [cutting.next(17), cutting.next(17, 1), cutting.next(99)] == [
        DataBlock(False, 1, bytes(range(4))),
        DataBlock(False, 2, bytes(range(4, 7))),
        DataBlock(True, 3, bytes(range(7, 10))),
    ]
    assert cutting.done


@pytest.mark.parametrize(
    "text", ["", "0100", "010002", "0100000006", "01000000065f2004000000000000", "0100" * 9]
)
def test_proposals_that_are_none(text: str) -> None:
    with pytest.raises(DecodeError):
        InitiateRequest.from_bytes(bytes.fromhex(text))
    with pytest.raises(DecodeError):
        InitiateResponse.from_bytes(bytes.fromhex("08" + text[2:]))
    with pytest.raises(DecodeError, match="four bytes"):
        ConfirmedServiceError.from_bytes(bytes.fromhex(text + "00"))


def test_the_short_form_of_the_conformance_block() -> None:
    """Some meters write 5F 04 for the tag APPLICATION 31, which is 5F 1F 04."""
    long, short = "0800065f1f0400001e1d04c80007", "0800065f0400001e1d04c80007"
    read = [InitiateResponse.from_bytes(bytes.fromhex(text)) for text in (long, short)]
    assert read[0] == read[1]
    assert Conformance.GET in read[0].conformance


def test_challenges_as_bit_strings() -> None:
    """An authentication value may be a bit-string: its first byte counts unused bits."""
    plain = Aarq(b"\x01", password=b"challenge").to_bytes()
    text = plain.replace(b"\xac\x0b\x80\x09challenge", b"\xac\x0c\x81\x0a\x00challenge")
    text = text[:1] + bytes((text[1] + 1,)) + text[2:]
    assert Aarq.from_bytes(text).password == b"challenge"


def test_little_ber() -> None:
    with pytest.raises(DecodeError, match="comes twice"):
        ber.elements(bytes.fromhex("a000a000"))
    with pytest.raises(DecodeError, match="0 bytes"):
        ber.unsigned(bytes.fromhex("0200"))
    with pytest.raises(DecodeError, match="not one of DLMS"):
        ber.identified(bytes(7), 1)
    with pytest.raises(DecodeError, match="InitiateResponse"):
        Aare.from_bytes(
            bytes.fromhex("611da109060760857405080101a203020100a305a103020100be0404020102")
        ).initiate()


@pytest.mark.parametrize(
    "access",
    [
        axdr.NULL,
        axdr.structure(*[axdr.NULL] * 4),
        axdr.structure(axdr.NULL, axdr.NULL, axdr.NULL, axdr.array()),
    ],
)
def test_selections_that_are_none(access: Data) -> None:
    with pytest.raises(DecodeError):
        read_selection(apdu.Access(1, access))
    with pytest.raises(DecodeError):
        read_selection(apdu.Access(2, access))
    with pytest.raises(DecodeError, match="selector 3"):
        read_selection(apdu.Access(3, EntrySelection(1).to_access().parameters))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (CosemDate, "07ea0b16"),
        (CosemDate, "07ea0d16ff"),
        (CosemDate, "07ea0b20ff"),
        (CosemDate, "07ea0b1608"),
        (CosemTime, "0000"),
        (CosemTime, "183b3b63"),
        (CosemTime, "173c3b63"),
        (CosemTime, "173b3c63"),
        (CosemTime, "173b3b64"),
        (CosemDateTime, "07ea0b16ff"),
        (CosemDateTime, "07ea0b16ff0000000005a000"),
        (CosemDateTime, "07ea0b16ff000000007fff00"),
    ],
)
def test_dates_and_times_that_are_none(kind: type[CosemDate | CosemTime | CosemDateTime], text: str) -> None:
    with pytest.raises(DecodeError):
        kind.from_bytes(bytes.fromhex(text))


WILD = {
    "every day of every month": "ffffffffff 00000000 8000 00",
    "last day of February": "ffff02feff 17000000 8000 ff",
    "the day before": "ffff02fdff 17000000 8000 ff",
    "last Sunday of March": "ffff03fe07 02000000 fe5c 00",
    "begin of daylight saving": "fffffdfeff ffffffff 8000 00",
    "end of daylight saving": "fffffefe07 03000000 ffc4 80",
    "hours of a day": "07ea0b1607 ffffffff fe5c 00",
    "no hundredths": "07ea0b1607 001e00ff fe5c 00",
    "weekday not kept": "07ea0b1600 001e0000 fe5c 00",
}


@pytest.mark.parametrize("name", WILD)
def test_wildcards_come_back_as_they_were(name: str) -> None:
    """IEC 62056-6-2, 4.1.6.1: every form of date, time, date-time, under its own tag and in octet-strings."""
    raw = bytes.fromhex(WILD[name])
    stamp = CosemDateTime.from_bytes(raw)
    assert stamp.to_bytes() == raw
    for data in (
        Data(Tag.DATE_TIME, stamp),
        Data(Tag.DATE, stamp.date),
        Data(Tag.TIME, stamp.time),
        axdr.date_time(stamp),
    ):
        assert axdr.decode(axdr.encode(data)) == data
    for form in (Data(Tag.DATE_TIME, stamp), axdr.date_time(stamp)):
        assert axdr.date_time_of(form, "when") == stamp


def test_values_in_reasons_are_short() -> None:
    huge = axdr.array(*[axdr.octet_string(bytes(1000))] * 1000)
    assert len(repr(huge)) < 200
    assert repr(axdr.structure(axdr.unsigned(1), axdr.NULL)) == "structure(unsigned(1), null(None))"
    assert len(repr(axdr.structure(*[axdr.unsigned(1)] * 500))) < 200
