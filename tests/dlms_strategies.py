"""Every message of DLMS, and the values in it, for hypothesis to make."""

from typing import Any

from hypothesis import strategies as st

from protocols.dlms import axdr
from protocols.dlms.apdu import (
    Aare,
    Aarq,
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
    Attribute,
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


shapes = st.recursive(
    st.sampled_from(list(SCALARS)).map(Shape),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: Shape(Tag.STRUCTURE, tuple(parts)))
        | st.builds(lambda part, size: Shape(Tag.ARRAY, (part,), size), inner, st.integers(0, 3))
    ),
    max_leaves=6,
)


def shaped(shape: Shape) -> st.SearchStrategy[Data]:
    if shape.tag in (Tag.ARRAY, Tag.STRUCTURE):
        parts = shape.parts * shape.size if shape.tag is Tag.ARRAY else shape.parts
        return st.tuples(*[shaped(part) for part in parts]).map(lambda items: Data(shape.tag, items))
    return scalar(shape.tag)


def has_bytes(data: Data) -> bool:
    """Whether it takes any in a compact array: elements without could not be counted."""
    if data.tag in (Tag.ARRAY, Tag.STRUCTURE):
        return any(has_bytes(item) for item in data.value)
    return data.tag not in (Tag.NULL, Tag.DONT_CARE)


@st.composite
def compact(draw: st.DrawFn) -> Data:
    shape = draw(shapes)
    items = draw(st.lists(shaped(shape), max_size=4))
    return Data(Tag.COMPACT_ARRAY, CompactArray(shape, tuple([item for item in items if has_bytes(item)])))


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
long_invokes = st.builds(LongInvokeId, st.integers(0, 0xFFFFFF), *[st.booleans()] * 4)
blocks = st.builds(DataBlock, st.booleans(), st.integers(0, 0xFFFFFFFF), st.binary(max_size=300))
accesses = st.none() | st.builds(Access, octet, values)
encoded = values.map(axdr.encode)
results = encoded | st.sampled_from(DataAccessResult)
outcomes = st.builds(Outcome, st.sampled_from(ActionResult), st.none() | results)
information = st.binary(min_size=1, max_size=200)
conformances = st.integers(0, 0xFFFFFF).map(Conformance)
pdus = st.integers(0, 0xFFFF)
titles = st.none() | st.binary(min_size=8, max_size=8)
secrets = st.none() | st.binary(min_size=1, max_size=64)
reasons = st.none() | st.sampled_from(ReleaseReason)

numbers = st.integers(0, 0xFFFFFFFF)


def lists(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, min_size=1, max_size=4).map(tuple)


APDUS: dict[type, st.SearchStrategy[Any]] = {
    Aarq: st.builds(Aarq, information, st.sampled_from(Context), st.sampled_from(Mechanism), secrets, titles),
    Aare: st.builds(
        Aare,
        st.sampled_from(AssociationResult),
        st.sampled_from(UserDiagnostic) | st.sampled_from(ProviderDiagnostic),
        st.none() | information,
        st.sampled_from(Context),
        st.sampled_from(Mechanism),
        secrets,
        titles,
    ),
    Rlrq: st.builds(Rlrq, reasons, st.none() | information),
    Rlre: st.builds(Rlre, reasons, st.none() | information),
    GetRequestNormal: st.builds(GetRequestNormal, invokes, attributes, accesses),
    GetRequestNext: st.builds(GetRequestNext, invokes, st.integers(0, 4294967295)),
    GetRequestWithList: st.builds(GetRequestWithList, invokes, lists(st.tuples(attributes, accesses))),
    GetResponseNormal: st.builds(GetResponseNormal, invokes, results),
    GetResponseWithBlock: st.builds(
        GetResponseWithBlock,
        invokes,
        st.booleans(),
        st.integers(0, 4294967295),
        st.binary(max_size=300) | st.sampled_from(DataAccessResult),
    ),
    GetResponseWithList: st.builds(GetResponseWithList, invokes, st.lists(results, max_size=4).map(tuple)),
    SetRequestNormal: st.builds(SetRequestNormal, invokes, attributes, values, accesses),
    SetRequestFirstBlock: st.builds(SetRequestFirstBlock, invokes, attributes, blocks, accesses),
    SetRequestBlock: st.builds(SetRequestBlock, invokes, blocks),
    SetRequestWithList: st.lists(st.tuples(attributes, accesses, values), min_size=1, max_size=3).flatmap(
        lambda rows: st.builds(
            SetRequestWithList,
            invokes,
            st.just(tuple(((attribute, access) for attribute, access, _ in rows))),
            st.just(tuple((value for _, _, value in rows))),
        )
    ),
    SetRequestListFirstBlock: st.builds(
        SetRequestListFirstBlock, invokes, lists(st.tuples(attributes, accesses)), blocks
    ),
    SetResponseNormal: st.builds(SetResponseNormal, invokes, st.sampled_from(DataAccessResult)),
    SetResponseBlock: st.builds(SetResponseBlock, invokes, numbers),
    SetResponseLastBlock: st.builds(
        SetResponseLastBlock, invokes, st.sampled_from(DataAccessResult), numbers
    ),
    SetResponseListLastBlock: st.builds(
        SetResponseListLastBlock, invokes, lists(st.sampled_from(DataAccessResult)), numbers
    ),
    SetResponseWithList: st.builds(SetResponseWithList, invokes, lists(st.sampled_from(DataAccessResult))),
    ActionRequestNextBlock: st.builds(ActionRequestNextBlock, invokes, numbers),
    ActionRequestWithList: st.lists(st.tuples(attributes, values), min_size=1, max_size=3).flatmap(
        lambda rows: st.builds(
            ActionRequestWithList,
            invokes,
            st.just(tuple((method for method, _ in rows))),
            st.just(tuple((value for _, value in rows))),
        )
    ),
    ActionRequestFirstBlock: st.builds(ActionRequestFirstBlock, invokes, attributes, blocks),
    ActionRequestListFirstBlock: st.builds(ActionRequestListFirstBlock, invokes, lists(attributes), blocks),
    ActionRequestBlock: st.builds(ActionRequestBlock, invokes, blocks),
    ActionResponseBlock: st.builds(ActionResponseBlock, invokes, blocks),
    ActionResponseWithList: st.builds(ActionResponseWithList, invokes, lists(outcomes)),
    ActionResponseNextBlock: st.builds(ActionResponseNextBlock, invokes, numbers),
    GeneralBlock: st.builds(
        GeneralBlock, st.booleans(), st.booleans(), st.integers(0, 63), pdus, pdus, st.binary(max_size=300)
    ),
    ActionRequestNormal: st.builds(ActionRequestNormal, invokes, attributes, st.none() | values),
    ActionResponseNormal: st.builds(ActionResponseNormal, invokes, outcomes),
    ConfirmedServiceError: st.builds(ConfirmedServiceError, octet, octet, octet),
    DataNotification: st.builds(DataNotification, long_invokes, st.none() | stamps, encoded),
    EventNotification: st.builds(EventNotification, st.none() | stamps, attributes, encoded),
    ExceptionResponse: st.builds(
        ExceptionResponse,
        st.sampled_from(StateError),
        st.sampled_from([code for code in ServiceError if code is not ServiceError.INVOCATION_COUNTER_ERROR]),
    )
    | st.builds(
        ExceptionResponse,
        st.sampled_from(StateError),
        st.just(ServiceError.INVOCATION_COUNTER_ERROR),
        st.none() | st.integers(0, 4294967295),
    ),
}
"""By class."""
messages: st.SearchStrategy[Any] = st.one_of(*APDUS.values())
