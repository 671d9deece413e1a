"""However a stream of bytes is cut, what is heard is the same: for everything that listens to one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dlms.events import Send
from protocols.dlms.framing import WrapperFraming, WrapperServerFraming
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.hdlc.stream import Deframer
from protocols.dlms.wrapper import Unwrapper
from protocols.errors import RemoteError
from protocols.modbus.framing import Carrier, framing
from protocols.modbus.requests import ReadRegisters, Words
from protocols.modbus.rtu import sealed
from protocols.modbus.server import RtuServer
from protocols.modem import at, stream
from protocols.modem.dialects import load, names
from tests.fuzz import modem_lines, scenes
from tests.fuzz.conversations import exchanged

QUESTION = sealed(b"\x01" + ReadRegisters(3, 0, 1).to_bytes())


@dataclass(frozen=True)
class Listener:
    """`make` one, `hear` what a chunk brings, and the stream it is to hear."""

    make: Callable[[], Any]
    hear: Callable[[Any, bytes], Iterable[Any]]
    said: bytes


def joined(heard: Iterable[Any]) -> list[Any]:
    """The same with neighbouring bytes put together: a payload may be handed out in any pieces."""
    found: list[Any] = []
    for one in heard:
        kinds = (Send, stream.Payload, at.Carried, at.Send)
        if isinstance(one, kinds) and found and type(found[-1]) is type(one):
            found[-1] = type(one)(found[-1].raw + one.raw)
        elif isinstance(one, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += one
        elif one != b"":
            found.append(one)
    return found


def client(make: Callable[[], scenes.Scene]) -> Listener:
    """What a meter says in answer to the one question under way."""
    return Listener(lambda: make().client, received, exchanged(make)[0][0])


def meter(make: Callable[[], scenes.Scene]) -> Listener:
    return Listener(lambda: make().meter, received, exchanged(make)[1][0])


def conversation() -> bytes:
    """A whole one, from the client's side."""
    openings = exchanged(scenes.PLAIN["opening open"])[1]
    return b"".join(openings + exchanged(scenes.PLAIN["get list"])[1] + exchanged(scenes.PLAIN["release"])[1])


class Register:
    def serve(self, request: object) -> Words:
        return Words(3, (7,))


def rtu_answer(carrier: Carrier) -> Listener:
    pdu = Words(3, (7,)).to_bytes()
    raw = sealed(b"\x01" + pdu) if carrier is Carrier.RTU else bytes.fromhex("0001 0000 0005 01") + pdu

    def make() -> Any:
        line = framing(carrier, 1)
        line.ask(ReadRegisters(3, 0, 1))
        return line

    return Listener(make, fed, raw)


def modem(name: str, framed: bool) -> Listener:
    words = tuple(modem_lines.words(load(name)))

    def make() -> stream.ModemStream:
        made = stream.ModemStream(name)
        for word in words[:1]:
            made.feed(word)
        made.carries(framed=framed)
        return made

    frames = modem_lines.FRAMES if framed else (b"/DKE5\r\n", b"\x02 1.8.0(1)\x03")
    said = b"".join([piece for frame in frames for piece in (frame, *words)])
    return Listener(make, fed, said)


def called() -> at.AtDialogue:
    made = at.AtDialogue(at.CallSettings(echo_off=""))
    made.dial("0987654321")
    return made


def fed(made: Any, chunk: bytes) -> Iterable[Any]:
    found = made.feed(chunk)
    return found if isinstance(found, list) else [found] if found else []


def received(made: Any, chunk: bytes) -> Iterable[Any]:
    found = made.receive(chunk)
    return found if isinstance(found, list) else [found] if found else []


WRAPPED, HDLC, _ = modem_lines.FRAMES
NOISE = b"\x7e\x00noise" + HDLC * 3 + b"\x7e\x7e\xa0" + HDLC
CALL = b"ATZ\r\r\nOK\r\n\r\nCONNECT 9600\r\ndata\r\nNO CARR\r\nmore\r\nNO CARRIER\r\n"
PLAIN = ("opening open", "get", "get list", "set", "action", "get block", "general blocks", "release")
LISTENERS: dict[str, Listener] = {
    **{f"client {name}": client(scenes.PLAIN[name]) for name in PLAIN},
    **{f"ciphered client {name}": client(scenes.CIPHERED[name]) for name in ("opening gmac", "get block")},
    **{f"HDLC client {name}": client(scenes.OVER_HDLC[name]) for name in ("opening", "get long", "set long")},
    "meter": Listener(lambda: scenes.scene().meter, received, conversation()),
    "HDLC meter": meter(scenes.OVER_HDLC["get"]),
    "wrapper": Listener(Unwrapper, fed, WRAPPED * 5),
    "wrapper framing": Listener(lambda: WrapperFraming(16, 1), fed, WRAPPED * 5),
    "wrapper server framing": Listener(WrapperServerFraming, fed, WRAPPED * 5),
    "deframer": Listener(Deframer, fed, NOISE),
    "HDLC server framing": Listener(
        lambda: HdlcServerFraming({HdlcAddress(1, 17): 1}), fed, b"".join(modem_lines.ASKED)
    ),
    **{f"answer over {carrier}": rtu_answer(carrier) for carrier in Carrier},
    "RTU bus": Listener(lambda: RtuServer({1: Register()}), fed, QUESTION * 5),
    **{f"modem {name}": modem(name, True) for name in names()},
    **{f"modem {name} unframed": modem(name, False) for name in names()},
    "AT": Listener(called, received, CALL),
}


@pytest.mark.parametrize("name", LISTENERS)
@settings(max_examples=25)
@given(data=st.data())
def test_however_it_is_cut_the_same_is_heard(name: str, data: st.DataObject) -> None:
    listener = LISTENERS[name]
    said = listener.said
    expected = joined(listener.hear(listener.make(), said))
    assert expected, "a stream that says nothing proves nothing"
    places = sorted(data.draw(st.sets(st.integers(1, max(1, len(said) - 1)), max_size=8)))
    made = listener.make()
    heard: list[Any] = []
    for begin, end in zip([0, *places], [*places, len(said)], strict=True):
        heard += listener.hear(made, said[begin:end])
    assert joined(heard) == expected


@pytest.mark.parametrize("name", LISTENERS)
def test_byte_by_byte_too(name: str) -> None:
    listener = LISTENERS[name]
    made = listener.make()
    heard = [one for octet in listener.said for one in listener.hear(made, bytes((octet,)))]
    assert joined(heard) == joined(listener.hear(listener.make(), listener.said))


def test_an_error_comes_wherever_the_stream_is_cut() -> None:
    """What was whole before it is heard first."""
    said = modem_lines.FRAMES[0] + b"\x00\x01\x00\x09"
    for cut in range(len(said)):
        framed = WrapperFraming(16, 1)
        heard = framed.feed(said[:cut]) + framed.feed(said[cut:])
        assert len(heard) == 1
        with pytest.raises(RemoteError):
            framed.feed(bytes.fromhex("00100001") + b"x")
