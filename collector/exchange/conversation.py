"""A DLMS association over a stream of bytes: one question at a time, each with its time-out."""

from __future__ import annotations

import asyncio
from typing import TypeVar, cast

from collector.errors import AnswerTimeout
from collector.exchange.course import Course
from collector.links.patience import Patience
from collector.links.wire import ByteStream
from protocols.dlms.apdu import Attribute
from protocols.dlms.axdr import Data
from protocols.dlms.client import ClientConnection, ClientSettings
from protocols.dlms.events import (
    Acted,
    Associated,
    Connected,
    Disconnected,
    Event,
    Failed,
    Got,
    Notified,
    Released,
    Send,
    WasSet,
)
from protocols.dlms.framing import Framing
from protocols.dlms.get import Listing
from protocols.dlms.selection import EntrySelection, RangeSelection
from protocols.errors import RemoteError, ServiceRefused

E = TypeVar("E")
LIST_HEAD, LIST_ITEM = 48, 10  # bytes of a request for a list, protected, and of each attribute in it
BUSY = 20  # for so many time-outs a meter may say that it is busy; blocks and segments begin them anew
WHOLE = 60  # time-outs that one answer may last in all, however many blocks it has
NOTICES = 256  # pushes that may come while an answer is due
EVIDENCE = 1 << 16  # bytes of an answer that are kept to be shown
_BESIDES = frozenset((Send, Notified, Failed))
"""Events that are no answers; the rest are handed on as they come."""


class Conversation:
    """Raises `AnswerTimeout`, `LinkDown`, `protocols.errors.ProtocolError`; after any of these it is over."""

    # How it stands before anything was said.
    _list = 1
    _asked_at = _said_at = _heard_at = _end = 0.0
    _bulk = _repeated = False
    _tries, _tried_since = 1, 0.0  # of what was said last
    _due_first = True
    _rows = b""
    _max_pdu = 0xFFFF

    def __init__(
        self,
        stream: ByteStream,
        settings: ClientSettings,
        framing: Framing | None = None,
        course: Course | None = None,
    ) -> None:
        self._stream = stream
        self._course = course or Course(settings.answer_seconds)
        self._client = ClientConnection(settings, framing)
        self._framing = framing
        self._seconds = settings.answer_seconds
        self._waits = self._seconds
        self._least_s = min(self._seconds, self._course.least_s)
        self._kept: list[Got] = []
        loop = asyncio.get_running_loop()
        self._now, self._patience = loop.time, Patience(loop)
        self.heard = bytearray()  # since the last question

    @property
    def their_title(self) -> bytes | None:
        """The meter's system title, None where nothing is ciphered; proved once the association stands."""
        return self._client.their_title

    async def associate(self) -> Associated:
        """Open the link and the association; a wrong password raises `AssociationRefused`."""
        if self._framing is not None and (opening := self._client.connect()):
            _only(Connected, await self._ask(opening, 1, "the link"))
        granted = _only(Associated, await self._ask(self._client.associate(), 1, "the association"))
        self._max_pdu = granted.max_pdu or 0xFFFF
        self._list = max(1, min(64, (self._max_pdu - LIST_HEAD) // LIST_ITEM))
        return granted

    async def get(
        self, attribute: Attribute, selection: RangeSelection | EntrySelection | None = None
    ) -> bytes:
        """The bytes of one attribute; `Refused` when the meter said no (the association stands)."""
        raw = self._client.get(attribute, selection)
        events = await self._ask(raw, 1, attribute, bulk=selection is not None)
        return _only(Got, events).raw()

    @property
    def has_rows(self) -> bool:
        """Whether rows of a profile came along with an answer."""
        return bool(self._rows)

    def rows(self) -> bytes:
        """The rows of a profile that came along with an answer, once; nothing where they did not."""
        rows, self._rows = self._rows, b""
        return rows

    def takes(self, listing: Listing) -> bool:
        """Whether the meter has granted what it takes to ask for all this at once."""
        client = self._client
        return (
            1 < len(listing.items) <= self._list
            and len(listing.written) + LIST_HEAD <= self._max_pdu
            and client.lists
            and (client.selects or not listing.selects)
        )

    async def get_along(self, attributes: tuple[Attribute, ...], along: Listing) -> list[Got]:
        """Attributes, and in the same question what is wanted soon: `along`, which begins with them and which
        the meter `takes`.

        What it brings is kept for whoever asks next; where it selects rows, with its last item, they are kept
        for `rows`.
        """
        raw, count = self._client.get_listing(along), len(along.items)
        try:
            got = _values(await self._ask(raw, count, f"{count} values", bulk=along.selects))
        except ServiceRefused:
            return await self.get_all(attributes)
        if along.selects:
            rows = got.pop().result
            self._rows = rows if isinstance(rows, bytes) else b""
        self._kept = got[len(attributes) :]
        return got[: len(attributes)]

    async def get_all(self, attributes: tuple[Attribute, ...]) -> list[Got]:
        """Several attributes: in one question where the meter grants lists and serves them, else singly."""
        if (found := self.at_hand(attributes)) is not None:
            return found
        if len(attributes) > 1 and self._list > 1 and self._client.lists:
            try:
                return await self._lists(attributes)
            except ServiceRefused:
                self._list = 1
        return [
            _only(Got, await self._ask(self._client.get(attribute), 1, attribute)) for attribute in attributes
        ]

    def at_hand(self, attributes: tuple[Attribute, ...]) -> list[Got] | None:
        """Of these what came along with an answer, and is kept no longer; None where any of them did not."""
        kept, count = self._kept, len(attributes)
        if not kept:
            return None
        if tuple([each.attribute for each in kept[:count]]) == attributes:  # in the order it came, as a rule
            self._kept = kept[count:]
            return kept[:count]
        found = {each.attribute: each for each in kept}
        if not found.keys() >= set(attributes):
            return None
        self._kept = [each for each in kept if each.attribute not in attributes]
        return [found[attribute] for attribute in attributes]

    async def _lists(self, attributes: tuple[Attribute, ...]) -> list[Got]:
        got: list[Got] = []
        for start in range(0, len(attributes), self._list):
            part = attributes[start : start + self._list]
            events = await self._ask(self._client.get_list(part), len(part), f"{len(part)} values")
            got += _values(events)
        return got

    async def set(self, attribute: Attribute, value: Data) -> None:
        """Write one attribute; `Refused` when the meter said no (the association stands)."""
        _only(WasSet, await self._ask(self._client.set(attribute, value), 1, attribute)).check()

    async def act(self, method: Attribute, parameters: Data | None = None) -> bytes | None:
        """Invoke one method, and what it returned; `Refused` when the meter said no."""
        return _only(Acted, await self._ask(self._client.act(method, parameters), 1, method)).raw()

    async def release(self) -> None:
        """Close the association and the link, as politeness to meters that count them."""
        _only(Released, await self._ask(self._client.release(), 1, "the release"))
        if self._framing is not None and (closing := self._client.disconnect()):
            _only(Disconnected, await self._ask(closing, 1, "the end of the link"))
        self._patience.end()

    async def _ask(self, raw: bytes, answers: int, what: object, *, bulk: bool = False) -> list[Event]:
        self._bulk, self._repeated = bulk, False
        self._write(raw)
        got: list[Event] = []
        asked_at = self._asked_at = self._tried_since = self._said_at
        self._tries = 1
        self._end = asked_at + self._seconds * BUSY
        notices = 0
        # No first answer is due sooner; when exactly is worked out for those that are late.
        due = asked_at + self._least_s if self._framing is None else self._due()
        while True:
            try:
                with self._patience.until(due, self._due):
                    chunk = await self._stream.read()
            except TimeoutError:
                self._write(self._on_silence(what))
                due = self._due()
                continue
            self._heard_at = self._now()
            if self._due_first:
                self._first_came()
            self.heard += chunk[: EVIDENCE - len(self.heard)]
            events = self._client.receive(chunk)
            if _BESIDES.isdisjoint(map(type, events)):
                got += events
            else:
                for event in events:
                    match event:
                        case Send(raw=following):
                            # Progress; how much there may be of it is bounded by blocks, bytes and `WHOLE`.
                            self._write(following)
                            self._tries, self._tried_since = 1, self._now()
                            last = asked_at + self._seconds * WHOLE
                            self._end = min(self._now() + self._seconds * BUSY, last)
                        case Notified():
                            # Pushes have a receiver of their own.
                            notices += 1
                            if notices > NOTICES:
                                raise RemoteError(
                                    f"the meter talks without end and never answers about {what}",
                                    bytes(self.heard),
                                )
                        case Failed(error=error):
                            raise error
                        case _:
                            got.append(event)
            if len(got) >= answers:
                break
            due = self._due()
        if len(got) > answers:
            raise RemoteError(f"{len(got)} answers came where {answers} were due", bytes(self.heard))
        return got

    def _write(self, raw: bytes) -> None:
        self.heard.clear()
        self._said_at = self._heard_at = self._now()
        self._due_first = True
        if raw:
            self._stream.write(raw)

    def _first_came(self) -> None:
        """The first bytes after a question tell the round trip."""
        self._due_first = False
        if self._framing is None or not self._busy:
            trip_s = self._heard_at - self._said_at
            self._course.answered(trip_s, bulk=self._bulk, repeated=self._repeated)

    @property
    def _busy(self) -> bool:
        return self._framing is not None and self._framing.pause_s is not None

    def _due(self) -> float:
        """When silence will have lasted too long, in the loop's time; never beyond `_end`.

        Counted from the last byte, but a message has no longer than `_seconds` from the question on.
        """
        if self._framing is not None and self._busy:
            patience = self._client.next_timeout() or self._seconds
            return min(self._heard_at + patience, self._end)
        self._waits = min(self._course.wait_s(bulk=self._bulk), self._seconds)
        return min(self._heard_at + self._waits, self._said_at + self._seconds, self._end)

    def _on_silence(self, what: object) -> bytes:
        """What the link repeats or enquires; `AnswerTimeout` when it has done so often enough."""
        busy = self._busy
        if not busy:
            self._course.silent(bulk=self._bulk)
        self._repeated = True
        lasting = self._now() - self._asked_at
        silent = AnswerTimeout(
            f"the meter is there, but stayed busy for {lasting:.0f} s and never answered about {what}"
            if busy
            else f"no answer about {what} within {round(self._waits, 2):g} s{self._also()}",
            bytes(self.heard),
        )
        if self._now() >= self._end:
            raise silent
        try:
            again = self._client.on_silence()
        except RemoteError:
            raise silent from None
        self._tries += 1
        return again

    def _also(self) -> str:
        """How often it was said, and for how long all of that lasted; empty for once."""
        lasting = self._now() - self._tried_since
        return f", asked {self._tries} times in {lasting:.3g} s" if self._tries > 1 else ""


def _is(kind: type[E], event: object) -> E:
    if not isinstance(event, kind):
        if isinstance(event, Disconnected):
            raise RemoteError("the meter closed the link")
        raise RemoteError(f"{type(event).__name__} came where {kind.__name__} was due")
    return event


def _only(kind: type[E], events: list[Event]) -> E:
    (event,) = events
    return event if isinstance(event, kind) else _is(kind, event)


def _values(events: list[Event]) -> list[Got]:
    if set(map(type, events)) == {Got}:
        return cast(list[Got], events)
    return [_is(Got, event) for event in events]
