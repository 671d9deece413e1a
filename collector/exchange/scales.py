"""Scalers and units as meters themselves tell them.

IEC 62056-6-2: attribute 3 of registers and extended registers, 4 of demand registers.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from collector.exchange.conversation import Conversation
from protocols.dlms import axdr
from protocols.dlms.apdu import Attribute
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.events import Got
from protocols.dlms.objects import InterfaceClass, ScalerUnit, scaler_attribute
from protocols.errors import RemoteError
from protocols.meter_models.model import Place

TRIES_ALONG = 2
_UNTOLD = 1 << 20  # no scaler
_SCALED = (InterfaceClass.REGISTER, InterfaceClass.EXTENDED_REGISTER, InterfaceClass.DEMAND_REGISTER)


class Scaled:
    """Places of a DLMS model, where their values stand and where their scalers do (None: nowhere)."""

    def __init__(self, places: Iterable[Place]) -> None:
        self.places = tuple(places)
        self.values = tuple([place.dlms for place in self.places])
        self.scalers = tuple([_scaler_of(place) for place in self.places])
        self.untold = {
            at: place for at, place in zip(self.scalers, self.places, strict=True) if at is not None
        }


class Scales:
    """What one meter has said of its scalers; asked once in the life of the program.

    `along`: how often it may still be tried whether it gives rows of a profile in a list with other values.
    """

    def __init__(self) -> None:
        self._told: dict[Attribute, int | None] = {}
        self._known: dict[int, tuple[int, ...]] = {}  # by identity of what is asked for again and again
        self.along = TRIES_ALONG

    def unknown(self, wanted: Iterable[Scaled]) -> dict[Attribute, Place]:
        """What has to be asked for these places, and for which of them."""
        found: dict[Attribute, Place] = {}
        for scaled in wanted:
            if id(scaled) not in self._known:
                found |= scaled.untold
        if found and self._told:
            return {attribute: place for attribute, place in found.items() if attribute not in self._told}
        return found

    async def learn(self, talk: Conversation, wanted: dict[Attribute, Place]) -> None:
        """Ask for those not known yet. A meter that does not tell is believed to be as its model says.

        Raises `RemoteError` when a unit is not the model's: every figure would be wrong.
        """
        if wanted:
            self.told(wanted, await talk.get_all(tuple(wanted)))

    def told(self, wanted: dict[Attribute, Place], answers: list[Got]) -> None:
        """What the meter has answered, as in `learn`."""
        self._known.clear()
        for (attribute, place), got in zip(wanted.items(), answers, strict=True):
            if isinstance(got.result, DataAccessResult):
                self._told[attribute] = None
                continue
            said = _scaler_unit(got.result)
            if said.unit != place.unit:
                raise RemoteError(
                    f"{attribute.obis} is measured in unit {said.unit}, the meter's model says "
                    f"{place.unit.name.lower()}: correct its model in the register",
                    got.result,
                )
            self._told[attribute] = said.scaler

    def scalers(self, scaled: Scaled) -> tuple[int, ...]:
        """The meter's own scalers, or its model's, of all these places."""
        found = self._known.get(id(scaled))
        if found is None:
            told = [None if at is None else self._told.get(at, _UNTOLD) for at in scaled.scalers]
            pairs = zip(scaled.places, told, strict=True)
            found = tuple(
                [place.scaler if said is None or said == _UNTOLD else said for place, said in pairs]
            )
            if _UNTOLD not in told:
                self._known[id(scaled)] = found
        return found

    def scaler(self, place: Place) -> int:
        """The meter's own scaler, or its model's."""
        attribute = _scaler_of(place)
        told = self._told.get(attribute) if attribute is not None else None
        return place.scaler if told is None else told


@lru_cache(maxsize=256)
def _scaler_unit(raw: bytes) -> ScalerUnit:
    """Off the wire; there are but a few."""
    return ScalerUnit.from_data(axdr.decode(raw))


def _scaler_of(place: Place) -> Attribute | None:
    at = place.attribute
    if at is None or at.class_id not in _SCALED:
        return None
    return Attribute(at.class_id, at.obis, scaler_attribute(at.class_id))
