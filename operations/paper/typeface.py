"""The typeface of the page: Source Sans Pro (SIL OFL 1.1), out of its package, embedded in each document.

Its figures are all of one width, so columns of numbers stand straight, and it has every Vietnamese letter.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

PLAIN = "SourceSansPro-Regular"
STRONG = "SourceSansPro-Semibold"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+")


@cache
def ready() -> dict[str, TTFont]:
    """The two cuts, made known to ReportLab once."""
    folder = files("font_source_sans_pro") / "files"
    fonts = {cut: TTFont(cut, str(folder / f"{cut}.ttf")) for cut in (PLAIN, STRONG)}
    for font in fonts.values():
        pdfmetrics.registerFont(font)
    return fonts


@cache
def _letters(cut: str) -> frozenset[int]:
    return frozenset(ready()[cut].face.charToGlyph)


@lru_cache(4096)
def printable(text: str, cut: str = PLAIN) -> str:
    """What of a text can be set: composed letters, no control characters, `?` where the typeface has no
    such letter."""
    composed = unicodedata.normalize("NFC", _UNPRINTABLE.sub(" ", text))
    known = _letters(cut)
    return "".join(letter if ord(letter) in known else "?" for letter in composed)


def width(text: str, cut: str, size: float) -> float:
    """In points."""
    ready()
    return float(pdfmetrics.stringWidth(printable(text, cut), cut, size))


def wrapped(text: str, cut: str, size: float, room: float, lines: int = 0) -> list[str]:
    """A text in lines no wider than `room` points, at most `lines` of them (0: as many as it takes); what
    is left out is told by an ellipsis."""
    done: list[str] = []
    current = ""
    for word in printable(text, cut).split(" "):
        for part in _pieces(word, cut, size, room):
            longer = f"{current} {part}" if current else part
            if current and width(longer, cut, size) > room:
                done.append(current)
                current = part
            else:
                current = longer
    done.append(current)
    if lines and len(done) > lines:
        done = [*done[: lines - 1], _shortened(done[lines - 1], cut, size, room)]
    return done


def _pieces(word: str, cut: str, size: float, room: float) -> list[str]:
    """A word that is wider than a line, in parts that are not."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and width(pieces[-1] + letter, cut, size) > room:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _shortened(text: str, cut: str, size: float, room: float) -> str:
    while text and width(f"{text}…", cut, size) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"
