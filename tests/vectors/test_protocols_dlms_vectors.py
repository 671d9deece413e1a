"""Published DLMS messages, read and written again byte for byte.

Facts (hex and meaning) from two MIT projects, tests written anew:
[P] pwitab/dlms-cosem at dc41293e, tests/ (mostly examples of the DLMS UA Green Book, edition 10);
[A] toreamun/amshan at 3571bed4, tests/ (pushes of Aidon, Kaifa and Kamstrup meters).
"""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from protocols.dlms import apdu, axdr
from protocols.dlms.apdu import (
    Aare,
    Aarq,
    ActionRequestNormal,
    ActionResponseNormal,
    Attribute,
    ConfirmedServiceError,
    DataNotification,
    GetRequestNext,
    GetRequestNormal,
    GetResponseNormal,
    GetResponseWithBlock,
    InitiateRequest,
    InitiateResponse,
    InvokeId,
    LongInvokeId,
    Outcome,
    Rlre,
    Rlrq,
    SetRequestNormal,
    SetResponseNormal,
)
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.clock import CosemDateTime, read_clock, write_clock
from protocols.dlms.enums import (
    ActionResult,
    AssociationResult,
    Conformance,
    DataAccessResult,
    InitiateError,
    Mechanism,
    ReleaseReason,
    UserDiagnostic,
)
from protocols.dlms.objects import ScalerUnit
from protocols.dlms.profile import decode_rows
from protocols.dlms.selection import (
    CLOCK_COLUMN,
    CaptureObject,
    RangeAsked,
    RangeSelection,
    read_selection,
)
from protocols.dlms.wrapper import Unwrapper
from protocols.obis import Obis, obis

GREEN_BOOK = (
    Conformance.PRIORITY_MANAGEMENT
    | Conformance.BLOCK_TRANSFER_WITH_GET
    | Conformance.GET
    | Conformance.SET
    | Conformance.SELECTIVE_ACCESS
    | Conformance.EVENT_NOTIFICATION
    | Conformance.ACTION
)
PROPOSED = (
    GREEN_BOOK
    | Conformance.ATTRIBUTE_0_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_SET
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
    | Conformance.MULTIPLE_REFERENCES
)
ONE = InvokeId(1, confirmed=True, high_priority=True)
INITIATE = "01000000065f1f0400007e1f04b0"
GRANT = "0800065f1f040000501f01f40007"

AARQS = {
    "no security [P test_aarq]": (
        f"601da109060760857405080101be10040e{INITIATE}",
        Mechanism.NONE,
        None,
        None,
    ),
    "low security [P test_aarq]": (
        f"6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e{INITIATE}",
        Mechanism.LLS,
        b"12345678",
        None,
    ),
    "high security [P test_aarq]": (
        f"6036a1090607608574050801018a0207808b0760857405080205ac0a80084b35366956616759be10040e{INITIATE}",
        Mechanism.HLS_GMAC,
        b"K56iVagY",
        None,
    ),
    "ciphered, low security [P test_aarq]": (
        "6066a109060760857405080103a60a04084d4d4d0000bc614e8a0207808b0760857405080201ac0a80083132333435363738be34"
        "043221303001234567801302ff8a7874133d414ced25b42534d28db0047720606b175bd52211be6841db204d39ee6fdb8e356855",
        Mechanism.LLS,
        b"12345678",
        bytes.fromhex("4d4d4d0000bc614e"),
    ),
}


@pytest.mark.parametrize("name", AARQS)
def test_aarq(name: str) -> None:
    text, mechanism, password, title = AARQS[name]
    raw = bytes.fromhex(text)
    message = apdu.decode(raw)
    assert isinstance(message, Aarq)
    assert (message.mechanism, message.password, message.system_title) == (mechanism, password, title)
    if title is None:
        assert message.initiate() == InitiateRequest(PROPOSED, 1200)
    assert message.to_bytes() == raw


AARES = {
    "accepted [P test_aare]": (
        f"6129a109060760857405080101a203020100a305a103020100be10040e{GRANT}",
        (AssociationResult.ACCEPTED, UserDiagnostic.NULL, Mechanism.NONE, None),
    ),
    "context refused [P test_aare]": (
        f"6129a109060760857405080101a203020101a305a103020102be10040e{GRANT}",
        (
            AssociationResult.REJECTED_PERMANENT,
            UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
            Mechanism.NONE,
            None,
        ),
    ),
    "HLS goes on [P test_aare]": (
        "6142a109060760857405080101a203020100a305a10302010e88020780890760857405080205aa0a8008503677524a323146"
        f"be10040e{GRANT}",
        (
            AssociationResult.ACCEPTED,
            UserDiagnostic.AUTHENTICATION_REQUIRED,
            Mechanism.HLS_GMAC,
            b"P6wRJ21F",
        ),
    ),
}


@pytest.mark.parametrize("name", AARES)
def test_aare(name: str) -> None:
    text, expected = AARES[name]
    raw = bytes.fromhex(text)
    message = apdu.decode(raw)
    assert isinstance(message, Aare)
    assert (message.result, message.diagnostic, message.mechanism, message.challenge) == expected
    assert message.initiate() == InitiateResponse(GREEN_BOOK, 500)
    assert message.to_bytes() == raw


def test_aare_with_a_service_error_instead_of_a_grant() -> None:
    """[P test_aare] DLMS version too low."""
    raw = bytes.fromhex("611fa109060760857405080101a203020101a305a103020101be0604040e010601")
    message = Aare.from_bytes(raw)
    error = message.initiate()
    assert isinstance(error, ConfirmedServiceError)
    assert error.error is InitiateError.DLMS_VERSION_TOO_LOW
    assert message.to_bytes() == raw


def test_aare_of_a_real_meter() -> None:
    """[P test_aare] PDU of 1224 bytes, no priority management."""
    raw = bytes.fromhex(
        "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400001e1d04c80007"
    )
    grant = Aare.from_bytes(raw).initiate()
    assert isinstance(grant, InitiateResponse)
    assert grant.max_pdu == 1224
    assert Conformance.BLOCK_TRANSFER_WITH_GET in grant.conformance
    assert Conformance.PRIORITY_MANAGEMENT not in grant.conformance


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (INITIATE, None),
        (
            "01011000112233445566778899aabbccddeeff0000065f1f0400007e1f04b0",
            "00112233445566778899aabbccddeeff",
        ),
    ],
)
def test_initiate_request(text: str, key: str | None) -> None:
    """[P test_initiate]"""
    request = InitiateRequest.from_bytes(bytes.fromhex(text))
    assert request == InitiateRequest(PROPOSED, 1200, None if key is None else bytes.fromhex(key))
    assert request.to_bytes().hex() == text


def test_initiate_response_with_a_quality_of_service() -> None:
    """[P test_initiate]"""
    raw = bytes.fromhex("080100065f1f0400001e1d04c80007")
    response = InitiateResponse.from_bytes(raw)
    assert (response.quality_of_service, response.max_pdu) == (0, 1224)
    assert response.to_bytes() == raw


@pytest.mark.parametrize(
    ("text", "kind", "inside"),
    [
        ("6203800100", Rlrq, None),
        (
            "6239800100be34043221303001234567801302ff8a7874133d414ced25b42534d28db0047720606b175bd52211be6841db204d39"
            "ee6fdb8e356855",
            Rlrq,
            50,
        ),
        ("6303800100", Rlre, None),
        ("6316800100be11040f080100065f1f0400001e1d04c80007", Rlre, 15),
        ("6328800100be230421281f3001234567891214a0845e475714383f65bc19745ca235906525e4f3e1c893", Rlre, 33),
    ],
)
def test_release(text: str, kind: type[Rlrq | Rlre], inside: int | None) -> None:
    """[P test_rlrq, test_rlre]"""
    message = apdu.decode(bytes.fromhex(text))
    assert isinstance(message, kind)
    assert message.reason is ReleaseReason.NORMAL
    assert (None if message.user_information is None else len(message.user_information)) == inside
    assert message.to_bytes().hex() == text


MESSAGES = {
    "get [P test_get]": (
        "c001c1000100002b0100ff0200",
        GetRequestNormal(ONE, Attribute(1, Obis(0, 0, 43, 1, 0, 255), 2)),
    ),
    "get next 1 [P test_get]": ("c002c100000001", GetRequestNext(ONE, 1)),
    "get next 3 [P test_get]": ("c002c100000003", GetRequestNext(ONE, 3)),
    "got 5009 [P test_get]": ("c401c1000600001391", GetResponseNormal(ONE, bytes.fromhex("0600001391"))),
    "get refused [P test_get]": ("c401c10101", GetResponseNormal(ONE, DataAccessResult.HARDWARE_FAULT)),
    "block refused [P test_get]": (
        "c402c100000000010101",
        GetResponseWithBlock(ONE, False, 1, DataAccessResult.HARDWARE_FAULT),
    ),
    "set the clock [P test_set]": (
        "c101c100080000010000ff0200090c07e50118ff0e303950ffc400",
        SetRequestNormal(
            ONE,
            Attribute(8, obis("0.0.1.0.0"), 2),
            axdr.octet_string(bytes.fromhex("07e50118ff0e303950ffc400")),
        ),
    ),
    "was set [P test_set]": ("c501c100", SetResponseNormal(ONE, DataAccessResult.SUCCESS)),
    "reply to HLS [P test_action]": (
        "c301c0000f0000280000ff01010911100000" + "1a90e6d2221fa2fd85eed61acc22",
        ActionRequestNormal(
            InvokeId(0),
            Attribute(15, obis("0.0.40.0.0"), 1),
            axdr.octet_string(bytes.fromhex("1000001a90e6d2221fa2fd85eed61acc22")),
        ),
    ),
    "method without parameters [P test_action]": (
        "c301c0000f0000280000ff0100",
        ActionRequestNormal(InvokeId(0), Attribute(15, obis("0.0.40.0.0"), 1)),
    ),
    "acted [P test_action]": ("c701c00000", ActionResponseNormal(InvokeId(0), Outcome(ActionResult.SUCCESS))),
    "acted and returned [P test_action]": (
        "c701c0000100091110" + "00001afde8857b728a3499106aa665d1",
        ActionResponseNormal(
            InvokeId(0),
            Outcome(ActionResult.SUCCESS, bytes.fromhex("09111000001afde8857b728a3499106aa665d1")),
        ),
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_services_both_directions(name: str) -> None:
    text, message = MESSAGES[name]
    assert apdu.decode(bytes.fromhex(text)) == message
    assert message.to_bytes().hex() == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("07e40101ff000300 00ff8800", datetime(2020, 1, 1, 0, 3, tzinfo=timezone(timedelta(hours=2)))),
        ("07e40106ff000300 00ffc400", datetime(2020, 1, 6, 0, 3, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_clock(text: str, moment: datetime) -> None:
    """[P test_time] they leave the weekday open, we write it."""
    raw = bytes.fromhex(text)
    assert read_clock(raw) == moment
    written = bytearray(write_clock(moment))
    assert written[4] == moment.isoweekday()
    written[4] = 0xFF
    assert bytes(written) == raw


def test_clock_without_deviation_is_no_instant_by_itself() -> None:
    """[P test_time]"""
    raw = bytes.fromhex("07e2020cff00000000800000")
    assert isinstance(read_clock(raw), CosemDateTime)
    assert read_clock(raw, UTC) == datetime(2018, 2, 12, tzinfo=UTC)


def test_range_on_the_wire() -> None:
    """[P test_selective_access, test_range_descriptor_to_bytes] apart from the weekdays, which we write."""
    expected = (
        "010204020412000809060000010000ff0f02120000"
        "090c07e40101ff00030000ff8800090c07e40106ff00030000ffc4000100"
    )
    wish = RangeSelection(
        datetime(2020, 1, 1, 0, 3, tzinfo=timezone(timedelta(hours=2))),
        datetime(2020, 1, 6, 0, 3, tzinfo=timezone(timedelta(hours=1))),
    )
    access = wish.to_access()
    written = bytearray(bytes((access.selector,)) + axdr.encode(access.parameters))
    # Wednesday and Monday stand where the vector leaves the day of the week open.
    assert (written[27], written[41]) == (3, 1)
    written[27] = written[41] = 0xFF
    assert bytes(written) == bytes.fromhex(expected)


def test_range_request_of_a_real_client() -> None:
    """[P test_selective_access] quarter-hours of 2017-10-01, midnight to one, daylight saving bit set."""
    request = GetRequestNormal.from_bytes(
        bytes.fromhex(
            "c001c100070100630100ff0201010204020412000809060000010000ff0f02120000"
            "090c07e10a010700000000ffc480090c07e10a010701000000ffc4800100"
        )
    )
    assert request.access is not None
    asked = read_selection(request.access)
    assert isinstance(asked, RangeAsked)
    assert asked.restricting == CLOCK_COLUMN
    assert asked.first.to_datetime() == datetime(2017, 9, 30, 23, tzinfo=UTC)
    assert asked.last.to_datetime() == datetime(2017, 10, 1, 0, tzinfo=UTC)
    assert asked.columns == ()


def test_a_capture_object() -> None:
    """[P test_selective_access]"""
    assert axdr.encode(CLOCK_COLUMN.to_data()).hex() == "020412000809060000010000ff0f02120000"


IMPORT, EXPORT = CaptureObject(3, obis("1.0.1.8.0")), CaptureObject(3, obis("1.0.2.8.0"))


def test_a_day_of_a_foreign_load_profile() -> None:
    """[P test_a_xdr] 24 hourly rows of clock, status, index; Σ of the hours is Δ of the index."""
    rows = [
        f"0203090c07e2020c05{hour:02x}00000080000011000600{0x186A0 + 0x1A0 * hour:06x}" for hour in range(24)
    ]
    raw = bytes.fromhex("0118" + "".join(rows))
    assert len(raw) == 554
    status = CaptureObject(1, obis("0.0.96.10.1"))
    decoded = decode_rows(raw, (CLOCK_COLUMN, status, IMPORT), UTC)
    index = decoded.column("1.0.1.8.0.255").values
    assert decoded.stamps[0] == datetime(2018, 2, 12, tzinfo=UTC).timestamp()
    assert set(decoded.stamps[1:] - decoded.stamps[:-1]) == {3600}
    assert int((index[1:] - index[:-1]).sum()) == 0x1AC00 - 0x186A0


def test_a_foreign_profile_with_null_stamps() -> None:
    """[P test_parsers] hourly rows after 2019-12-31 23:00+01:00, only the first with its stamp."""
    row = "11060600000 5ed0600000654".replace(" ", "")
    raw = bytes.fromhex(f"01040204090c07e30c1f0217000000ffc400{row}" + f"020400{row}" * 3)
    status = CaptureObject(1, obis("0.0.96.10.1"))
    rows = decode_rows(raw, (CLOCK_COLUMN, status, IMPORT, EXPORT), interval_seconds=3600)
    first = datetime(2019, 12, 31, 22, tzinfo=UTC).timestamp()
    assert rows.stamps.tolist() == [first + 3600 * hour for hour in range(4)]
    assert [column.values.tolist() for column in rows.columns] == [[6] * 4, [0x5ED] * 4, [0x654] * 4]


def test_structures_of_a_modem_object() -> None:
    """[P test_a_xdr] LTE monitoring: quality of service."""
    raw = bytes.fromhex("02051202d0120ca8111211" + "1e0fc0")
    value = axdr.decode(raw)
    assert [item.value for item in value.value] == [720, 3240, 18, 30, -64]
    assert axdr.encode(value) == raw


def test_wrapper_of_a_push() -> None:
    """[P test_udp_message] 70 bytes from port 1 to port 1."""
    body = bytes.fromhex("db082f19229199164103") + bytes(60)
    (frame,) = Unwrapper().feed(bytes.fromhex("0001000100010046") + body)
    assert (frame.source, frame.destination, frame.payload) == (1, 1, body)
    assert frame.to_bytes()[:8].hex() == "0001000100010046"


PUSHES = {
    "without a stamp [P test_data_notification]": (
        "0f000001db000922125a85913600000000490000001100" + "00000a5a8513d0148000" + "00000d0000000a0100",
        LongInvokeId(0x1DB),
        None,
    ),
    "Kamstrup list 1 [A test_kamstrup]": (
        "0f000000000c07e6011801123a32ff80000002190a0e4b616d73747275705f563030303109060101000005ff0a10353730363536"
        "373332363539303430370906"
        + "0101600101ff0a1236383431313338424e3234353130313039300906"
        + "0101010700ff060000033a"
        "09060101020700ff060000000009060101030700ff060000006809060101040700ff06000000b0090601011f0700ff06000000ed"
        "09060101330700ff060000005909060101470700ff060000004b09060101200700ff1200e809060101340700ff1200e9"
        "09060101480700ff1200ec",
        LongInvokeId(0),
        datetime(2022, 1, 24, 18, 58, 50, tzinfo=UTC),
    ),
    "Aidon list 1 [A test_aidon]": (
        "0f40000000000101020309060100010700ff060000011802020f00161b",
        LongInvokeId(0, confirmed=True),
        None,
    ),
}


@pytest.mark.parametrize("name", PUSHES)
def test_pushes(name: str) -> None:
    text, invoke, moment = PUSHES[name]
    raw = bytes.fromhex(text)
    push = apdu.decode(raw)
    assert isinstance(push, DataNotification)
    assert push.long_invoke == invoke
    assert (None if push.stamp is None else push.stamp.to_datetime(UTC)) == moment
    assert axdr.encode(push.value()) == push.data
    assert push.to_bytes() == raw


def test_the_values_of_a_kamstrup_push() -> None:
    """[A test_kamstrup] 826 W, L1 2.37 A at 232 V."""
    push = DataNotification.from_bytes(bytes.fromhex(PUSHES["Kamstrup list 1 [A test_kamstrup]"][0]))
    items = push.value().value
    assert items[0] == Data(Tag.VISIBLE_STRING, "Kamstrup_V0001")
    read = {str(Obis.from_bytes(items[at].value)): items[at + 1].value for at in range(1, 25, 2)}
    assert (read["1.1.1.7.0.255"], read["1.1.31.7.0.255"], read["1.1.32.7.0.255"]) == (826, 237, 232)


def test_a_kaifa_push_puts_a_tag_before_its_stamp() -> None:
    """[A test_kaifa] list 1, 5852 W."""
    push = DataNotification.from_bytes(
        bytes.fromhex("0f40000000090c07e3020401173416ff8000000201" + "06000016dc")
    )
    assert push.stamp is not None
    assert push.stamp.to_datetime(UTC) == datetime(2019, 2, 4, 23, 52, 22, tzinfo=UTC)
    assert push.value().value[0].value == 5852


@pytest.mark.parametrize(
    ("text", "scaler", "unit", "raw", "value"),
    [
        ("02020f00161b", 0, 27, 0x118, Decimal(280)),
        ("02020fff1621", -1, 33, 0x0D, Decimal("1.3")),
        ("02020fff1623", -1, 35, 0x8E2, Decimal("227.4")),
        ("02020f01161e", 1, 30, 0x22AB8A, Decimal(22721380)),
    ],
)
def test_scaler_and_unit(text: str, scaler: int, unit: int, raw: int, value: Decimal) -> None:
    """[A test_aidon]"""
    found = ScalerUnit.from_data(axdr.decode(bytes.fromhex(text)))
    assert (found.scaler, found.unit, found.value(raw)) == (scaler, unit, value)
    assert axdr.encode(found.to_data()).hex() == text
