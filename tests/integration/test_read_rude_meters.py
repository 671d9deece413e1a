"""`ami read` as a process against meters that behave badly: what they told is printed as one JSON document,
the rest is refused in words, and the exit code says which of the two it was."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from protocols.dlms import axdr
from protocols.dlms.apdu import Attribute
from protocols.dlms.enums import Mechanism
from protocols.dlms.security import MemoryCounters, SecuritySetup
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.wrapper import Frame
from protocols.errors import RemoteError
from protocols.iec62056_21.messages import Data
from simulators.answering import Answerer
from tests.dlms_line import ENERGY, Desk
from tests.foreign_peers import REPOSITORY
from tests.rude_meter import RudeMeter, Values, scale, serving, u32
from tests.unit.test_collector_modbus import good
from tests.unit.test_collector_mode_c import Book, meter
from tests.unit.test_collector_mode_c import serving as answering

IMPORT, EXPORT, VOLTS = ITEMS = ("1.0.1.8.0", "1.0.2.8.0", "1.0.32.7.0")
GOOD: Values = {
    (3, IMPORT, 2): u32(123456),
    (3, IMPORT, 3): scale(-2, 30),
    (3, EXPORT, 2): u32(7),
    (3, EXPORT, 3): scale(0, 30),
    (3, VOLTS, 2): u32(2301),
    (3, VOLTS, 3): scale(-1, 35),
}
KEY, AUTHENTICATION = bytes(range(16)), bytes(range(0xD0, 0xE0))
KEYS = {"AMI_METER_ENCRYPTION_KEY": KEY.hex(), "AMI_METER_AUTHENTICATION_KEY": AUTHENTICATION.hex()}
METER = bytes.fromhex("4D4D4D0000BC614E")
PUBLIC = 16
LATER = "it was not asked, for the meter "


@dataclass(frozen=True, slots=True)
class Ended:
    """How one `ami read` ended: its code, its document where it printed one, and what it said to a person."""

    code: int
    document: dict[str, Any]
    said: str

    def values(self) -> dict[str, str]:
        return {one["item"]: one["value"] for one in self.document["registers"]}

    def refused(self) -> dict[str, str]:
        return {one["item"]: one["reason"] for one in self.document["refused"]}

    def sentence(self) -> str:
        """All it said was one sentence, and it printed nothing."""
        assert self.document == {}
        assert len(self.said.splitlines()) == 1
        assert self.said.startswith("ami: ")
        assert self.said.rstrip().endswith((".", "address"))
        return self.said


Read = Callable[..., Any]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Run `ami read URL ITEM… --json` to its end, on a home of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AMI_")}

    async def run(url: str, *items: str, **environment: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ami.main", "read", url, *items, "--json"),
            env={**inherited, "AMI_HOME": str(tmp_path), **environment},
            stdout=PIPE,
            stderr=PIPE,
            cwd=REPOSITORY,
        )
        printed, said = await process.communicate()
        assert b"Traceback" not in said, said.decode()
        assert process.returncode is not None
        return Ended(process.returncode, json.loads(printed) if printed else {}, said.decode())

    return run


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, f"no answer about {EXPORT}.255 attribute 2 (class 3) within 2 s"),
        ("hang up", "hung up"),
        ("raw:c401", "a byte is missing"),
    ],
)
async def test_an_item_that_breaks_the_call_is_refused_and_the_others_are_printed(
    free_port: int, read: Read, answer: str | None, reason: str
) -> None:
    rude = RudeMeter({**GOOD, (3, EXPORT, 2): answer}, farewell="hang up")
    async with serving(rude, free_port) as url:
        ended = await read(url, *ITEMS)
    assert ended.code == 3, ended
    assert ended.values() == {IMPORT: "1234.56", VOLTS: "230.1"}
    assert list(ended.refused()) == [EXPORT]
    assert reason in ended.refused()[EXPORT]


async def test_what_was_read_before_the_meter_went_away_for_good(free_port: int, read: Read) -> None:
    rude = RudeMeter({**GOOD, (3, EXPORT, 2): "hang up"})
    rude.admits = lambda client: len(rude.clients) == 1
    async with serving(rude, free_port) as url:
        ended = await read(url, *ITEMS)
    assert ended.code == 3, ended
    assert ended.values() == {IMPORT: "1234.56"}
    refused = ended.refused()
    assert list(refused) == [EXPORT, VOLTS]
    assert "hung up" in refused[EXPORT]
    assert refused[VOLTS].startswith(f"{LATER}could not be called again: ")


@pytest.mark.parametrize("farewell", ["hang up", "raw:d80202", "raw:ffee"])
async def test_a_rude_farewell_after_all_was_said_is_no_failure(
    free_port: int, read: Read, farewell: str
) -> None:
    async with serving(RudeMeter(GOOD, farewell), free_port) as url:
        ended = await read(url, IMPORT)
    assert (ended.code, ended.values(), ended.refused(), ended.said) == (0, {IMPORT: "1234.56"}, {}, "")


async def test_a_meter_that_is_not_there_and_one_that_says_nothing_are_no_link(
    free_port: int, read: Read
) -> None:
    url = f"dlms+wrapper://127.0.0.1:{free_port}?client=16&timeout=1"
    closed = await read(url, *ITEMS)
    assert closed.code == 4
    assert "cannot be called (Connection refused)" in closed.sentence()
    silent = RudeMeter({(3, each, 2): None for each in ITEMS})
    async with serving(silent, free_port) as url:
        ended = await read(url.replace("timeout=2", "timeout=1"), *ITEMS)
    assert ended.code == 4
    assert "within 1 s" in ended.sentence()


HANG_UP = RemoteError("enough")


def desk_meter(
    access: dict[int, ClientAccess], tamper: Callable[[int, bytes], bytes | None] = lambda client, said: None
) -> Callable[[], Answerer]:
    """A well-behaved meter of one register; `tamper` may answer a client instead, or raise to hang up."""
    desk = Desk()
    desk.values[Attribute(3, ENERGY.obis, 3)] = axdr.structure(axdr.integer(0), axdr.enum(30))

    def call() -> Answerer:
        link = ServerConnection({1: Device(desk, access, 300)})

        def answer(chunk: bytes) -> bytes:
            client = int.from_bytes(chunk[2:4], "big")
            said = tamper(client, chunk[8:])
            return link.receive(chunk) if said is None else Frame(1, client, said).to_bytes() if said else b""

        return answer

    return call


async def test_who_is_not_let_in_is_refused_everything_and_told_what_to_correct(read: Read) -> None:
    access = {17: ClientAccess(Mechanism.LLS, b"secret")}
    async with answering(desk_meter(access)) as port:
        url = f"dlms+wrapper://127.0.0.1:{port}?timeout=2"
        wrong = await read(url, IMPORT, VOLTS, AMI_METER_PASSWORD="guess")
        stranger = await read(f"{url}&client=32", IMPORT, VOLTS)
        right = await read(url, IMPORT, AMI_METER_PASSWORD="secret")
    assert (wrong.code, stranger.code, right.code) == (3, 3, 0)
    assert right.values() == {IMPORT: "123456"}
    for ended, client in ((wrong, 17), (stranger, 32)):
        assert ended.values() == {}
        assert list(ended.refused()) == [IMPORT, VOLTS]
        assert all("the meter refused the association" in reason for reason in ended.refused().values())
        assert f"did not let in client {client}" in ended.said
        assert "guess" not in ended.said


def secured(public: dict[int, ClientAccess]) -> dict[int, ClientAccess]:
    """Client 1 with keys, beside whom `public` may ask."""
    security = SecuritySetup(METER, KEY, AUTHENTICATION)
    return {**public, 1: ClientAccess(Mechanism.HLS_GMAC, security=security, counters=MemoryCounters())}


@pytest.mark.parametrize(
    "manner", ["hang up", "refuse", "silent", "garbage", "hang up later", "garbage later"]
)
async def test_keys_open_a_meter_that_is_rude_to_the_public_client(read: Read, manner: str) -> None:
    """It is asked for the counter as the public client first; that it does not tell is its right."""
    clients: list[int] = []

    def tamper(client: int, said: bytes) -> bytes | None:
        opens = said[:1] == b"\x60"
        clients.extend([client] * opens)
        if client != PUBLIC or manner == "refuse" or (opens and manner.endswith("later")):
            return None
        if manner.startswith("hang up"):
            raise HANG_UP
        return b"" if manner == "silent" else b"\xff\xee"

    access = secured({} if manner == "refuse" else {PUBLIC: ClientAccess()})
    async with answering(desk_meter(access, tamper)) as port:
        ended = await read(f"dlms+wrapper://127.0.0.1:{port}?auth=gmac&timeout=1", IMPORT, **KEYS)
    assert (ended.code, ended.said) == (0, ""), ended
    assert ended.values() == {IMPORT: "123456"}
    assert clients == [PUBLIC, 1]


async def test_a_meter_that_is_rude_to_all_clients_and_one_of_other_keys(read: Read) -> None:
    def tamper(client: int, said: bytes) -> bytes | None:
        raise HANG_UP

    async with answering(desk_meter(secured({}), tamper)) as port:
        url = f"dlms+wrapper://127.0.0.1:{port}?auth=gmac&timeout=1"
        shut = await read(url, IMPORT, **KEYS)
    assert shut.code == 4
    assert "hung up: check that this port speaks DLMS over TCP" in shut.sentence()
    async with answering(desk_meter(secured({}))) as port:
        url = f"dlms+wrapper://127.0.0.1:{port}?auth=gmac&timeout=1"
        other = await read(url, IMPORT, **{**KEYS, "AMI_METER_ENCRYPTION_KEY": "ab" * 16})
    assert (other.code, list(other.refused())) == (3, [IMPORT])
    assert "did not let in client 1 " in other.said
    assert "correct the keys" in other.said
    assert "abab" not in other.said


@pytest.mark.parametrize(
    ("query", "keys", "said"),
    [
        ("auth=gmac", None, "auth=gmac needs keys"),
        ("auth=gmac&keys={file}", None, "cannot be read (No such file or directory)"),
        ("auth=gmac&keys={file}", "encryption_key = ", "holds no keys"),
        ("auth=gmac&keys={file}", 'encryption_key = "00"', "must be 32 hexadecimal digits"),
        ("server=70000", None, "server=70000"),
        ("client=16&server=1000", None, "such an HDLC address has two halves"),
    ],
)
async def test_a_command_that_cannot_be_meant_is_one_sentence_and_two(
    read: Read, tmp_path: Path, free_port: int, query: str, keys: str | None, said: str
) -> None:
    file = tmp_path / "keys.toml"
    if keys is not None:
        file.write_text(keys)
    framing = "hdlc" if "HDLC" in said else "wrapper"
    ended = await read(f"dlms+{framing}://127.0.0.1:{free_port}?{query.format(file=file)}", IMPORT)
    assert ended.code == 2
    assert said in ended.sentence()


def mode_c(item: str, manner: bytes | None) -> Callable[[], Answerer]:
    """Any meter, but what it says when asked for `item`; None hangs up."""

    def call() -> Answerer:
        answer = meter(Book())()

        def rude(chunk: bytes) -> bytes:
            if item.encode() not in chunk:
                return answer(chunk)
            if manner is None:
                raise HANG_UP
            return manner

        return rude

    return call


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        (None, "hung up"),
        (b"", "no answer about 1.8.1 within 1 s"),
        (b"xyz", "no message begins with b'xyz'"),
        (b"\x01B0\x03q", "the meter has ended the conversation"),
    ],
)
async def test_a_mode_c_meter_that_breaks_off_half_way_keeps_what_it_said(
    read: Read, manner: bytes | None, reason: str
) -> None:
    items = ("1.8.0", "1.8.1", "1.8.2")
    async with answering(mode_c("1.8.1", manner)) as port:
        url = f"iec62056-21://127.0.0.1:{port}?password=secret&timeout=1"
        ended = await read(url, *items, "--clock")
    assert ended.code == 3, ended
    assert ended.document["clock"] == "2026-11-20T10:00:00+07:00"
    assert ended.values() == {"1.8.0": "123456"}
    assert list(ended.refused()) == ["1.8.1", "1.8.2"]
    assert all(reason in why for why in ended.refused().values())


async def test_an_empty_answer_in_mode_c_costs_its_own_item(read: Read) -> None:
    for asked in ("1.8.1", "0.9.1"):  # an item, and the time of the clock
        async with answering(mode_c(asked, b"\x02\x03\x03")) as port:
            ended = await read(f"iec62056-21://127.0.0.1:{port}?password=secret", "1.8.1", "1.8.2", "--clock")
        assert ended.code == 3, ended
        assert list(ended.refused().values()) == [f"an empty answer about {asked}"]
        assert ended.values()["1.8.2"] == "20000"


async def test_a_read_out_stands_whatever_comes_after_it(read: Read) -> None:
    """A mode C meter may hang up after its list; that it then lets nobody in refuses the profile alone."""

    def call() -> Answerer:
        answer, told = meter(Book())(), False

        def curt(chunk: bytes) -> bytes:
            nonlocal told
            if told:
                raise HANG_UP
            said = answer(chunk)
            told = b"1.8.0" in said
            return said

        return curt

    async with answering(call) as port:
        url = f"iec62056-21://127.0.0.1:{port}?timeout=1"
        listed = await read(url, "1.8.0")
        more = await read(url, "1.8.0", "--profile", "P.01")
    assert (listed.code, listed.refused(), more.code) == (0, {}, 3)
    assert listed.values() == more.values() == {"1.8.0": "123456"}
    assert list(more.refused()) == ["P.01"]
    async with answering(mode_c("\x01P1", Data(b"(ERROR01)").to_bytes())) as port:
        ended = await read(f"iec62056-21://127.0.0.1:{port}?password=bad", "1.8.0", "--objects")
    assert ended.code == 3
    assert len(ended.document["objects"]) == len(Book().values)
    assert list(ended.refused()) == ["1.8.0"]
    assert "password" in ended.refused()["1.8.0"]


async def test_mode_c_and_modbus_meters_that_say_nothing_are_no_link(read: Read, free_port: int) -> None:
    async with answering(lambda: lambda chunk: b"") as port:
        for url, *asked in (
            (f"iec62056-21://127.0.0.1:{port}?timeout=1", "1.8.0"),
            (f"modbus+tcp://127.0.0.1:{port}?timeout=1", "1:1"),
            (f"modbus+tcp://127.0.0.1:{port}?timeout=1&model=dk-multi-mb", "--profile", "1.0.99.1.0"),
            (f"modbus+tcp://127.0.0.1:{free_port}?model=dk-multi-mb", "--profile", "1.0.99.1.0"),
        ):
            ended = await read(url, *asked)
            assert ended.code == 4, ended
            assert re.search("no answer about|cannot be called", ended.sentence())


@pytest.mark.parametrize(
    ("manner", "reason"), [(None, "hung up"), (b"", "no answer about"), (b"\0\0garbage", "")]
)
async def test_a_modbus_meter_that_breaks_off_costs_one_item(
    read: Read, manner: bytes | None, reason: str
) -> None:
    def answer(chunk: bytes) -> bytes:
        if chunk[8:10] != b"\0\2":
            return good(chunk, 0xC8)
        if manner is None:
            raise HANG_UP
        return manner

    async with answering(lambda: answer) as port:
        ended = await read(f"modbus+tcp://127.0.0.1:{port}?timeout=1", "1:1", "2:1", "3:1")
    assert ended.code == 3, ended
    assert [one["item"] for one in ended.document["registers"]] == ["1:1", "3:1"]
    assert list(ended.refused()) == ["2:1"]
    assert reason in ended.refused()["2:1"]


async def test_a_gateway_that_hangs_up_after_each_answer_is_read_whole(read: Read) -> None:
    def call() -> Answerer:
        left = [1]

        def once(chunk: bytes) -> bytes:
            if not left:
                raise HANG_UP
            return good(chunk, left.pop())

        return once

    async with answering(call) as port:
        ended = await read(f"modbus+tcp://127.0.0.1:{port}?timeout=1", "1:1", "2:1", "3:1", "4:1")
    assert (ended.code, len(ended.document["registers"])) == (0, 4)
