"""Scalers and units as meters themselves tell them.

IEC 62056-6-2: attribute 3 of registers and extended registers, 4 of demand registers.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from collector.exchange.conversation import Conversation
from protocols.dlms import axdr
from protocols.dlms.apdu import Attribute
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.events import Got
from protocols.dlms.objects import InterfaceClass, ScalerUnit, scaler_attribute
from protocols.errors import RemoteError
from protocols.meter_models.model import Place

TRIES_ALONG = 2
ALIKE = 64  # different answers to one question that are remembered
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


class _Told:
    """What meters have said of their scalers: one for all that have said the same, so it never changes."""

    def __init__(self, scalers: dict[Attribute, int | None]) -> None:
        self.scalers = scalers
        self._of: dict[Scaled, tuple[int, ...]] = {}
        self._unknown: dict[tuple[Scaled, ...], Unknown] = {}

    def unknown(self, wanted: tuple[Scaled, ...]) -> Unknown:
        found = self._unknown.get(wanted)
        if found is None:
            places = {at: place for scaled in wanted for at, place in scaled.untold.items()}
            places = {at: place for at, place in places.items() if at not in self.scalers}
            found = self._unknown[wanted] = Unknown(self.scalers, places)
        return found

    def of(self, scaled: Scaled) -> tuple[int, ...]:
        found = self._of.get(scaled)
        if found is None:
            told = [None if at is None else self.scalers.get(at) for at in scaled.scalers]
            pairs = zip(scaled.places, told, strict=True)
            found = self._of[scaled] = tuple(
                [place.scaler if said is None else said for place, said in pairs]
            )
        return found


class Unknown:
    """Scalers that have to be asked for, and the places they are of; what the answers mean is kept."""

    def __init__(self, told: dict[Attribute, int | None], places: dict[Attribute, Place]) -> None:
        self.attributes = tuple(places)
        self._places, self._told = places, told
        self._after: dict[tuple[bytes | DataAccessResult, ...], _Told] = {}

    def answered(self, answers: Iterable[Got]) -> _Told:
        """All that is known with these answers. Raises `RemoteError`, see `Scales.learn`."""
        results = tuple([got.result for got in answers])
        after = self._after.get(results)
        if after is None:
            said = zip(self._places.items(), results, strict=True)
            after = _Told(self._told | {at: _scaler(at, place, result) for (at, place), result in said})
            if len(self._after) < ALIKE:
                self._after[results] = after
        return after


_NOTHING: Final = _Told({})


class Scales:
    """What one meter has said of its scalers; asked once in the life of the program.

    `along`: how often it may still be tried whether it gives rows of a profile in a list with other values.
    """

    __slots__ = ("_told", "along")

    def __init__(self) -> None:
        self._told = _NOTHING
        self.along = TRIES_ALONG

    def unknown(self, wanted: tuple[Scaled, ...]) -> Unknown:
        """What has to be asked for these places."""
        return self._told.unknown(wanted)

    async def learn(self, talk: Conversation, unknown: Unknown) -> None:
        """Ask for those not known yet. A meter that does not tell is believed to be as its model says.

        Raises `RemoteError` when a unit is not the model's: every figure would be wrong.
        """
        if unknown.attributes:
            self._told = unknown.answered(await talk.get_all(unknown.attributes))

    def scalers(self, scaled: Scaled) -> tuple[int, ...]:
        """The meter's own scalers, or its model's, of all these places."""
        return self._told.of(scaled)

    def scaler(self, place: Place) -> int:
        """The meter's own scaler, or its model's."""
        attribute = _scaler_of(place)
        told = self._told.scalers.get(attribute) if attribute is not None else None
        return place.scaler if told is None else told


def _scaler(at: Attribute, place: Place, result: bytes | DataAccessResult) -> int | None:
    """What a meter has said; None where it says nothing of it."""
    if isinstance(result, DataAccessResult):
        return None
    said = _scaler_unit(result)
    if said.unit != place.unit:
        raise RemoteError(
            f"{at.obis} is measured in unit {said.unit}, the meter's model says "
            f"{place.unit.name.lower()}: correct its model in the register",
            result,
        )
    return said.scaler


@lru_cache(maxsize=256)
def _scaler_unit(raw: bytes) -> ScalerUnit:
    """Off the wire; there are but a few."""
    return ScalerUnit.from_data(axdr.decode(raw))


def _scaler_of(place: Place) -> Attribute | None:
    at = place.attribute
    if at is None or at.class_id not in _SCALED:
        return None
    return Attribute(at.class_id, at.obis, scaler_attribute(at.class_id))
