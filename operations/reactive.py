"""Reactive energy of a bill: which registers tell it, and the surcharge as it is issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from analytics.billing import Rated, RegisterPart, use_register
from model.bill import ClosingIndex, ReactiveBill
from model.period import Period, shown
from model.series import REACTIVE_CODE, Rate
from operations.models import MeterKind, digits_of, multiplier_of
from operations.pairing import Held, Indices, index_way, kwh, status_of
from operations.supplied import REACTIVE
from storage.register import Hung


def instants(place: Hung, period: Period, kind: MeterKind) -> list[datetime]:
    """When the register of reactive import has to be known: both ends, and where the multiplier changes."""
    start, end = max(period.start, place.since), min(period.end, place.until or period.end)
    changes = {item.valid_from for item in place.multipliers if start < item.valid_from < end}
    return [start, *(sorted(changes) if kind.is_secondary else ()), end]


def parts(
    point: Sequence[Hung], period: Period, indices: Indices, kinds: Mapping[str, MeterKind]
) -> tuple[RegisterPart, ...]:
    """The parts of reactive import (VC) of a point over its billed period, in kvarh. Raises `Held` where a
    meter has no such register or its index was not closed."""
    found = []
    for place in point:
        kind = kinds[place.model]
        if REACTIVE not in kind.registers:
            said = (
                f"point {place.point} buys reactive energy, and model {place.model} of meter {place.serial} "
                f"has no register of it (VC): hang one that has, or put “Mua CSPK” to “không” in the "
                "customer file"
            )
            raise Held("no_reactive_register", place.serial, said)
        for start, end in pairwise(instants(place, period, kind)):
            opening, closing = (_index(place, at, indices, kind) for at in (start, end))
            fell = kwh(closing) < kwh(opening)
            found.append(
                RegisterPart(
                    register=REACTIVE_CODE,
                    previous=kwh(opening),
                    current=kwh(closing),
                    digits=digits_of(place),
                    removed=place.until is not None and place.until < period.end,
                    status=status_of(closing, fell=fell),
                    multiplier=multiplier_of(place, start),
                    serial=place.serial,
                )
            )
    return tuple(found)


def _index(place: Hung, at: datetime, indices: Indices, kind: MeterKind) -> ClosingIndex:
    found = indices.get((place.serial, Rate.TOTAL, at))
    if found is None:
        way = index_way(place.serial, [REACTIVE_CODE], at, remembers=kind.remembers)
        said = (
            f"meter {place.serial} has no index of reactive energy (register VC) at "
            f"{shown(at)}: {way}, then close and bill again"
        )
        raise Held("no_reactive_index", place.serial, said)
    return found


def surcharge(rated: Rated, bought: Sequence[RegisterPart]) -> ReactiveBill | None:
    """What is issued beside the bill; None where nothing is bought."""
    found = rated.reactive
    if found is None:
        return None
    figures = found.because.figures
    uses = tuple(use_register(part, Decimal(1)) for part in bought)
    return ReactiveBill(
        kwh=rated.kwh,
        kvarh=sum(use.kwh for use in uses),
        cos_phi=found.cos_phi,
        k_percent=found.k_percent,
        decision=str(figures["decision"]),
        subtotal=found.subtotal,
        vat=found.vat,
        total=found.total,
        uses=uses,
    )
