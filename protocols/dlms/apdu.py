"""Every message of the application layer, and `decode`, which tells them apart by their first bytes."""

from typing import Final, TypeAlias

from protocols.dlms.acse import Aare, Aarq, Rlre, Rlrq
from protocols.dlms.change import (
    ACTION_REQUEST,
    ACTION_RESPONSE,
    SET_REQUEST,
    SET_RESPONSE,
    ActionRequestNormal,
    ActionResponseNormal,
    SetRequestNormal,
    SetResponseNormal,
)
from protocols.dlms.get import (
    GET_REQUEST,
    GET_RESPONSE,
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithBlock,
    GetResponseWithList,
)
from protocols.dlms.initiate import ConfirmedServiceError, InitiateRequest, InitiateResponse
from protocols.dlms.notice import DataNotification, ExceptionResponse
from protocols.dlms.reference import Access, Attribute, InvokeId
from protocols.errors import DecodeError

Apdu: TypeAlias = (
    Aarq | Aare | Rlrq | Rlre | GetRequestNormal | GetRequestNext | GetRequestWithList | GetResponseNormal
    | GetResponseWithBlock | GetResponseWithList | SetRequestNormal | SetResponseNormal | ActionRequestNormal
    | ActionResponseNormal | ConfirmedServiceError | DataNotification | ExceptionResponse
)  # fmt: skip

_BY_TAG: Final[dict[int, type[Apdu]]] = {
    message.TAG: message
    for message in (Aarq, Aare, Rlrq, Rlre, ConfirmedServiceError, DataNotification, ExceptionResponse)
}
_BY_CHOICE: Final[dict[tuple[int, int], type[Apdu]]] = {
    (GET_REQUEST, 1): GetRequestNormal,
    (GET_REQUEST, 2): GetRequestNext,
    (GET_REQUEST, 3): GetRequestWithList,
    (GET_RESPONSE, 1): GetResponseNormal,
    (GET_RESPONSE, 2): GetResponseWithBlock,
    (GET_RESPONSE, 3): GetResponseWithList,
    (SET_REQUEST, 1): SetRequestNormal,
    (SET_RESPONSE, 1): SetResponseNormal,
    (ACTION_REQUEST, 1): ActionRequestNormal,
    (ACTION_RESPONSE, 1): ActionResponseNormal,
}


def decode(raw: bytes) -> Apdu:
    """The message that `raw` is; raises `DecodeError` for any bytes that are none."""
    if len(raw) < 2:
        raise DecodeError(f"a message of {len(raw)} bytes", raw)
    message = _BY_TAG.get(raw[0]) or _BY_CHOICE.get((raw[0], raw[1]))
    if message is None:
        raise DecodeError(f"{raw[0]:02X} {raw[1]:02X} begins no message known here", raw)
    return message.from_bytes(raw)


__all__ = [
    "Aare", "Aarq", "Access", "ActionRequestNormal", "ActionResponseNormal", "Apdu", "Attribute",
    "ConfirmedServiceError", "DataNotification", "ExceptionResponse", "GetRequestNext", "GetRequestNormal",
    "GetRequestWithList", "GetResponseNormal", "GetResponseWithBlock", "GetResponseWithList",
    "InitiateRequest", "InitiateResponse", "InvokeId", "Rlre", "Rlrq", "SetRequestNormal",
    "SetResponseNormal", "decode",
]  # fmt: skip
