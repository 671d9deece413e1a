"""General block transfer: both ways, through a window, with blocks lost, and against those who cheat."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from collector.exchange.conversation import Conversation
from collector.links.udp_line import udp_line
from protocols.dlms import axdr
from protocols.dlms.axdr import Data
from protocols.dlms.client import DEFAULT_CONFORMANCE, ClientConnection, ClientSettings
from protocols.dlms.client_states import State
from protocols.dlms.enums import ActionResult, Conformance, DataAccessResult
from protocols.dlms.events import Acted, Event, Failed, Got, Notified, Send, WasSet
from protocols.dlms.framing import WrapperFraming, WrapperServerFraming
from protocols.dlms.general_block import MAX_REPEATS, GeneralBlock, GeneralBlocks, unconfirmed
from protocols.dlms.notice import DataNotification
from protocols.dlms.reference import LongInvokeId
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import LocalError, RemoteError
from protocols.obis import Obis
from simulators.datagrams import Datagrams
from tests.dlms_line import ECHO, ENERGY, SECOND, SWITCH, TEXT, Desk, associated, exchange

LONG = axdr.octet_string(bytes(range(256)) * 20)
GENERAL_ONLY = DEFAULT_CONFORMANCE & ~(
    Conformance.BLOCK_TRANSFER_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_SET
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
)


def meter(desk: Desk, window: int = 3, max_pdu: int = 200) -> ServerConnection:
    return ServerConnection({1: Device(desk, {16: ClientAccess()}, max_pdu, general_window=window)})


@pytest.mark.parametrize("ours", [1, 2, 5, 63])
@pytest.mark.parametrize("theirs", [1, 4, 63])
def test_everything_goes_in_blocks_both_ways(ours: int, theirs: int) -> None:
    desk = Desk()
    line = meter(desk, theirs)
    client = associated(line, ClientSettings(general_window=ours))
    frames: list[int] = []
    (got,) = exchange(
        client, line, client.get(TEXT), lambda _, came: frames.append(len(Unwrapper().feed(came)))
    )
    assert isinstance(got, Got)
    assert axdr.decode(got.raw()).value == bytes(range(256)) * 20
    assert max(frames) == min(ours, 27)
    assert exchange(client, line, client.set(TEXT, LONG)) == [WasSet(TEXT, DataAccessResult.SUCCESS)]
    assert desk.values[TEXT] == LONG
    (acted,) = exchange(client, line, client.act(ECHO, LONG))
    assert isinstance(acted, Acted)
    assert acted.raw() == axdr.encode(LONG)
    listed = exchange(client, line, client.get_list((ENERGY, TEXT, SECOND)))
    assert [isinstance(event, Got) for event in listed] == [True] * 3
    assert client.state is State.READY


def test_a_meter_that_has_nothing_else_begins_by_itself() -> None:
    """The request went as it is; the client's window becomes known with its first acknowledgement."""
    settings = ClientSettings(conformance=GENERAL_ONLY | Conformance.GENERAL_BLOCK_TRANSFER)
    line = meter(Desk())
    client = associated(line, settings)
    for ask in (client.get(TEXT), None):
        if ask is not None:
            (got,) = exchange(client, line, ask)
            assert isinstance(got, Got)
            assert len(got.raw()) == 5124
    (acted,) = exchange(client, line, client.act(ECHO, axdr.octet_string(bytes(180))))
    assert isinstance(acted, Acted)
    assert acted.raw() == axdr.encode(axdr.octet_string(bytes(180)))


def lossy(
    client: ClientConnection, line: ServerConnection, ask: bytes, loss: float, seed: int
) -> list[Event]:
    """The exchange over datagrams of which some get lost; silence is told as a time-out would."""
    chance = random.Random(seed)

    def through(stream: bytes) -> bytes:
        frames = Unwrapper().feed(stream)
        return b"".join(frame.to_bytes() for frame in frames if chance.random() >= loss)

    events: list[Event] = []
    for _ in range(1000):
        heard = (
            client.receive(came) if (came := line.receive(through(ask))) and (came := through(came)) else []
        )
        events += [event for event in heard if not isinstance(event, Send)]
        if events:
            return events
        ask = b"".join(event.raw for event in heard if isinstance(event, Send)) or client.on_silence()
    raise AssertionError("never answered")


@pytest.mark.parametrize("seed", range(12))
def test_lost_blocks_are_sent_again(seed: int) -> None:
    desk = Desk()
    line = meter(desk, 1 + seed % 5, 120)
    client = associated(line, ClientSettings(general_window=1 + seed % 4))
    (acted,) = lossy(client, line, client.act(ECHO, LONG), 0.08, seed)
    assert isinstance(acted, Acted)
    assert acted.raw() == axdr.encode(LONG)
    assert len(desk.invoked) == 1


def test_a_meter_that_stays_silent_is_given_up() -> None:
    client = associated(meter(Desk()), ClientSettings(general_window=2))
    assert client.get(TEXT)
    for _ in range(MAX_REPEATS):
        assert client.on_silence()
    with pytest.raises(RemoteError, match="nothing new arrived"):
        client.on_silence()
    assert client.state is State.BROKEN
    plain = associated(meter(Desk()))
    plain.get(TEXT)
    with pytest.raises(RemoteError, match="did not answer"):
        plain.on_silence()


def test_a_request_that_came_twice_is_served_once() -> None:
    desk = Desk()
    line = meter(desk, 3, 65535)
    client = associated(line, ClientSettings(general_window=3))
    ask = client.act(ECHO, axdr.octet_string(b"once"))
    line.receive(ask)
    (acted,) = exchange(client, line, ask)
    assert isinstance(acted, Acted)
    (again,) = exchange(client, line, client.act(ECHO, axdr.octet_string(b"two")))
    assert isinstance(again, Acted)
    assert [parameters and parameters.value for _, parameters in desk.invoked] == [b"once", b"two"]


def test_blocks_need_to_be_granted() -> None:
    plain = ServerConnection({1: Device(Desk(), {16: ClientAccess()}, 200, DEFAULT_CONFORMANCE)})
    client = associated(plain, ClientSettings(general_window=3))
    (got,) = exchange(client, plain, client.get(TEXT))
    assert isinstance(got, Got)
    assert len(got.raw()) == 5124
    client.get(ENERGY)
    block = GeneralBlock(True, False, 1, 1, 0, b"\xc0\x01\xc1").to_bytes()
    (failed,) = client.receive(plain.receive(Frame(16, 1, block).to_bytes()))
    assert isinstance(failed, Failed)
    with pytest.raises(LocalError, match="a window is"):
        ClientSettings(general_window=64)


def heard(client: ClientConnection, payload: bytes) -> list[Event]:
    return client.receive(Frame(1, 16, payload).to_bytes())


@pytest.mark.parametrize(
    ("block", "why"),
    [
        (GeneralBlock(False, True, 1, 1, 9, b"x"), "9 are acknowledged, 1 were sent"),
        (GeneralBlock(False, True, 1, 1, 1, bytes(2000)), "longer than 1000 bytes"),
        (GeneralBlock(True, False, 1, 1, 1, GeneralBlock(True, False, 1, 1, 0, b"x").to_bytes()), "within"),
    ],
)
def test_blocks_that_cannot_be_break_the_connection(block: GeneralBlock, why: str) -> None:
    client = associated(meter(Desk()), ClientSettings(general_window=2, max_answer_bytes=1000))
    client.get(TEXT)
    with pytest.raises(RemoteError, match=why):
        heard(client, block.to_bytes())
    assert client.state is State.BROKEN


def test_a_block_repeated_for_ever_is_given_up() -> None:
    client = associated(meter(Desk()), ClientSettings(general_window=2))
    client.get(TEXT)
    with pytest.raises(RemoteError, match="nothing new arrived"):
        for _ in range(MAX_REPEATS + 2):
            heard(client, GeneralBlock(False, False, 1, 7, 1, b"x").to_bytes())


def test_the_meter_drops_a_transfer_that_makes_no_sense() -> None:
    line = meter(Desk())
    client = associated(line, ClientSettings(general_window=2))
    wrong = Frame(16, 1, GeneralBlock(True, False, 1, 1, 5, b"x").to_bytes()).to_bytes()
    assert Unwrapper().feed(line.receive(wrong))[0].payload[0] == 0xD8
    (got,) = exchange(client, line, client.get(SECOND))
    assert got == Got(SECOND, axdr.encode(axdr.octet_string(b"second")))


def test_acknowledgements_that_are_not_counted_are_understood() -> None:
    """The other side begins its data at block 1 though it has acknowledged before."""
    ours = GeneralBlocks(1, 40, 1000, by_client=True)
    ours.send(bytes(60))
    assert ours.receive(GeneralBlock(False, False, 1, 0, 1, b"").to_bytes())[1]
    whole, _ = ours.receive(GeneralBlock(True, False, 1, 1, 2, b"answer").to_bytes())
    assert whole == b"answer"


def test_a_long_push_comes_in_blocks_without_acknowledgement() -> None:
    line = meter(Desk())
    client = associated(line, ClientSettings(general_window=2))
    push = DataNotification(LongInvokeId(7), None, axdr.encode(axdr.octet_string(bytes(900))))
    assert client.receive(line.push(16, 1, push)) == [Notified(push)]
    with pytest.raises(LocalError, match="does not go"):
        unconfirmed(bytes(10), 9)
    with pytest.raises(LocalError, match="too short"):
        GeneralBlocks(1, 9, 100, by_client=True)
    with pytest.raises(LocalError, match="too long"):
        GeneralBlocks(1, 10, 100, by_client=True).send(bytes(70_000))
    with pytest.raises(LocalError, match="window"):
        GeneralBlock(True, False, 64, 1, 0, b"").to_bytes()


def test_a_long_answer_to_a_short_method_comes_in_general_blocks() -> None:
    """Where the services' own blocks are not granted."""
    line = meter(Talkative())
    client = associated(line, ClientSettings(conformance=GENERAL_ONLY | Conformance.GENERAL_BLOCK_TRANSFER))
    (acted,) = exchange(client, line, client.act(SWITCH))
    assert isinstance(acted, Acted)
    assert acted.raw() == axdr.encode(Talkative.SPEECH)


class Talkative(Desk):
    SPEECH = axdr.octet_string(bytes(range(250)) * 4)

    def act(self, class_id: int, obis: Obis, method: int, parameters: Data | None) -> ActionResult | Data:
        return self.SPEECH


def test_a_transfer_has_so_many_blocks_and_no_more() -> None:
    client = GeneralBlocks(1, 100, 1 << 20, by_client=True)
    client.send(b"x")
    block = GeneralBlock(False, False, 1, 0, 0, b"x")
    with pytest.raises(RemoteError, match="more than 65535 blocks"):
        for number in range(1, 0x10001):
            client.receive(replace(block, number=number, acknowledged=number).to_bytes())


def streamed(lost: Callable[[random.Random, int], bool], seed: int, window: int = 8) -> bool:
    """100 kB out of a meter that sends from the block after the one acknowledged; whether they came whole."""
    chance = random.Random(seed)
    ours = GeneralBlocks(window, 512, 4 << 20, by_client=True)
    (ask,) = ours.send(b"\xc0\x01\xc1" + bytes(10))
    answer, size = chance.randbytes(100_000), 500
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
    while True:
        begin = GeneralBlock.from_bytes(ask).acknowledged
        end = min(len(pieces), begin + window)
        said: list[bytes] = []
        for at in range(begin, end):
            if lost(chance, at - begin):
                continue
            block = GeneralBlock(at == len(pieces) - 1, at + 1 < end, 1, at + 1, 1, pieces[at])
            whole, said = ours.receive(block.to_bytes())
            if whole is not None:
                return whole == answer
        ask = (said or ours.on_silence())[-1]


LOSSES: dict[str, Callable[[random.Random, int], bool]] = {
    "none": lambda _, at: False,
    "always the fifth": lambda _, at: at == 4,
    "always the last but one": lambda _, at: at == 6,
    "10 %": lambda chance, _: chance.random() < 0.1,
    "20 %": lambda chance, _: chance.random() < 0.2,
}


@pytest.mark.parametrize("lost", LOSSES.values(), ids=LOSSES)
def test_a_transfer_that_makes_headway_is_not_given_up(lost: Callable[[random.Random, int], bool]) -> None:
    assert all(streamed(lost, seed) for seed in range(20))


def test_blocks_that_came_twice_are_no_headway() -> None:
    ours = GeneralBlocks(4, 512, 4 << 20, by_client=True)
    ours.send(b"\xc0\x01\xc1")
    late = GeneralBlock(False, False, 1, 3, 1, b"third").to_bytes()
    for _ in range(MAX_REPEATS + 1):
        ours.receive(late)
    with pytest.raises(RemoteError, match="nothing new arrived"):
        ours.receive(late)


@pytest.mark.parametrize("window", [2, 8])
async def test_every_block_is_a_datagram_of_its_own(free_port: int, window: int) -> None:
    """Over UDP each half drops a datagram with more than one frame; here both send several at once."""
    desk = Desk()
    heard: list[bytes] = []

    def conversation() -> Callable[[bytes], bytes]:
        line = ServerConnection(
            {1: Device(desk, {16: ClientAccess()}, 200, general_window=window)},
            WrapperServerFraming(datagrams=True),
        )

        def answer(chunk: bytes) -> bytes:
            heard.append(chunk)
            return line.receive(chunk)

        return answer

    serving = Datagrams(conversation)
    await serving.start("127.0.0.1", free_port)
    try:
        async with udp_line("127.0.0.1", free_port) as stream:
            settings = ClientSettings(general_window=window, answer_seconds=1.0)
            talk = Conversation(stream, settings, WrapperFraming(16, 1, datagrams=True))
            await talk.associate()
            assert axdr.decode(await talk.get(TEXT)).value == bytes(range(256)) * 20
            await talk.set(TEXT, LONG)
            await talk.release()
    finally:
        await serving.stop()
    assert desk.values[TEXT] == LONG
    assert max(map(len, heard)) <= 208
