"""Every message of the application layer, and `decode`, which tells them apart by their first bytes."""

from functools import lru_cache
from typing import Final, TypeAlias

from protocols.dlms.acse import Aare, Aarq, Rlre, Rlrq
from protocols.dlms.action import (
    ACTION_REQUEST,
    ACTION_RESPONSE,
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
    Outcome,
)
from protocols.dlms.blocks import DataBlock
from protocols.dlms.change import (
    SET_REQUEST,
    SET_RESPONSE,
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
from protocols.dlms.general_block import GeneralBlock
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
from protocols.dlms.notice import DataNotification, EventNotification, ExceptionResponse
from protocols.dlms.reference import Access, Attribute, InvokeId, LongInvokeId
from protocols.errors import DecodeError

Apdu: TypeAlias = (
    Aarq | Aare | Rlrq | Rlre | GetRequestNormal | GetRequestNext | GetRequestWithList | GetResponseNormal
    | GetResponseWithBlock | GetResponseWithList | SetRequestNormal | SetRequestFirstBlock | SetRequestBlock
    | SetRequestWithList | SetRequestListFirstBlock | SetResponseNormal | SetResponseBlock
    | SetResponseLastBlock | SetResponseListLastBlock | SetResponseWithList | ActionRequestNormal
    | ActionRequestNextBlock | ActionRequestWithList | ActionRequestFirstBlock | ActionRequestListFirstBlock
    | ActionRequestBlock | ActionResponseNormal | ActionResponseBlock | ActionResponseWithList
    | ActionResponseNextBlock | ConfirmedServiceError | DataNotification | EventNotification
    | ExceptionResponse | GeneralBlock
)  # fmt: skip

_BY_TAG: Final[dict[int, type[Apdu]]] = {
    message.TAG: message
    for message in (
        Aarq, Aare, Rlrq, Rlre, ConfirmedServiceError, DataNotification, EventNotification, ExceptionResponse,
        GeneralBlock,
    )
}  # fmt: skip
_BY_CHOICE: Final[dict[tuple[int, int], type[Apdu]]] = {
    (tag, message.CHOICE): message
    for tag, messages in (
        (GET_REQUEST, (GetRequestNormal, GetRequestNext, GetRequestWithList)),
        (GET_RESPONSE, (GetResponseNormal, GetResponseWithBlock, GetResponseWithList)),
        (
            SET_REQUEST,
            (
                SetRequestNormal, SetRequestFirstBlock, SetRequestBlock, SetRequestWithList,
                SetRequestListFirstBlock,
            ),
        ),
        (
            SET_RESPONSE,
            (
                SetResponseNormal, SetResponseBlock, SetResponseLastBlock, SetResponseListLastBlock,
                SetResponseWithList,
            ),
        ),
        (
            ACTION_REQUEST,
            (
                ActionRequestNormal, ActionRequestNextBlock, ActionRequestWithList, ActionRequestFirstBlock,
                ActionRequestListFirstBlock, ActionRequestBlock,
            ),
        ),
        (
            ACTION_RESPONSE,
            (
                ActionResponseNormal, ActionResponseBlock, ActionResponseWithList, ActionResponseNextBlock,
            ),
        ),
    )
    for message in messages
}  # fmt: skip
_ALIKE: Final = frozenset((Aare.TAG, Rlre.TAG))
"""Answers that meters of a kind give byte for byte alike: what they mean is kept for the next one."""
_SHORT: Final = 256


def decode(raw: bytes) -> Apdu:
    """The message that `raw` is; raises `DecodeError` for any bytes that are none."""
    size = len(raw)
    if size < 2:
        raise DecodeError(f"a message of {size} bytes", raw)
    if size <= _SHORT and raw[0] in _ALIKE:
        return _decode_once(raw)
    return _decode(raw)


def _decode(raw: bytes) -> Apdu:
    message = _BY_TAG.get(raw[0]) or _BY_CHOICE.get((raw[0], raw[1]))
    if message is None:
        raise DecodeError(f"{raw[0]:02X} {raw[1]:02X} begins no message known here", raw)
    return message.from_bytes(raw)


_decode_once = lru_cache(maxsize=128)(_decode)


__all__ = [
    "Aare", "Aarq", "Access", "ActionRequestBlock", "ActionRequestFirstBlock", "ActionRequestListFirstBlock",
    "ActionRequestNextBlock", "ActionRequestNormal", "ActionRequestWithList", "ActionResponseBlock",
    "ActionResponseNextBlock", "ActionResponseNormal", "ActionResponseWithList", "Apdu", "Attribute",
    "ConfirmedServiceError", "DataBlock", "DataNotification", "EventNotification", "ExceptionResponse",
    "GeneralBlock", "GetRequestNext", "GetRequestNormal", "GetRequestWithList", "GetResponseNormal",
    "GetResponseWithBlock", "GetResponseWithList", "InitiateRequest", "InitiateResponse", "InvokeId",
    "LongInvokeId", "Outcome", "Rlre", "Rlrq", "SetRequestBlock", "SetRequestFirstBlock",
    "SetRequestListFirstBlock", "SetRequestNormal", "SetRequestWithList", "SetResponseBlock",
    "SetResponseLastBlock", "SetResponseListLastBlock", "SetResponseNormal", "SetResponseWithList", "decode",
]  # fmt: skip
