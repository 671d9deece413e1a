"""The 250 record of NEM13: a register read twice, and the energy between."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timezone
from typing import Final

from operations.formats.flags import NEM_FLAG
from operations.formats.numbers import number, stamp
from operations.formats.values import IndexPair, Rejected, Unusable

_CELLS: Final = 20  # as far as the unit; three days and times may follow


def pair(line: int, cells: Sequence[str], zone: timezone) -> IndexPair | Rejected:
    """Both readings. A negative quantity is what the file says of energy given back."""
    texts = [cell.strip() for cell in cells]
    if len(texts) < _CELLS or not texts[1] or not texts[4]:
        raise Unusable(line, f"the 250 record has {len(texts)} fields and needs {_CELLS}")
    nmi, suffix, serial, direction, unit = texts[1], texts[4], texts[6], texts[7], texts[19]

    def refuse(why: str) -> Rejected:
        return Rejected(line, why, nmi, suffix, unit)

    previous, current, quantity = (number(texts[i]) for i in (8, 13, 18))
    start, end = stamp(texts[9], zone), stamp(texts[14], zone)
    if previous is None or current is None or quantity is None:
        return refuse("a reading or the quantity is no number")
    if start is None or end is None:
        return refuse("a reading bears no day and time like 20040201013000")
    if end <= start:
        return refuse(f"the reading of {end:%Y-%m-%d %H:%M} is not after that of {start:%Y-%m-%d %H:%M}")
    if not NEM_FLAG.fullmatch(texts[15]) or not NEM_FLAG.fullmatch(texts[10]):
        return refuse(f"“{texts[15]}” or “{texts[10]}” is no quality of a reading")
    if direction not in ("E", "I", ""):
        return refuse(f"the direction is “{direction}”: E (from the grid) and I (into it) are known")
    return IndexPair(
        nmi, suffix, unit, start, end, previous, current, quantity, texts[15], texts[10], serial, line,
        {"direction": direction},
    )  # fmt: skip
