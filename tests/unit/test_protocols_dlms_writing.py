"""SET and ACTION, whole, in lists and in blocks: both halves, and either one against a liar."""

import pytest

from protocols.dlms import axdr
from protocols.dlms.apdu import (
    ActionResponseBlock,
    ActionResponseNextBlock,
    ActionResponseNormal,
    ActionResponseWithList,
    Apdu,
    Attribute,
    DataBlock,
    GetResponseNormal,
    InvokeId,
    Outcome,
    SetRequestBlock,
    SetResponseBlock,
    SetResponseLastBlock,
    SetResponseListLastBlock,
    SetResponseNormal,
    SetResponseWithList,
)
from protocols.dlms.axdr import Data
from protocols.dlms.client import DEFAULT_CONFORMANCE, ClientSettings
from protocols.dlms.client_states import State
from protocols.dlms.enums import ActionResult, Conformance, DataAccessResult
from protocols.dlms.events import Acted, Failed, WasSet
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.wrapper import Frame
from protocols.errors import LocalError, Refused, RemoteError
from tests.dlms_line import ECHO, ENERGY, NOWHERE, SECOND, SWITCH, TEXT, Desk, associated, exchange

LONG = axdr.octet_string(bytes(range(256)) * 9)
SHORT = axdr.octet_string(b"short")
BASIC = DEFAULT_CONFORMANCE & ~(Conformance.BLOCK_TRANSFER_WITH_SET | Conformance.BLOCK_TRANSFER_WITH_ACTION)


def meter(desk: Desk, max_pdu: int = 200, **device: object) -> ServerConnection:
    return ServerConnection({1: Device(desk, {16: ClientAccess()}, max_pdu, **device)})  # type: ignore[arg-type]


@pytest.mark.parametrize("max_pdu", [64, 200, 1024, 65535])
@pytest.mark.parametrize("value", [LONG, SHORT])
def test_an_attribute_is_written_however_long_it_is(max_pdu: int, value: Data) -> None:
    desk = Desk()
    line = meter(desk, max_pdu)
    client = associated(line)
    lengths: list[int] = []
    events = exchange(client, line, client.set(TEXT, value), lambda asked, _: lengths.append(len(asked)))
    assert events == [WasSet(TEXT, DataAccessResult.SUCCESS)]
    assert desk.values[TEXT] == value
    assert max(lengths) <= max_pdu + 8
    assert client.state is State.READY


@pytest.mark.parametrize("max_pdu", [96, 1024, 65535])
def test_a_list_is_written_item_by_item_one_denied(max_pdu: int) -> None:
    desk = Desk()
    line = meter(desk, max_pdu)
    client = associated(line)
    wish = ((TEXT, LONG), (ENERGY, axdr.double_long_unsigned(0)), (NOWHERE, SHORT), (SECOND, SHORT))
    events = exchange(client, line, client.set_list(wish))
    assert [event.result for event in events if isinstance(event, WasSet)] == [
        DataAccessResult.SUCCESS,
        DataAccessResult.READ_WRITE_DENIED,
        DataAccessResult.OBJECT_UNDEFINED,
        DataAccessResult.SUCCESS,
    ]
    assert (desk.values[TEXT], desk.values[SECOND]) == (LONG, SHORT)
    denied = events[1]
    assert isinstance(denied, WasSet)
    with pytest.raises(Refused, match="read write denied") as refused:
        denied.check()
    assert refused.value.data_access_result is DataAccessResult.READ_WRITE_DENIED


@pytest.mark.parametrize("max_pdu", [64, 200, 65535])
@pytest.mark.parametrize("parameters", [LONG, SHORT])
def test_a_method_gives_back_what_it_was_given(max_pdu: int, parameters: Data) -> None:
    """Parameters go out and the answer comes in in blocks, one after the other."""
    desk = Desk()
    line = meter(desk, max_pdu)
    client = associated(line)
    lengths: list[int] = []
    (acted,) = exchange(
        client,
        line,
        client.act(ECHO, parameters),
        lambda asked, got: lengths.append(max(map(len, (asked, got)))),
    )
    assert isinstance(acted, Acted)
    returned = acted.raw()
    assert returned is not None
    assert axdr.decode(returned) == parameters
    assert max(lengths) <= max_pdu + 8


@pytest.mark.parametrize("max_pdu", [96, 65535])
def test_methods_in_a_list(max_pdu: int) -> None:
    desk = Desk()
    line = meter(desk, max_pdu)
    client = associated(line)
    events = exchange(client, line, client.act_list(((SWITCH, None), (ECHO, LONG), (NOWHERE, SHORT))))
    switched, echoed, refused = events
    assert isinstance(switched, Acted)
    assert isinstance(echoed, Acted)
    assert isinstance(refused, Acted)
    assert switched.raw() is None
    assert echoed.returned == axdr.encode(LONG)
    with pytest.raises(Refused, match=r"to invoke .*object undefined"):
        refused.raw()
    assert desk.invoked == [(SWITCH, None), (ECHO, LONG), (NOWHERE, SHORT)]


def test_a_method_that_cannot_return_is_a_refusal() -> None:
    acted = Acted(ECHO, ActionResult.SUCCESS, DataAccessResult.OTHER_REASON)
    with pytest.raises(Refused, match="other reason"):
        acted.raw()


def test_what_is_not_granted_is_not_asked() -> None:
    client = associated(meter(Desk(), conformance=BASIC & ~Conformance.MULTIPLE_REFERENCES))
    for lists in (client.set_list, client.act_list, client.get_list):
        with pytest.raises(LocalError, match="multiple references"):
            lists(())
    for one in (client.set, client.act):
        with pytest.raises(LocalError, match="the meter takes 200"):
            one(TEXT, LONG)
    assert client.state is State.READY
    with pytest.raises(LocalError, match="cannot be empty"):
        associated(meter(Desk())).set_list(())


def test_an_answer_too_long_without_blocks_is_refused() -> None:
    desk = Desk()
    line = meter(desk, 65535, conformance=BASIC)
    client = associated(line, ClientSettings(max_pdu=200))
    (acted,) = exchange(client, line, client.act(ECHO, LONG))
    assert isinstance(acted, Acted)
    assert acted.result is ActionResult.SCOPE_OF_ACCESS_VIOLATED


def test_a_meter_that_cannot_be_written_denies() -> None:
    class Sealed:
        def read(self, *_: object) -> DataAccessResult:
            return DataAccessResult.HARDWARE_FAULT

    line = ServerConnection({1: Device(Sealed(), {16: ClientAccess()})})
    client = associated(line)
    (was,) = exchange(client, line, client.set(TEXT, SHORT))
    (acted,) = exchange(client, line, client.act(SWITCH))
    assert was == WasSet(TEXT, DataAccessResult.READ_WRITE_DENIED)
    assert isinstance(acted, Acted)
    assert acted.result is ActionResult.READ_WRITE_DENIED


ONE, TWO = InvokeId(1), InvokeId(2)


def answer(client: object, message: Apdu) -> list[object]:
    return client.receive(Frame(1, 16, message.to_bytes()).to_bytes())  # type: ignore[attr-defined,no-any-return]


def test_one_refusal_stands_for_a_list_and_one_success_does_not() -> None:
    client = associated(meter(Desk()))
    client.set_list(((TEXT, SHORT), (SECOND, SHORT)))
    events = answer(client, SetResponseNormal(ONE, DataAccessResult.TEMPORARY_FAILURE))
    assert events == [WasSet(name, DataAccessResult.TEMPORARY_FAILURE) for name in (TEXT, SECOND)]
    client.set_list(((TEXT, SHORT), (SECOND, SHORT)))
    with pytest.raises(RemoteError, match="SetResponseNormal does not answer"):
        answer(client, SetResponseNormal(TWO, DataAccessResult.SUCCESS))


@pytest.mark.parametrize(
    "message",
    [
        SetResponseBlock(ONE, 2),
        SetResponseLastBlock(ONE, DataAccessResult.SUCCESS, 1),
        SetResponseListLastBlock(ONE, (DataAccessResult.SUCCESS,), 1),
        SetResponseNormal(ONE, DataAccessResult.SUCCESS),
        SetResponseWithList(ONE, (DataAccessResult.SUCCESS,)),
        GetResponseNormal(ONE, b"\x00"),
    ],
)
def test_a_write_half_sent_is_not_believed_to_be_done(message: Apdu) -> None:
    client = associated(meter(Desk()))
    client.set(TEXT, LONG)
    with pytest.raises(RemoteError):
        answer(client, message)
    assert client.state is State.BROKEN


def test_a_write_given_up_by_the_meter_half_way() -> None:
    client = associated(meter(Desk()))
    client.set(TEXT, LONG)
    (sent,) = answer(client, SetResponseBlock(ONE, 1))
    assert sent is not None
    events = answer(client, SetResponseLastBlock(ONE, DataAccessResult.LONG_SET_ABORTED, 2))
    assert events == [WasSet(TEXT, DataAccessResult.LONG_SET_ABORTED)]
    assert client.state is State.READY


@pytest.mark.parametrize(
    "message",
    [
        ActionResponseNextBlock(ONE, 2),
        ActionResponseNormal(ONE, Outcome(ActionResult.SUCCESS)),
        ActionResponseWithList(ONE, (Outcome(ActionResult.SUCCESS),)),
        ActionResponseBlock(ONE, DataBlock(True, 2, b"\x00\x00")),
    ],
)
def test_a_method_half_asked_is_not_believed_to_have_run(message: Apdu) -> None:
    client = associated(meter(Desk()))
    client.act(ECHO, LONG)
    with pytest.raises(RemoteError):
        answer(client, message)


def test_results_of_a_list_must_be_as_many_as_its_methods() -> None:
    client = associated(meter(Desk()))
    client.act_list(((ECHO, None), (SWITCH, None)))
    with pytest.raises(RemoteError, match="1 results for 2 methods"):
        answer(client, ActionResponseWithList(ONE, (Outcome(ActionResult.SUCCESS),)))


@pytest.mark.parametrize("whole", ["000100090161", "090161"])
def test_a_long_return_value_with_its_result_or_alone(whole: str) -> None:
    """The standard cuts result and value; some meters cut the value alone."""
    client = associated(meter(Desk()))
    client.act(ECHO)
    (acted,) = answer(client, ActionResponseBlock(ONE, DataBlock(True, 1, bytes.fromhex(whole))))
    assert acted == Acted(ECHO, ActionResult.SUCCESS, bytes.fromhex("090161"))


def test_a_service_the_association_lacks_is_an_exception() -> None:
    line = meter(Desk(), conformance=Conformance.GET)
    client = associated(line)
    for request in (client.set(TEXT, SHORT), SetRequestBlock(ONE, DataBlock(True, 1, b"x"))):
        raw = request if isinstance(request, bytes) else Frame(16, 1, request.to_bytes()).to_bytes()
        (failed,) = exchange(client, line, raw)
        assert isinstance(failed, Failed)
        client.get(ENERGY)


def test_a_public_client_may_only_read() -> None:
    desk = Desk()
    only_get = Conformance.GET | Conformance.BLOCK_TRANSFER_WITH_GET
    line = ServerConnection({1: Device(desk, {16: ClientAccess(conformance=only_get), 17: ClientAccess()})})
    client = associated(line)
    assert client.granted == only_get
    (failed,) = exchange(client, line, client.act(SWITCH))
    assert isinstance(failed, Failed)
    other = associated(line, ClientSettings(17))
    assert exchange(other, line, other.act(SWITCH)) == [Acted(SWITCH, ActionResult.SUCCESS, None)]
    assert desk.invoked == [(Attribute(70, SWITCH.obis, 1), None)]
