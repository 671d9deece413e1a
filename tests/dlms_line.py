"""Both halves of a DLMS conversation on one line in memory, and a meter that can be written."""

from collections.abc import Callable

from protocols.dlms import axdr, objects
from protocols.dlms.apdu import Attribute
from protocols.dlms.axdr import Data
from protocols.dlms.client import ClientConnection, ClientSettings
from protocols.dlms.enums import ActionResult, DataAccessResult
from protocols.dlms.events import Associated, Event, Send
from protocols.dlms.selection import EntrySelection, RangeAsked
from protocols.dlms.server import ServerConnection
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.obis import Obis, obis

ENERGY = objects.register(obis("1.0.1.8.0"))
TEXT = Attribute(1, obis("0.0.96.1.0"), 2)
SECOND = Attribute(1, obis("0.0.96.1.1"), 2)
NOWHERE = objects.register(obis("1.0.99.8.0"))
SWITCH = Attribute(70, obis("0.0.96.3.10"), 1)
ECHO = Attribute(9, obis("0.0.10.0.0"), 1)
"""A method that returns what it was given."""


class Desk:
    """A meter with a register, two texts, a switch and a method that gives back its parameters."""

    def __init__(self, text: bytes = bytes(range(256)) * 20) -> None:
        self.values = {
            ENERGY: axdr.double_long_unsigned(123456),
            TEXT: axdr.octet_string(text),
            SECOND: axdr.octet_string(b"second"),
        }
        self.invoked: list[tuple[Attribute, Data | None]] = []

    def read(
        self, class_id: int, obis: Obis, attribute: int, selection: RangeAsked | EntrySelection | None
    ) -> Data | bytes | DataAccessResult:
        return self.values.get(Attribute(class_id, obis, attribute), DataAccessResult.OBJECT_UNDEFINED)

    def write(self, class_id: int, obis: Obis, attribute: int, value: Data) -> DataAccessResult:
        name = Attribute(class_id, obis, attribute)
        if name not in self.values:
            return DataAccessResult.OBJECT_UNDEFINED
        if name == ENERGY:
            return DataAccessResult.READ_WRITE_DENIED
        self.values[name] = value
        return DataAccessResult.SUCCESS

    def act(self, class_id: int, obis: Obis, method: int, parameters: Data | None) -> ActionResult | Data:
        name = Attribute(class_id, obis, method)
        self.invoked.append((name, parameters))
        if name == ECHO:
            return axdr.NULL if parameters is None else parameters
        return ActionResult.SUCCESS if name == SWITCH else ActionResult.OBJECT_UNDEFINED


def exchange(
    client: ClientConnection,
    meter: ServerConnection,
    request: bytes,
    seen: Callable[[bytes, bytes], None] = lambda asked, answered: None,
) -> list[Event]:
    """Everything that follows from a request; `seen` is told every message and its answer."""
    events: list[Event] = []
    while request:
        answered = meter.receive(request)
        seen(request, answered)
        heard = client.receive(answered)
        request = b"".join(event.raw for event in heard if isinstance(event, Send))
        events += [event for event in heard if not isinstance(event, Send)]
    return events


def associated(meter: ServerConnection, settings: ClientSettings | None = None) -> ClientConnection:
    """A client whose association with `meter` is open."""
    client = ClientConnection(settings or ClientSettings())
    (event,) = exchange(client, meter, client.associate())
    assert isinstance(event, Associated)
    return client


def replay(client: ClientConnection, asked: bytes, exchanges: list[tuple[str, str]]) -> list[Event]:
    """Play the meter's part of a recorded conversation: we must ask what was asked then, byte for byte.

    `exchanges` are requests and answers in hex; `asked` is what the client has just sent.
    """
    events: list[Event] = []
    ends = client.settings.client_address, client.settings.server_address
    for request, answer in exchanges:
        (frame,) = Unwrapper().feed(asked)
        assert frame.payload.hex() == request.lower()
        heard = client.receive(Frame(ends[1], ends[0], bytes.fromhex(answer)).to_bytes())
        asked = b"".join(event.raw for event in heard if isinstance(event, Send))
        events += [event for event in heard if not isinstance(event, Send)]
    assert asked == b""
    return events


def answers(meter: ServerConnection, exchanges: list[tuple[str, str]]) -> None:
    """Play the client's part: what our meter answers must be what was answered then, byte for byte."""
    for request, answer in exchanges:
        (frame,) = Unwrapper().feed(meter.receive(Frame(16, 1, bytes.fromhex(request)).to_bytes()))
        assert frame.payload.hex() == answer.lower()
