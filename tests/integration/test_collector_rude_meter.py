"""Reading one meter that behaves badly, over a real socket: what it did tell is kept."""

from __future__ import annotations

import pytest

from collector.errors import AnswerTimeout, LinkDown
from collector.single import read as single_read
from collector.single.address import parse
from collector.single.found import Asked, Found, ProfileAsked
from tests.rude_meter import UNDEFINED, RudeMeter, Values, f32, scale, serving, u32

IMPORT, EXPORT, VOLTS = "1.0.1.8.0", "1.0.2.8.0", "1.0.32.7.0"
GOOD: Values = {
    (3, IMPORT, 2): u32(123456),
    (3, IMPORT, 3): scale(-2, 30),
    (3, EXPORT, 2): u32(7),
    (3, EXPORT, 3): scale(0, 30),
    (3, VOLTS, 2): u32(2301),
    (3, VOLTS, 3): scale(-1, 35),
}


async def read(meter: RudeMeter, port: int, *items: str, more: str = "") -> Found:
    async with serving(meter, port) as url:
        return await single_read.read(parse(url + more), Asked(items))


def values(found: Found) -> dict[str, str]:
    return {one["item"]: f"{one['value']} {one['unit']}" for one in found.registers}


def refused(found: Found) -> dict[str, str]:
    return {one["item"]: one["reason"] for one in found.refused}


@pytest.mark.parametrize(
    "farewell", ["hang up", None, "raw:d80202", "raw:", "raw:ffee", "raw:c401c1000600000001"]
)
async def test_a_rude_farewell_takes_nothing_back(free_port: int, farewell: str | None) -> None:
    found = await read(RudeMeter(GOOD, farewell), free_port, IMPORT)
    assert values(found) == {IMPORT: "1234.56 Wh"}
    assert not found.refused


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "no answer about"),
        ("hang up", "hung up"),
        ("raw:c401", "a byte is missing"),
        ("raw:c4ffffff", ""),
        ("raw:d801", "a byte is missing"),
    ],
)
@pytest.mark.parametrize("attribute", [2, 3])
async def test_an_item_that_breaks_the_conversation_loses_no_other(
    free_port: int, answer: str | None, reason: str, attribute: int
) -> None:
    meter = RudeMeter({**GOOD, (3, EXPORT, attribute): answer})
    found = await read(meter, free_port, IMPORT, EXPORT, VOLTS)
    assert values(found) == {IMPORT: "1234.56 Wh", VOLTS: "230.1 V"}
    assert list(refused(found)) == [EXPORT]
    assert reason in refused(found)[EXPORT]
    assert len(meter.clients) == 2  # a new call for what was left, and no question put twice
    assert meter.asked.count((3, EXPORT, attribute)) == 1


async def test_a_meter_that_breaks_every_call_is_let_be(free_port: int) -> None:
    items = [f"1.0.{group}.8.0" for group in range(1, 9)]
    meter = RudeMeter({**GOOD, **{(3, item, 2): "hang up" for item in items[1:]}})
    found = await read(meter, free_port, *items)
    assert len(meter.clients) == 4
    assert list(refused(found)) == items[1:]
    assert "was not asked" in refused(found)[items[-1]]


async def test_a_meter_that_tells_nothing_at_all_is_no_link(free_port: int) -> None:
    with pytest.raises(AnswerTimeout):
        await read(RudeMeter({(3, IMPORT, 2): None, (3, EXPORT, 2): None}), free_port, IMPORT, EXPORT)


async def test_a_code_of_refusal_that_nobody_knows_refuses_that_item_alone(free_port: int) -> None:
    meter = RudeMeter({**GOOD, **{(each, EXPORT, 2): b"\x01\x4d" for each in (1, 3, 4, 5, 8)}})
    found = await read(meter, free_port, IMPORT, EXPORT, VOLTS)
    assert values(found) == {IMPORT: "1234.56 Wh", VOLTS: "230.1 V"}
    assert "77" in refused(found)[EXPORT]
    assert len(meter.clients) == 1


async def test_who_shuts_out_the_public_client_is_still_asked_by_keys(free_port: int) -> None:
    meter = RudeMeter({})
    meter.admits = lambda client: False
    keys = {"AMI_METER_ENCRYPTION_KEY": "00" * 16, "AMI_METER_AUTHENTICATION_KEY": "11" * 16}
    async with serving(meter, free_port) as url:
        address = parse(url.replace("client=16", "auth=gmac"), keys)
        with pytest.raises(LinkDown):  # this meter shuts out the other client too
            await single_read.read(address, Asked((IMPORT,)))
    assert meter.clients == [16, 1]


@pytest.mark.parametrize("answer", [UNDEFINED, u32(5), b"\x00\x02\x02\x0f\xff", b"\x00\x00"])
async def test_a_number_without_its_scaler_is_refused(free_port: int, answer: bytes) -> None:
    found = await read(RudeMeter({**GOOD, (3, EXPORT, 3): answer}), free_port, IMPORT, EXPORT, VOLTS)
    assert values(found) == {IMPORT: "1234.56 Wh", VOLTS: "230.1 V"}
    assert refused(found)[EXPORT].startswith("its scaler cannot be read: ")


@pytest.mark.parametrize("class_id", [4, 5])
async def test_a_meter_that_is_blind_to_classes_is_read_by_the_class_that_has_a_scaler(
    free_port: int, class_id: int
) -> None:
    place = 4 if class_id == 5 else 3
    blind = {(each, EXPORT, 2): u32(77) for each in (1, 3, 4, 5)} | {(3, EXPORT, 3): u32(76)}
    found = await read(RudeMeter({**blind, (class_id, EXPORT, place): scale(-1, 28)}), free_port, EXPORT)
    assert values(found) == {EXPORT: "7.7 VA"}
    lost = await read(RudeMeter(blind), free_port, EXPORT)
    assert not lost.registers
    assert "its scaler cannot be read" in refused(lost)[EXPORT]


async def test_what_is_no_number_is_not_read_as_one(free_port: int) -> None:
    meter = RudeMeter({**GOOD, (3, EXPORT, 2): f32(float("nan")), (3, VOLTS, 2): f32(2301.5)})
    found = await read(meter, free_port, EXPORT, VOLTS)
    assert values(found) == {VOLTS: "230.15 V"}
    assert "NaN" in refused(found)[EXPORT]


async def test_a_profile_shows_numbers_as_registers_do_and_says_what_it_lacks(free_port: int) -> None:
    def captured(class_id: int, obis: str) -> bytes:
        name = bytes(map(int, f"{obis}.255".split(".")))
        return b"\x02\x04\x12" + class_id.to_bytes(2, "big") + b"\x09\x06" + name + b"\x0f\x02\x12\x00\x00"

    stamp = b"\x09\x0c" + bytes.fromhex("07ea0a14020900000" + "0fe5c00")
    rows = b"".join(b"\x02\x03" + stamp + f32(each)[1:] + u32(9)[1:] for each in (230.1, float("nan")))
    profile = "1.0.99.1.0"
    columns = captured(8, "0.0.1.0.0") + captured(3, VOLTS) + captured(3, EXPORT)
    meter = RudeMeter(
        {
            (7, profile, 3): b"\x00\x01\x03" + columns,
            (7, profile, 2): b"\x00\x01\x02" + rows,
            (7, profile, 4): u32(1800),
            (3, VOLTS, 3): scale(0, 35),
        }
    )
    async with serving(meter, free_port) as url:
        found = await single_read.read(parse(url), Asked(profile=ProfileAsked(profile)))
    assert found.profile is not None
    assert [row[1] for row in found.profile["rows"]] == [230.1, None]
    reasons = refused(found)
    assert "1 of its values" in reasons[f"{VOLTS}.255"]
    assert "its scaler in the profile cannot be read" in reasons[f"{EXPORT}.255"]
