"""A page to write on: millimetres from its upper left corner, text in points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from operations.paper.typeface import PLAIN, printable, width, wrapped

WIDTH, HEIGHT = 210.0, 297.0  # A4, in mm
LEFT, RIGHT = 14.0, 196.0

INK = HexColor("#15211f")
QUIET = HexColor("#56635f")
TEAL = HexColor("#0b655c")
PALE = HexColor("#e8f1ef")
RULE = HexColor("#d5d9d4")
AMBER = HexColor("#fff4d9")
BROWN = HexColor("#6d4a00")

Align = Literal["left", "right", "centre"]


@dataclass(frozen=True, slots=True)
class Style:
    """A size in points, a cut of the typeface and a colour."""

    size: float
    cut: str = PLAIN
    colour: Color = INK

    @property
    def leading(self) -> float:
        """From one line to the next, in mm."""
        return self.size * 1.24 / mm


class Page:
    """One page of a canvas."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas

    def text(self, x: float, y: float, text: str, style: Style, align: Align = "left") -> None:
        """One line, its base at `y`."""
        said = printable(text, style.cut)
        self._canvas.setFont(style.cut, style.size)
        self._canvas.setFillColor(style.colour)
        at = x * mm
        if align != "left":
            at -= width(said, style.cut, style.size) * (1.0 if align == "right" else 0.5)
        self._canvas.drawString(at, (HEIGHT - y) * mm, said)

    def lines(self, room: float, text: str, style: Style, lines: int = 0) -> list[str]:
        """A text in lines no wider than `room` mm, at most `lines` of them."""
        return wrapped(text, style.cut, style.size, room * mm, lines)

    def block(
        self, x: float, y: float, room: float, text: str, style: Style, lines: int = 0, align: Align = "left"
    ) -> float:
        """Lines no wider than `room` mm, the first one's base at `y`; where the next one's would be."""
        for line in self.lines(room, text, style, lines):
            self.text(x, y, line, style, align)
            y += style.leading
        return y

    def rule(
        self, y: float, colour: Color = RULE, weight: float = 0.4, x: float = LEFT, to: float = RIGHT
    ) -> None:
        """A line across, `weight` in points."""
        self._canvas.setStrokeColor(colour)
        self._canvas.setLineWidth(weight)
        self._canvas.line(x * mm, (HEIGHT - y) * mm, to * mm, (HEIGHT - y) * mm)

    def box(self, x: float, y: float, wide: float, high: float, colour: Color, radius: float = 0.0) -> None:
        """A filled rectangle whose upper left corner is at x, y."""
        self._canvas.setFillColor(colour)
        left, bottom = x * mm, (HEIGHT - y - high) * mm
        if radius:
            self._canvas.roundRect(left, bottom, wide * mm, high * mm, radius * mm, stroke=0, fill=1)
        else:
            self._canvas.rect(left, bottom, wide * mm, high * mm, stroke=0, fill=1)

    def cells(self, x: float, y: float, side: float, rows: Sequence[Sequence[int]]) -> None:
        """A square of `side` mm in as many cells as there are rows; those that are not 0 are filled."""
        count = len(rows)
        path = self._canvas.beginPath()
        for down, row in enumerate(rows):
            across = 0
            for dark, run in groupby(row, bool):
                wide = len(list(run))
                if dark:
                    path.rect(across, count - 1 - down, wide, 1)
                across += wide
        self._canvas.saveState()
        self._canvas.translate(x * mm, (HEIGHT - y - side) * mm)
        self._canvas.scale(side * mm / count, side * mm / count)
        self._canvas.setFillColor(INK)
        self._canvas.drawPath(path, stroke=0, fill=1)
        self._canvas.restoreState()
