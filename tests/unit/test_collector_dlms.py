"""One conversation with one DLMS meter on a real socket, good and bad: each ends in a clear outcome."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from collector.exchange import read_meter
from collector.exchange.dlms import serial_text
from collector.links.kinds import DialOut
from collector.polling.plan import Span, Wanted
from collector.single.meter_words import sentences
from model.clock import frozen
from model.grid import Modem, ModemLink
from model.period import HALF_HOUR, LOCAL, Period
from model.readout import Readout
from model.series import Channel, ProfileKind, ReadingSource, Unit
from protocols import meter_models
from protocols.dlms import axdr, objects
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.clock import write_clock
from protocols.dlms.enums import DataAccessResult, Mechanism
from protocols.dlms.profile_server import encode_rows
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from storage.fleet import LineMeter

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=LOCAL)
MODEL = meter_models.load("dk-1p")
ASKED = Period(NOW - timedelta(hours=3), NOW)
PROFILE, BILLING = str(MODEL.profile.obis), str(MODEL.billing.obis)  # type: ignore[union-attr]
ALL = Wanted(
    (Span(PROFILE, ASKED),),
    (Span(BILLING, Period(NOW.replace(month=10, day=1, hour=0), NOW.replace(day=1, hour=0))),),
    registers=True,
    instants=True,
)
AT_PROFILE = 5  # after the association, serial to scalers, snapshots, instant values, registers
STAMPS = [int((ASKED.start + (n + 1) * HALF_HOUR).timestamp()) for n in range(6)]
WH = [100, 110, 120, 130, 140, 150]


def rows(stamps: list[int], values: list[int]) -> bytes:
    status = (Tag.UNSIGNED, np.zeros(len(stamps), np.int64))
    return encode_rows(
        np.array(stamps, np.int64), [status, (Tag.DOUBLE_LONG_UNSIGNED, np.array(values, np.int64))], 420
    )


def closing(stamp: datetime, wh: int) -> bytes:
    at = np.array([int(stamp.timestamp())], np.int64)
    return encode_rows(at, [(Tag.DOUBLE_LONG_UNSIGNED, np.array([wh], np.int64))], 420)


@dataclass
class Scripted:
    """A dk-1p that says what a test wants; `tamper` sees every answer before it goes out (b"": silence)."""

    serial: str = "00012345"
    clock: Data | datetime = NOW
    profile: bytes = field(default_factory=lambda: rows(STAMPS, WH))
    billing: bytes = field(default_factory=lambda: closing(NOW.replace(day=1, hour=0), 5_000))
    scaler: int = 0
    unit: int = Unit.WATT_HOUR
    refused: tuple[str, ...] = ()
    tamper: Callable[[int, bytes], bytes | None] = lambda _, answer: answer
    max_pdu: int = 1024
    calls: int = 0
    asked: list[str] = field(default_factory=list)

    def read(self, class_id: int, obis: Any, attribute: int, selection: Any) -> Any:
        name = str(obis)
        self.asked.append(name)
        if name in self.refused:
            return DataAccessResult.OBJECT_UNDEFINED
        if name == "0.0.96.1.0.255":
            return axdr.octet_string(self.serial.encode())
        if name == "0.0.1.0.0.255":
            return self.clock if isinstance(self.clock, Data) else axdr.octet_string(write_clock(self.clock))
        if name in (PROFILE, BILLING):
            return self.profile if name == PROFILE else self.billing
        if attribute == 3:
            places = [item.place for item in MODEL.registers] + [item.place for item in MODEL.instants]
            unit = next((p.unit for p in places if str(p.dlms.obis) == name), self.unit)
            scale = next((p.scaler for p in places if str(p.dlms.obis) == name), self.scaler)
            energy = name in ("1.0.1.8.0.255", "1.0.1.29.0.255")
            return objects.ScalerUnit(
                self.scaler if energy else scale, self.unit if energy else unit
            ).to_data()
        return axdr.double_long_unsigned(2300 if name == "1.0.32.7.0.255" else 7_654_321)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        access = {17: ClientAccess(Mechanism.LLS, b"secret")}
        connection = ServerConnection({1: Device(self, access, self.max_pdu)})
        number = 0
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(4096):
                answer = self.tamper(number, connection.receive(chunk))
                number += 1
                if answer is None:
                    break
                writer.write(answer)
        writer.close()


@contextlib.asynccontextmanager
async def served(port: int, script: Scripted) -> AsyncIterator[DialOut]:
    server = await asyncio.start_server(script.serve, "127.0.0.1", port)
    link = DialOut(Modem("M1", ModemLink.DIAL_OUT, host="127.0.0.1", port=port))
    try:
        yield link
    finally:
        link.close()
        await asyncio.sleep(0.02)
        server.close()
        await server.wait_closed()


def meter(password: str = "secret") -> LineMeter:
    return LineMeter(1, "12345", "dk-1p", 1, 6, password, NOW - timedelta(days=90), None)


async def converse(port: int, script: Scripted, wanted: Wanted = ALL, password: str = "secret") -> Readout:
    async with served(port, script) as link, link.lease() as stream:
        return await read_meter(stream, meter(password), wanted, clock=frozen(NOW), answer_s=0.3)


def items(readout: Readout) -> set[str]:
    return {answer.item for answer in readout.answers}


async def test_a_good_meter_says_everything(free_port: int) -> None:
    readout = await converse(free_port, Scripted())
    assert (readout.outcome, readout.detail, readout.clock_offset_s) == ("ok", "", 0.0)
    answers = {answer.item: answer for answer in readout.answers}
    (block,) = answers[PROFILE].blocks
    assert (block.raw, block.kind, block.channel) == (
        tuple(WH),
        ProfileKind.INTERVAL_ENERGY,
        Channel.ACTIVE_IMPORT,
    )
    assert block.stamps == tuple(ASKED.start + n * HALF_HOUR for n in range(6))  # beginnings
    assert answers[PROFILE].asked == ASKED
    assert answers[PROFILE].complete
    (snapshot,) = answers[BILLING].registers
    assert (snapshot.raw, snapshot.at, snapshot.source) == (
        5_000, NOW.replace(day=1, hour=0), ReadingSource.BILLING_PROFILE,
    )  # fmt: skip
    assert answers["registers"].registers[0].raw == 7_654_321
    assert answers["instants"].instants[0].voltage_v == (230.0, None, None)


async def test_the_meters_own_scaler_goes_before_its_models(free_port: int) -> None:
    readout = await converse(free_port, Scripted(scaler=1))
    assert {block.scaler for answer in readout.answers for block in answer.blocks} == {1}
    assert {read.scaler for answer in readout.answers for read in answer.registers} == {1}


async def test_a_unit_that_is_not_the_models_is_refused_before_anything_is_believed(free_port: int) -> None:
    readout = await converse(free_port, Scripted(unit=Unit.VAR_HOUR))
    assert not items(readout) & {PROFILE, "registers"}
    assert "correct its model" in readout.detail


async def test_a_wrong_password_is_one_sentence_and_not_tried_again(free_port: int) -> None:
    readout = await converse(free_port, Scripted(), password="guess")
    assert readout.outcome == "refused"
    assert "meter 12345 refused the password" in readout.detail
    assert "guess" not in repr(readout)
    assert "secret" not in repr(readout)


async def test_a_dead_meter_is_a_timeout(free_port: int) -> None:
    readout = await converse(free_port, Scripted(tamper=lambda *_: b""))
    assert readout.outcome == "timeout"
    assert "no answer about the association within 0.3 s" in readout.detail
    assert readout.rejected == ()


async def test_garbage_is_kept_with_its_bytes(free_port: int) -> None:
    readout = await converse(free_port, Scripted(tamper=lambda *_: b"\xde\xad\xbe\xef"))
    assert readout.outcome == "garbage"
    assert readout.rejected[0].raw == b"\xde\xad\xbe\xef"


def half_of_the_profile(number: int, answer: bytes) -> bytes:
    return answer[: len(answer) // 2] if number == AT_PROFILE else answer


async def test_half_a_profile_is_no_profile_and_the_line_is_not_used_again(free_port: int) -> None:
    script = Scripted(tamper=half_of_the_profile)
    async with served(free_port, script) as link:
        async with link.lease() as stream:
            readout = await read_meter(stream, meter(), ALL, clock=frozen(NOW), answer_s=0.3)
        assert readout.outcome == "partial"
        assert items(readout) == {"serial", "clock", BILLING, "instants", "registers"}
        (rejected,) = readout.rejected
        assert (rejected.item, rejected.asked) == (PROFILE, ASKED)
        assert "half an answer" in rejected.reason
        assert len(rejected.raw) > 20
        script.tamper = lambda number, answer: answer
        async with link.lease() as stream:
            readout = await read_meter(stream, meter(), ALL, clock=frozen(NOW), answer_s=0.3)
        assert readout.outcome == "ok"
        assert script.calls == 2


async def test_a_truncated_profile_is_rejected_with_its_bytes_and_the_rest_still_read(free_port: int) -> None:
    readout = await converse(free_port, Scripted(profile=rows(STAMPS, WH)[:-5]))
    assert readout.outcome == "partial"
    assert items(readout) == {"serial", "clock", BILLING, "registers", "instants"}
    (rejected,) = readout.rejected
    assert (rejected.item, rejected.asked) == (PROFILE, ASKED)
    assert len(rejected.raw) > 100


async def test_a_profile_of_another_models_columns_leads_to_the_model(free_port: int) -> None:
    """Three columns of a three-rate meter where the register says dk-1p."""
    stamps, status = np.array(STAMPS, np.int64), (Tag.UNSIGNED, np.zeros(len(STAMPS), np.int64))
    energy = (Tag.DOUBLE_LONG_UNSIGNED, np.array(WH, np.int64))
    readout = await converse(free_port, Scripted(profile=encode_rows(stamps, [status, energy, energy], 420)))
    (rejected,) = readout.rejected
    assert rejected.reason == (
        "the profile has 4 columns where model dk-1p has 3; this looks like another model: "
        "correct it with `ami meter change 12345 --model …`"
    )
    said = sentences(readout, "M1")
    assert [line for line in said if "columns" in line] == [f"{PROFILE} was not had: {rejected.reason}."]
    assert "structure" not in " ".join(said)


async def test_noise_inside_a_long_profile_is_rejected_and_the_rest_still_read(free_port: int) -> None:
    many = Period(NOW - timedelta(days=6), NOW)
    stamps = [int((many.start + (n + 1) * HALF_HOUR).timestamp()) for n in range(288)]
    noisy = bytearray(rows(stamps, [1] * 288))
    noisy[3000:3040] = b"\xa5" * 40
    wanted = Wanted((Span(PROFILE, many),), registers=True)
    readout = await converse(
        free_port, Scripted(profile=bytes(noisy)), wanted
    )  # in blocks: 1024 bytes at most
    assert (readout.outcome, items(readout)) == ("partial", {"serial", "clock", "registers"})
    assert readout.rejected[0].raw == bytes(noisy)


@pytest.mark.parametrize(
    ("stamps", "reason"),
    [
        ([*STAMPS[:-1], STAMPS[-1] + 1800], "claims the future"),
        ([STAMPS[0] - 1800, *STAMPS[1:]], "asked was"),
        ([*STAMPS[:-1], STAMPS[-1] - 60], "ends no interval"),
    ],
)
async def test_rows_that_cannot_be_the_answer_are_rejected_whole(
    free_port: int, stamps: list[int], reason: str
) -> None:
    readout = await converse(free_port, Scripted(profile=rows(stamps, WH)))
    assert readout.outcome == "partial"
    assert reason in readout.rejected[0].reason
    assert items(readout) == {"serial", "clock", BILLING, "registers", "instants"}


async def test_rows_out_of_order_and_rows_twice_are_put_right_and_said(free_port: int) -> None:
    order = [1, 0, 2, 2, 3, 4, 4, 5]
    values = [WH[n] for n in order]
    values[6] += 1  # the half-hour 4 came twice and differs
    readout = await converse(free_port, Scripted(profile=rows([STAMPS[n] for n in order], values)))
    answer = next(answer for answer in readout.answers if answer.item == PROFILE)
    assert answer.blocks[0].raw == (100, 110, 120, 130, 150)
    assert [event.code for event in answer.events] == ["rows_out_of_order", "duplicate_rows"]
    assert "2 profile rows came twice, 1 of them differing" in answer.events[1].detail


async def test_a_clock_a_day_ahead_leaves_the_profile_unread(free_port: int) -> None:
    readout = await converse(free_port, Scripted(clock=NOW + timedelta(days=1)))
    assert items(readout) == {"serial", "clock", "registers", "instants"}
    assert "86400 s ahead: its profile is not read until the clock has been set" in readout.detail
    assert readout.clock_offset_s == 86400.0
    assert readout.outcome == "partial"  # what was wanted has not been read


async def test_a_drift_is_an_event_and_a_slow_clock_is_not_asked_for_what_it_has_not_got(
    free_port: int,
) -> None:
    slow = Scripted(clock=NOW - timedelta(minutes=5), profile=rows(STAMPS[:-1], WH[:-1]))
    readout = await converse(free_port, slow)
    assert readout.outcome == "ok"
    answer = next(answer for answer in readout.answers if answer.item == PROFILE)
    assert answer.asked == Period(ASKED.start, NOW - HALF_HOUR)
    clock = next(answer for answer in readout.answers if answer.item == "clock")
    assert clock.events[0].detail == "the clock is 300 s behind"


async def test_a_row_still_on_its_way_into_the_buffer_is_not_taken_for_absent(free_port: int) -> None:
    readout = await converse(free_port, Scripted(profile=rows(STAMPS[:-1], WH[:-1])))
    answer = next(answer for answer in readout.answers if answer.item == PROFILE)
    assert answer.asked == Period(ASKED.start, NOW - HALF_HOUR)
    assert answer.complete


async def test_a_clock_that_shows_nothing_is_said(free_port: int) -> None:
    readout = await converse(free_port, Scripted(clock=axdr.octet_string(b"\xff" * 12)))
    assert items(readout) == {"serial", "registers", "instants"}
    assert "the clock shows no time" in readout.detail


async def test_another_meter_in_its_place_is_not_read(free_port: int) -> None:
    script = Scripted(serial="99999")
    readout = await converse(free_port, script)
    assert readout.outcome == "wrong_meter"
    assert "meter 99999 answers where 12345 should" in readout.detail
    (answer,) = readout.answers
    assert answer.events[0].code == "serial_mismatch"
    assert PROFILE not in script.asked


@pytest.mark.parametrize(
    ("raw", "text"),
    [("Nhà, số 5".encode(), "Nhà, số 5"), (b"\0\x0012 \xe9\0", "12 é"), (b"00012345", "00012345")],
)
def test_the_octets_of_a_serial_are_utf_8_or_else_latin_1(raw: bytes, text: str) -> None:
    assert serial_text(axdr.octet_string(raw)) == text
    assert serial_text(Data(Tag.VISIBLE_STRING, raw.decode("latin-1"))) == text


async def test_one_refused_item_leaves_the_others_read(free_port: int) -> None:
    readout = await converse(free_port, Scripted(refused=(BILLING, "1.0.32.7.0.255")))
    assert readout.outcome == "partial"
    assert {rejected.item for rejected in readout.rejected} == {BILLING, "instants"}
    assert items(readout) == {"serial", "clock", PROFILE, "registers", "instants"}


async def test_a_line_that_breaks_in_the_middle_keeps_what_had_come(free_port: int) -> None:
    readout = await converse(
        free_port, Scripted(tamper=lambda number, answer: answer if number < 4 else None)
    )
    assert readout.outcome == "partial"
    assert items(readout) == {"serial", "clock", BILLING, "instants"}
    assert "the line broke off" in readout.detail


async def test_a_model_nobody_has_is_one_sentence(free_port: int) -> None:
    strange = LineMeter(1, "12345", "no-such", 1, 6, None, NOW, None)
    async with served(free_port, Scripted()) as link, link.lease() as stream:
        readout = await read_meter(stream, strange, ALL, clock=frozen(NOW), answer_s=0.3)
    assert readout.outcome == "unknown_model"
    assert "no meter model is called 'no-such'" in readout.detail
