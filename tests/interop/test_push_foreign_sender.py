"""Pushes that gurux-dlms built, plain and ciphered, taken by the receiver: codec and cipher of a stranger."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from collector.push.judge import NoKeys, TitleKeys
from protocols.dlms.security.counters import MemoryCounters
from protocols.dlms.security.setup import SecuritySetup
from protocols.dlms.wrapper import Frame
from simulators.pushing import send
from tests.foreign_peers import Peers
from tests.pushed import NOW, receiving

SERIAL = "20260001"
TITLE = b"GRXMETER"
ENCRYPTION, AUTHENTICATION = bytes(range(16)), bytes(range(16, 32))
NINE = NOW.replace(minute=0)


class Keys(NoKeys):
    def __init__(self) -> None:
        self.counters = MemoryCounters()

    async def of_title(self, title: bytes, *, anew: bool = False) -> list[TitleKeys]:
        ours = SecuritySetup(b"DKEHEAD1", ENCRYPTION, AUTHENTICATION, general=True)
        return [TitleKeys(SERIAL, ours, self.counters)] if title == TITLE else []


def job(counter: int | None, register: int, energies: list[int]) -> dict[str, Any]:
    rows = [
        [["clock", (NINE - timedelta(minutes=30 * back)).isoformat()], ["u8", 0], ["u32", energy]]
        for back, energy in zip(range(len(energies) - 1, -1, -1), energies, strict=True)
    ]
    values = [
        ["octets", "0000190900ff"],
        ["octets", (b"GRX" + SERIAL.encode().rjust(13, b"0")).hex()],
        ["clock", NOW.isoformat()],
        ["u32", register],
        ["rows", rows],
    ]
    told: dict[str, Any] = {"values": values, "stamp": NOW.isoformat()}
    if counter is not None:
        told["keys"] = {
            "title": TITLE.hex(),
            "encryption_key": ENCRYPTION.hex(),
            "authentication_key": AUTHENTICATION.hex(),
            "counter": counter,
        }
    return told


async def test_plain_and_ciphered_pushes_of_a_foreign_meter(
    peers: Peers, free_port: int, tmp_path: Path
) -> None:
    jobs = [job(None, 111_000, [5, 7]), job(20, 222_000, [11, 13, 17]), job(19, 333_000, [1])]
    sent = [bytes.fromhex(frame) for (frame,) in peers.run("push_gurux.py", {"jobs": jobs})]
    assert [Frame.from_datagram(raw).payload[0] for raw in sent] == [0x0F, 0xDB, 0xDB]
    async with receiving(free_port, tmp_path, [SERIAL], Keys()) as there:
        for raw in sent:
            frame = Frame.from_datagram(raw)
            await send(frame.payload, frame.source, there.at, udp=True, wait_s=0.05)
        await asyncio.wait_for(there.judged(3), 10)
        assert there.receiver.counts == {"ok": 2, "replayed": 1}
        plain, ciphered, replayed = [record.readout for record in await there.kept(3)]
    for readout, register, energies in ((plain, 111_000, (5, 7)), (ciphered, 222_000, (11, 13, 17))):
        first, second = readout.answers
        assert [(read.raw, read.at) for read in first.registers] == [(register, NOW)]
        (block,) = second.blocks
        assert block.raw == energies
        assert block.stamps[-1] == NINE - timedelta(minutes=30)
        assert second.complete
    assert not replayed.answers
