"""A client and a meter brought to some point of their conversation, for either to hear what it should not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from protocols.dlms import axdr
from protocols.dlms.client import DEFAULT_CONFORMANCE, ClientConnection, ClientSettings
from protocols.dlms.enums import Conformance, DataAccessResult, Mechanism
from protocols.dlms.events import Event, Send
from protocols.dlms.framing import ServerFraming, WrapperServerFraming
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.profile_server import ProfileBuffer
from protocols.dlms.security import NOTHING, MemoryCounters, Policy, Protection, SecuritySetup
from protocols.dlms.selection import EntrySelection, RangeAsked
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.obis import Obis
from tests.dlms_line import ECHO, ENERGY, NOWHERE, SECOND, SWITCH, TEXT, Desk
from tests.fuzz import messages

METER: Final = bytes.fromhex("4D4D4D0000BC614E")
HEAD_END: Final = bytes.fromhex("4D4D4D0000000001")
KEY, AUTHENTICATION, DEDICATED = bytes(range(16)), bytes(range(0xD0, 0xE0)), bytes(range(0x40, 0x50))
ADDRESS: Final = HdlcAddress(1, 17)
LONG: Final = axdr.octet_string(bytes(range(256)) * 3)
PROFILE: Final = Obis(1, 0, 99, 1, 0)
_LINK: Final = LinkParameters(128, 128, 3, 3)
SECRETS: Final[dict[str, tuple[Mechanism, bytes | None, Policy | None]]] = {
    "open": (Mechanism.NONE, None, None),
    "lls": (Mechanism.LLS, b"secret", None),
    "sha": (Mechanism.HLS_SHA1, b"secret", None),
    "gmac": (Mechanism.HLS_GMAC, None, NOTHING),
    "ciphered": (Mechanism.NONE, None, Policy()),
    "gmac ciphered": (Mechanism.HLS_GMAC, None, Policy()),
}


class Shelf(Desk):
    """A meter with a profile besides."""

    def read(
        self, class_id: int, obis: Obis, attribute: int, selection: RangeAsked | EntrySelection | None
    ) -> axdr.Data | bytes | DataAccessResult:
        if (class_id, obis, attribute) == (7, PROFILE, 2):
            return BUFFER.select(selection)
        return super().read(class_id, obis, attribute, selection)


def _buffer() -> ProfileBuffer:
    import numpy as np

    stamps = 1_795_000_000 // 1800 * 1800 + np.arange(96, dtype=np.int64) * 1800
    tags = (axdr.Tag.DOUBLE_LONG_UNSIGNED, axdr.Tag.LONG64_UNSIGNED)
    return ProfileBuffer(messages.CAPTURES, tags, stamps, (np.arange(96), np.arange(96) * 7), 420)


BUFFER: Final = _buffer()


@dataclass(slots=True)
class Scene:
    """Both halves, and what is on its way."""

    client: ClientConnection
    meter: ServerConnection
    framing: ServerFraming
    counters: MemoryCounters
    number: int
    security: SecuritySetup | None = None
    asked: bytes = b""
    heard: list[Event] = field(default_factory=list)

    def ask(self, request: bytes) -> None:
        """The client has asked; nobody has heard it yet."""
        self.asked = request

    def answer(self) -> None:
        """One message over, and its answer back; what the client says to that is on its way."""
        heard = self.client.receive(self.meter.receive(self.asked))
        self.heard += heard
        self.asked = b"".join(event.raw for event in heard if isinstance(event, Send))

    def talk(self, request: bytes) -> None:
        """To the end."""
        self.ask(request)
        while self.asked:
            self.answer()

    def said(self, payload: bytes) -> bytes:
        """What a meter that says `payload` now puts on the line."""
        if not isinstance(self.framing, WrapperServerFraming):
            self.framing.feed(self.asked)
            self.asked = b""
        return self.framing.wrap(self.number, 1, payload) + self.framing.replies()

    def told(self, payload: bytes) -> bytes:
        """What a client that says `payload` now puts on the line."""
        return self.client._framing.wrap(payload)

    def sealed(self, apdu: bytes, *, by_meter: bool) -> bytes:
        """`apdu` as the other side would protect it: it knows the keys, and counts on."""
        assert self.security is not None
        titles = (METER, HEAD_END) if by_meter else (HEAD_END, METER)
        protection = Protection(replace(self.security, system_title=titles[0]), self.counters)
        protection.meet(titles[1])
        return protection.protect(apdu) if apdu else apdu


def scene(secret: str = "open", *, hdlc: bool = False, window: int = 0, max_pdu: int = 128) -> Scene:
    """Nothing said yet; over HDLC the link stands."""
    mechanism, password, policy = SECRETS[secret]
    counters = MemoryCounters()
    security = None if policy is None else SecuritySetup(HEAD_END, KEY, AUTHENTICATION, policy=policy)
    number = 16 if secret == "open" else 1
    theirs = None if security is None else replace(security, system_title=METER)
    access = ClientAccess(mechanism, password, security=theirs, counters=None if theirs is None else counters)
    device = Device(Shelf(LONG.value), {number: access}, max_pdu)
    framing: ServerFraming = HdlcServerFraming({ADDRESS: 1}, _LINK) if hdlc else WrapperServerFraming()
    meter = ServerConnection({1: device}, framing, meter_challenge)
    settings = ClientSettings(
        number, 1, mechanism, password, security=security, general_window=window,
        counters=None if security is None else counters,
        conformance=DEFAULT_CONFORMANCE | (Conformance.GENERAL_BLOCK_TRANSFER if window else Conformance(0)),
    )  # fmt: skip
    client = ClientConnection(
        settings, HdlcFraming(number, ADDRESS, _LINK) if hdlc else None, random_bytes=client_challenge
    )
    made = Scene(client, meter, framing, counters, number, security)
    if hdlc:
        made.talk(client.connect())
    return made


def opened(secret: str = "open", **more: object) -> Scene:
    """The association stands."""
    made = scene(secret, **more)  # type: ignore[arg-type]
    made.talk(made.client.associate())
    return made


def client_challenge(count: int) -> bytes:
    """The same in every run: what was recorded once is right again."""
    return b"\x5a" * count


def meter_challenge(count: int) -> bytes:
    """The same for the meter's."""
    return b"\xa5" * count


Making = Callable[[], Scene]


def _before(
    request: Callable[[Scene], bytes], answers: int = 0, secret: str = "open", **more: object
) -> Making:
    """An association in which a request is on its way, or so many of the answers it takes have come."""

    def make() -> Scene:
        made = opened(secret, **more)
        made.ask(request(made))
        for _ in range(answers):
            made.answer()
        return made

    return make


def _opening(secret: str, answers: int = 0, **more: object) -> Making:
    def make() -> Scene:
        made = scene(secret, **more)  # type: ignore[arg-type]
        made.ask(made.client.associate())
        for _ in range(answers):
            made.answer()
        return made

    return make


_PAIRS: Final = ((TEXT, LONG), (SECOND, messages.REGISTER))
_CALLS: Final = ((ECHO, LONG), (SWITCH, None))
REQUESTS: Final[dict[str, Callable[[Scene], bytes]]] = {
    "get": lambda made: made.client.get(ENERGY),
    "get long": lambda made: made.client.get(TEXT),
    "get list": lambda made: made.client.get_list((ENERGY, TEXT, NOWHERE)),
    "set": lambda made: made.client.set(SECOND, messages.REGISTER),
    "set long": lambda made: made.client.set(TEXT, LONG),
    "set list": lambda made: made.client.set_list(_PAIRS),
    "action": lambda made: made.client.act(SWITCH),
    "action long": lambda made: made.client.act(ECHO, LONG),
    "action list": lambda made: made.client.act_list(_CALLS),
    "release": lambda made: made.client.release(),
}
PLAIN: Final[dict[str, Making]] = {
    "idle": scene,
    "ready": opened,
    **{f"opening {secret}": _opening(secret) for secret in SECRETS},
    **{f"proving {secret}": _opening(secret, 1) for secret in ("sha", "gmac")},
    **{name: _before(request) for name, request in REQUESTS.items()},
    "get block": _before(REQUESTS["get long"], 2),
    "get list block": _before(REQUESTS["get list"], 2),
    "set block": _before(REQUESTS["set long"], 2),
    "set list block": _before(REQUESTS["set list"], 2),
    "action block": _before(REQUESTS["action long"], 2),
    "action answer": _before(REQUESTS["action long"], 9),
    "action list answer": _before(REQUESTS["action list"], 9),
    "general blocks": _before(REQUESTS["get long"], 0, window=3),
    "general answer": _before(REQUESTS["get long"], 2, window=3),
}
"""Where a conversation over the wrapper without ciphering may stand."""
OVER_HDLC: Final[dict[str, Making]] = {
    "opening": _opening("open", hdlc=True),
    "ready": lambda: opened(hdlc=True),
    "get": _before(REQUESTS["get"], hdlc=True),
    "get long": _before(REQUESTS["get long"], 1, hdlc=True, max_pdu=1024),
    "set long": _before(REQUESTS["set long"], 1, hdlc=True, max_pdu=1024),
}
CIPHERED: Final[dict[str, Making]] = {
    "opening": _opening("ciphered"),
    "opening gmac": _opening("gmac ciphered"),
    "proving": _opening("gmac ciphered", 1),
    "ready": lambda: opened("ciphered"),
    "get": _before(REQUESTS["get"], secret="ciphered"),
    "get block": _before(REQUESTS["get long"], 2, "ciphered"),
    "action answer": _before(REQUESTS["action long"], 14, "ciphered"),
    "general blocks": _before(REQUESTS["get long"], 0, "ciphered", window=3),
    "release": _before(REQUESTS["release"], secret="ciphered"),
}
