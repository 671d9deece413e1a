"""What a meter model can be told, and what of an order's parameters makes sense; each no in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from protocols import meter_models
from protocols.errors import LocalError
from protocols.meter_models.model import MeterModel
from storage.orders import OrderKind

ITEMS: Final = ("registers", "instants", "profile", "switch", "limit")
"""What an on-demand reading may ask for; the clock comes with everything."""
MOST_W: Final = 1_000_000


def inability(name: str, kind: OrderKind, parameters: Mapping[str, Any]) -> str:
    """Why a meter of this model cannot do that; empty when it can."""
    try:
        model = meter_models.load(name)
    except LocalError as error:
        return f"cannot be told anything: {error.reason}"
    match kind:
        case OrderKind.READ:
            return _reading(model, parameters.get("items", []))
        case OrderKind.CONNECT | OrderKind.DISCONNECT:
            return (
                "" if model.control.switch else "has no switch that works from afar: somebody has to go there"
            )
        case OrderKind.SET_CLOCK:
            return "" if model.control.clock else "has no clock that can be set from afar: set it on the spot"
        case OrderKind.ROTATE_KEYS:
            keyed = model.dlms_settings.keyed if model.dlms_settings is not None else None
            if keyed is None:
                return "is opened without keys, so there are none to change"
            return "" if keyed.setup is not None else "takes no new keys from afar"
        case OrderKind.SET_LIMIT:
            return _limit(model, parameters.get("limit_w"))


def _reading(model: MeterModel, items: Any) -> str:
    for item in items:
        if item not in ITEMS:
            return f"is not read for “{item}”: ask for {', '.join(ITEMS)}"
    if "switch" in items and model.control.switch is None:
        return "has no switch that could be looked at"
    if "limit" in items and model.control.limiter is None:
        return "has no limiter that could be looked at"
    if "profile" in items and model.profile is None and not model.logger_columns:
        return "keeps no load profile"
    if "instants" in items and not model.instants:
        return "shows no volts and amperes"
    return ""


def _limit(model: MeterModel, watts: Any) -> str:
    if model.control.limiter is None:
        return "has no limiter: its supply cannot be limited from afar"
    if not isinstance(watts, int) or isinstance(watts, bool) or not 0 <= watts <= MOST_W:
        return f"takes a limit of 0 to {MOST_W} whole watts, not {watts!r}"
    return ""
