"""XML read piece by piece with expat, within bounds: no document type, no entity, no depth without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from operations.formats.values import Unusable

DEEPEST: Final = 40  # elements within each other
MOST: Final = 2_000_000  # elements of one piece
LONGEST: Final = 1_000_000  # letters between two tags


@dataclass(slots=True, eq=False)
class Node:
    """An element: its name without the namespace, the line it begins in, its text and what is within."""

    name: str
    line: int
    attributes: dict[str, str]
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def child(self, name: str) -> Node | None:
        return next((one for one in self.children if one.name == name), None)

    def all(self, name: str) -> Iterator[Node]:
        """Every element of that name below, at any depth."""
        for one in self.children:
            if one.name == name:
                yield one
            yield from one.all(name)

    def said(self, *path: str) -> str:
        """The text of the element at the path below, or nothing."""
        node: Node | None = self
        for name in path:
            node = node.child(name) if node is not None else None
        return node.text.strip() if node is not None else ""


class _Pieces:
    """Hands every `piece` element on as soon as it is whole, and forgets it."""

    def __init__(self, piece: str, take: Callable[[Node], None]) -> None:
        self.piece, self.take = piece, take
        self.open: list[Node] = []
        self.inside = 0  # how many of the open elements are pieces
        self.kept = 0
        self.parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text

    @property
    def line(self) -> int:
        return int(self.parser.CurrentLineNumber)

    def _doctype(self, *_: object) -> None:
        raise Unusable(
            self.line, "the file declares a document type, which readings do not need and bombs do"
        )

    def _entity(self, *_: object) -> None:
        raise Unusable(self.line, "the file declares entities, which readings do not need and bombs do")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.open) >= DEEPEST:
            raise Unusable(
                self.line, f"more than {DEEPEST} elements stand within each other: this is no readings file"
            )
        node = Node(name.rpartition(" ")[2], self.line, attributes)
        self.inside += node.name == self.piece
        if self.inside:
            self.kept += 1
            if self.kept > MOST:
                raise Unusable(
                    self.line, f"one {self.piece} holds more than {MOST:,} elements: split the file"
                )
            if self.open and (self.inside > 1 or node.name != self.piece):
                self.open[-1].children.append(node)
        self.open.append(node)

    def _end(self, _: str) -> None:
        node = self.open.pop()
        if node.name == self.piece:
            self.inside -= 1
            if not self.inside:
                self.kept = 0
                self.take(node)

    def _text(self, text: str) -> None:
        if self.inside:
            node = self.open[-1]
            node.text += text
            if len(node.text) > LONGEST:
                raise Unusable(
                    self.line, f"an element holds more than {LONGEST:,} letters: this is no readings file"
                )


def pieces(raw: bytes, piece: str, take: Callable[[Node], None]) -> None:
    """Call `take` with every element named `piece`, in order.

    Raises `Unusable` for what is no XML, declares a document type or an entity, or passes a bound.
    """
    reader = _Pieces(piece, take)
    try:
        reader.parser.Parse(raw, True)
    except expat.ExpatError as error:
        said = expat.errors.messages.get(error.code, str(error))
        raise Unusable(error.lineno, f"the file is no whole XML ({said}): export it again") from error
    except (ValueError, LookupError) as error:  # an encoding that expat does not have
        raise Unusable(1, f"the XML cannot be read ({error}): save it as UTF-8") from error
