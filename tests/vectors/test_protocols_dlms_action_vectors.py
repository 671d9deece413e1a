"""ACTION: published messages read and written again byte for byte, and published conversations played again.

[P] pwitab/dlms-cosem at dc41293e (MIT), tests/test_xdlms/test_action; [C] Circutor/gosem at 07c0d0d0 (MIT),
pkg/dlms/actionRequest_test, actionResponse_test, pkg/dlmsclient/action_test (its invoke-id 51 has a reserved
bit set); [E] epri-dev/DLMS-COSEM at cfbb67ff (BSD), test.
"""

import pytest

from protocols.dlms import apdu, axdr
from protocols.dlms.apdu import (
    ActionRequestBlock,
    ActionRequestFirstBlock,
    ActionRequestListFirstBlock,
    ActionRequestNextBlock,
    ActionRequestNormal,
    ActionRequestWithList,
    ActionResponseBlock,
    ActionResponseNextBlock,
    ActionResponseNormal,
    ActionResponseWithList,
    Attribute,
    DataBlock,
    InvokeId,
    Outcome,
)
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.enums import ActionResult, DataAccessResult
from protocols.dlms.events import Acted
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.errors import DecodeError
from protocols.obis import Obis, obis
from tests.dlms_line import Desk, answers, associated, replay

ZERO, HIGH = InvokeId(0), InvokeId(1, confirmed=False)
SEVENTEEN = InvokeId(1, high_priority=False)
HLS = Attribute(15, obis("0.0.40.0.0"), 1)
NAMED, OTHER = Attribute(1, obis("1.0.0.3.0"), 2), Attribute(1, obis("0.0.8.0.0"), 2)
SCRIPT = Attribute(9, obis("0.0.10.0.0"), 1)
SWITCH = Attribute(70, Obis(0, 0, 96, 3, 10, 255), 1)
FIVE_BYTES = axdr.octet_string(bytes.fromhex("0102030405"))
BLOCK = DataBlock(True, 1, bytes.fromhex("0102030405"))
OK = ActionResult.SUCCESS
DONE = Outcome(OK, DataAccessResult.SUCCESS)
SIXTY_NINE = Outcome(OK, bytes.fromhex("0500000045"))

MESSAGES = {
    "reply to HLS [P]": (
        "c301c0000f0000280000ff010109111000001a90e6d2221fa2fd85eed61acc22",
        ActionRequestNormal(
            ZERO, HLS, axdr.octet_string(bytes.fromhex("1000001a90e6d2221fa2fd85eed61acc22"))
        ),
    ),
    "without parameters [P]": ("c301c0000f0000280000ff0100", ActionRequestNormal(ZERO, HLS)),
    "done [P]": ("c701c00000", ActionResponseNormal(ZERO, Outcome(OK))),
    "done and returned [P]": (
        "c701c00001000911100000 1afde8857b728a3499106aa665d1".replace(" ", ""),
        ActionResponseNormal(ZERO, Outcome(OK, bytes.fromhex("09111000001afde8857b728a3499106aa665d1"))),
    ),
    "done, and why nothing returned [P]": (
        "c701c0000101fa",
        ActionResponseNormal(ZERO, Outcome(OK, DataAccessResult.OTHER_REASON)),
    ),
    "a script [E]": (
        "c301810009 00000a0000ff0101120002".replace(" ", ""),
        ActionRequestNormal(HIGH, SCRIPT, axdr.long_unsigned(2)),
    ),
    "a method of a maker [E]": (
        "c30181090901100a4234ff0100",
        ActionRequestNormal(HIGH, Attribute(0x0909, Obis(1, 16, 10, 66, 52, 255), 1)),
    ),
    "done, edition 7 [E]": ("c701810000", ActionResponseNormal(HIGH, Outcome(OK))),
    "with parameters [C]": (
        "c3015100010100000300ff020109050102030405",
        ActionRequestNormal(SEVENTEEN, NAMED, FIVE_BYTES),
    ),
    "block 1 came [C]": ("c3025100000001", ActionRequestNextBlock(SEVENTEEN, 1)),
    "a list of one [C]": (
        "c303510100010100000300ff020109050102030405",
        ActionRequestWithList(SEVENTEEN, (NAMED,), (FIVE_BYTES,)),
    ),
    "a list of two [C]": (
        "c303510200010100000300ff0200010000080000ff0202090501020304050500000045",
        ActionRequestWithList(SEVENTEEN, (NAMED, OTHER), (FIVE_BYTES, Data(Tag.DOUBLE_LONG, 69))),
    ),
    "first block [C]": (
        "c3045100010100000300ff020100000001050102030405",
        ActionRequestFirstBlock(SEVENTEEN, NAMED, BLOCK),
    ),
    "a list and its first block [C]": (
        "c305510200010100000300ff0200010000080000ff020100000001050102030405",
        ActionRequestListFirstBlock(SEVENTEEN, (NAMED, OTHER), BLOCK),
    ),
    "a further block [C]": ("c306510100000001050102030405", ActionRequestBlock(SEVENTEEN, BLOCK)),
    "done, nothing to return [C]": ("c7015100010100", ActionResponseNormal(SEVENTEEN, DONE)),
    "a block returned [C]": ("c702510100000001050102030405", ActionResponseBlock(SEVENTEEN, BLOCK)),
    "a list returned [C]": (
        "c70351020001010000 01000500000045".replace(" ", ""),
        ActionResponseWithList(SEVENTEEN, (DONE, SIXTY_NINE)),
    ),
    "next block, please [C]": ("c7045100000001", ActionResponseNextBlock(SEVENTEEN, 1)),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_both_directions(name: str) -> None:
    text, message = MESSAGES[name]
    raw = bytearray.fromhex(text)
    assert apdu.decode(bytes(raw)) == message
    raw[2] &= 0xCF
    assert message.to_bytes() == raw


def line() -> tuple[Desk, ServerConnection]:
    desk = Desk()
    return desk, ServerConnection({1: Device(desk, {16: ClientAccess()})})


OPEN = "C301C10046000060030AFF01010F00"


def test_our_client_opens_a_switch() -> None:
    """[C] pkg/dlmsclient/action_test.go: disconnect control, method 1, parameter integer 0."""
    client = associated(line()[1])
    asked = client.act(SWITCH, axdr.integer(0))
    assert replay(client, asked, [(OPEN, "C701C10000")]) == [Acted(SWITCH, OK, None)]


@pytest.mark.parametrize("answer", ["C701C1010102", "AE12"])
def test_an_answer_that_is_none_opens_nothing(answer: str) -> None:
    """[C] the same: a choice that does not exist, a message that does not exist."""
    client = associated(line()[1])
    with pytest.raises(DecodeError):
        replay(client, client.act(SWITCH, axdr.integer(0)), [(OPEN, answer)])


def test_our_meter_opens_a_switch() -> None:
    """[C] the same, from the other side."""
    desk, meter = line()
    associated(meter)
    answers(meter, [(OPEN, "C701C10000")])
    assert desk.invoked == [(SWITCH, axdr.integer(0))]
