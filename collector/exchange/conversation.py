"""A DLMS association over a stream of bytes: one question at a time, each with its time-out."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from collector.errors import AnswerTimeout
from collector.wire import ByteStream
from protocols.dlms.apdu import Attribute
from protocols.dlms.client import ClientConnection, ClientSettings
from protocols.dlms.enums import Conformance
from protocols.dlms.events import Associated, Event, Failed, Got, Notified, Released, Send
from protocols.dlms.selection import EntrySelection, RangeSelection
from protocols.errors import RemoteError, ServiceRefused

E = TypeVar("E")
LIST_HEAD, LIST_ITEM = 16, 10  # bytes of a request for a list, and of each attribute in it
WHOLE = 20  # an answer in blocks may take this many time-outs altogether


class Conversation:
    """Raises `AnswerTimeout`, `LinkDown`, `protocols.errors.ProtocolError`; after any of these it is over."""

    def __init__(self, stream: ByteStream, settings: ClientSettings) -> None:
        self._stream = stream
        self._client = ClientConnection(settings)
        self._seconds = settings.answer_seconds
        self._list = 1
        self.heard = bytearray()  # since the last question

    async def associate(self) -> Associated:
        """Open the association; a wrong password raises `AssociationRefused`."""
        granted = _only(Associated, await self._ask(self._client.associate(), 1, "the association"))
        self._list = max(1, min(64, ((granted.max_pdu or 0xFFFF) - LIST_HEAD) // LIST_ITEM))
        return granted

    async def get(
        self, attribute: Attribute, selection: RangeSelection | EntrySelection | None = None
    ) -> bytes:
        """The bytes of one attribute; `Refused` when the meter said no (the association stands)."""
        events = await self._ask(self._client.get(attribute, selection), 1, str(attribute))
        return _only(Got, events).raw()

    async def get_all(self, attributes: tuple[Attribute, ...]) -> list[Got]:
        """Several attributes: in one question where the meter grants lists and serves them, else singly."""
        if len(attributes) > 1 and self._list > 1 and Conformance.MULTIPLE_REFERENCES in self._client.granted:
            try:
                return await self._lists(attributes)
            except ServiceRefused:
                self._list = 1
        return [
            _only(Got, await self._ask(self._client.get(attribute), 1, str(attribute)))
            for attribute in attributes
        ]

    async def _lists(self, attributes: tuple[Attribute, ...]) -> list[Got]:
        got: list[Got] = []
        for start in range(0, len(attributes), self._list):
            part = attributes[start : start + self._list]
            events = await self._ask(self._client.get_list(part), len(part), f"{len(part)} values")
            got += [_is(Got, event) for event in events]
        return got

    async def release(self) -> None:
        """Close the association, as politeness to meters that count them."""
        _only(Released, await self._ask(self._client.release(), 1, "the release"))

    async def _ask(self, raw: bytes, answers: int, what: str) -> list[Event]:
        self.heard.clear()
        self._stream.write(raw)
        got: list[Event] = []
        loop = asyncio.get_running_loop()
        end = loop.time() + self._seconds * WHOLE
        try:
            async with asyncio.timeout(self._seconds) as patience:
                while len(got) < answers:
                    chunk = await self._stream.read()
                    self.heard += chunk
                    for event in self._client.receive(chunk):
                        match event:
                            case Send(raw=next_block):
                                self.heard.clear()
                                self._stream.write(next_block)
                                patience.reschedule(min(loop.time() + self._seconds, end))
                            case Notified():
                                pass  # pushes have a receiver of their own
                            case Failed(error=error):
                                raise error
                            case _:
                                got.append(event)
        except TimeoutError:
            raise AnswerTimeout(
                f"no answer about {what} within {self._seconds:g} s", bytes(self.heard)
            ) from None
        if len(got) > answers:
            raise RemoteError(f"{len(got)} answers came where {answers} were due", bytes(self.heard))
        return got


def _is(kind: type[E], event: object) -> E:
    if not isinstance(event, kind):
        raise RemoteError(f"{type(event).__name__} came where {kind.__name__} was due")
    return event


def _only(kind: type[E], events: list[Event]) -> E:
    (event,) = events
    return _is(kind, event)
