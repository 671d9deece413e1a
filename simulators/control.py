"""Orders to the fleet: one JSON document a line, answered by one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from model.clock import parse_instant
from model.errors import ModelError
from simulators import halfhours
from simulators.air import Air
from simulators.errors import ControlError
from simulators.hung import Fleet
from simulators.moving_clock import MovingClock

Order = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Control:
    """Obeys one line at a time.

    `truth` gives the registers of a period by serial, `buffers` the rows that replaying meters hold now,
    `dead` the modems and meters that answer nothing now, `intervals` the Wh of a meter's half-hours, `told`
    what meters were told from afar; `drift` moves a meter's clock, `power` cuts a station off or connects it,
    `exchanges` counts what became of them in a network that is not clean.
    """

    fleet: Fleet
    clock: MovingClock
    air: Air
    truth: Callable[[datetime, datetime], dict[str, dict[str, int]]]
    buffers: Callable[[], dict[str, dict[str, int]]] = dict
    dead: Callable[[], dict[str, list[str]]] = dict
    intervals: Callable[[str, datetime, datetime], list[int]] = lambda serial, begin, end: []
    told: Callable[[], dict[str, dict[str, object]]] = dict
    drift: Callable[[str, int], None] = lambda serial, seconds: None
    power: Callable[[str, bool], list[str]] = lambda station, on: []
    exchanges: Callable[[], dict[str, int]] = dict

    def obey(self, line: str) -> dict[str, Any]:
        """The answer to a line; what cannot be obeyed is answered with one sentence under "error"."""
        try:
            order = json.loads(line)
        except ValueError:
            return {"error": f"an order is one JSON document a line, not {line.strip()[:80]!r}"}
        try:
            return self._obey(order)
        except (ControlError, ModelError) as error:
            return {"error": str(error)}

    def _obey(self, order: Any) -> dict[str, Any]:
        match order:
            case {"do": "clock", "at": at}:
                self.clock.set(None if at is None else _instant(at))
                return {"clock": self.clock().isoformat()}
            case {"do": "silence", "on": bool(on), **rest}:
                modems = self._modems(rest.get("modems", "planted"))
                for modem in modems:
                    self.air.order(modem, on)
                return {"silence": dict.fromkeys(modems, on)}
            case {"do": "truth", "from": begin, "to": end}:
                return {"truth": self._truth(_instant(begin), _instant(end))}
            case {"do": "intervals", "meters": [*serials], "from": begin, "to": end}:
                return {"intervals": self._intervals(serials, _instant(begin), _instant(end))}
            case {"do": "drift", "meter": str(serial), "seconds": int(seconds)}:
                if serial not in self.fleet.meters:
                    raise ControlError(f"there is no meter {serial!r}")
                self.drift(serial, seconds)
                return {"drift": {serial: seconds}}
            case {"do": "power", "station": str(station), "on": bool(on)}:
                if station not in {known.code for known in self.fleet.stations}:
                    raise ControlError(f"there is no station {station!r}")
                return {"power": dict.fromkeys(self.power(station, on), on)}
            case {"do": "corrupt", "answers": int(answers)} if answers >= 0:
                self.air.corrupt(answers)
                return {"corrupt": answers}
            case {"do": "exchanges"}:
                return {"exchanges": self.exchanges()}
            case _:
                known = (
                    "clock (at), silence (modems, on), truth (from, to), intervals (meters, from, to), "
                    "corrupt (answers), drift (meter, seconds), power (station, on), exchanges"
                )
                raise ControlError(f"{json.dumps(order)[:80]} is no order: the fleet knows {known}")

    def _modems(self, wanted: Any) -> tuple[str, ...]:
        if wanted == "planted":
            return self.air.planted
        known = {line.code for line in self.fleet.lines}
        if not isinstance(wanted, list) or not all(isinstance(code, str) for code in wanted):
            raise ControlError('modems are a list of codes, or "planted"')
        unknown = sorted(set(wanted) - known)
        if unknown:
            raise ControlError(f"there is no modem {', '.join(unknown)}")
        return tuple(wanted)

    def _truth(self, begin: datetime, end: datetime) -> dict[str, Any]:
        if end < begin:
            raise ControlError(f"the period ends ({end.isoformat()}) before it starts ({begin.isoformat()})")
        planted = [{"meter": fault.serial, "kind": fault.kind.value} for fault in self.fleet.planted]
        return {
            "planted": planted,
            "registers": self.truth(begin, end),
            "buffers": self.buffers(),
            "dead": self.dead(),
            "told": self.told(),
        }

    def _intervals(self, serials: list[Any], begin: datetime, end: datetime) -> dict[str, list[int]]:
        """Whole half-hours of the period, of meters that hang from before it on."""
        known = self.fleet.meters
        for serial in serials:
            if not isinstance(serial, str) or serial not in known:
                raise ControlError(f"there is no meter {serial!r}")
            if halfhours.slot_of(begin) < known[serial].since or end < begin:
                raise ControlError(
                    f"the period of {serial} begins before the meter does, or ends before it begins"
                )
        return {serial: self.intervals(serial, begin, end) for serial in serials}


def _instant(text: Any) -> datetime:
    if not isinstance(text, str):
        raise ControlError(f"{text!r} is no instant: write it like 2026-10-01T06:30+07:00")
    return parse_instant(text)
