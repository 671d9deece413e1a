"""What is asked of a meter known by its address alone, and what was found there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from model.period import LOCAL
from model.series import Unit

UNITS: dict[int, str] = {
    Unit.WATT: "W",
    Unit.VAR: "var",
    Unit.WATT_HOUR: "Wh",
    Unit.VAR_HOUR: "varh",
    Unit.AMPERE: "A",
    Unit.VOLT: "V",
    Unit.HERTZ: "Hz",
    Unit.NONE: "",
    # What the stored readings do not know, and meters have all the same (IEC 62056-6-2, table of units).
    4: "d",
    5: "h",
    6: "min",
    7: "s",
    8: "°",
    9: "°C",
    13: "m³",
    28: "VA",
    31: "VAh",
    38: "Ω",
    47: "1/VAh",
    48: "V²h",
    49: "A²h",
    56: "%",
    57: "Ah",
    72: "dB",
}


@dataclass(frozen=True, slots=True)
class ProfileAsked:
    """Rows of a profile: by time (`first` to `last`, aware) or by `entries`, counted from 1 at the oldest."""

    obis: str
    first: datetime | None = None
    last: datetime | None = None
    entries: tuple[int, int] | None = None

    def unlike(self, rows: int, stamps: Sequence[int] | None, slack_s: int = 0) -> str:
        """Why these rows are no answer to this question; empty when they may be one.

        `stamps` are seconds since 1970 UTC, none where the rows have none or their numbers were not asked
        for. `slack_s`: so much later than `last` an interval may end that began before it.
        """
        if self.entries is not None and self.entries[1]:
            asked = self.entries[1] - self.entries[0] + 1
            if rows > asked:
                return f"the meter ignored the selection: {rows} rows came where {asked} were asked for"
        if not stamps or self.first is None or self.last is None:
            return ""
        first, last = min(stamps), max(stamps)
        if self.first.timestamp() <= first and last <= self.last.timestamp() + slack_s:
            return ""
        came, asked_for = (
            f"from {_at(begin)} to {_at(end)}" for begin, end in ((first, last), self._bounds())
        )
        return f"the meter ignored the selection: rows {came} came where those {asked_for} were asked for"

    def _bounds(self) -> tuple[float, float]:
        assert self.first is not None
        assert self.last is not None
        return self.first.timestamp(), self.last.timestamp()


def _at(second: float) -> str:
    return datetime.fromtimestamp(second, UTC).astimezone(LOCAL).isoformat(timespec="minutes")


@dataclass(frozen=True, slots=True)
class Asked:
    """What to read. `items`: OBIS codes, or ADDRESS:COUNT at a Modbus meter."""

    items: tuple[str, ...] = ()
    clock: bool = False
    objects: bool = False
    profile: ProfileAsked | None = None


@dataclass(slots=True)
class Found:
    """What was read, as the JSON document of `ami read`."""

    registers: list[dict[str, Any]] = field(default_factory=list)
    clock: str | None = None
    profile: dict[str, Any] | None = None
    objects: list[dict[str, Any]] | None = None
    refused: list[dict[str, str]] = field(default_factory=list)

    def register(
        self, item: str, raw: int | float | str | list[Any], scaler: int = 0, unit: str = ""
    ) -> None:
        """One value; a number times ten to its scaler is written out exactly."""
        value: str | None = None
        if isinstance(raw, str):
            value = raw
        elif isinstance(raw, int | float):
            value = format(Decimal(str(raw)).scaleb(scaler), "f")
        self.registers.append({"item": item, "raw": raw, "scaler": scaler, "unit": unit, "value": value})

    def refuse(self, item: str, reason: str) -> None:
        """One item that could not be had; the others are read all the same."""
        self.refused.append({"item": item, "reason": reason})

    @property
    def spoken(self) -> bool:
        """The meter has told something, be it a no."""
        return bool(self.registers or self.refused or self.clock or self.profile or self.objects is not None)

    def missing(self, asked: Asked) -> Sequence[str]:
        """What was asked for and has neither come nor been refused, in the order of asking."""
        told = Counter(one["item"] for one in (*self.registers, *self.refused))
        told["objects"] += self.objects is not None
        told["clock"] += self.clock is not None
        names = ["objects"] * asked.objects + ["clock"] * asked.clock + list(asked.items)
        if asked.profile is not None:
            names.append(asked.profile.obis)
            told[asked.profile.obis] += self.profile is not None
        left = []
        for name in names:
            if told[name]:
                told[name] -= 1
            else:
                left.append(name)
        return left

    def document(self) -> dict[str, Any]:
        """`objects` is there only when it was asked for."""
        found: dict[str, Any] = {"registers": self.registers, "clock": self.clock, "profile": self.profile}
        if self.objects is not None:
            found["objects"] = self.objects
        return {**found, "refused": self.refused}


def unit_word(code: int) -> str:
    """The sign of a DLMS unit code, the code itself where it is not one met here."""
    return UNITS.get(code, str(code))
