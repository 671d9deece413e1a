"""SET: published messages read and written again byte for byte, and published conversations played again.

[B] DLMS UA Green Book, edition 7, pp. 289-291, and edition 8, table 137: worked examples of SET;
[P] pwitab/dlms-cosem at dc41293e (MIT), tests/test_xdlms/test_set; [C] Circutor/gosem at 07c0d0d0 (MIT),
pkg/dlms/setRequest_test, setResponse_test, pkg/dlmsclient/set_test; its invoke-id 51 has a reserved bit set.
"""

import pytest

from protocols.dlms import apdu, axdr
from protocols.dlms.apdu import (
    Access,
    Attribute,
    DataBlock,
    InvokeId,
    SetRequestBlock,
    SetRequestFirstBlock,
    SetRequestListFirstBlock,
    SetRequestNormal,
    SetRequestWithList,
    SetResponseBlock,
    SetResponseLastBlock,
    SetResponseListLastBlock,
    SetResponseNormal,
    SetResponseWithList,
)
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.client import ClientSettings
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.events import WasSet
from protocols.dlms.selection import EntrySelection
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.obis import Obis, obis
from tests.dlms_line import Desk, answers, associated, replay

HIGH, BOTH = InvokeId(1, confirmed=False), InvokeId(1)
FIVE, SEVENTEEN = InvokeId(5, high_priority=False), InvokeId(1, high_priority=False)
FIRST = Attribute(1, Obis(0, 0, 128, 0, 0, 255), 2)
SECOND = Attribute(1, Obis(0, 0, 128, 1, 0, 255), 2)
FIFTY = bytes.fromhex("".join(f"{number:02d}" for number in range(1, 51)))
LONG = axdr.octet_string(FIFTY)
ZEROS = Data(Tag.VISIBLE_STRING, "000")
NAMED, OTHER = Attribute(1, obis("1.0.0.3.0"), 2), Attribute(1, obis("0.0.8.0.0"), 2)
ENTRIES = Access(2, EntrySelection(0, 5, 0, 0).to_access().parameters)
ENTRIES_HEX = "0102020406000000000600000005120000120000"
FIVE_BYTES = axdr.octet_string(bytes.fromhex("0102030405"))
BLOCK = DataBlock(True, 1, bytes.fromhex("0102030405"))
OK = DataAccessResult.SUCCESS
THREE = (OK, DataAccessResult.HARDWARE_FAULT, DataAccessResult.OTHER_REASON)

MESSAGES = {
    "one [B]": (f"c1018100010000800000ff02000932{FIFTY.hex()}", SetRequestNormal(HIGH, FIRST, LONG)),
    "one was set [B]": ("c5018100", SetResponseNormal(HIGH, OK)),
    "first block [B]": (
        f"c1028100010000800000ff02000000000001150932{FIFTY[:19].hex()}",
        SetRequestFirstBlock(HIGH, FIRST, DataBlock(False, 1, b"\x09\x32" + FIFTY[:19])),
    ),
    "first block came [B]": ("c5028100000001", SetResponseBlock(HIGH, 1)),
    "last block [B]": (
        f"c1038101000000021f{FIFTY[19:].hex()}",
        SetRequestBlock(HIGH, DataBlock(True, 2, FIFTY[19:])),
    ),
    "last block came [B]": ("c503810000000002", SetResponseLastBlock(HIGH, OK, 2)),
    "a list [B]": (
        f"c104810200010000800000ff020000010000800100ff0200020932{FIFTY.hex()}0a03303030",
        SetRequestWithList(HIGH, ((FIRST, None), (SECOND, None)), (LONG, ZEROS)),
    ),
    "a list was set [B]": ("c50581020000", SetResponseWithList(HIGH, (OK, OK))),
    "the clock [P]": (
        "c101c100080000010000ff0200090c07e50118ff0e303950ffc400",
        SetRequestNormal(
            BOTH,
            Attribute(8, obis("0.0.1.0.0"), 2),
            axdr.octet_string(bytes.fromhex("07e50118ff0e303950ffc400")),
        ),
    ),
    "with a selection [C]": (
        f"c1015100010100000300ff02{ENTRIES_HEX}09050102030405",
        SetRequestNormal(SEVENTEEN, NAMED, FIVE_BYTES, ENTRIES),
    ),
    "first block with a selection [C]": (
        f"c1025100010100000300ff02{ENTRIES_HEX}0100000001050102030405",
        SetRequestFirstBlock(SEVENTEEN, NAMED, BLOCK, ENTRIES),
    ),
    "a block [C]": ("c103510100000001050102030405", SetRequestBlock(SEVENTEEN, BLOCK)),
    "a list with selections [C]": (
        f"c104450200010100000300ff02{ENTRIES_HEX}00010000080000ff02{ENTRIES_HEX}02090501020304050500000045",
        SetRequestWithList(
            FIVE, ((NAMED, ENTRIES), (OTHER, ENTRIES)), (FIVE_BYTES, Data(Tag.DOUBLE_LONG, 69))
        ),
    ),
    "a list and its first block [C]": (
        f"c105450200010100000300ff02{ENTRIES_HEX}00010000080000ff02{ENTRIES_HEX}0100000001050102030405",
        SetRequestListFirstBlock(FIVE, ((NAMED, ENTRIES), (OTHER, ENTRIES)), BLOCK),
    ),
    "last block of a list came [C]": (
        "c50451030001fa00000001",
        SetResponseListLastBlock(SEVENTEEN, THREE, 1),
    ),
    "one of a list was set [C]": ("c50551030001fa", SetResponseWithList(SEVENTEEN, THREE)),
    "not set [C]": ("c501c101", SetResponseNormal(BOTH, DataAccessResult.HARDWARE_FAULT)),
    "denied [C]": ("c501c103", SetResponseNormal(BOTH, DataAccessResult.READ_WRITE_DENIED)),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_both_directions(name: str) -> None:
    text, message = MESSAGES[name]
    raw = bytearray.fromhex(text)
    assert apdu.decode(bytes(raw)) == message
    raw[2] &= 0xCF
    assert message.to_bytes() == raw


GREEN_BOOK = [
    (f"c102c100010000800000ff02000000000001150932{FIFTY[:19].hex()}", "c502c100000001"),
    (f"c103c101000000021f{FIFTY[19:].hex()}", "c503c10000000002"),
]
ROW = "0928" + "00010203040506070809" * 4
COUNTERS = Attribute(3, Obis(0, 1, 94, 35, 11, 255), 2)


def desk_and_meter() -> tuple[Desk, ServerConnection]:
    desk = Desk()
    desk.values = {FIRST: axdr.NULL, SECOND: axdr.NULL, COUNTERS: axdr.NULL}
    return desk, ServerConnection({1: Device(desk, {16: ClientAccess()})})


def test_our_meter_takes_the_green_books_blocks() -> None:
    desk, meter = desk_and_meter()
    associated(meter)
    answers(meter, GREEN_BOOK)
    assert desk.values[FIRST] == LONG


def test_our_meter_takes_a_structure_in_three_blocks() -> None:
    """[C] TestClient_SetRequestWithDataBlock: five texts of forty bytes, five counters of 64 bits."""
    desk, meter = desk_and_meter()
    associated(meter)
    whole = bytes.fromhex("020a" + ROW * 5)
    whole += b"".join(b"\x15" + number.to_bytes(8, "big") for number in (123, 234, 345, 456, 567))
    answers(
        meter,
        [
            (f"C102C1000300015E230BFF020000000000016B{whole[:107].hex()}", "C502C100000001"),
            (f"C103C1000000000275{whole[107:224].hex()}", "C502C100000002"),
            (f"C103C1010000000321{whole[224:].hex()}", "C503C10000000003"),
        ],
    )
    assert [item.value for item in desk.values[COUNTERS].value[5:]] == [123, 234, 345, 456, 567]


def test_our_client_writes_a_list_as_the_green_book_does() -> None:
    """[B] one of edition 8's C1 for edition 7's 81."""
    _, meter = desk_and_meter()
    client = associated(meter)
    text = MESSAGES["a list [B]"][0].replace("c10481", "c104c1")
    events = replay(client, client.set_list(((FIRST, LONG), (SECOND, ZEROS))), [(text, "c505c1020000")])
    assert events == [WasSet(FIRST, OK), WasSet(SECOND, OK)]


@pytest.mark.parametrize(
    ("request_", "answer", "result"),
    [
        ("C101C1000300015E230BFF02000600002710", "C501C100", OK),
        ("C101C1000300015E230BFF02000600002710", "C501C102", DataAccessResult.TEMPORARY_FAILURE),
        ("C101C1000101015E2268FF0200123039", "C501C103", DataAccessResult.READ_WRITE_DENIED),
    ],
)
def test_single_writes(request_: str, answer: str, result: DataAccessResult) -> None:
    """[C] pkg/dlmsclient/set_test.go"""
    _, meter = desk_and_meter()
    client = associated(meter, ClientSettings())
    asked = SetRequestNormal.from_bytes(bytes.fromhex(request_))
    assert replay(client, client.set(asked.attribute, asked.value), [(request_, answer)]) == [
        WasSet(asked.attribute, result)
    ]
