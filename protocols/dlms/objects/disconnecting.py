"""Disconnect control (class 70): the switch of a meter, what may open and close it, and from where."""

from dataclasses import dataclass, replace
from enum import Enum, IntEnum, auto
from typing import ClassVar, Final, Self

from protocols.dlms import axdr
from protocols.dlms.axdr import Data, Tag, enum_of
from protocols.dlms.objects.held import Attributes, needed
from protocols.dlms.objects.interface import InterfaceClass
from protocols.errors import DecodeError
from protocols.obis import Obis


class ControlState(IntEnum):
    """Where the switch stands, as the meter sees it."""

    DISCONNECTED = 0
    CONNECTED = 1
    READY_FOR_RECONNECTION = 2


class ControlMode(IntEnum):
    """Who may do what: the columns of the standard's table of modes."""

    ALWAYS_CONNECTED = 0
    MODE_1 = 1
    MODE_2 = 2
    MODE_3 = 3
    MODE_4 = 4
    MODE_5 = 5
    MODE_6 = 6


class SwitchEvent(Enum):
    """What happens to a switch, and from where."""

    REMOTE_DISCONNECT = auto()
    REMOTE_RECONNECT = auto()
    MANUAL_DISCONNECT = auto()
    MANUAL_RECONNECT = auto()
    LOCAL_DISCONNECT = auto()
    LOCAL_RECONNECT = auto()


_OFF, _ON, _READY = ControlState.DISCONNECTED, ControlState.CONNECTED, ControlState.READY_FOR_RECONNECTION
_TRANSITIONS: Final[dict[str, tuple[ControlState, SwitchEvent, ControlState]]] = {
    "a": (_OFF, SwitchEvent.REMOTE_RECONNECT, _ON),
    "b": (_ON, SwitchEvent.REMOTE_DISCONNECT, _OFF),
    "c": (_READY, SwitchEvent.REMOTE_DISCONNECT, _OFF),
    "d": (_OFF, SwitchEvent.REMOTE_RECONNECT, _READY),
    "e": (_READY, SwitchEvent.MANUAL_RECONNECT, _ON),
    "f": (_ON, SwitchEvent.MANUAL_DISCONNECT, _READY),
    "g": (_ON, SwitchEvent.LOCAL_DISCONNECT, _READY),
    "h": (_READY, SwitchEvent.LOCAL_RECONNECT, _ON),
}
"""The transitions of the state diagram, under the letters the standard gives them."""
_MODES: Final[dict[ControlMode, str]] = {
    ControlMode.ALWAYS_CONNECTED: "",
    ControlMode.MODE_1: "bcfgde",
    ControlMode.MODE_2: "bcfgae",
    ControlMode.MODE_3: "bcgde",
    ControlMode.MODE_4: "bcgae",
    ControlMode.MODE_5: "bcfgdeh",
    ControlMode.MODE_6: "bcgdeh",
}


@dataclass(frozen=True, slots=True)
class DisconnectControl:
    """Class 70: `output` is the switch itself, closed when True."""

    CLASS_ID: ClassVar[int] = InterfaceClass.DISCONNECT_CONTROL
    VERSION: ClassVar[int] = 0
    REMOTE_DISCONNECT: ClassVar[int] = 1
    REMOTE_RECONNECT: ClassVar[int] = 2
    obis: Obis
    output: bool
    state: ControlState
    mode: ControlMode

    @classmethod
    def from_attributes(cls, obis: Obis, attributes: Attributes) -> Self:
        """See `CosemObject`; a state or mode the standard does not know raises `DecodeError`."""
        output = needed(attributes, 2, "output state")
        if output.tag is not Tag.BOOLEAN:
            raise DecodeError(f"output state: a boolean was expected, found {output!r}")
        state = enum_of(needed(attributes, 3, "control state"), "control state")
        mode = enum_of(needed(attributes, 4, "control mode"), "control mode")
        try:
            return cls(obis, bool(output.value), ControlState(state), ControlMode(mode))
        except ValueError as unknown:
            raise DecodeError(f"disconnect control in state {state}, mode {mode}: {unknown}") from unknown

    def to_attributes(self) -> dict[int, Data]:
        """See `CosemObject`."""
        return {2: Data(Tag.BOOLEAN, self.output), 3: axdr.enum(self.state), 4: axdr.enum(self.mode)}

    def after(self, event: SwitchEvent) -> Self | None:
        """The switch after `event`; None where its mode or state does not allow that."""
        for letter in _MODES[self.mode]:
            state, cause, following = _TRANSITIONS[letter]
            if (state, cause) == (self.state, event):
                return replace(self, state=following, output=following is ControlState.CONNECTED)
        return None
