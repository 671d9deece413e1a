"""Where a client's conversation may go next, as literal tables."""

from enum import IntEnum, auto
from typing import Final

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
)  # fmt: skip


class State(IntEnum):
    """Where the conversation stands. A state without AWAIT_ in its name waits for us, not for the meter."""

    IDLE = auto()
    AWAIT_AARE = auto()
    ACCEPTED = auto()
    """The meter said yes: HLS has its third pass to come; the rest is READY at once."""
    AWAIT_PROOF = auto()
    READY = auto()
    AWAIT_GET = auto()
    GET_BLOCK = auto()
    AWAIT_SET = auto()
    AWAIT_SET_BLOCK = auto()
    SET_BLOCK = auto()
    AWAIT_ACTION = auto()
    AWAIT_ACTION_BLOCK = auto()
    ACTION_BLOCK = auto()
    ACTION_ANSWER = auto()
    AWAIT_RLRE = auto()
    BROKEN = auto()


SENDS: Final[dict[State, dict[type[Apdu], State]]] = {
    State.IDLE: {Aarq: State.AWAIT_AARE},
    State.ACCEPTED: {ActionRequestNormal: State.AWAIT_PROOF},
    State.READY: {
        GetRequestNormal: State.AWAIT_GET,
        GetRequestWithList: State.AWAIT_GET,
        SetRequestNormal: State.AWAIT_SET,
        SetRequestWithList: State.AWAIT_SET,
        SetRequestFirstBlock: State.AWAIT_SET_BLOCK,
        SetRequestListFirstBlock: State.AWAIT_SET_BLOCK,
        ActionRequestNormal: State.AWAIT_ACTION,
        ActionRequestWithList: State.AWAIT_ACTION,
        ActionRequestFirstBlock: State.AWAIT_ACTION_BLOCK,
        ActionRequestListFirstBlock: State.AWAIT_ACTION_BLOCK,
        Rlrq: State.AWAIT_RLRE,
    },
    State.GET_BLOCK: {GetRequestNext: State.AWAIT_GET},
    State.SET_BLOCK: {SetRequestBlock: State.AWAIT_SET_BLOCK},
    State.ACTION_BLOCK: {ActionRequestBlock: State.AWAIT_ACTION_BLOCK},
    State.ACTION_ANSWER: {ActionRequestNextBlock: State.AWAIT_ACTION},
}
RECEIVES: Final[dict[State, dict[type[Apdu], State]]] = {
    State.AWAIT_AARE: {
        Aare: State.ACCEPTED,
        ExceptionResponse: State.IDLE,
        ConfirmedServiceError: State.IDLE,
    },
    State.AWAIT_PROOF: {
        ActionResponseNormal: State.READY,
        ExceptionResponse: State.IDLE,
        ConfirmedServiceError: State.IDLE,
    },
    State.AWAIT_GET: {
        GetResponseNormal: State.READY,
        GetResponseWithList: State.READY,
        GetResponseWithBlock: State.GET_BLOCK,
        ExceptionResponse: State.READY,
        ConfirmedServiceError: State.READY,
    },
    State.AWAIT_SET: {
        SetResponseNormal: State.READY,
        SetResponseWithList: State.READY,
        ExceptionResponse: State.READY,
        ConfirmedServiceError: State.READY,
    },
    State.AWAIT_SET_BLOCK: {
        SetResponseBlock: State.SET_BLOCK,
        SetResponseLastBlock: State.READY,
        SetResponseListLastBlock: State.READY,
        SetResponseNormal: State.READY,
        ExceptionResponse: State.READY,
        ConfirmedServiceError: State.READY,
    },
    State.AWAIT_ACTION: {
        ActionResponseNormal: State.READY,
        ActionResponseWithList: State.READY,
        ActionResponseBlock: State.ACTION_ANSWER,
        ExceptionResponse: State.READY,
        ConfirmedServiceError: State.READY,
    },
    State.AWAIT_ACTION_BLOCK: {
        ActionResponseNextBlock: State.ACTION_BLOCK,
        ActionResponseNormal: State.READY,
        ActionResponseWithList: State.READY,
        ActionResponseBlock: State.ACTION_ANSWER,
        ExceptionResponse: State.READY,
        ConfirmedServiceError: State.READY,
    },
    State.AWAIT_RLRE: {Rlre: State.IDLE, ExceptionResponse: State.READY},
}
AWAITING: Final = frozenset(RECEIVES)
"""The states in which the meter's answer is due."""


def spoken_state(state: State) -> str:
    """A state as words."""
    return state.name.lower().replace("_", " ")
