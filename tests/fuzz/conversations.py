"""Both halves of a DLMS conversation, at every point of it: what they hear, framed well or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from protocols.dlms import apdu
from protocols.dlms.client_states import State
from protocols.dlms.events import Send
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import LocalError, RemoteError
from tests.dlms_line import ENERGY
from tests.fuzz import messages, scenes
from tests.fuzz.entry import Broken, Chunks, Entry
from tests.fuzz.scenes import CIPHERED, OVER_HDLC, PLAIN, Making, Scene

_CIPHERED_TAGS: Final = frozenset((0xDB, 0xDC, *range(0xC8, 0xD8), 0x21, 0x28))
Dressing = Callable[[Scene, bytes], bytes]


def _client_hears(dress: Dressing) -> Callable[[Scene, Chunks], None]:
    """Feed; after an error nothing may be had from the connection any more."""

    def feed(made: Scene, chunks: Chunks) -> None:
        for chunk in chunks:
            raw = dress(made, chunk)
            try:
                events = made.client.receive(raw)
            except RemoteError:
                _poisoned(made)
                raise
            made.asked = b"".join([event.raw for event in events if isinstance(event, Send)])

    return feed


def _poisoned(made: Scene) -> None:
    if made.client.state is not State.BROKEN:
        raise Broken(f"after an error the client is {made.client.state.name}")
    try:
        made.client.get(ENERGY)
    except LocalError:
        return
    raise Broken("a connection that was broken asks again")


def _meter_hears(dress: Dressing) -> Callable[[Scene, Chunks], None]:
    """Feed; whatever the meter says to that must be messages."""

    def feed(made: Scene, chunks: Chunks) -> None:
        for chunk in chunks:
            answer = made.meter.receive(dress(made, chunk))
            if answer[:2] == b"\x00\x01":
                for frame in Unwrapper().feed(answer):
                    if frame.payload[0] not in _CIPHERED_TAGS:
                        apdu.decode(frame.payload)

    return feed


def _wire(_: Scene, raw: bytes) -> bytes:
    return raw


def _from_meter(made: Scene, payload: bytes) -> bytes:
    return made.said(payload) if payload else b""


def _from_client(made: Scene, payload: bytes) -> bytes:
    return Frame(made.number, 1, payload).to_bytes() if payload else b""


def _sealed_by_meter(made: Scene, plain: bytes) -> bytes:
    return _from_meter(made, made.sealed(plain, by_meter=True))


def _sealed_by_client(made: Scene, plain: bytes) -> bytes:
    return _from_client(made, made.sealed(plain, by_meter=False))


def _numbered(raw: bytes, invoke: int) -> bytes:
    """The message with the number of the request under way."""
    return raw[:2] + bytes((raw[2] & 0xF0 | invoke,)) + raw[3:] if raw[0] in (0xC4, 0xC5, 0xC7) else raw


def exchanged(make: Making) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """What the meter and what the client really say from here on, as they stand on the line."""
    made = make()
    answers: list[bytes] = []
    requests: list[bytes] = []
    while made.asked and len(answers) < 40:
        requests.append(made.asked)
        answers.append(made.meter.receive(made.asked))
        heard = made.client.receive(answers[-1])
        made.asked = b"".join(event.raw for event in heard if isinstance(event, Send))
    return tuple(answers), tuple(requests)


def _payloads(stream: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple([frame.payload for chunk in stream for frame in Unwrapper().feed(chunk)])


def _answers(make: Making) -> tuple[Chunks, ...]:
    invoke = make().client._invoke
    return tuple([(_numbered(message.to_bytes(), invoke),) for message in messages.ANSWERS])


def _requests() -> tuple[Chunks, ...]:
    return tuple([(message.to_bytes(),) for message in messages.REQUESTS])


def _over_the_wrapper() -> Iterator[Entry]:
    for name, make in PLAIN.items():
        answers, requests = exchanged(make)
        seeds = ((_payloads(answers),) if answers else ()) + _answers(make)
        yield Entry(f"client {name}", _client_hears(_from_meter), seeds, make, stream=True)
        stream = (answers,) if answers else ((Frame(1, 16, messages.VALUE).to_bytes(),),)
        yield Entry(f"client {name}, wire", _client_hears(_wire), stream, make, wire=True, bombs="wrapper")
        asked = ((_payloads(requests),) if requests else ()) + _requests()
        yield Entry(f"meter {name}", _meter_hears(_from_client), asked, make, refusals=(), stream=True)
    whole = (
        exchanged(PLAIN["opening open"])[1] + exchanged(PLAIN["get list"])[1] + exchanged(PLAIN["release"])[1]
    )
    yield Entry("meter, wire", _meter_hears(_wire), (whole,), scenes.scene, wire=True, bombs="wrapper")


def _ciphered() -> Iterator[Entry]:
    for name, make in CIPHERED.items():
        answers, requests = exchanged(make)
        seeds = ((_payloads(answers),) if answers else ()) + tuple(
            [(raw,) for raw in messages.published()[::12]]
        )
        yield Entry(f"ciphered client {name}", _client_hears(_from_meter), seeds, make, stream=True)
        yield Entry(
            f"ciphered client {name}, inside",
            _client_hears(_sealed_by_meter),
            _answers(make),
            make,
            stream=True,
        )
        asked = ((_payloads(requests),) if requests else ()) + _requests()
        yield Entry(
            f"ciphered meter {name}", _meter_hears(_from_client), asked, make, refusals=(), stream=True
        )
        yield Entry(
            f"ciphered meter {name}, inside",
            _meter_hears(_sealed_by_client),
            _requests(),
            make,
            refusals=(),
            stream=True,
        )


def _framed(*, by_meter: bool) -> Dressing:
    """Control byte, a byte of flags, contents: with addresses and checks as they ought to be."""

    def dress(made: Scene, raw: bytes) -> bytes:
        octet, flags, info = (raw + b"\0\0")[0], (raw + b"\0\0")[1], raw[2:2000]
        client, meter = HdlcAddress(made.number, octets=1), scenes.ADDRESS
        ends = (client, meter) if by_meter else (meter, client)
        frame = HdlcFrame(*ends, octet, info, bool(flags & 1)).to_bytes()
        return frame[:-1] if flags & 2 else frame

    return dress


def _said(kind: Kind, info: bytes = b"", *, final: bool = True, send: int = 0, receive: int = 0) -> bytes:
    """What `_framed` makes such a frame of; without `final` more of it follows."""
    return bytes((control(kind, final=final, send=send, receive=receive), not final)) + info


_ANSWER, _QUESTION = b"\xe6\xe7\x00\xc4", b"\xe6\xe6\x00\xc0\x01\x41"
_CONTROLS: Final[tuple[Chunks, ...]] = (
    *[(_said(kind),) for kind in Kind],
    *[(_said(Kind.I, _ANSWER, send=send, receive=receive),) for send in (0, 1) for receive in (0, 1, 2)],
    (_said(Kind.I, _ANSWER, final=False, receive=1), _said(Kind.I, b"\x01\x41\x00\x05", send=1, receive=1)),
    (_said(Kind.SNRM, LinkParameters(256, 256, 3, 3).to_bytes()),),
    (_said(Kind.I, _QUESTION),),
    (_said(Kind.UI, b"\xe6\xe7\x00\x0f"),),
    (_said(Kind.UI, _QUESTION, final=False),),
)


def _over_hdlc() -> Iterator[Entry]:
    for name, make in OVER_HDLC.items():
        answers, requests = exchanged(make)
        stream = (answers,) if answers else (exchanged(OVER_HDLC["get"])[0],)
        yield Entry(f"HDLC client {name}", _client_hears(_from_meter), _answers(make), make, stream=True)
        yield Entry(f"HDLC client {name}, wire", _client_hears(_wire), stream, make, wire=True, bombs="hdlc")
        yield Entry(
            f"HDLC client {name}, frames",
            _client_hears(_framed(by_meter=True)),
            _CONTROLS,
            make,
            stream=True,
            bombs="hdlc",
        )
        asked = (requests,) if requests else (exchanged(OVER_HDLC["get"])[1],)
        yield Entry(f"HDLC meter {name}, wire", _meter_hears(_wire), asked, make, wire=True, bombs="hdlc")
        yield Entry(
            f"HDLC meter {name}, frames",
            _meter_hears(_framed(by_meter=False)),
            _CONTROLS,
            make,
            stream=True,
            bombs="hdlc",
        )


def entries() -> Iterator[Entry]:
    """All of them."""
    yield from _over_the_wrapper()
    yield from _ciphered()
    yield from _over_hdlc()
