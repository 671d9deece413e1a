"""Whatever bytes a peer sends: a typed error with the bytes, in bounded time and memory.

A minute of it here, `make fuzz` asks for longer. The seed is drawn anew in every run and printed;
AMI_FUZZ_SEED=… gives the same inputs again.
"""

from __future__ import annotations

import gc
import math
import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from protocols.dlms.profile import decode_rows
from protocols.errors import DecodeError, LocalError, RemoteError
from tests.fuzz import bombs, messages
from tests.fuzz.campaign import Finding, Tally, Thrower, campaign
from tests.fuzz.discovery import callables, forget, run_of
from tests.fuzz.entry import Broken, Chunks, Entry, decoder, steady
from tests.fuzz.found import KEPT, load, save, shrunk
from tests.fuzz.mutations import LONGEST
from tests.fuzz.registry import registry
from tests.fuzz.trial import attempt, judged, peak_bytes

PARTS: Final = 4
SECONDS: Final = 15.0
"""CPU of each part."""
DEARER: Final = 6.0
"""A byte of a value 16 times as long: it does not fit the caches; what goes with the square costs 16."""
LOCAL: Final = {
    "protocols.dlms.change.write_values": "writes what we send",
    "protocols.dlms.acse.identifiers": "what we ask",
    "protocols.dlms.acse.aarq": "what we ask",
    "protocols.dlms.client.ClientConnection.*": "what we ask",
    "protocols.dlms.wrapper.datagrams": "cuts what we send",
    "protocols.dlms.framing.WrapperServerFraming.notify": "what our meter sends",
    "protocols.dlms.hdlc.server.HdlcServerFraming.notify": "what our meter sends",
    "protocols.dlms.general_block.unconfirmed": "what our meter sends",
    "protocols.dlms.server_association.Association.told": "what our meter sends",
    "protocols.dlms.security.general.GeneralSigning.signed": "signs what we send",
    "protocols.dlms.security.key_wrap.wrap": "wraps our own keys",
    "protocols.iec62056_21.profile.write_profile": "writes what our meter sends",
    "protocols.modbus.logger.Logger.encode": "writes what our meter sends",
    "protocols.modem.at.AtDialogue.send": "what we send",
}
"""What takes bytes and never those of a peer, and why."""
DEAF: Final = (
    "client idle*", "client ready*", "ciphered client ready*", "HDLC client ready, wire",
    "mode C client idle*",
    "mode C client ready*", "mode C client identified*",
)  # fmt: skip
"""Where nothing a peer can say is in order."""


def _quietly(entry: Entry, made: Any, chunks: Chunks) -> None:
    with suppress(RemoteError):
        entry.feed(made, chunks)


def test_everything_that_takes_bytes_of_a_peer_is_thrown_at() -> None:
    """Found by looking through `protocols`, not by a list that somebody has to keep."""
    reached = set()
    for entry in registry().values():
        for at, chunks in enumerate(entry.seeds[:40]):
            made = entry.prepare()
            if at == 0:
                forget()
            reached |= run_of(partial(_quietly, entry, made, chunks))
    missed = {name for name, code in callables().items() if code not in reached}
    assert len(callables()) > 200
    assert {name for name in missed if not any(fnmatch(name, local) for local in LOCAL)} == set()
    unused = [local for local in LOCAL if not any(fnmatch(name, local) for name in missed)]
    assert unused == [], "these take bytes of a peer after all"


def test_a_value_longer_than_any_message_costs_in_proportion() -> None:
    """It is decoded beside the event loop, and bounded all the same."""
    for number, (short, long) in enumerate(
        zip(bombs.longer(LONGEST), bombs.longer(bombs.LARGE), strict=True)
    ):
        best = {short: math.inf, long: math.inf}
        for _ in range(5):
            for bomb in best:
                begin = time.process_time()
                with suppress(RemoteError):
                    decode_rows(bomb, messages.CAPTURES, UTC, 1800)
                best[bomb] = min(best[bomb], time.process_time() - begin)
            dearer = best[long] / best[short] / (bombs.LARGE / LONGEST)
            if dearer <= DEARER:
                break
        assert dearer <= DEARER, (
            f"bomb {number}: each byte costs {dearer:.1f} times what it costs in a short one"
        )


def test_every_entry_takes_what_is_right() -> None:
    """Else nothing would be learnt from what it makes of what is wrong."""
    deaf = []
    for name, entry in registry().items():
        trials = [attempt(entry, chunks) for chunks in entry.seeds]
        assert [trial.wrong for trial in trials if trial.wrong] == [], name
        if all(trial.refused for trial in trials):
            deaf.append(name)
    assert [name for name in deaf if not any(fnmatch(name, pattern) for pattern in DEAF)] == []


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.txt")), ids=lambda path: path.stem)
def test_what_was_found_before_stays_mended(path: Path) -> None:
    name, chunks = load(path)
    assert judged(registry()[name], chunks).wrong == ""


@pytest.fixture
def calm() -> Iterator[None]:
    """What is there already is not looked through again and again while an input is timed."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def seed() -> int:
    """Drawn, unless the environment says which; hypothesis seeds the usual one."""
    given = os.environ.get("AMI_FUZZ_SEED")
    return int(given) if given else random.SystemRandom().randrange(1 << 32)


def _told(findings: list[Finding], folder: Path) -> list[str]:
    return [
        f"{one.entry}: {one.wrong} ({save(folder, one.entry, one.chunks, one.wrong)})" for one in findings
    ]


WORST: Final = (
    "axdr.decode", "axdr.skip", "apdu.decode", "decode_rows", "client get list", "ciphered meter get, inside",
    "meter get", "HDLC client get, wire", "HDLC meter get, wire", "Deframer", "meter, wire",
    "mode C client reading, parity even", "mode C meter open, parity none", "read_profile", "RtuServer",
    "MbapFraming ReadRegisters 3", "AT guarding", "AT online", "modem text-once",
    "modem hex-every-packet, unframed", "modem text-every-packet-cut",
)  # fmt: skip


@pytest.mark.long
@pytest.mark.usefixtures("calm")
def test_what_is_expensive_costs_little(seed: int, tmp_path: Path) -> None:
    """64 KiB of the worst there is: nested, described, repeated, announced; time and memory."""
    tally = Tally()
    for name in WORST:
        Thrower(registry()[name], seed, tally).bomb(2)
    print(f"seed {seed}: {tally.inputs} inputs, slowest {tally.worst()}, most memory {tally.heaviest()}")
    assert _told(tally.findings, tmp_path) == []


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.usefixtures("calm")
def test_any_bytes_end_in_a_typed_error(part: int, seed: int, tmp_path: Path) -> None:
    entries = list(registry().values())[part::PARTS]
    begin = time.process_time()
    *_, tally = campaign(entries, seed, lambda so_far: time.process_time() - begin < SECONDS)
    print(
        f"AMI_FUZZ_SEED={seed}: {tally.inputs} inputs at {len(entries)} entries, {tally.refused} refused, "
        f"slowest {tally.worst()}"
    )
    assert _told(tally.findings, tmp_path) == []
    assert tally.inputs > 2000


def _faulty(raw: bytes) -> object:
    if b"\xc1" in raw:
        raise KeyError("no typed error")
    if b"\xc2" in raw:
        raise DecodeError("an error without its bytes")
    if b"\xc3" in raw:
        raise LocalError("not our fault", raw)
    if b"\xc4" in raw:
        end = time.process_time() + 0.06
        while time.process_time() < end:
            pass
    return bytearray(40 << 20) if b"\xc5" in raw else raw


@pytest.mark.parametrize(
    ("octet", "wrong"),
    [(0xC1, "KeyError"), (0xC2, "without the bytes"), (0xC3, "LocalError has no place"), (0xC4, "ms of CPU")],
)
def test_a_planted_fault_is_found_and_made_small(octet: int, wrong: str) -> None:
    entry = decoder("planted", _faulty, [b"abcdefgh"])
    chunks = (b"some bytes before " + bytes((octet,)) + b" and behind",)
    assert wrong in judged(entry, chunks).wrong
    if octet != 0xC4:
        assert shrunk(chunks, lambda smaller: attempt(entry, smaller).wrong != "") == (bytes((octet,)),)


def test_of_nothing_there_are_no_bytes_to_show() -> None:
    def empty(raw: bytes) -> object:
        raise DecodeError("a message of 0 bytes", raw)

    entry = decoder("planted", empty, [b"abcdefgh"])
    assert [attempt(entry, chunks).wrong for chunks in ((), (b"",), (b"a",))] == ["", "", ""]


def test_planted_faults_are_come_upon_by_chance() -> None:
    entry = decoder("planted", _faulty, [b"abcdefgh"])
    *_, tally = campaign([entry], 7, lambda so_far: so_far.inputs < 5000)
    assert tally.findings
    assert peak_bytes(entry, (b"\xc5",)) > 32 << 20
    assert peak_bytes(entry, (b"a",)) < 1 << 20


def test_what_does_not_come_back_is_found() -> None:
    forgetful = decoder("planted", bytes, [b"ab"], verify=steady(bytes, lambda found: found[:-1]))
    with pytest.raises(Broken):
        forgetful.verify(b"abc")
    assert "is read and written as" in attempt(forgetful, (b"abc",)).wrong


def test_the_same_seed_gives_the_same_inputs(tmp_path: Path) -> None:
    def thrown(seed: int) -> list[Chunks]:
        found: list[Chunks] = []
        entry = registry()["Deframer"]
        spied = Entry(
            "Deframer", lambda made, chunks: found.append(chunks), entry.seeds, stream=True, wire=True
        )
        Thrower(spied, seed, Tally()).throw(60)
        return found

    assert thrown(1) == thrown(1) != thrown(2)
    path = save(tmp_path, "an entry", (b"\x00\xff", b""), "what was\nwrong")
    assert load(path) == ("an entry", (b"\x00\xff", b""))
