"""The surcharge for reactive energy as it stands beside its bill, on paper and on the page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from analytics.tariffs import reactive_table
from model.bill import Bill, ReactiveBill, RegisterUse
from model.einvoice import EInvoice
from operations.bill_words import say
from operations.price_standing import UNCONFIRMED
from operations.vietnamese import dong, number

TITLE = "Công suất phản kháng"


def words(asked: ReactiveBill, language: str, *, adjusts: bool = False) -> str:
    """How the surcharge comes about, or that there is none; of one that `adjusts` another, what holds now.
    Where its table was never checked against the circular, that too."""
    kind = "reactive" if asked.k_percent else "no_surcharge"
    said = say(
        "tax", "reactive_adjusted" if adjusts else kind, language, kwh=asked.kwh, kvarh=asked.kvarh,
        cos_phi=asked.cos_phi, k=asked.k_percent, free_from=reactive_table().free_from,
        decision=asked.decision,
    )  # fmt: skip
    doubt = ""
    if asked.total and reactive_table().confidence == UNCONFIRMED:
        doubt = f" {say('tax', 'reactive_unconfirmed', language)}"
    return f"{said[:1].upper()}{said[1:]}.{doubt}"


def title(asked: ReactiveBill) -> str:
    """The heading; what is to be paid is invoiced by itself."""
    return f"{TITLE} (hóa đơn riêng)" if asked.total else TITLE


def sums(bill: Bill, einvoice: EInvoice | None = None) -> Iterator[tuple[str, str]]:
    """What is to be paid, apart from the bill: names and đồng; nothing where there is nothing to pay."""
    asked = bill.reactive
    if asked is None or not asked.total:
        return
    yield "Tiền công suất phản kháng", dong(asked.subtotal)
    yield f"Thuế GTGT {number(bill.vat_percent)} %", dong(asked.vat)
    yield "Cộng theo hóa đơn riêng", dong(asked.total)
    if einvoice is not None:
        yield "Hóa đơn điện tử", f"1{einvoice.series} số {einvoice.number:08d}"


def register(use: RegisterUse) -> str:
    """A register of reactive import and what it counted."""
    indices = f"{number(use.previous)} → {number(use.current)} × {number(use.multiplier)}"
    return f"{use.serial} VC: {indices} = {number(use.kwh)} kvarh"


def lines(bill: Bill, einvoice: EInvoice | None = None, *, adjusts: bool = False) -> Iterator[str]:
    """In plain lines, the heading first; none where no reactive energy is bought."""
    if bill.reactive is None:
        return
    yield f"{title(bill.reactive)}:"
    yield from (f"  {register(use)}" for use in bill.reactive.uses)
    yield f"  {words(bill.reactive, 'vi', adjusts=adjusts)}"
    yield from (f"  {name}: {value}" for name, value in sums(bill, einvoice))


def html(bill: Bill, einvoice: EInvoice | None = None, *, adjusts: bool = False) -> str:
    """A section of the sheet; empty where no reactive energy is bought."""
    if bill.reactive is None:
        return ""
    uses = "".join(f"<div>{escape(register(use))}</div>" for use in bill.reactive.uses)
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in sums(bill, einvoice)
    )
    said = escape(words(bill.reactive, "vi", adjusts=adjusts))
    table = f"<table><tbody>{rows}</tbody></table>"
    return f"<h2>{title(bill.reactive)}</h2><div class=quiet>{uses}<div>{said}</div></div>{table}"
