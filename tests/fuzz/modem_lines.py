"""Modems and links below the conversation: AT dialogues, dialects, deframers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from protocols.dlms.framing import WrapperFraming, WrapperServerFraming
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.frame import HdlcFrame, Kind, control
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.hdlc.stream import Deframer
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.modem.at import AtDialogue, CallSettings
from protocols.modem.dialects import Dialect, load, names
from protocols.modem.stream import ModemStream, frame_size
from tests.fuzz import messages
from tests.fuzz.entry import Chunks, Entry, decoder

_WRAPPED: Final = Frame(1, 16, messages.VALUE).to_bytes()
_HDLC: Final = HdlcFrame(
    HdlcAddress(16), HdlcAddress(1, 17), control(Kind.I), b"\xe6\xe7\x00" + messages.VALUE
).to_bytes()
_MBAP: Final = bytes.fromhex("0001 0000 0005 07 03 02 0001")
_PROPOSAL: Final = LinkParameters(256, 256, 3, 3)
_ENDS: Final = (HdlcAddress(1, 17), HdlcAddress(16))
FRAMES: Final = (_WRAPPED, _HDLC, _MBAP)
ASKED: Final = (
    HdlcFrame(*_ENDS, control(Kind.SNRM), _PROPOSAL.to_bytes()).to_bytes(),
    HdlcFrame(*_ENDS, control(Kind.I), b"\xe6\xe6\x00\xc0\x01").to_bytes(),
    HdlcFrame(*_ENDS, control(Kind.DISC)).to_bytes(),
)
"""What a client says over HDLC: open, a question, close."""
NAMES: Final = ("868123456789012", "8938003991234567", "DK-0001", "12345678")


def _feeds(made: Any, chunks: Chunks) -> None:
    for chunk in chunks:
        made.feed(chunk)


def _links() -> Iterator[Entry]:
    snrm, question = ASKED[:2]
    agreed = HdlcFrame(HdlcAddress(16), HdlcAddress(1, 17), control(Kind.UA), _PROPOSAL.to_bytes()).to_bytes()
    frames = (agreed, _HDLC, _HDLC[:-1], b"\x7e" * 5, snrm)
    yield Entry("Deframer", _feeds, (frames, (_HDLC,)), Deframer, wire=True, bombs="hdlc")
    yield Entry("Unwrapper", _feeds, ((_WRAPPED,) * 3,), Unwrapper, wire=True, bombs="wrapper")
    for datagrams in (False, True):
        label = " of datagrams" if datagrams else ""
        yield Entry(
            f"WrapperFraming{label}", _feeds, ((_WRAPPED, _WRAPPED),),
            _make(WrapperFraming, 16, 1, datagrams=datagrams), stream=datagrams, wire=not datagrams,
            bombs="wrapper",
        )  # fmt: skip
        yield Entry(
            f"WrapperServerFraming{label}", _feeds, ((_WRAPPED, _WRAPPED),),
            _make(WrapperServerFraming, datagrams=datagrams), stream=datagrams, wire=not datagrams,
            bombs="wrapper",
        )  # fmt: skip

    def linking() -> HdlcFraming:
        made = HdlcFraming(16, HdlcAddress(1, 17), _PROPOSAL)
        made.connect()
        return made

    yield Entry("HdlcFraming", _feeds, (frames, (agreed, _HDLC, _HDLC)), linking, wire=True, bombs="hdlc")
    meters = {HdlcAddress(1): 1, HdlcAddress(1, 17): 1, HdlcAddress(2, 18): 2}
    yield Entry(
        "HdlcServerFraming",
        _feeds,
        ((snrm, question, question),),
        _make(HdlcServerFraming, meters),
        wire=True,
        bombs="hdlc",
    )


def _make(kind: Callable[..., Any], *arguments: Any, **named: Any) -> Callable[[], Any]:
    return lambda: kind(*arguments, **named)


def words(dialect: Dialect) -> Iterator[bytes]:
    for token in (dialect.registration, dialect.heartbeat):
        for name in NAMES if token is not None else ():
            try:
                yield token.write(name) if token is not None else b""
            except ValueError:
                continue
            except Exception as cannot:  # noqa: BLE001 - a name this dialect cannot carry
                del cannot
                continue
            break


def _dialects() -> Iterator[Entry]:
    for name in names():
        dialect = load(name)
        said = tuple(words(dialect))
        stream = (*said[:1], _WRAPPED, *said[1:], _HDLC, *said[:1], _MBAP)
        for framed in (True, False):

            def make(name: str = name, framed: bool = framed, said: Chunks = said) -> ModemStream:
                made = ModemStream(name)
                if said:
                    made.feed(said[0])
                made.carries(framed=framed)
                return made

            label = f"modem {name}{'' if framed else ', unframed'}"
            yield Entry(label, _feeds, (stream, said or stream), make, wire=True, bombs="modem")
        yield Entry(
            f"modem {name}, unknown yet",
            _feeds,
            (stream,),
            _make(ModemStream, name),
            wire=True,
            bombs="modem",
        )
        for token in (dialect.registration, dialect.heartbeat):
            if token is not None:
                which = "registration" if token is dialect.registration else "heartbeat"
                yield decoder(f"Token.match {name} {which}", token.match, said, bombs="modem")
    yield decoder("frame_size", lambda raw: frame_size(raw[:16]), [_WRAPPED, _HDLC, _MBAP], bombs="modem")


_CALL: Final = (b"ATZ\r\r\nOK\r\n", b"OK\r\n", b"\r\nCONNECT 9600\r\n", _HDLC, b"\r\nNO CARRIER\r\n")


def _at(*heard: bytes, hang_up: int = 0, **settings: Any) -> Callable[[], AtDialogue]:
    def make() -> AtDialogue:
        made = AtDialogue(CallSettings(**settings))
        made.dial("0987654321")
        for raw in heard:
            made.receive(raw)
        if hang_up:
            made.hang_up()
            for _ in range(hang_up - 1):
                made.expired()
        return made

    return make


def _dialogues() -> Iterator[Entry]:
    states: dict[str, Callable[[], AtDialogue]] = {
        "resetting": _at(),
        "dialling": _at(*_CALL[:2]),
        "online": _at(*_CALL[:3]),
        "online, whatever comes": _at(*_CALL[:3], recognise_loss=False),
        "guarding": _at(*_CALL[:3], hang_up=1),
        "escaping": _at(*_CALL[:3], hang_up=3),
        "hanging up": _at(*_CALL[:3], hang_up=4),
        "idle": AtDialogue,
    }
    said = (b"\r\nBUSY\r\n", b"\r\nERROR\r\n", b"\r\nRING\r\n", b"\r\n+CME ERROR: 30\r\n", b"NO CARR")
    for name, make in states.items():
        seeds = (_CALL, *[(raw,) for raw in (*said, *_CALL)])
        yield Entry(f"AT {name}", _receives, seeds, make, wire=True, bombs="at")


def _receives(made: AtDialogue, chunks: Chunks) -> None:
    for chunk in chunks:
        made.receive(chunk)


def entries() -> Iterator[Entry]:
    """All of them."""
    yield from _links()
    yield from _dialects()
    yield from _dialogues()
