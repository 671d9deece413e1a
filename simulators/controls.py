"""What a simulated DLMS meter lets itself be told: its switch (class 70), limiter (71) and clock (8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from model.period import LOCAL
from protocols.dlms import axdr, objects
from protocols.dlms.axdr import Data, Tag, integer_of
from protocols.dlms.clock import CosemDateTime
from protocols.dlms.enums import ActionResult, DataAccessResult
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.objects.disconnecting import DisconnectControl, SwitchEvent
from protocols.dlms.objects.limiting import Limiter
from protocols.errors import DecodeError
from protocols.meter_models.model import Control, Place
from protocols.obis import Obis
from simulators import halfhours
from simulators.instrument import Instrument

Answer = Data | bytes | DataAccessResult
Whose = Callable[[], Instrument]
"""The instrument that is spoken to: objects are shared between meters (see `DlmsMeter.lend`)."""
Writer = Callable[[Data], DataAccessResult]
Method = Callable[[], ActionResult]
SWITCHES: Final = {
    DisconnectControl.REMOTE_DISCONNECT: SwitchEvent.REMOTE_DISCONNECT,
    DisconnectControl.REMOTE_RECONNECT: SwitchEvent.REMOTE_RECONNECT,
}
NO_LIMIT: Final = 0xFFFFFFFF
_AT_ONCE: Final = 0


class Controls:
    """The attributes, writers and methods that a model's [control] table stands for."""

    def __init__(self, control: Control, clock: Obis | None, whose: Whose) -> None:
        self._whose = whose
        self.attributes: dict[tuple[int, Obis, int], Callable[[], Answer]] = {}
        self.writers: dict[tuple[int, Obis, int], Writer] = {}
        self.methods: dict[tuple[int, Obis, int], Method] = {}
        if control.switch is not None:
            self._switch(control.switch)
        if control.limiter is not None:
            self._limiter(control.limiter)
        if control.clock and clock is not None:
            self.writers[InterfaceClass.CLOCK, clock, objects.VALUE] = self._set_clock

    def _switch(self, obis: Obis) -> None:
        def held(number: int) -> Callable[[], Answer]:
            return lambda: self._whose().told.switch.to_attributes()[number]

        for number in (2, 3, 4):
            self.attributes[InterfaceClass.DISCONNECT_CONTROL, obis, number] = held(number)

        def move(event: SwitchEvent) -> Method:
            return lambda: ActionResult.SUCCESS if self._whose().switch(event) else ActionResult.OTHER_REASON

        for number, event in SWITCHES.items():
            self.methods[InterfaceClass.DISCONNECT_CONTROL, obis, number] = move(event)

    def _limiter(self, place: Place) -> None:
        obis, tag, step = place.dlms.obis, place.tag, 10.0**place.scaler

        def threshold() -> Answer:
            watts = self._whose().told.limit_w
            return Data(tag, NO_LIMIT if watts is None else round(watts / step))

        def limit(value: Data) -> DataAccessResult:
            try:
                raw = integer_of(value, "the threshold", tag)
            except DecodeError:
                return DataAccessResult.TYPE_UNMATCHED
            self._whose().limit(round(raw * step))
            return DataAccessResult.SUCCESS

        for number in (Limiter.THRESHOLD_ACTIVE, Limiter.THRESHOLD_NORMAL):
            self.attributes[InterfaceClass.LIMITER, obis, number] = threshold
        self.attributes[InterfaceClass.LIMITER, obis, 6] = lambda: axdr.double_long_unsigned(_AT_ONCE)
        self.writers[InterfaceClass.LIMITER, obis, Limiter.THRESHOLD_NORMAL] = limit

    def _set_clock(self, value: Data) -> DataAccessResult:
        try:
            stamp = value.value if value.tag is Tag.DATE_TIME else CosemDateTime.from_bytes(value.value)
            wanted = halfhours.seconds_of(stamp.to_datetime(LOCAL))
        except (DecodeError, TypeError, AttributeError):
            return DataAccessResult.TYPE_UNMATCHED
        instrument = self._whose()
        instrument.move_clock(wanted - instrument.second())
        return DataAccessResult.SUCCESS
