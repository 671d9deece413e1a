"""One visit to a DLMS meter: item after item, over a new call where one item broke the one before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from collector.errors import CollectorError, NoLink
from collector.exchange.conversation import Conversation
from collector.single.association import Call, associated
from collector.single.found import Found
from collector.single.routes import DlmsAddress
from protocols.dlms.apdu import Attribute
from protocols.dlms.security import CounterStore
from protocols.dlms.selection import EntrySelection, RangeSelection
from protocols.errors import Refused, RemoteError, ServiceRefused

CALLS: Final = 4
"""Calls for one visit: a meter that breaks off more often than this is let be."""


class Lost(Exception):
    """The conversation is over with this item: silence, a line that is down, an answer not to be believed."""

    def __init__(self, cause: NoLink | RemoteError) -> None:
        self.cause = cause
        self.reason = cause.reason if isinstance(cause, RemoteError) else cause.sentence
        super().__init__(self.reason)


async def ask(
    talk: Conversation, attribute: Attribute, selection: RangeSelection | EntrySelection | None = None
) -> bytes:
    """`Conversation.get`; what ends the conversation is `Lost`, a no of the meter stays what it is."""
    try:
        return await talk.get(attribute, selection)
    except (Refused, ServiceRefused):
        raise
    except (NoLink, RemoteError) as error:
        raise Lost(error) from error


Task = tuple[str, Callable[[Conversation], Awaitable[None]]]
"""What is read, as it is called in the result, and how."""


async def visit(
    call: Call, address: DlmsAddress, counters: CounterStore, tasks: Sequence[Task], found: Found
) -> None:
    """Do the tasks in their order. One that breaks the conversation is refused, the rest go over a new call.

    Raises what the first opening raises, and the first break when the meter told nothing but breaks.
    """
    left = list(tasks)
    first: Lost | None = None
    spoken = False
    for _ in range(CALLS):
        try:
            async with associated(call, address, counters) as talk:
                while left:
                    _, work = left[0]
                    await work(talk)
                    del left[0]
                    spoken = True
            break
        except Lost as lost:
            first = first or lost
            found.refuse(left.pop(0)[0], lost.reason)
            if not left:
                break
        except (CollectorError, RemoteError) as error:
            if first is None:
                raise
            reason = error.reason if isinstance(error, RemoteError) else str(error)
            _refuse_all(found, left, f"it was not asked, for the meter could not be called again: {reason}")
            break
    else:
        _refuse_all(found, left, f"it was not asked, for the meter broke off {CALLS} calls before it")
    if first is not None and not spoken:
        raise first.cause


def _refuse_all(found: Found, left: Sequence[Task], reason: str) -> None:
    for name, _ in left:
        found.refuse(name, reason)
