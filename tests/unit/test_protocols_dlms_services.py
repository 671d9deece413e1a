"""The meter's half asked by a client without manners: blocks out of order, lists nobody granted."""

import pytest

from protocols.dlms import axdr
from protocols.dlms.apdu import (
    Access,
    ActionRequestBlock,
    ActionRequestFirstBlock,
    ActionRequestListFirstBlock,
    ActionRequestNextBlock,
    ActionRequestWithList,
    ActionResponseNextBlock,
    ActionResponseNormal,
    Apdu,
    DataBlock,
    ExceptionResponse,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    InvokeId,
    Outcome,
    SetRequestBlock,
    SetRequestFirstBlock,
    SetRequestListFirstBlock,
    SetRequestNormal,
    SetRequestWithList,
    SetResponseBlock,
    SetResponseLastBlock,
    decode,
)
from protocols.dlms.client import DEFAULT_CONFORMANCE, ClientSettings
from protocols.dlms.enums import ActionResult, Conformance, DataAccessResult, ServiceError, StateError
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.server_services import MAX_REQUEST
from protocols.dlms.wrapper import Frame, Unwrapper
from tests.dlms_line import ECHO, SECOND, TEXT, Desk, associated

LONG = axdr.octet_string(bytes(range(256)) * 9)
SHORT = axdr.octet_string(b"short")


def meter(desk: Desk, max_pdu: int = 200, **device: object) -> ServerConnection:
    return ServerConnection({1: Device(desk, {16: ClientAccess()}, max_pdu, **device)})  # type: ignore[arg-type]


class Raw:
    """A client without manners: single messages to a meter, and what it answers."""

    def __init__(self, line: ServerConnection) -> None:
        self.line = line
        associated(line)

    def ask(self, message: Apdu) -> Apdu | None:
        frames = Unwrapper().feed(self.line.receive(Frame(16, 1, message.to_bytes()).to_bytes()))
        return decode(frames[0].payload) if frames else None


ONE, TWO = InvokeId(1), InvokeId(2)


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (
            SetRequestBlock(ONE, DataBlock(False, 2, b"x")),
            SetResponseLastBlock(ONE, DataAccessResult.NO_LONG_SET_IN_PROGRESS, 2),
        ),
        (
            SetRequestFirstBlock(ONE, TEXT, DataBlock(False, 2, b"x")),
            SetResponseLastBlock(ONE, DataAccessResult.DATA_BLOCK_NUMBER_INVALID, 2),
        ),
        (
            SetRequestFirstBlock(ONE, TEXT, DataBlock(True, 1, b"\x09\x05abc")),
            SetResponseLastBlock(ONE, DataAccessResult.TYPE_UNMATCHED, 1),
        ),
        (
            SetRequestListFirstBlock(ONE, ((TEXT, None),), DataBlock(True, 1, b"\x02\x00\x00")),
            SetResponseLastBlock(ONE, DataAccessResult.TYPE_UNMATCHED, 1),
        ),
        (
            ActionRequestBlock(ONE, DataBlock(True, 2, b"x")),
            ActionResponseNormal(ONE, Outcome(ActionResult.NO_LONG_ACTION_IN_PROGRESS)),
        ),
        (
            ActionRequestNextBlock(ONE, 1),
            ActionResponseNormal(ONE, Outcome(ActionResult.NO_LONG_ACTION_IN_PROGRESS)),
        ),
        (
            ActionRequestFirstBlock(ONE, ECHO, DataBlock(False, 7, b"x")),
            ActionResponseNormal(ONE, Outcome(ActionResult.LONG_ACTION_ABORTED)),
        ),
        (
            ActionRequestFirstBlock(ONE, ECHO, DataBlock(True, 1, b"x")),
            ActionResponseNormal(ONE, Outcome(ActionResult.TYPE_UNMATCHED)),
        ),
    ],
)
def test_the_meter_says_what_is_wrong_with_a_block(message: Apdu, answer: Apdu) -> None:
    desk = Desk()
    assert Raw(meter(desk)).ask(message) == answer
    assert desk.values[TEXT] == Desk().values[TEXT]
    assert desk.invoked == []


def test_blocks_of_another_request_or_after_another_service_are_no_part_of_a_value() -> None:
    desk = Desk()
    raw = Raw(meter(desk))
    first = SetRequestFirstBlock(ONE, TEXT, DataBlock(False, 1, b"\x09\x02a"))
    last = SetRequestBlock(TWO, DataBlock(True, 2, b"b"))
    assert raw.ask(first) == SetResponseBlock(ONE, 1)
    assert raw.ask(last) == SetResponseLastBlock(TWO, DataAccessResult.NO_LONG_SET_IN_PROGRESS, 2)
    assert raw.ask(first) == SetResponseBlock(ONE, 1)
    assert raw.ask(ActionRequestBlock(ONE, DataBlock(True, 2, b"b"))) == ActionResponseNormal(
        ONE, Outcome(ActionResult.NO_LONG_ACTION_IN_PROGRESS)
    )
    raw.ask(SetRequestNormal(TWO, SECOND, SHORT))
    assert raw.ask(SetRequestBlock(ONE, DataBlock(True, 2, b"b"))) == SetResponseLastBlock(
        ONE, DataAccessResult.NO_LONG_SET_IN_PROGRESS, 2
    )
    assert desk.values[TEXT] == Desk().values[TEXT]


def test_a_value_without_end_is_given_up() -> None:
    raw = Raw(meter(Desk(), 65535))
    piece = bytes(60_000)
    answer = raw.ask(SetRequestFirstBlock(ONE, TEXT, DataBlock(False, 1, piece)))
    for number in range(2, 9):
        if isinstance(answer, SetResponseLastBlock):
            break
        answer = raw.ask(SetRequestBlock(ONE, DataBlock(False, number, piece)))
    assert answer == SetResponseLastBlock(ONE, DataAccessResult.LONG_SET_ABORTED, MAX_REQUEST // 60_000 + 1)


def test_an_unconfirmed_write_is_done_and_not_answered() -> None:
    desk = Desk()
    assert Raw(meter(desk)).ask(SetRequestNormal(InvokeId(1, confirmed=False), TEXT, SHORT)) is None
    assert desk.values[TEXT] == SHORT


def test_long_answers_of_a_method_are_asked_for_in_order() -> None:
    raw = Raw(meter(Desk()))
    whole = axdr.encode(axdr.octet_string(bytes(150)))
    parts = ActionRequestFirstBlock(ONE, ECHO, DataBlock(False, 1, whole[:100]))
    assert raw.ask(parts) == ActionResponseNextBlock(ONE, 1)
    first = raw.ask(ActionRequestBlock(ONE, DataBlock(True, 2, whole[100:])))
    assert isinstance(first, ActionResponseNormal)
    assert first.outcome == Outcome(ActionResult.SUCCESS, whole)
    client = associated(line := meter(Desk()))
    client.act(ECHO, LONG)
    assert isinstance(Raw(line).ask(ActionRequestNextBlock(ONE, 5)), ActionResponseNormal)


FIRST = DataBlock(False, 1, b"\x01")


@pytest.mark.parametrize(
    "message",
    [
        GetRequestWithList(ONE, ((TEXT, None),)),
        SetRequestWithList(ONE, ((TEXT, None),), (SHORT,)),
        SetRequestListFirstBlock(ONE, ((TEXT, None),), FIRST),
        ActionRequestWithList(ONE, (ECHO,), (SHORT,)),
        ActionRequestListFirstBlock(ONE, (ECHO,), FIRST),
    ],
)
def test_lists_that_were_not_granted_are_not_served(message: Apdu) -> None:
    desk = Desk()
    line = meter(desk, conformance=DEFAULT_CONFORMANCE & ~Conformance.MULTIPLE_REFERENCES)
    refused = ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.SERVICE_NOT_SUPPORTED)
    assert Raw(line).ask(message) == refused
    assert desk.invoked == []


def test_an_answer_in_blocks_is_asked_for_in_order() -> None:
    line = meter(Desk(), 65535)
    client = associated(line, ClientSettings(max_pdu=100))
    wrong = ActionResponseNormal(ONE, Outcome(ActionResult.LONG_ACTION_ABORTED))
    line.receive(client.act(ECHO, LONG))
    frame = Frame(16, 1, ActionRequestNextBlock(ONE, 7).to_bytes()).to_bytes()
    assert decode(Unwrapper().feed(line.receive(frame))[0].payload) == wrong


def test_a_selection_that_is_none_is_out_of_scope() -> None:
    line = meter(Desk())
    answer = Raw(line).ask(GetRequestNormal(ONE, TEXT, Access(9, axdr.NULL)))
    assert answer == GetResponseNormal(ONE, DataAccessResult.SCOPE_OF_ACCESS_VIOLATED)
