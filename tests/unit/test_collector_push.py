"""What meters send of their own accord: believed of known meters, on the disk before it is confirmed."""

import asyncio
import contextlib
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import pytest

from collector.push import receiver as push
from collector.push.judge import Judge, NoKeys, Place, TitleKeys
from collector.spool.spool import Spooled
from model.period import Period
from model.series import Channel
from protocols.dlms import axdr
from protocols.dlms.clock import CosemDateTime, write_clock
from protocols.dlms.notice import DataNotification, DataNotificationConfirm, EventNotification
from protocols.dlms.reference import Attribute, LongInvokeId
from protocols.dlms.security.counters import MemoryCounters
from protocols.dlms.security.protection import Protection
from protocols.dlms.security.setup import SecuritySetup
from protocols.dlms.wrapper import Frame
from protocols.obis import obis
from simulators.pushing import notification, send
from storage.pushers import Pusher
from tests.pushed import ALARM, HOURLY, NOW, meters, receiving

TITLE, OURS = b"DKEMETER", b"DKEHEAD1"
EVENT = Attribute(1, obis("0.0.96.11.0"), 2)


def setup(title: bytes = TITLE) -> SecuritySetup:
    return SecuritySetup(title, bytes(range(16)), bytes(range(16, 32)), general=True)


class OneMeterHasKeys(NoKeys):
    def __init__(self, serial: str) -> None:
        self.serial, self.counters = serial, MemoryCounters()

    async def of_title(self, title: bytes, *, anew: bool = False) -> list[TitleKeys]:
        return [TitleKeys(self.serial, setup(OURS), self.counters)] if title == TITLE else []

    def has(self, serial: str) -> bool:
        return serial == self.serial


@pytest.mark.parametrize("udp", [False, True])
async def test_a_push_is_a_readout_and_is_confirmed_once_it_is_on_the_disk(
    free_port: int, tmp_path: Path, udp: bool
) -> None:
    fleet = meters()
    serial, meter = next(iter(fleet.items()))
    async with receiving(free_port, tmp_path, fleet) as there:
        told = notification(meter, HOURLY, 7, rows=3, confirmed=True)
        reply = await send(told.to_bytes(), 1, there.at, udp=udp, wait_s=5)
        assert there.spool.rows == 1  # before anything came back
        frame = Frame.from_datagram(reply)
        assert (frame.source, frame.destination) == (1, 1)
        assert DataNotificationConfirm.from_bytes(frame.payload).long_invoke.number == 7
        (record,) = await there.kept(1)
    readout = record.readout
    assert (readout.serial, readout.outcome, record.modem) == (serial, "ok", "MD-1")
    register, profile = readout.answers
    (read,) = register.registers
    (key,) = meter.instrument.model.registers
    assert read.raw == meter.instrument.raw(key.key, key.place, meter.instrument.second())
    assert read.at == NOW.replace(microsecond=0)
    (block,) = profile.blocks
    assert block.channel is Channel.ACTIVE_IMPORT
    nine = NOW.replace(minute=0, second=0)
    assert profile.asked == Period(nine - timedelta(minutes=90), nine)
    assert profile.complete
    assert block.raw == tuple(meter.instrument.hung.ledger.wh(*slots(profile.asked)))


def slots(period: Period) -> tuple[int, int]:
    return int(period.start.timestamp()) // 1800, int(period.end.timestamp()) // 1800


async def test_the_last_gasp_is_an_event(free_port: int, tmp_path: Path) -> None:
    fleet = meters()
    serial, meter = next(iter(fleet.items()))
    async with receiving(free_port, tmp_path, fleet) as there:
        await send(notification(meter, ALARM, 1, event=1).to_bytes(), 1, there.at, udp=True, wait_s=0.02)
        (record,) = await there.kept(1)
    (answer,) = record.readout.answers
    assert [(event.code, event.at) for event in answer.events] == [("power_off", NOW)]
    assert record.readout.serial == serial


async def test_an_event_notification_of_a_meter_with_keys_is_an_event(free_port: int, tmp_path: Path) -> None:
    serial = next(iter(meters()))
    stamp = CosemDateTime.from_bytes(write_clock(NOW - timedelta(seconds=40)))
    told = EventNotification(stamp, EVENT, axdr.encode(axdr.unsigned(2))).to_bytes()
    sealed = Protection(setup(), MemoryCounters()).protect(told)
    async with receiving(free_port, tmp_path, [serial], OneMeterHasKeys(serial)) as there:
        # It names nobody: without a cipher that says who sent it, it is nobody's.
        await send(told, 1, there.at, udp=True, wait_s=0.02)
        general = Protection(setup(), MemoryCounters(5)).protect(told)
        await send(general, 1, there.at, udp=True, wait_s=0.02)
        records = await there.kept(2)
    assert sealed[:1] == b"\xdb"
    assert [record.readout.serial for record in records] == ["", serial]
    (answer,) = records[1].readout.answers
    assert [(event.code, event.at) for event in answer.events] == [("power_on", NOW - timedelta(seconds=40))]


async def test_the_same_event_without_a_time_happens_more_than_once(tmp_path: Path) -> None:
    """No time, no number: the very same bytes tell of this power cut and of the next one."""
    serial = next(iter(meters()))
    pusher = Pusher(1, serial, "dk-1p", "MD-1")

    async def at(place: Place) -> Pusher | None:
        return pusher

    async def look_up(names: Collection[str]) -> dict[str, Pusher]:
        return {serial: pusher}

    judge = Judge(look_up, NoKeys(), at=at)
    told = EventNotification(None, EVENT, axdr.encode(axdr.unsigned(1))).to_bytes()
    found = []
    for hour in (0, 0, 5):
        judged = await judge.weigh(told, NOW + timedelta(hours=hour), ("MD-1", 1))
        judge.kept(judged)
        found.append(judged)
    assert [one.outcome for one in found] == ["ok", "again", "ok"]
    first, _, later = (one.spooled for one in found)
    assert first is not None
    assert later is not None
    assert first.readout.poll != later.readout.poll
    assert [event.at for answer in later.readout.answers for event in answer.events] == [
        NOW + timedelta(hours=5)
    ]


async def test_ciphered_is_believed_once_replayed_never_and_plain_not_of_a_meter_that_has_keys(
    free_port: int, tmp_path: Path
) -> None:
    fleet = meters(1)
    ((serial, meter),) = fleet.items()
    keys = OneMeterHasKeys(serial)
    sender = Protection(setup(), MemoryCounters(100))
    plain = notification(meter, HOURLY, 1, confirmed=True).to_bytes()
    first, second = sender.protect(plain), sender.protect(plain)
    async with receiving(free_port, tmp_path, fleet, keys) as there:
        reply = await send(second, 1, there.at, wait_s=5)
        opened = Protection(setup(), MemoryCounters()).unprotect(Frame.from_datagram(reply).payload)
        assert DataNotificationConfirm.from_bytes(opened).long_invoke.number == 1
        assert await send(second, 1, there.at, wait_s=5)  # its confirmation got lost: the very same again
        assert await send(first, 1, there.at, udp=True, wait_s=0.02) == b""  # recorded, and played again
        changed = bytearray(sender.protect(plain))
        changed[-1] ^= 1
        await send(bytes(changed), 1, there.at, udp=True, wait_s=0.02)
        await send(plain, 1, there.at, udp=True, wait_s=0.02)
        await send(
            Protection(setup(b"STRANGER"), MemoryCounters()).protect(plain),
            1,
            there.at,
            udp=True,
            wait_s=0.02,
        )
        await there.judged(6)
        records = await there.kept(5)
        assert there.receiver.counts == {
            "ok": 1, "again": 1, "replayed": 1, "untrusted": 1, "unprotected": 1, "unknown_meter": 1,
        }  # fmt: skip
    assert [len(record.readout.answers) for record in records] == [2, 0, 0, 0, 0]
    assert "replayed" in records[1].readout.rejected[0].reason
    assert "tag does not fit" in records[2].readout.rejected[0].reason
    assert "must cipher" in records[3].readout.rejected[0].reason


BAD = {
    "unknown_meter": lambda meter: changed(meter, 1, axdr.octet_string(b"DKE0000099999999")),
    "future": lambda meter: changed(meter, 2, axdr.octet_string(write_clock(NOW + timedelta(hours=1)))),
    "too_old": lambda meter: changed(meter, 2, axdr.octet_string(write_clock(NOW - timedelta(days=30)))),
    "undecodable": lambda meter: notification(meter, HOURLY, 1).to_bytes()[:-5],
    "partial": lambda meter: changed(meter, 3, axdr.octet_string(b"not a number")),
}


def changed(meter: object, at: int, value: axdr.Data) -> bytes:
    """The hourly list with another value in one place."""
    told = notification(meter, HOURLY, 1)  # type: ignore[arg-type]
    values = list(axdr.decode(told.data).value)
    values[at] = value
    return DataNotification(LongInvokeId(1), None, axdr.encode(axdr.structure(*values))).to_bytes()


@pytest.mark.parametrize("kind", BAD)
async def test_what_cannot_be_believed_is_kept_as_evidence_with_its_reason(
    free_port: int, tmp_path: Path, kind: str
) -> None:
    fleet = meters(1)
    ((serial, meter),) = fleet.items()
    async with receiving(free_port, tmp_path, fleet) as there:
        raw = BAD[kind](meter)
        await send(raw, 1, there.at, udp=True, wait_s=0.02)
        (record,) = await there.kept(1)
        for _ in range(500):  # it is on the disk before it is counted
            if there.receiver.counts:
                break
            await asyncio.sleep(0.01)
        assert there.receiver.counts == {kind: 1}
    (rejected,) = record.readout.rejected
    assert rejected.reason
    if kind == "partial":
        assert [answer.item for answer in record.readout.answers] == ["1.0.99.1.0.255"]
    else:
        assert (rejected.raw, record.readout.answers) == (raw, ())
    assert record.meter_id == (0 if kind in ("unknown_meter", "undecodable") else 1)


async def test_a_name_counts_only_where_the_list_has_the_name(free_port: int, tmp_path: Path) -> None:
    fleet = meters(1)
    ((serial, meter),) = fleet.items()
    told = notification(meter, HOURLY, 1)
    values = list(axdr.decode(told.data).value)
    values[1], values[3] = axdr.octet_string(b"DKE0000099999999"), axdr.octet_string(serial.encode())
    raw = DataNotification(LongInvokeId(1), None, axdr.encode(axdr.structure(*values))).to_bytes()
    async with receiving(free_port, tmp_path, fleet) as there:
        await send(raw, 1, there.at, udp=True, wait_s=0.02)
        (record,) = await there.kept(1)
    assert not record.readout.answers
    assert "what names the meter" in record.readout.rejected[0].reason


async def test_evidence_of_strangers_is_bounded_and_costs_one_question_for_many(
    free_port: int, tmp_path: Path
) -> None:
    fleet = meters(1)
    ((_, meter),) = fleet.items()
    raws = [changed(meter, 1, axdr.octet_string(b"DKE%013d" % (90_000_000 + n))) for n in range(300)]
    async with receiving(free_port, tmp_path, fleet) as there:
        _, writer = await asyncio.open_connection(*there.at)
        writer.write(b"".join(Frame(1, 1, raw).to_bytes() for raw in raws))
        await there.judged(300)
        assert there.receiver.counts == {"unknown_meter": 300}
        assert there.spool.rows == 100
        assert max(len(names) for names in there.looked_up) > 50
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_who_says_nothing_too_much_or_never_ends_is_hung_up_on(
    free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "FIRST_BYTE_S", 0.1)
    monkeypatch.setattr(push, "WHOLE_S", 0.3)
    async with receiving(free_port, tmp_path, []) as there:
        for said in (b"", b"\0\1\0\1\0\1\xff\xff", b"GET / HTTP/1.1", Frame(1, 1, bytes(99)).to_bytes()[:20]):
            reader, writer = await asyncio.open_connection(*there.at)
            writer.write(said)
            with contextlib.suppress(OSError):
                assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        assert there.receiver.rejected == {
            "first_byte": 1, "too_long": 1, "undecodable": 1, "message_time": 1,
        }  # fmt: skip
        assert not there.receiver.crowd.at_the_door


async def test_nothing_is_confirmed_while_the_spool_is_full(
    free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "FULL_S", 0.05)
    fleet = meters(1)
    ((_, meter),) = fleet.items()
    async with receiving(free_port, tmp_path, fleet, limit=100) as there:
        told = notification(meter, HOURLY, 1, confirmed=True).to_bytes()
        waiting = asyncio.create_task(send(told, 1, there.at, wait_s=5))
        await asyncio.sleep(0.3)
        assert there.spool.rows == 0
        assert not waiting.done()
        there.spool.limit_bytes = 1 << 20
        assert await waiting
        records: list[Spooled] = await there.kept(1)
        assert len(records) == 1
