"""Looking at a meter's switch (class 70) and limiter (class 71)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from collector.exchange.conversation import Conversation
from collector.exchange.notebook import Notebook
from protocols.dlms import axdr
from protocols.dlms.axdr import Tag, integer_of
from protocols.dlms.objects import InterfaceClass
from protocols.dlms.objects.disconnecting import DisconnectControl
from protocols.dlms.objects.limiting import Limiter
from protocols.dlms.reference import Attribute
from protocols.meter_models.model import Place
from protocols.obis import Obis

SWITCH: Final = "switch"
LIMIT: Final = "limit"


@dataclass(frozen=True, slots=True)
class Switch:
    """How the switch stands, and the bytes that say so."""

    held: DisconnectControl
    raw: bytes

    @property
    def facts(self) -> dict[str, Any]:
        """For an order's result."""
        held = self.held
        return {"closed": held.output, "state": held.state.name.lower(), "mode": int(held.mode)}


@dataclass(frozen=True, slots=True)
class Limit:
    """The thresholds as the meter holds them, raw × 10^scaler W, and the bytes that say so."""

    active: int
    normal: int
    tag: Tag
    scaler: int
    raw: bytes

    @property
    def watts(self) -> float:
        """The threshold it goes by outside an emergency."""
        return self.normal * 10.0**self.scaler

    @property
    def facts(self) -> dict[str, Any]:
        """For an order's result."""
        return {"limit_w": self.watts, "active_w": self.active * 10.0**self.scaler}


async def read_switch(talk: Conversation, obis: Obis, notes: Notebook) -> Switch:
    """Output, state and mode in one question; raises `Refused`, `DecodeError`."""
    notes.asking = (SWITCH, None)
    asked = tuple(Attribute(InterfaceClass.DISCONNECT_CONTROL, obis, number) for number in (2, 3, 4))
    raws = [answer.raw() for answer in await talk.get_all(asked)]
    held = DisconnectControl.from_attributes(
        obis, {number: axdr.decode(raw) for number, raw in zip((2, 3, 4), raws, strict=True)}
    )
    return Switch(held, b"".join(raws))


async def read_limit(talk: Conversation, place: Place, notes: Notebook) -> Limit:
    """Both thresholds in one question; raises `Refused`, `DecodeError`."""
    notes.asking = (LIMIT, None)
    numbers = (Limiter.THRESHOLD_ACTIVE, Limiter.THRESHOLD_NORMAL)
    obis = place.dlms.obis
    got = await talk.get_all(tuple(Attribute(InterfaceClass.LIMITER, obis, number) for number in numbers))
    raws = [answer.raw() for answer in got]
    held = Limiter.from_attributes(
        obis, {number: axdr.decode(raw) for number, raw in zip(numbers, raws, strict=True)}
    )
    return Limit(
        integer_of(held.active, "active threshold"),
        integer_of(held.normal, "normal threshold"),
        held.normal.tag,
        place.scaler,
        b"".join(raws),
    )
