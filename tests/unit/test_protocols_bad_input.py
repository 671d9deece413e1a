"""What broken, hostile and late DLMS meters say, a case a line: a typed error, the bytes, nothing believed.

Each case is what a meter puts on the line in answer to a GET; the same over real sockets stands in
tests/integration/test_bad_input_wire.py.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from model.period import LOCAL
from protocols.dlms.apdu import (
    GeneralBlock,
    GetResponseNormal,
    GetResponseWithBlock,
    GetResponseWithList,
    InvokeId,
)
from protocols.dlms.client import ClientConnection
from protocols.dlms.client_states import State
from protocols.dlms.events import Got
from protocols.dlms.profile import decode_rows, decode_rows_strictly
from protocols.dlms.wrapper import Frame
from protocols.errors import DecodeError, LocalError, RemoteError, SecurityError, SecurityFault
from tests.dlms_line import TEXT
from tests.fuzz import scenes
from tests.fuzz.messages import CAPTURES, PROFILES
from tests.fuzz.scenes import Scene, opened

CPU_S, MEMORY = 0.05, 8 << 20
RIGHT = GetResponseNormal(InvokeId(1), PROFILES[0]).to_bytes()


def wrapped(payload: bytes) -> bytes:
    return Frame(1, 16, payload).to_bytes()


def got(payload: bytes, invoke: int = 1) -> bytes:
    return wrapped(GetResponseNormal(InvokeId(invoke), payload).to_bytes())


def block(number: int, piece: bytes, *, last: bool = False) -> bytes:
    return wrapped(GetResponseWithBlock(InvokeId(1), last, number, piece).to_bytes())


@dataclass(frozen=True)
class Bad:
    """What comes, chunk by chunk, and how the error begins to speak of it."""

    chunks: tuple[bytes, ...]
    why: str


PROFILE = PROFILES[0]
DLMS: dict[str, Bad] = {
    "truncated": Bad((wrapped(RIGHT[:2]),), "missing|announced"),
    "corrupted: a byte of the frame's head": Bad((b"\x00\x03" + wrapped(RIGHT)[2:],), "no wrapper frame"),
    "corrupted: a byte of the message": Bad((wrapped(b"\xc4\x07" + RIGHT[2:]),), "no message known"),
    "oversized: than its frame says": Bad((b"\x00\x01\x00\x01\x00\x10\x00\x00" + RIGHT,), "a frame of 0"),
    "oversized: trailing bytes in a list": Bad((wrapped(b"\xc4\x03\xc1\x01\x00\x11\x05\x00"),), "too many"),
    "endless: blocks that never end": Bad(
        tuple([block(number, bytes(60_000)) for number in range(1, 80)]), "longer than|more than"
    ),
    "endless: blocks with nothing in them": Bad((block(1, b"", last=True),), "without a byte"),
    "reordered: the second block first": Bad((block(2, PROFILE[:50]),), "block 2 came, 1 was due"),
    "reordered: a block left out": Bad((block(1, PROFILE[:50]), block(3, b"x")), "block 3 came, 2 was due"),
    "replayed: the first block again": Bad(
        (block(1, PROFILE[:50]), block(1, PROFILE[:50])), "block 1 came, 2 was due"
    ),
    "replayed: the answer again": Bad((got(PROFILE) * 2,), "not expected"),
    "wrongly tagged": Bad((wrapped(b"\xc5\x01\xc1\x00"),), "not expected"),
    "wrongly tagged: a request": Bad((wrapped(b"\xc0\x01\xc1" + bytes(10)),), "not expected"),
    "wrong invoke-id": Bad((got(PROFILE, invoke=7),), "an answer to request 7, 1 was asked"),
    "from another meter": Bad((Frame(2, 16, RIGHT).to_bytes(),), "a frame from 2 to 16"),
    "nested arrays 10,000 deep": Bad(
        (wrapped(b"\x0f\x00\x00\x00\x01\x00" + b"\x01\x01" * 10_000 + b"\x00"),), "nested deeper"
    ),
    "a length of 4 GiB": Bad(
        (wrapped(b"\x0f\x00\x00\x00\x01\x00\x09\x84\xff\xff\xff\xff" + bytes(99)),), "cut off"
    ),
    "an array of a billion nulls": Bad(
        (wrapped(b"\x0f\x00\x00\x00\x01\x00\x01\x84\x3b\x9a\xca\x00" + bytes(60_000)),), "1000000000 elements"
    ),
    "a list of a billion": Bad((wrapped(b"\xc4\x03\xc1\x84\x3b\x9a\xca\x00" + bytes(60_000)),), "announced"),
}  # fmt: skip


def asked() -> Scene:
    made = opened()
    made.ask(made.client.get(TEXT))
    return made


def broken(client: ClientConnection) -> None:
    """Nothing may be asked and nothing is heard any more."""
    assert client.state is State.BROKEN
    for use in (
        lambda: client.get(TEXT),
        lambda: client.receive(got(PROFILE)),
        client.associate,
        client.on_silence,
    ):
        with pytest.raises(LocalError, match="broken"):
            use()


@pytest.mark.parametrize("name", DLMS)
def test_a_meter_that_answers_badly(name: str) -> None:
    bad = DLMS[name]

    spent = [hear(bad) for _ in range(3)]
    assert min(spent) < CPU_S * len(bad.chunks)
    tracemalloc.start()
    hear(bad)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY + 2 * sum(map(len, bad.chunks))


def hear(bad: Bad) -> float:
    """CPU seconds until the client has had enough of it; it has believed nothing until then."""
    made = asked()
    begin = time.process_time()
    with pytest.raises(RemoteError, match=bad.why) as wrong:
        for chunk in bad.chunks:
            assert not any(isinstance(event, Got) for event in made.client.receive(chunk)), "believed"
    spent = time.process_time() - begin
    assert wrong.value.raw, "an error without the bytes"
    broken(made.client)
    return spent


def test_what_comes_behind_an_answer_ends_the_line() -> None:
    """The answer was whole and right; whoever sends more than that is not listened to again."""
    made = asked()
    (event,) = made.client.receive(got(PROFILE) + b"\xff\xff")
    assert isinstance(event, Got)
    made.client.get(TEXT)
    with pytest.raises(RemoteError, match="no wrapper frame") as wrong:
        made.client.receive(got(PROFILE, invoke=2))
    assert wrong.value.raw[:2] == b"\xff\xff"
    broken(made.client)


def test_an_answer_cut_anywhere_is_none() -> None:
    """Truncated at any place: nothing comes of it, and when the time is over it is a broken line."""
    whole = got(PROFILE)
    for end in range(0, len(whole), 7):
        made = asked()
        assert made.client.receive(whole[:end]) == []
        with pytest.raises(RemoteError, match="did not answer in time"):
            made.client.on_silence()
        broken(made.client)


def test_a_slow_answer_is_an_answer_only_when_it_is_whole() -> None:
    """A byte at a time; what it costs does not grow with what has come."""
    whole = got(PROFILE)
    made = asked()
    begin = time.process_time()
    events = [event for octet in whole for event in made.client.receive(bytes((octet,)))]
    assert [type(event) for event in events] == [Got]
    assert time.process_time() - begin < 20 * CPU_S  # 2,300 calls


def test_an_answer_after_its_time_out_is_nobodys() -> None:
    made = asked()
    with pytest.raises(RemoteError):
        made.client.on_silence()
    with pytest.raises(LocalError, match="broken"):
        made.client.receive(got(PROFILE))
    broken(made.client)


@pytest.mark.parametrize("end", range(0, len(PROFILE), 97))
def test_part_of_a_profile_is_never_one(end: int) -> None:
    for decode in (decode_rows, decode_rows_strictly):
        with pytest.raises(DecodeError) as wrong:
            decode(PROFILE[:end], CAPTURES, LOCAL, 1800)
        assert wrong.value.raw == PROFILE[:end]


def test_part_of_a_list_is_never_one() -> None:
    made = opened()
    made.ask(made.client.get_list((TEXT, TEXT, TEXT)))
    answer = GetResponseWithList(InvokeId(1), (b"\x11\x05", b"\x11\x06")).to_bytes()
    with pytest.raises(RemoteError, match="2 results for 3 attributes"):
        made.client.receive(wrapped(answer))
    broken(made.client)


GENERAL: dict[str, tuple[GeneralBlock, str]] = {
    "acknowledges what was never sent": (GeneralBlock(True, False, 1, 1, 9, b"x"), "acknowledged"),
    "blocks within blocks": (
        GeneralBlock(True, False, 1, 1, 1, b"\xe0\x80\x00\x01\x00\x00\x00"),
        "within blocks",
    ),
}


@pytest.mark.parametrize("name", GENERAL)
def test_general_blocks_that_lie(name: str) -> None:
    message, why = GENERAL[name]
    made = opened(window=3)
    made.ask(made.client.get(TEXT))
    with pytest.raises(RemoteError, match=why) as wrong:
        made.client.receive(wrapped(message.to_bytes()))
    assert wrong.value.raw
    broken(made.client)


ENCRYPTED = b"\x30\x00\x00\x00"
"""Security control of an answer, and the beginning of its counter."""
SECURED: dict[str, tuple[Callable[[bytes], bytes], SecurityFault]] = {
    "wrong tag": (lambda raw: raw[:-1] + bytes((raw[-1] ^ 1,)), SecurityFault.TAG),
    "a changed byte": (lambda raw: raw[:12] + bytes((raw[12] ^ 1,)) + raw[13:], SecurityFault.TAG),
    "plain where ciphered is due": (lambda raw: RIGHT, SecurityFault.UNPROTECTED),
    "another suite": (lambda raw: raw.replace(ENCRYPTED, b"\x31\0\0\0", 1), SecurityFault.SUITE),
    "authenticated alone": (lambda raw: raw.replace(ENCRYPTED, b"\x10\0\0\0", 1), SecurityFault.POLICY),
    "wrong system title": (lambda raw: b"\xdb\x08STRANGER" + raw[1:], SecurityFault.SYSTEM_TITLE),
    "our own system title": (lambda raw: b"\xdb\x08" + scenes.HEAD_END + raw[1:], SecurityFault.SYSTEM_TITLE),
}


@pytest.mark.parametrize("name", SECURED)
def test_ciphered_answers_that_must_not_be_believed(name: str) -> None:
    spoil, fault = SECURED[name]
    made = opened("ciphered")
    made.ask(made.client.get(TEXT))
    raw = made.sealed(RIGHT, by_meter=True)
    with pytest.raises(SecurityError) as wrong:
        made.client.receive(Frame(1, 1, spoil(raw)).to_bytes())
    assert wrong.value.fault is fault
    assert wrong.value.raw
    broken(made.client)


def test_a_ciphered_answer_is_not_believed_twice() -> None:
    made = opened("ciphered")
    made.ask(made.client.get(TEXT))
    raw = Frame(1, 1, made.sealed(RIGHT, by_meter=True)).to_bytes()
    (event,) = made.client.receive(raw)
    assert isinstance(event, Got)
    made.ask(made.client.get(TEXT))
    with pytest.raises(SecurityError) as wrong:
        made.client.receive(raw)
    assert wrong.value.fault is SecurityFault.COUNTER
    broken(made.client)


def test_the_words_of_the_list_are_all_here() -> None:
    """One case at least for each kind of bad input; late and slow answers have tests of their own."""
    cases = " ".join([*DLMS, *SECURED])
    for word in (
        "truncated", "corrupted", "oversized", "endless", "reordered", "replayed", "wrongly tagged",
        "wrong tag",        "wrong invoke-id", "wrong system title", "10,000 deep", "4 GiB", "billion",
    ):  # fmt: skip
        assert word in cases, word
