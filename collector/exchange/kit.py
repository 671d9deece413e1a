"""What conversations with meters of one model need again and again, worked out once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress, product
from typing import Final, TypeVar

from collector.exchange.scales import Scaled, Unknown
from collector.polling.plan import Span, Wanted
from protocols.dlms.get import Listing
from protocols.dlms.reference import Access, Attribute
from protocols.meter_models.model import MeterModel

LISTINGS: Final = 64  # different first questions to a model that are remembered

M = TypeVar("M")
T = TypeVar("T")
Selected = tuple[Attribute, Access]


def once(make: Callable[[M], T]) -> Callable[[M], T]:
    """What is made of a model or a profile, once for each. They are told apart by identity."""
    made: dict[int, tuple[M, T]] = {}

    def of(thing: M) -> T:
        found = made.get(id(thing))
        if found is None:
            found = made[id(thing)] = (thing, make(thing))  # kept, so that its id stays its own
        return found[1]

    return of


class Kit:
    """Of a DLMS model: what stands where, and how its first question looks in bytes."""

    def __init__(self, model: MeterModel) -> None:
        self.model = model
        columns = () if model.profile is None else model.profile.columns
        self.base = tuple([attribute for attribute in (model.serial, model.clock) if attribute is not None])
        self.registers = Scaled([item.place for item in model.registers])
        self.keys = tuple([item.key for item in model.registers])
        self.instants = Scaled([item.place for item in model.instants])
        self.columns = Scaled([column.place for column in columns])
        self._needed = {
            which: tuple(compress((self.registers, self.columns, self.instants), which))
            for which in product((False, True), repeat=3)
        }
        self._listings: dict[tuple[object, ...], Listing] = {}

    def scaled(self, wanted: Wanted) -> tuple[Scaled, ...]:
        """The places whose scalers a conversation needs."""
        registers = bool(wanted.registers or wanted.billing)
        return self._needed[registers, bool(wanted.profile), wanted.instants]

    def first(
        self,
        unknown: Unknown,
        wanted: Wanted,
        newest: Span | None,
        select: Callable[[MeterModel, Span], Selected],
    ) -> Listing:
        """Serial, clock, and what comes next anyway: scalers not known yet, instants, registers, and the rows
        of `newest`, as `select` says them.

        Instants and registers only where they are asked next: they bear the time at which the answer came.
        """
        soon = not (wanted.closing or wanted.billing)
        instants, registers = soon and wanted.instants, soon and wanted.registers
        rows = None if newest is None else (newest.asked.start, newest.asked.end, newest.opening)
        key = (unknown, instants, registers, rows)
        found = self._listings.get(key)
        if found is None:
            if len(self._listings) >= LISTINGS:
                self._listings.clear()
            plain = [*self.base, *unknown.attributes]
            if instants:
                plain += self.instants.values
            if registers:
                plain += self.registers.values
            items: list[tuple[Attribute, Access | None]] = [(each, None) for each in plain]
            if newest is not None:
                items.append(select(self.model, newest))
            found = self._listings[key] = Listing(tuple(items))
        return found


kit_of: Final[Callable[[MeterModel], Kit]] = once(Kit)
