"""Reading one meter that behaves badly, over a real socket: what it did tell is kept."""

from __future__ import annotations

import pytest

from collector import single_read
from collector.address import parse
from collector.errors import AnswerTimeout, LinkDown
from collector.found import Asked, Found
from tests.rude_meter import RudeMeter, Values, scale, serving, u32

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
