"""The corpus the mutations start from: one of every message by our encoders, and all published ones."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

from protocols.dlms import axdr
from protocols.dlms.apdu import (
    Aare,
    Aarq,
    Access,
    ActionRequestBlock,
    ActionRequestFirstBlock,
    ActionRequestListFirstBlock,
    ActionRequestNextBlock,
    ActionRequestNormal,
    ActionRequestWithList,
    ActionResponseBlock,
    ActionResponseNextBlock,
    ActionResponseNormal,
    ActionResponseWithList,
    Apdu,
    ConfirmedServiceError,
    DataBlock,
    DataNotification,
    EventNotification,
    ExceptionResponse,
    GeneralBlock,
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithBlock,
    GetResponseWithList,
    InitiateRequest,
    InitiateResponse,
    InvokeId,
    LongInvokeId,
    Outcome,
    Rlre,
    Rlrq,
    SetRequestBlock,
    SetRequestFirstBlock,
    SetRequestListFirstBlock,
    SetRequestNormal,
    SetRequestWithList,
    SetResponseBlock,
    SetResponseLastBlock,
    SetResponseListLastBlock,
    SetResponseNormal,
    SetResponseWithList,
)
from protocols.dlms.axdr import CompactArray, Data, Shape, Tag
from protocols.dlms.client import DEFAULT_CONFORMANCE
from protocols.dlms.client_opening import REPLY_TO_HLS
from protocols.dlms.enums import (
    ActionResult,
    AssociationResult,
    Context,
    DataAccessResult,
    Mechanism,
    ProviderDiagnostic,
    ServiceError,
    StateError,
    UserDiagnostic,
)
from protocols.dlms.profile_server import encode_rows
from protocols.dlms.selection import CLOCK_COLUMN, CaptureObject, EntrySelection, RangeSelection
from protocols.obis import Obis
from tests.cosem_objects import OBJECTS, STAMP
from tests.dlms_line import ECHO, ENERGY, SECOND, SWITCH, TEXT

VECTORS: Final = Path(__file__).resolve().parents[1] / "vectors"
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[\s:]*){2,}")

ONE: Final = InvokeId(1)
REGISTER: Final = axdr.double_long_unsigned(123456)
VALUE: Final = axdr.encode(REGISTER)
ROWS: Final = Data(
    Tag.COMPACT_ARRAY,
    CompactArray(
        Shape(Tag.STRUCTURE, (Shape(Tag.OCTET_STRING), Shape(Tag.ARRAY, (Shape(Tag.UNSIGNED),), 2))),
        tuple(
            axdr.structure(axdr.octet_string(bytes(12)), axdr.array(axdr.unsigned(at), axdr.unsigned(7)))
            for at in range(3)
        ),
    ),
)
EVERY_KIND: Final = axdr.structure(
    axdr.NULL, Data(Tag.DONT_CARE, None), Data(Tag.BOOLEAN, True), Data(Tag.BIT_STRING, "1011"),
    Data(Tag.DOUBLE_LONG, -5), REGISTER, axdr.octet_string(b"octets"), Data(Tag.VISIBLE_STRING, "seen"),
    Data(Tag.UTF8_STRING, "điện kế"), Data(Tag.BCD, 0x12), axdr.integer(-1), Data(Tag.LONG, -300),
    axdr.unsigned(9), axdr.long_unsigned(900), Data(Tag.LONG64, -(1 << 40)),
    Data(Tag.LONG64_UNSIGNED, 1 << 63), axdr.enum(30), Data(Tag.FLOAT32, 1.5), Data(Tag.FLOAT64, -2.5),
    Data(Tag.DATE_TIME, STAMP), Data(Tag.DATE, STAMP.date), Data(Tag.TIME, STAMP.time), ROWS, axdr.array(),
    axdr.structure(axdr.array(REGISTER)),
)  # fmt: skip
CAPTURES: Final = (CLOCK_COLUMN, CaptureObject(3, Obis(1, 0, 1, 8, 0)), CaptureObject(3, Obis(1, 0, 2, 8, 0)))


def _profiles() -> tuple[bytes, ...]:
    import numpy as np

    stamps = 1_795_000_000 // 1800 * 1800 + np.arange(48, dtype=np.int64) * 1800
    columns = [(Tag.DOUBLE_LONG_UNSIGNED, np.arange(48)), (Tag.LONG64_UNSIGNED, np.arange(48) * 7)]
    told = axdr.date_time(STAMP)
    squeezed = axdr.array(
        axdr.structure(told, REGISTER, axdr.unsigned(1)),
        axdr.structure(axdr.NULL, axdr.NULL, axdr.unsigned(2)),
    )
    shape = Shape(Tag.STRUCTURE, (Shape(Tag.OCTET_STRING), Shape(Tag.UNSIGNED), Shape(Tag.LONG)))
    row = axdr.structure(told, axdr.unsigned(3), Data(Tag.LONG, -4))
    return (
        encode_rows(stamps, columns, 420),
        encode_rows(stamps[:3], [(tag, values[:3]) for tag, values in columns], 420, deviation=False),
        axdr.encode(squeezed),
        axdr.encode(Data(Tag.COMPACT_ARRAY, CompactArray(shape, (row, row)))),
        axdr.encode(axdr.array()),
    )


PROFILES: Final = _profiles()
BLOCK, LAST = DataBlock(False, 1, VALUE[:3]), DataBlock(True, 2, VALUE[3:])
RANGE: Final = RangeSelection(STAMP.to_datetime(), STAMP.to_datetime(), CAPTURES).to_access()
ENTRIES: Final = EntrySelection(1, 48).to_access()
_GRANT: Final = InitiateResponse(DEFAULT_CONFORMANCE, 300).to_bytes()
_PROPOSAL: Final = InitiateRequest(DEFAULT_CONFORMANCE, 0xFFFF, bytes(16), quality_of_service=-1).to_bytes()
_LIST: Final = ((ENERGY, None), (TEXT, ENTRIES), (SECOND, RANGE))

REQUESTS: Final[tuple[Apdu, ...]] = (
    Aarq(InitiateRequest(DEFAULT_CONFORMANCE).to_bytes()),
    Aarq(_PROPOSAL, Context.LN, Mechanism.LLS, b"secret"),
    Aarq(_PROPOSAL, Context.LN_CIPHERED, Mechanism.HLS_GMAC, bytes(16), b"DKE\0\0\0\0\1"),
    Rlrq(),
    Rlrq(None, _PROPOSAL),
    GetRequestNormal(ONE, ENERGY),
    GetRequestNormal(ONE, TEXT, RANGE),
    GetRequestNormal(ONE, TEXT, ENTRIES),
    GetRequestNormal(ONE, TEXT, Access(3, EVERY_KIND)),
    GetRequestNext(ONE, 1),
    GetRequestWithList(ONE, _LIST),
    SetRequestNormal(ONE, TEXT, EVERY_KIND),
    SetRequestNormal(InvokeId(1, confirmed=False), TEXT, REGISTER, ENTRIES),
    SetRequestFirstBlock(ONE, TEXT, BLOCK),
    SetRequestBlock(ONE, LAST),
    SetRequestWithList(ONE, _LIST, (REGISTER, EVERY_KIND, axdr.NULL)),
    SetRequestListFirstBlock(ONE, _LIST, BLOCK),
    ActionRequestNormal(ONE, SWITCH),
    ActionRequestNormal(ONE, ECHO, EVERY_KIND),
    ActionRequestNormal(ONE, REPLY_TO_HLS, axdr.octet_string(bytes(17))),
    ActionRequestNextBlock(ONE, 1),
    ActionRequestWithList(ONE, (ECHO, SWITCH), (EVERY_KIND, axdr.NULL)),
    ActionRequestFirstBlock(ONE, ECHO, BLOCK),
    ActionRequestListFirstBlock(ONE, (ECHO, SWITCH), BLOCK),
    ActionRequestBlock(ONE, LAST),
    GeneralBlock(False, True, 3, 1, 0, VALUE),
    GeneralBlock(True, False, 0, 2, 1, GetRequestNormal(ONE, ENERGY).to_bytes()),
)
ANSWERS: Final[tuple[Apdu, ...]] = (
    Aare(AssociationResult.ACCEPTED, UserDiagnostic.NULL, _GRANT),
    Aare(
        AssociationResult.ACCEPTED, UserDiagnostic.AUTHENTICATION_REQUIRED, _GRANT, Context.LN_CIPHERED,
        Mechanism.HLS_GMAC, bytes(range(16)), b"DKE\0\0\0\0\2",
    ),
    Aare(
        AssociationResult.REJECTED_PERMANENT, ProviderDiagnostic.NO_COMMON_ACSE_VERSION,
        ConfirmedServiceError(1, 6, 1).to_bytes(),
    ),
    Rlre(), Rlre(user_information=_GRANT), GetResponseNormal(ONE, VALUE), GetResponseNormal(ONE, PROFILES[0]),
    GetResponseNormal(ONE, DataAccessResult.OBJECT_UNDEFINED), GetResponseWithBlock(ONE, False, 1, VALUE[:3]),
    GetResponseWithBlock(ONE, True, 2, VALUE[3:]),
    GetResponseWithBlock(ONE, True, 1, DataAccessResult.LONG_GET_ABORTED),
    GetResponseWithList(ONE, (VALUE, DataAccessResult.READ_WRITE_DENIED, VALUE)),
    SetResponseNormal(ONE, DataAccessResult.SUCCESS), SetResponseBlock(ONE, 1),
    SetResponseLastBlock(ONE, DataAccessResult.SUCCESS, 2),
    SetResponseListLastBlock(ONE, (DataAccessResult.SUCCESS,) * 3, 2),
    SetResponseWithList(ONE, (DataAccessResult.SUCCESS, DataAccessResult.TYPE_UNMATCHED)),
    ActionResponseNormal(ONE, Outcome(ActionResult.SUCCESS)),
    ActionResponseNormal(ONE, Outcome(ActionResult.SUCCESS, axdr.encode(axdr.octet_string(bytes(17))))),
    ActionResponseNormal(ONE, Outcome(ActionResult.OTHER_REASON, DataAccessResult.OTHER_REASON)),
    ActionResponseBlock(ONE, BLOCK),
    ActionResponseBlock(ONE, DataBlock(True, 1, Outcome(ActionResult.SUCCESS, VALUE).to_bytes())),
    ActionResponseWithList(ONE, (Outcome(ActionResult.SUCCESS, VALUE), Outcome(ActionResult.SUCCESS))),
    ActionResponseNextBlock(ONE, 1), ConfirmedServiceError(1, 6, 2),
    ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.OTHER_REASON),
    ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.INVOCATION_COUNTER_ERROR, 77),
    DataNotification(LongInvokeId(7), STAMP, VALUE),
    DataNotification(LongInvokeId(8), None, axdr.encode(EVERY_KIND)), EventNotification(STAMP, ENERGY, VALUE),
    EventNotification(None, ENERGY, VALUE),
    GeneralBlock(False, False, 3, 1, 1, GetResponseNormal(ONE, VALUE).to_bytes()[:4]),
    GeneralBlock(True, False, 3, 2, 1, GetResponseNormal(ONE, VALUE).to_bytes()[4:]),
)  # fmt: skip


@cache
def published() -> tuple[bytes, ...]:
    """Everything in hex in the tests of published frames and messages."""
    found: set[bytes] = set()
    for path in sorted(VECTORS.glob("test_protocols_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Constant):
                continue
            if isinstance(node.value, bytes) and len(node.value) > 1:
                found.add(node.value)
            elif isinstance(node.value, str) and _HEX.fullmatch(node.value.strip()):
                found.add(bytes.fromhex(re.sub(r"[^0-9A-Fa-f]", "", node.value)))
    return tuple(sorted(found))


@cache
def apdus() -> tuple[bytes, ...]:
    """Every message, ours first."""
    return tuple([message.to_bytes() for message in (*REQUESTS, *ANSWERS)]) + published()


@cache
def values() -> tuple[bytes, ...]:
    """`Data` of every kind: of our own making, of objects, of profiles."""
    made = [axdr.encode(EVERY_KIND), axdr.encode(ROWS), VALUE, *PROFILES]
    made += [axdr.encode(data) for held in OBJECTS for data in held.to_attributes().values()]
    return tuple(dict.fromkeys(made)) + published()
