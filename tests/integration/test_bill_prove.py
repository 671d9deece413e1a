"""From a bill back to the bytes and forward again, on a real TimescaleDB."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from model.jsonform import to_json
from model.period import HALF_HOUR
from model.readout import Answer, ProfileBlock
from model.series import ProfileKind, Rate, Unit
from model.viewer import UserRole, Viewer
from operations import bill, close, hand_reads, importing, proof
from operations.proof import Proof
from operations.proof.decoding import values_of
from protocols import meter_models
from protocols.dlms.axdr import Tag, double_long_unsigned, encode
from protocols.dlms.profile_server import encode_rows
from storage import bills
from storage.pool import Pool, open_pool
from tests.heard_bytes import EARLY, IMPORT, THREE, hear, snapshot, words
from tests.integration.conftest import Ami
from tests.operations_grid import NOW, OCTOBER, grid

STAFF = Viewer("hoadon", UserRole.BILLING)


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        yield pool


def month(database: str) -> None:
    """What the meters of the grid say of October, as bytes."""
    start, end = OCTOBER.start, OCTOBER.end
    hear(
        database,
        ("H1", NOW, snapshot("dk-1p", start, {Rate.TOTAL: 1_000_000})),
        ("H1", NOW, snapshot("dk-1p", end, {Rate.TOTAL: 1_134_600})),
        ("OLD", NOW, snapshot("dk-1p", start, {Rate.TOTAL: 5_000_000})),
        ("NEW", NOW, snapshot("dk-1p", end, {Rate.TOTAL: 61_300})),
        ("R5", NOW, snapshot("dk-1p-5", start, {Rate.TOTAL: 9_985_000}, scaler=1)),
        ("R5", NOW, snapshot("dk-1p-5", end, {Rate.TOTAL: 12_000}, scaler=1)),
        ("CT", NOW, snapshot("dk-3p-ct", start, dict.fromkeys(THREE, 100_000))),
        (
            "CT",
            NOW,
            snapshot("dk-3p-ct", end, {rate: 100_000 + 1_013 * n for n, rate in enumerate(THREE, 1)}),
        ),
        ("MB", start + EARLY, words("dk-mb", start + EARLY, 4_000)),
        ("MB", end + EARLY, words("dk-mb", end + EARLY, 4_321)),
    )


def issued(pool: Pool) -> dict[str, int]:
    """The month closed and billed: number of the bill by point."""
    close.run(pool, OCTOBER, NOW)
    bill.run(pool, OCTOBER, date(2026, 11, 2), NOW)
    with pool.connection() as conn:
        return {row.point: row.id for row in bills.bills(conn, STAFF)}


def proven(pool: Pool, number: int) -> Proof:
    with pool.connection() as conn:
        sheet = bills.bill(conn, STAFF, number)
        assert sheet is not None
        return proof.prove(conn, STAFF, sheet)


def test_every_bill_goes_back_to_its_bytes_and_comes_out_of_them_again(database: str, pool: Pool) -> None:
    month(database)
    numbers = issued(pool)
    assert set(numbers) == {"HOUSE", "SWAP", "ROLL", "SHOP", "BLIND"}
    for number in numbers.values():
        found = proven(pool, number)
        assert (found.proven, found.why, found.contradictions) == (True, "", ())
        assert found.recomputed == found.sheet.bill
        for step in found.steps:
            if step.source == proof.WORK_SHEET:
                continue
            assert step.answer is not None
            assert step.decoded is not None
            assert hashlib.sha256(step.answer.raw).digest() == step.answer.digest
            assert step.decoded.raw == step.index.raw
    sources = {step.source for number in numbers.values() for step in proven(pool, number).steps}
    assert sources == {"billing_profile", "poll", "work_sheet"}


def test_the_shop_has_a_step_for_each_register_and_end(database: str, pool: Pool) -> None:
    month(database)
    steps = proven(pool, issued(pool)["SHOP"]).steps
    told = [(step.index.at, step.index.rate, step.decoded and step.decoded.raw) for step in steps]
    assert told == [
        *((OCTOBER.start, rate, 100_000) for rate in THREE),
        *((OCTOBER.end, rate, 100_000 + 1_013 * n) for n, rate in enumerate(THREE, 1)),
    ]


def _change(pool: Pool, statement: str, *values: object) -> None:
    with pool.connection() as conn:
        assert conn.execute(statement, values).rowcount == 1


LATEST = "(SELECT max(a.id) FROM answer a JOIN meter m ON m.id = a.meter_id WHERE m.serial = 'H1')"


def test_bytes_that_were_changed_are_told(database: str, pool: Pool) -> None:
    month(database)
    number = issued(pool)["HOUSE"]
    _change(pool, f"UPDATE answer SET raw = set_byte(raw, length(raw) - 1, 0) WHERE id = {LATEST}")
    [said] = proven(pool, number).contradictions
    assert "are not those received: their SHA-256 differs" in said


def test_bytes_that_say_another_index_are_told_and_the_bill_differs(database: str, pool: Pool) -> None:
    month(database)
    number = issued(pool)["HOUSE"]
    other = snapshot("dk-1p", OCTOBER.end, {Rate.TOTAL: 1_234_600}).raw
    digest = hashlib.sha256(other).digest()
    _change(pool, f"UPDATE answer SET raw = %s, digest = %s WHERE id = {LATEST}", other, digest)
    found = proven(pool, number)
    assert not found.proven
    assert any("say 1234600 at 00:00 on 01/11/2026, closed was 1134600" in s for s in found.contradictions)
    assert found.recomputed is not None
    assert (found.recomputed.kwh, found.sheet.bill.kwh) == (235, 135)
    assert {"kwh", "wh", "subtotal", "vat", "total", "lines", "uses"} <= set(found.differing)


def test_a_bill_that_was_changed_is_told(ami: Ami, database: str, pool: Pool) -> None:
    month(database)
    number = issued(pool)["HOUSE"]
    _change(pool, "UPDATE bill SET subtotal = subtotal + 1, total = total + 1 WHERE id = %s", number)
    done = ami("bill", "prove", str(number), code=6)
    assert "Counted again from the stored bytes the bill differs in: subtotal, total." in done.stderr


def test_an_answer_that_is_gone_leaves_the_step_unproven(database: str, pool: Pool) -> None:
    month(database)
    number = issued(pool)["HOUSE"]
    _change(pool, f"DELETE FROM answer WHERE id = {LATEST}")
    found = proven(pool, number)
    assert (found.proven, found.contradictions) == (False, ())
    assert [step.why for step in found.steps if not step.proven] == [
        "the answer behind the reading of H1 at 00:00 on 01/11/2026 is not stored"
    ]


def test_an_index_read_by_hand_is_proven_by_who_entered_it(database: str, pool: Pool) -> None:
    start, end = OCTOBER.start, OCTOBER.end
    hear(database, ("MB", start + EARLY, words("dk-mb", start + EARLY, 4_000)))
    hand_reads.enter(pool, "MB", end, [("KT", Decimal("432.1"))], by="lan", now=NOW)
    found = proven(pool, issued(pool)["BLIND"])
    assert found.proven
    last = found.steps[-1]
    assert last.entry is not None
    assert (last.source, last.entry.login, last.answer) == ("manual", "lan", None)


def test_the_same_bytes_heard_again_prove_a_register_that_stood_still(database: str, pool: Pool) -> None:
    """Registers read twice with no use between: the second answer is not stored, its reading is."""
    start, end = OCTOBER.start, OCTOBER.end
    hear(
        database,
        ("MB", start + EARLY, words("dk-mb", start + EARLY, 4_000)),
        ("MB", end + EARLY, words("dk-mb", end + EARLY, 4_000)),
    )
    found = proven(pool, issued(pool)["BLIND"])
    assert found.proven
    first, last = (step.answer for step in found.steps)
    assert first is not None
    assert first == last


def test_an_index_of_the_load_profile_is_proven_by_its_row(database: str, pool: Pool) -> None:
    profile = meter_models.load("dk-1p-5").profile
    assert profile is not None
    heard = []
    for at, value in ((OCTOBER.start, 7_000), (OCTOBER.end, 7_100)):
        stamps = np.array([round(at.timestamp()) - 1800, round(at.timestamp())])
        status = [(Tag.UNSIGNED, np.zeros(2, np.int64))] if profile.status is not None else []
        columns = [(Tag.DOUBLE_LONG_UNSIGNED, np.array([value - 1, value])) for _ in profile.columns]
        raw = encode_rows(stamps, [*status, *columns], 420)
        [column] = [one for one in profile.columns if one.channel is IMPORT]
        assert column.kind is ProfileKind.INDEX
        block = ProfileBlock(
            IMPORT, ProfileKind.INDEX, str(column.place.named), HALF_HOUR, (at - HALF_HOUR, at),
            (value - 1, value), (0, 0), 1, Unit.WATT_HOUR,
        )  # fmt: skip
        heard.append(("R5", NOW, Answer(str(profile.obis), raw, None, True, (block,))))
    hear(database, *heard)
    found = proven(pool, issued(pool)["ROLL"])
    assert found.proven
    assert [(block.values, block.why) for block in found.half_hours.blocks] == [(2, ""), (2, "")]
    assert all(block.answer is not None for block in found.half_hours.blocks)
    told = to_json(found.half_hours)["blocks"]
    assert [block["poll"] for block in told] == [str(block.poll) for block in found.half_hours.blocks]
    _change(pool, "UPDATE profile_block SET raw[1] = raw[1] + 1 WHERE at = %s", OCTOBER.end - HALF_HOUR)
    [said] = proven(pool, found.sheet.id).contradictions
    assert said.startswith("the profile of meter R5 from 23:30 on 31/10/2026 on is not what the bytes of")
    assert {step.source for step in found.steps} == {"load_profile"}
    assert [step.decoded and step.decoded.at for step in found.steps] == [OCTOBER.start, OCTOBER.end]


def test_the_command_shows_the_chain(ami: Ami, database: str, pool: Pool) -> None:
    month(database)
    numbers = issued(pool)
    document = ami.json("bill", "prove", str(numbers["HOUSE"]), "--json")
    assert document["proven"] is True
    opening, closing = document["steps"]
    raw = bytes.fromhex(closing["answer"]["bytes"])
    assert raw == snapshot("dk-1p", OCTOBER.end, {Rate.TOTAL: 1_134_600}).raw
    assert closing["answer"]["sha256"] == hashlib.sha256(raw).hexdigest()
    assert (opening["decoded"]["raw"], closing["decoded"]["raw"]) == (1_000_000, 1_134_600)
    assert document["recomputed"] == {k: v for k, v in document["bill"].items() if k != "number"}
    told = ami("bill", "prove", str(numbers["SWAP"]))
    assert "the same line by line" in told.stderr
    assert ami("bill", "prove", "999", code=5).stderr.startswith("ami: There is no bill 999")


def test_register_attributes_are_told_apart_by_their_order() -> None:
    model = meter_models.load("dk-3p-ct")
    raw = b"".join(encode(double_long_unsigned(7 * n)) for n in range(len(model.registers)))
    found = values_of(model, "registers", raw)
    assert [(v.channel, v.rate, v.raw) for v in found] == [
        (item.key.channel, item.key.rate, 7 * n) for n, item in enumerate(model.registers)
    ]
