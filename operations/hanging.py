"""What a meter's model must fit where it hangs: transformers before it, the rates a point is billed by."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from model.grid import Point, Register
from model.period import local_day
from operations import models
from operations.errors import MeterRefused
from operations.models import MeterKind
from operations.pairing import THREE_RATES

ONE = Decimal(1)


def refuse_unsaid_multiplier(
    serial: str, model: str, point: Point, since: datetime, said: Decimal | None, *, new: bool
) -> None:
    """Raises `MeterRefused` where a meter behind transformers would count as if there were none, unless 1 was
    said outright, and where what was said is not what the point has. `new`: the point is made with the meter.
    """
    kind = models.kind(model)
    if new:
        if said is None and kind is not None and kind.is_secondary:
            raise MeterRefused(
                serial,
                f"meter {serial}: model {model} hangs behind transformers, and its kWh count CT × VT times: "
                "give --multiplier (1 where there are none)",
            )
        return
    known = _multiplier_at(point, since)
    if said is not None and said != known:
        raise MeterRefused(
            serial,
            f"meter {serial}: point {point.code} has the multiplier {known.normalize():f}, not "
            f"{said.normalize():f}: leave --multiplier out, or correct “Hệ số nhân” in the customer file",
        )
    if said is None and known == ONE and kind is not None and kind.is_secondary:
        raise MeterRefused(
            serial,
            f"meter {serial}: model {model} hangs behind transformers, while point {point.code} has the "
            "multiplier 1: correct “Hệ số nhân” in the customer file, or say --multiplier 1 if it is so",
        )


def _multiplier_at(point: Point, at: datetime) -> Decimal:
    values = sorted((one.valid_from, one.value) for one in point.multipliers)
    return next((value for start, value in reversed(values) if start <= at), values[0][1] if values else ONE)


def refuse_unbillable(known: Register, serial: str, model: str) -> None:
    """Raises `MeterRefused` where the meter hangs at a point of three rates and its model has but one."""
    kind = models.kind(model)
    hanging = next(
        (item for item in known.installations if item.serial == serial and item.until is None), None
    )
    point = next(
        (point for point in known.points if hanging is not None and point.code == hanging.point), None
    )
    if kind is not None and hanging is not None and point is not None:
        refuse_too_few_rates(serial, model, kind, point, hanging.since)


def refuse_too_few_rates(serial: str, model: str, kind: MeterKind, point: Point, since: datetime) -> None:
    """The same of a point known already."""
    lacking = [rate.code for rate in THREE_RATES if rate not in kind.rates]
    supplies = sorted(point.supplies, key=lambda supply: supply.valid_from)
    begun = [supply for supply in supplies if supply.valid_from <= local_day(since)]
    in_force = [*begun[-1:], *(supply for supply in supplies if supply.valid_from > local_day(since))]
    if lacking and any(not supply.one_rate for supply in in_force):
        raise MeterRefused(
            serial,
            f"meter {serial}: point {point.code} is billed by three rates, and model {model} has no register "
            f"{', '.join(lacking)}, so that no bill could be made: hang a model of three rates "
            "(`ami meter models`), or put “Một giá” to “có” in the customer file",
        )
