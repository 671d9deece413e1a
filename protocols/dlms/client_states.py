"""Where a client's conversation may go next, as literal tables."""

from enum import Enum, auto
from typing import Final

from protocols.dlms.apdu import (
    Aare,
    Aarq,
    ActionRequestNormal,
    ActionResponseNormal,
    Apdu,
    ConfirmedServiceError,
    ExceptionResponse,
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithBlock,
    GetResponseWithList,
    Rlre,
    Rlrq,
    SetRequestNormal,
    SetResponseNormal,
)  # fmt: skip


class State(Enum):
    """Where the conversation stands."""

    IDLE = auto()
    AWAIT_AARE = auto()
    READY = auto()
    AWAIT_GET = auto()
    AWAIT_BLOCK = auto()
    AWAIT_SET = auto()
    AWAIT_ACTION = auto()
    AWAIT_RLRE = auto()
    BROKEN = auto()


SENDS: Final[dict[State, dict[type[Apdu], State]]] = {
    State.IDLE: {Aarq: State.AWAIT_AARE},
    State.READY: {
        GetRequestNormal: State.AWAIT_GET,
        GetRequestWithList: State.AWAIT_GET,
        SetRequestNormal: State.AWAIT_SET,
        ActionRequestNormal: State.AWAIT_ACTION,
        Rlrq: State.AWAIT_RLRE,
    },
    State.AWAIT_BLOCK: {GetRequestNext: State.AWAIT_BLOCK},
}
RECEIVES: Final[dict[State, dict[type[Apdu], State]]] = {
    State.AWAIT_AARE: {
        Aare: State.READY,
        ExceptionResponse: State.IDLE,
        ConfirmedServiceError: State.IDLE,
    },
    State.AWAIT_GET: {
        GetResponseNormal: State.READY,
        GetResponseWithList: State.READY,
        GetResponseWithBlock: State.AWAIT_BLOCK,
        ExceptionResponse: State.READY,
        ConfirmedServiceError: State.READY,
    },
    State.AWAIT_BLOCK: {
        GetResponseWithBlock: State.AWAIT_BLOCK,
        GetResponseNormal: State.READY,
        ExceptionResponse: State.READY,
        ConfirmedServiceError: State.READY,
    },
    State.AWAIT_SET: {
        SetResponseNormal: State.READY,
        ExceptionResponse: State.READY,
        ConfirmedServiceError: State.READY,
    },
    State.AWAIT_ACTION: {
        ActionResponseNormal: State.READY,
        ExceptionResponse: State.READY,
        ConfirmedServiceError: State.READY,
    },
    State.AWAIT_RLRE: {Rlre: State.IDLE, ExceptionResponse: State.READY},
}
