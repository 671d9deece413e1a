"""Where a client's conversation may go next, as literal tables."""

from enum import Enum, auto
from typing import Final

from protocols.iec62056_21.framer import Frame, Line
from protocols.iec62056_21.messages import Acknowledged, Again, Command, Damaged, Data


class State(Enum):
    """Where the conversation stands."""

    IDLE = auto()
    AWAIT_IDENTIFICATION = auto()
    IDENTIFIED = auto()
    AWAIT_READ_OUT = auto()
    AWAIT_CHALLENGE = auto()
    READY = auto()
    AWAIT_ADMISSION = auto()
    AWAIT_ANSWER = auto()
    AWAIT_CONFIRMATION = auto()
    DONE = auto()
    BROKEN = auto()


class Ask(Enum):
    """What a client may say."""

    SIGN_ON = auto()
    READ_OUT = auto()
    PROGRAM = auto()
    PASSWORD = auto()
    READ = auto()
    WRITE = auto()
    SIGN_OFF = auto()


SENDS: Final[dict[State, dict[Ask, State]]] = {
    State.IDLE: {Ask.SIGN_ON: State.AWAIT_IDENTIFICATION},
    State.IDENTIFIED: {
        Ask.READ_OUT: State.AWAIT_READ_OUT,
        Ask.PROGRAM: State.AWAIT_CHALLENGE,
        Ask.SIGN_OFF: State.DONE,
    },
    State.READY: {
        Ask.PASSWORD: State.AWAIT_ADMISSION,
        Ask.READ: State.AWAIT_ANSWER,
        Ask.WRITE: State.AWAIT_CONFIRMATION,
        Ask.SIGN_OFF: State.DONE,
    },
    State.DONE: {Ask.SIGN_ON: State.AWAIT_IDENTIFICATION, Ask.SIGN_OFF: State.DONE},
}
RECEIVES: Final[dict[State, tuple[type[Frame], ...]]] = {
    State.AWAIT_IDENTIFICATION: (Line,),
    State.AWAIT_READ_OUT: (Data, Again, Damaged),
    State.AWAIT_CHALLENGE: (Command, Data, Again, Damaged),
    State.AWAIT_ADMISSION: (Acknowledged, Again, Command, Data, Damaged),
    State.AWAIT_ANSWER: (Data, Acknowledged, Again, Command, Damaged),
    State.AWAIT_CONFIRMATION: (Acknowledged, Again, Command, Data, Damaged),
    State.DONE: (Acknowledged, Command),  # some meters confirm a sign-off, some return it
}
