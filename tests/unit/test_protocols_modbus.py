"""Numbers in registers, read plans, and a logger's window."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from protocols.errors import DecodeError, LocalError
from protocols.meter_models import load
from protocols.modbus.logger import Field, Logger
from protocols.modbus.registers import Block, Register, RegisterType, WordOrder, pick, read_plan

VIETNAM = timezone(timedelta(hours=7))


@pytest.mark.parametrize(
    ("kind", "order", "raw", "words"),
    [
        ("u16", "big", 65535, (0xFFFF,)),
        ("i16", "big", -2, (0xFFFE,)),
        ("u32", "big", 0x12345678, (0x1234, 0x5678)),
        ("u32", "little", 0x12345678, (0x5678, 0x1234)),
        ("i32", "little", -2, (0xFFFE, 0xFFFF)),
        ("u64", "big", 1, (0, 0, 0, 1)),
        ("u64", "little", 1 << 48, (0, 0, 0, 1)),
        ("i64", "big", -2, (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE)),
        ("u48", "big", 0x123456789ABC, (0x1234, 0x5678, 0x9ABC)),
        ("i48", "little", -2, (0xFFFE, 0xFFFF, 0xFFFF)),
        ("float32", "big", 230, (0x4366, 0x0000)),
    ],
)
def test_numbers_lie_as_described(kind: str, order: str, raw: int, words: tuple[int, ...]) -> None:
    register = Register(10, RegisterType(kind), 3, WordOrder(order))
    assert register.decode(words) == raw
    assert register.encode(raw) == words


def test_a_float_becomes_the_integer_of_its_scaler() -> None:
    # 230.2 V as IEEE 754 is 4366 3333; the binary tail is not the meter's meaning.
    register = Register(0, RegisterType.FLOAT32, 4)
    assert register.decode((0x4366, 0x3333), -1) == 2302
    assert register.decode((0x4366, 0x3333), -2) == 23020
    assert load("eastron-sdm630").registers[0].place.decode(register.encode(12345670, -3)) == 1234567


@pytest.mark.parametrize("words", [(0x7FC0, 0), (0x7F80, 0), (0xFF80, 0), (1,), (1, 2, 3), (70_000, 0)])
def test_what_is_no_number_is_refused(words: tuple[int, ...]) -> None:
    with pytest.raises(DecodeError):
        Register(0, RegisterType.FLOAT32).decode(words)


def test_our_mistakes_are_ours() -> None:
    with pytest.raises(LocalError, match="does not fit"):
        Register(0, RegisterType.U16).encode(70_000)
    with pytest.raises(LocalError, match="cannot be read"):
        Register(65535, RegisterType.U32)
    with pytest.raises(LocalError, match="cannot be read"):
        Register(0, RegisterType.U16, 6)


def test_a_plan_reads_neighbours_together_and_holes_only_when_allowed() -> None:
    registers = [Register(at, RegisterType.U32) for at in (0, 2, 10, 200)] + [
        Register(0, RegisterType.U16, 4)
    ]
    assert read_plan(registers) == (Block(3, 0, 4), Block(3, 10, 2), Block(3, 200, 2), Block(4, 0, 1))
    assert read_plan(registers, max_gap=6)[0] == Block(3, 0, 12)
    assert read_plan(registers, max_gap=1000)[0] == Block(3, 0, 12)
    long = [Register(at, RegisterType.U16) for at in range(300)]
    assert [block.count for block in read_plan(long)] == [125, 125, 50]


def test_a_short_answer_is_refused() -> None:
    block = Block(3, 0, 4)
    register = Register(2, RegisterType.U32)
    assert pick(register, {block: [0, 1, 2, 3]}) == 0x00020003
    with pytest.raises(DecodeError, match="3 registers came, 4 were asked"):
        pick(register, {block: [0, 1, 2]})
    with pytest.raises(LocalError, match="no block read"):
        pick(register, {Block(4, 0, 4): [0, 1, 2, 3]})


def test_a_loggers_window_comes_back_as_it_was_written() -> None:
    logger = load("dk-mb-log").modbus.logger
    assert logger is not None
    at = int(datetime(2026, 10, 1, 0, 30, tzinfo=VIETNAM).timestamp())
    words = logger.encode([at, at + 1800], {"status": [0, 4], "index": [125, 250]}, VIETNAM)
    # 2026-10-01T00:30 local is 844 129 800 s after 2000-01-01T00:00 local.
    assert words == [844129800 >> 16, 844129800 & 0xFFFF, 0, 0, 125, *words[5:]]
    rows = logger.decode(words, VIETNAM)
    assert rows.stamps.tolist() == [at, at + 1800]
    assert rows.columns["index"].tolist() == [125, 250]
    assert rows.columns["status"].tolist() == [0, 4]
    for wrong in (words[:-1], []):
        with pytest.raises(DecodeError):
            logger.decode(wrong, VIETNAM)
    assert logger.block(24).count == 120
    with pytest.raises(LocalError):
        logger.block(25)


def test_a_records_number_is_counted_back_from_the_newest() -> None:
    logger = load("dk-mb-log").modbus.logger
    assert logger is not None
    newest = datetime(2026, 10, 2, tzinfo=UTC)
    assert logger.sequence(newest, 500, newest) == 500
    assert logger.sequence(newest - timedelta(hours=1), 500, newest) == 498
    assert logger.sequence(newest - timedelta(days=365), 500, newest) == 0


def test_a_logger_that_cannot_be_and_a_stamp_out_of_time() -> None:
    stamp = Field("stamp", 0, RegisterType.U32)

    def logger(records: int, record_words: int, field: Field = stamp) -> Logger:
        return Logger(1, 3, 5, 10, records, record_words, 1800, datetime(9999, 12, 31), (field,))  # noqa: DTZ001

    with pytest.raises(LocalError, match="does not fit one answer"):
        logger(63, 2)
    with pytest.raises(LocalError, match="outside its record"):
        logger(1, 2, Field("stamp", 1, RegisterType.U32))
    with pytest.raises(DecodeError, match="out of time"):
        logger(1, 2).decode([0xFFFF, 0xFFFF], VIETNAM)


def test_a_register_is_not_cut_out_of_a_block_it_is_not_in() -> None:
    with pytest.raises(LocalError, match="is not in the block"):
        Block(3, 0, 4).cut([0, 1, 2, 3], Register(3, RegisterType.U32))


@pytest.mark.parametrize(
    ("kind", "words"), [("u16", (0xFFFF,)), ("i32", (0x7FFF, 0xFFFF)), ("u64", (0xFFFF,) * 4)]
)
def test_the_highest_number_may_mean_that_there_is_none(kind: str, words: tuple[int, ...]) -> None:
    with pytest.raises(DecodeError, match="no number for register 5"):
        Register(5, RegisterType(kind), highest_is_none=True).decode(words)
    assert Register(5, RegisterType(kind)).decode(words) > 0
