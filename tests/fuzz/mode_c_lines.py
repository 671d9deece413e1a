"""IEC 62056-21: both halves at every point of a conversation, and what stands in their blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from protocols.errors import LocalError, RemoteError
from protocols.iec62056_21.answers import unlike
from protocols.iec62056_21.characters import Parity, block_check, with_parity, without_parity
from protocols.iec62056_21.client import ClientSettings, ModeCClient
from protocols.iec62056_21.client_states import State
from protocols.iec62056_21.codes import code_of, same
from protocols.iec62056_21.data_sets import DataSet, read_lines, read_out_lines, write_lines, write_out_lines
from protocols.iec62056_21.events import Send
from protocols.iec62056_21.framer import Framer
from protocols.iec62056_21.identification import Identification
from protocols.iec62056_21.messages import Acknowledged, Again, Command, Data, OptionSelect, SignOn
from protocols.iec62056_21.profile import ProfileRange, StampAt, read_profile
from protocols.iec62056_21.quantities import listed_unit_of, read_number, read_quantity, unit_of
from protocols.iec62056_21.server import Denied, Lines, MeterSettings, ModeCServer
from protocols.iec62056_21.stamps import read_clock, read_stamp
from tests.fuzz.decoders import BERLIN
from tests.fuzz.entry import Broken, Chunks, Entry, decoder

WHO: Final = Identification("DKE", "5", "TEST", ("@",))
ROWS: Final = [
    DataSet("P.01", ("0261120003000", "00", "30", "2", "1.29.0", "kWh", "2.29.0", "kWh")),
    *[DataSet("", (f"0.{at:03d}", "1.5")) for at in range(20)],
    DataSet("P.01", ("0261120150000", "80", "30", "2", "1.29.0", "kWh", "2.29.0", "kWh")),
    DataSet("", ("-", "7")),
]
LIST: Final = [
    [DataSet("1.8.0", ("000012.345*kWh",))],
    [DataSet("0.0.0", ("12345678",))],
    [DataSet("0.9.2", ("261121",))],
]


class Book:
    """One meter's book."""

    def read_out(self, letter: str) -> Lines:
        """The list."""
        return LIST

    def read(self, address: str, arguments: tuple[str, ...]) -> Lines | Denied:
        """The profile, a register, or no."""
        if address == "P.01":
            return [[row] for row in ROWS]
        return [[DataSet(address, ("1",))]] if address == "1.8.0" else Denied("ERROR00")

    def write(self, address: str, values: tuple[str, ...]) -> Denied | None:
        """The clock alone."""
        return None if address == "0.9.1" else Denied("ERROR04")


_PROFILE: Final = write_lines([[row] for row in ROWS])
ANSWERS: Final[tuple[bytes, ...]] = (
    WHO.to_bytes(), b"/ABC\x5a\x5a\r\n", b"/DKEBslow\r\n", Command("P0", "(0001)").to_bytes(),
    Acknowledged().to_bytes(), Again().to_bytes(), Command("B0").to_bytes(), Data(b"(ERROR04)").to_bytes(),
    Data(b"1.8.0(000012.345*kWh)").to_bytes(), Data(write_out_lines(LIST)).to_bytes(),
    Data(_PROFILE).to_bytes(), Data(_PROFILE[:80], False).to_bytes(), Data(_PROFILE[80:]).to_bytes(),
)  # fmt: skip
REQUESTS: Final[tuple[bytes, ...]] = (
    SignOn().to_bytes(), SignOn("12345678").to_bytes(), OptionSelect("5", "1").to_bytes(),
    OptionSelect("5").to_bytes(), Command("P1", "(secret)").to_bytes(), Command("R5", "1.8.0()").to_bytes(),
    Command("R6", "P.01(;;4)").to_bytes(), Command("W1", "0.9.1(120000)").to_bytes(),
    Acknowledged().to_bytes(), Again().to_bytes(), Command("B0").to_bytes(),
)  # fmt: skip


def _client(
    *steps: Callable[[ModeCClient], object], parity: Parity = Parity.NONE
) -> Callable[[], ModeCClient]:
    def make() -> ModeCClient:
        made = ModeCClient(ClientSettings(parity=parity))
        for step in steps:
            step(made)
        return made

    return make


def _hears(raw: bytes) -> Callable[[ModeCClient], object]:
    return lambda made: made.receive(with_parity(raw, made.settings.parity))


_SIGNED: Final = (lambda made: made.sign_on(), _hears(ANSWERS[0]))
_READY: Final = (*_SIGNED, lambda made: made.program(), _hears(ANSWERS[3]))
STATES: Final[dict[str, tuple[Callable[[ModeCClient], object], ...]]] = {
    "idle": (),
    "signing on": _SIGNED[:1],
    "identified": _SIGNED,
    "reading out": (*_SIGNED, lambda made: made.read_out()),
    "entering": _READY[:3],
    "ready": _READY,
    "giving a password": (*_READY, lambda made: made.password("secret")),
    "reading": (*_READY, lambda made: made.read("P.01", command="R6")),
    "reading a block": (*_READY, lambda made: made.read("P.01", command="R6"), _hears(ANSWERS[11])),
    "writing": (*_READY, lambda made: made.write("0.9.1", "120000")),
    "signed off": (*_READY, lambda made: made.sign_off()),
}


def _client_hears(made: ModeCClient, chunks: Chunks) -> None:
    for chunk in chunks:
        try:
            made.receive(chunk)
        except RemoteError:
            _over(made)
            raise


def _over(made: ModeCClient) -> None:
    try:
        made.sign_on()
    except LocalError:
        if made.state is State.BROKEN:
            return
    raise Broken("a conversation that was broken goes on")


def _meter_hears(made: ModeCServer, chunks: Chunks) -> None:
    for chunk in chunks:
        for step in made.receive(chunk):
            if isinstance(step, Send) and not step.raw:
                raise Broken("a meter says nothing at all")


def _halves() -> Iterator[Entry]:
    for parity in (Parity.NONE, Parity.EVEN):
        answers = tuple([(with_parity(raw, parity),) for raw in ANSWERS])
        for name, steps in STATES.items():
            yield Entry(
                f"mode C client {name}, parity {parity}", _client_hears,
                (*answers, tuple(raw for (raw,) in answers)), _client(*steps, parity=parity), wire=True,
                bombs="lines",
            )  # fmt: skip
        requests = tuple([with_parity(raw, parity) for raw in REQUESTS])
        for name, upto in (("waiting", 0), ("identified", 1), ("open", 3)):
            for password in ("", "secret"):

                def meter(
                    parity: Parity = parity,
                    upto: int = upto,
                    password: str = password,
                    requests: Chunks = requests,
                ) -> ModeCServer:
                    settings = MeterSettings(WHO, {"1": password} if password else {}, operand="0001")
                    made = ModeCServer({"12345678": (settings, Book())}, parity)
                    for raw in (requests[1], requests[2])[: min(upto, 2)]:
                        made.receive(raw)
                    return made

                seeds = (requests[1:3] + requests[4:], *[(raw,) for raw in requests])
                label = f"mode C meter {name}{' with password' if password else ''}, parity {parity}"
                yield Entry(label, _meter_hears, seeds, meter, refusals=(), wire=True, bombs="lines")


def _text(read: Callable[[str], Any]) -> Callable[[bytes], Any]:
    return lambda raw: read(raw.decode("latin-1"))


def _two(read: Callable[[str, str], Any]) -> Callable[[bytes], Any]:
    def pair(raw: bytes) -> Any:
        first, _, second = raw.decode("latin-1").partition("*")
        return read(first, second)

    return pair


def _framed(raw: bytes) -> None:
    framer = Framer(Parity.EVEN)
    framer.feed(raw)
    while framer.next() is not None:
        pass


def _profile(raw: bytes) -> None:
    # A byte says which convention the meter has.
    stamp_at = StampAt.BEGIN if raw[:1] == b"B" else StampAt.END
    read_profile(read_lines(raw.removeprefix(b"B")), "P.01", BERLIN, stamp_at)


def _contents() -> Iterator[Entry]:
    lines = [write_lines(LIST), _PROFILE, b"1.8.0(000012.345*kWh)", b"(ERROR04)"]
    yield decoder("read_lines", read_lines, lines, bombs="lines")
    yield decoder("read_out_lines", read_out_lines, [write_out_lines(LIST)], bombs="lines")
    yield decoder(
        "read_profile", _profile, [_PROFILE, b"B" + _PROFILE, b"P.01()"], bombs="lines", evidence=False
    )
    yield decoder(
        "unlike", lambda raw: unlike("1.8.0", read_lines(raw)), lines[2:], bombs="lines", evidence=False
    )
    yield decoder(
        "DataSet.value",
        lambda raw: [each.value(1) for each in read_lines(raw)],
        [b"1.8.0(1)(2)"],
        bombs="lines",
        evidence=False,
    )
    yield decoder(
        "Command.from_body",
        lambda raw: Command.from_body(raw, raw).sole_value(),
        [b"P1\x02(secret)", b"B0"],
        bombs="lines",
        evidence=False,
    )
    yield decoder("Framer", _framed, [with_parity(b"".join(ANSWERS), Parity.EVEN)], bombs="lines")
    yield decoder(
        "without_parity",
        lambda raw: [without_parity(raw, parity) for parity in Parity],
        [b"abc"],
        bombs="lines",
    )
    yield decoder("block_check", block_check, [b"abc\x03"], bombs="lines")
    texts: dict[str, tuple[Callable[[bytes], Any], list[bytes]]] = {
        "read_stamp": (
            _text(lambda text: read_stamp(text, BERLIN)),
            [b"0261121083000", b"2611210830", b"261025023000S"],
        ),
        "read_clock of mode C": (
            _two(lambda day, hour: read_clock(day, hour, BERLIN)),
            [b"261121*083000", b"26-11-21*108:30:00"],
        ),
        "ProfileRange": (
            _text(lambda text: ProfileRange.from_text(text, BERLIN)),
            [b"02611200000;02611210000;16", b";"],
        ),
        "read_quantity": (_two(read_quantity), [b"000012.345*kWh", b"230.1*V"]),
        "read_number": (_text(read_number), [b"-12.5", b"7"]),
        "unit_of": (_text(unit_of), [b"kWh", b""]),
        "listed_unit_of": (_text(listed_unit_of), [b"kVAh", b"%", b""]),
        "code_of": (_text(code_of), [b"1-0:1.8.0*255", b"P.01", b"F.F"]),
        "same": (_two(same), [b"1.8.0*1-0:1.8.0"]),
    }
    for name, (read, seeds) in texts.items():
        yield decoder(name, read, seeds, bombs="lines", evidence=False)


def entries() -> Iterator[Entry]:
    """All of them."""
    yield from _halves()
    yield from _contents()
