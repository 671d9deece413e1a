"""Both halves of an HDLC link over a line that loses, breaks, doubles and delays frames, never reorders them.

Every message has to arrive whole, once and in turn, or the link has to be given up: never other bytes.
"""

import random
from collections import deque

import pytest

from protocols.dlms.framing import Heard
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.limits import LinkLimits
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.server import HdlcServerFraming
from protocols.dlms.hdlc.stream import Deframer
from protocols.errors import RemoteError

METER = HdlcAddress(1, 17)
PATIENT = LinkLimits(repeats=60, rounds=300, polls=300)


class Direction:
    """Frames on their way, first in, first out."""

    def __init__(self, chance: random.Random, trouble: float) -> None:
        self.chance, self.trouble = chance, trouble
        self.frames: deque[bytes] = deque()

    def send(self, raw: bytes) -> None:
        for frame in Deframer().feed(raw):
            whole = frame.to_bytes()
            lot = self.chance.random() / self.trouble if self.trouble else 9.0
            if lot < 0.4:
                continue
            if lot < 0.8:
                whole = self.broken(whole)
            if 0.8 <= lot < 1.0:
                self.frames.append(whole)
            self.frames.append(whole)

    def broken(self, raw: bytes) -> bytes:
        at = self.chance.randrange(len(raw))
        match self.chance.randrange(4):
            case 0:
                return raw[:at] + bytes((raw[at] ^ 1 << self.chance.randrange(8),)) + raw[at + 1 :]
            case 1:
                return raw[:at] + raw[at + 1 :]
            case 2:
                return raw[:at] + self.chance.randbytes(self.chance.randint(1, 3)) + raw[at:]
            case _:
                return raw[:at]

    def arrive(self) -> bytes:
        return self.frames.popleft()


class Pair:
    """A client, a meter that answers the n-th question with the n-th answer, and the line between them."""

    def __init__(
        self, seed: int, trouble: float, parameters: LinkParameters, limits: LinkLimits = PATIENT
    ) -> None:
        self.chance = random.Random(seed)
        self.client = HdlcFraming(16, METER, parameters, limits)
        self.meter = HdlcServerFraming({METER: 1}, LinkParameters(2030, 2030, 7, 7), limits)
        self.out, self.back = Direction(self.chance, trouble), Direction(self.chance, trouble)
        self.asked: list[bytes] = []
        self.answers: list[bytes] = []
        self.heard = 0
        self.steps = 0

    def step(self, late: float) -> list[bytes]:
        """A frame arrives, or the client loses its patience, though one may be on its way."""
        self.steps += 1
        assert self.steps < 60_000
        if self.out.frames and self.chance.random() < 0.6:
            self.at_meter(self.out.arrive())
            return []
        if self.back.frames and self.chance.random() >= late:
            return self.at_client(self.back.arrive())
        if not self.out.frames or self.chance.random() < late:
            self.out.send(self.client.on_silence())
        return []

    def at_meter(self, raw: bytes) -> None:
        for arrival in self.meter.feed(raw):
            if isinstance(arrival, Heard):
                assert arrival == Heard(16, 1, self.asked[self.heard])
                assert self.meter.wrap(16, 1, self.answers[self.heard]) == b""
                self.heard += 1
        self.back.send(self.meter.replies())

    def at_client(self, raw: bytes) -> list[bytes]:
        messages = self.client.feed(raw)
        self.out.send(self.client.replies())
        return messages

    def connect(self, late: float) -> None:
        self.out.send(self.client.connect())
        while not self.client.connected:
            assert self.step(late) == []

    def ask(self, question: bytes, answer: bytes, late: float) -> None:
        self.asked.append(question)
        self.answers.append(answer)
        self.out.send(self.client.wrap(question))
        while not (messages := self.step(late)):
            pass
        assert messages == [answer]
        assert self.heard == len(self.asked)

    def size(self, most: int) -> bytes:
        return self.chance.randbytes(self.chance.choice((1, 40, self.chance.randint(1, most))))


@pytest.mark.parametrize("trouble", [0.0, 0.02, 0.15])
@pytest.mark.parametrize("window", range(1, 8))
@pytest.mark.parametrize("length", [128, 2030])
def test_every_message_arrives_whole(length: int, window: int, trouble: float) -> None:
    for seed in range(3):
        pair = Pair(seed, trouble, LinkParameters(length, length, window, window))
        late = trouble / 4
        pair.connect(late)
        for _ in range(6):
            pair.ask(pair.size(5 * length), pair.size(20 * length), late)
        pair.out.send(pair.client.disconnect())
        while pair.client.connected:
            pair.step(late)


@pytest.mark.parametrize("seed", range(12))
def test_an_uneven_window_and_a_line_that_is_always_late(seed: int) -> None:
    chance = random.Random(seed)
    parameters = LinkParameters(
        chance.choice((32, 128)), chance.choice((32, 128)), chance.randint(1, 7), chance.randint(1, 7)
    )
    pair = Pair(seed, 0.1, parameters)
    pair.connect(0.1)
    for _ in range(10):
        pair.ask(pair.size(900), pair.size(3000), 0.15)


@pytest.mark.parametrize("seed", range(40))
def test_a_line_that_is_too_bad_is_given_up(seed: int) -> None:
    pair = Pair(seed, 0.7, LinkParameters(128, 128, 1 + seed % 7, 1 + seed % 5), LinkLimits())
    with pytest.raises(RemoteError, match=r"asked \d+ times"):
        pair.connect(0.0)
        for _ in range(100):
            pair.ask(pair.size(600), pair.size(3000), 0.0)


def test_a_silent_meter_is_asked_four_times() -> None:
    client = HdlcFraming(16, METER)
    snrm = client.connect()
    assert [client.on_silence() for _ in range(3)] == [snrm] * 3
    with pytest.raises(RemoteError, match="does not answer: asked 4 times"):
        client.on_silence()
    assert not client.connected
    with pytest.raises(RemoteError, match="does not answer"):
        client.feed(b"")
