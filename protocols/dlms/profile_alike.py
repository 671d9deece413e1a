"""Answers that differ in their values alone: a fleet of one kind of meter is asked for the same day.

Whatever is no value in such an answer (tags, lengths, stamps) is compared, as one long number, with what came
and was decoded before; where it is the same, the values are all there is to take out of it. An answer unlike
any before goes to `protocols.dlms.profile.decode_rows`, and is learnt from it.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final, Generic, TypeVar

from protocols.dlms.axdr import INTEGERS, Tag
from protocols.dlms.profile import ProfileRows
from protocols.dlms.selection import CaptureObject

T = TypeVar("T")
LONGEST: Final = 1 << 14
"""Bytes of an answer that is remembered: a week of half-hours in two columns."""
LENGTHS, KINDS = 32, 32  # different lengths that are known, and different answers of each
_CODES: Final = {
    (1, False): "B",
    (1, True): "b",
    (2, False): "H",
    (2, True): "h",
    (4, False): "I",
    (4, True): "i",
}


class Alike(Generic[T]):
    """The answers of one profile; with each kind of answer something of the caller's is kept."""

    def __init__(self, captures: Sequence[CaptureObject]) -> None:
        self._captures = tuple(captures)
        self._forms: dict[int, _Form[T]] = {}

    def read(self, raw: bytes) -> tuple[T, tuple[tuple[int, ...], ...]] | None:
        """What was kept of such answers, and this one's values column by column; None where it is new."""
        form = self._forms.get(len(raw))
        if form is None:
            return None
        kept = form.kept.get(int.from_bytes(raw, "big") & form.mask)
        if kept is None:
            return None
        values, width = form.unpack(raw), form.width
        if width == 1:
            return kept, (values,)
        return kept, tuple([values[at::width] for at in range(width)])

    def learn(self, raw: bytes, rows: ProfileRows, keep: T) -> None:
        """An answer that was decoded into `rows`. Rows that are not all alike are not remembered."""
        if len(raw) > LONGEST or not len(rows.stamps):
            return
        form = self._forms.get(len(raw)) or _form(raw, self._captures, len(rows.stamps))
        if form is None:
            return
        columns = [tuple(column.values.tolist()) for column in rows.columns if column.present.all()]
        values = form.unpack(raw)
        if columns != [values[at :: form.width] for at in range(form.width)]:
            return
        if len(self._forms) >= LENGTHS and len(raw) not in self._forms:
            self._forms.clear()
        if len(form.kept) >= KINDS:
            form.kept.clear()
        form.kept[int.from_bytes(raw, "big") & form.mask] = keep
        self._forms[len(raw)] = form


class _Form(Generic[T]):
    """Answers of one length: which of their bytes are no values, and how those are read."""

    __slots__ = ("kept", "mask", "unpack", "width")

    def __init__(self, mask: bytes, layout: str, width: int) -> None:
        self.mask = int.from_bytes(mask, "big")
        self.unpack = Struct(layout).unpack
        self.width = width
        self.kept: dict[int, T] = {}


def _form(raw: bytes, captures: Sequence[CaptureObject], count: int) -> _Form[T] | None:
    """The form of an answer whose rows all look like its first one; None where they cannot."""
    start = 2 if raw[1] < 0x80 else 2 + (raw[1] & 0x7F)
    at, mask, layout = start + 2, bytearray(b"\xff\xff"), "2x"
    for capture in captures:
        tag = raw[at] if at < len(raw) else Tag.NULL
        code = _CODES.get(INTEGERS.get(tag, (0, False)))
        size = 14 if tag == Tag.OCTET_STRING else 13
        if capture.is_clock and tag in (Tag.OCTET_STRING, Tag.DATE_TIME):
            mask += b"\xff" * size
            layout += f"{size}x"
            at += size
        elif code is not None and not capture.is_clock:
            octets = INTEGERS[tag][0]
            mask += b"\xff" + bytes(octets)
            layout += f"x{code}"
            at += 1 + octets
        else:
            return None
    if start + count * len(mask) != len(raw):
        return None
    return _Form(b"\xff" * start + mask * count, f">{start}x" + layout * count, len(captures) - 1)
