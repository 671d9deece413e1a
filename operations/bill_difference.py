"""Bills added up and taken from each other: figures, lines, registers, surcharges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from model.bill import Bill, BillLine, ReactiveBill, RegisterUse


def merged(standing: Sequence[Bill]) -> Bill:
    """A bill and its adjustments as one: figures, lines and registers added up."""
    return replace(
        standing[0],
        lines=_summed([(1, one) for one in standing]),
        uses=_added([one.uses for one in standing]),
        kwh=sum(one.kwh for one in standing),
        wh=sum((one.wh for one in standing), Decimal(0)),
        subtotal=sum(one.subtotal for one in standing),
        vat=sum(one.vat for one in standing),
        total=sum(one.total for one in standing),
        reactive=_merged_reactive([one.reactive for one in standing if one.reactive is not None]),
        pmax_kw=standing[-1].pmax_kw,
    )


def _merged_reactive(asked: Sequence[ReactiveBill]) -> ReactiveBill | None:
    """A surcharge and its adjustments as one; cos φ and k of the last one hold."""
    if not asked:
        return None
    return replace(
        asked[-1],
        kwh=sum(one.kwh for one in asked),
        kvarh=sum(one.kvarh for one in asked),
        subtotal=sum(one.subtotal for one in asked),
        vat=sum(one.vat for one in asked),
        total=sum(one.total for one in asked),
        uses=_added([one.uses for one in asked]),
    )


def _less_reactive(after: ReactiveBill | None, before: ReactiveBill | None) -> ReactiveBill | None:
    """What a surcharge comes to more than it was billed at; nothing where it is as it was."""
    if before is None or after is None:
        return after if before is None else _negative(before)
    if after == before:
        return None
    return replace(
        after,
        kwh=after.kwh - before.kwh,
        kvarh=after.kvarh - before.kvarh,
        subtotal=after.subtotal - before.subtotal,
        vat=after.vat - before.vat,
        total=after.total - before.total,
        uses=_more(after.uses, before.uses),
    )


def _negative(asked: ReactiveBill) -> ReactiveBill:
    return replace(
        asked,
        kwh=-asked.kwh,
        kvarh=-asked.kvarh,
        subtotal=-asked.subtotal,
        vat=-asked.vat,
        total=-asked.total,
        uses=tuple(replace(use, wh=-use.wh, kwh=-use.kwh) for use in asked.uses),
    )


def _summed(signed: Sequence[tuple[int, Bill]]) -> tuple[BillLine, ...]:
    """Lines of bills added up by label and price, each bill with its sign; what comes to nothing is none."""
    lines: dict[tuple[str, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for sign, one in signed:
        for line in one.lines:
            kwh, amount = lines[line.label, line.price]
            lines[line.label, line.price] = (kwh + sign * line.kwh, amount + sign * line.amount)
    return tuple(
        BillLine(label, kwh, price, amount)
        for (label, price), (kwh, amount) in lines.items()
        if kwh or amount
    )


def _keyed(uses: Sequence[RegisterUse]) -> list[tuple[tuple[str, int, bool, int], RegisterUse]]:
    """Registers by meter, rate, whether taken down, and the how-manieth of these."""
    seen: dict[tuple[str, int, bool], int] = defaultdict(int)
    found = []
    for use in uses:
        key = (use.serial, int(use.rate), use.removed)
        found.append(((*key, seen[key]), use))
        seen[key] += 1
    return found


def _added(of: Sequence[Sequence[RegisterUse]]) -> tuple[RegisterUse, ...]:
    """Registers of several bills, what each of them counted added up; the last says how it stands."""
    found: dict[tuple[str, int, bool, int], RegisterUse] = {}
    for uses in of:
        for key, more in _keyed(uses):
            one = found.get(key)
            found[key] = (
                more
                if one is None
                else replace(
                    more,
                    wh=one.wh + more.wh,
                    kwh=one.kwh + more.kwh,
                    carried_wh=one.carried_wh + more.carried_wh,
                )
            )
    return tuple(found.values())


def difference(before: Bill, after: Bill) -> Bill:
    """What `after` has more than `before` (negative: less), in lines and registers too: both add up to it."""
    return replace(
        after,
        lines=_summed([(1, after), (-1, before)]),
        uses=_more(after.uses, before.uses),
        kwh=after.kwh - before.kwh,
        wh=after.wh - before.wh,
        subtotal=after.subtotal - before.subtotal,
        vat=after.vat - before.vat,
        total=after.total - before.total,
        reactive=_less_reactive(after.reactive, before.reactive),
    )


def _more(after: Sequence[RegisterUse], before: Sequence[RegisterUse]) -> tuple[RegisterUse, ...]:
    """What registers counted more than they were billed for; those that are billed no more, less than
    nothing."""
    old, new = dict(_keyed(before)), dict(_keyed(after))
    found = [_less(use, old.get(key)) for key, use in new.items()]
    gone = [use for key, use in old.items() if key not in new]
    nothing = [replace(use, wh=Decimal(0), kwh=0, carried_wh=Decimal(0)) for use in gone]
    return (*found, *map(_less, nothing, gone))


def _less(use: RegisterUse, old: RegisterUse | None) -> RegisterUse:
    """A register as it stands now, with what it counted more than it was billed for."""
    if old is None:
        return use
    return replace(use, wh=use.wh - old.wh, kwh=use.kwh - old.kwh, carried_wh=use.carried_wh - old.carried_wh)
