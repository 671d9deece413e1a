"""Both halves of a DLMS conversation, against each other and against misbehaviour."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from protocols.dlms import apdu, axdr, objects
from protocols.dlms.apdu import (
    Aare,
    Aarq,
    Attribute,
    ConfirmedServiceError,
    ExceptionResponse,
    GeneralBlock,
    GetRequestNext,
    GetRequestNormal,
    GetResponseNormal,
    GetResponseWithBlock,
    GetResponseWithList,
    InitiateRequest,
    InitiateResponse,
    InvokeId,
)
from protocols.dlms.axdr import Data
from protocols.dlms.client import DEFAULT_CONFORMANCE, ClientConnection, ClientSettings
from protocols.dlms.client_states import RECEIVES, SENDS, State
from protocols.dlms.enums import (
    AssociationResult,
    Conformance,
    Context,
    DataAccessResult,
    InitiateError,
    Mechanism,
    ServiceError,
    StateError,
    UserDiagnostic,
)
from protocols.dlms.events import Associated, Event, Failed, Got, Released, Send
from protocols.dlms.selection import EntrySelection, RangeAsked
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.wrapper import Frame, Unwrapper
from protocols.errors import AssociationRefused, LocalError, Refused, RemoteError, ServiceRefused
from protocols.obis import Obis, obis

ENERGY = objects.register(obis("1.0.1.8.0"))
LONG = Attribute(1, obis("0.0.96.1.0"), 2)


class Plate:
    """A meter with one register and one long text."""

    def __init__(self, text: bytes = bytes(range(256)) * 20) -> None:
        self.text = text

    def read(
        self, class_id: int, obis: Obis, attribute: int, selection: RangeAsked | EntrySelection | None
    ) -> Data | bytes | DataAccessResult:
        if (class_id, obis, attribute) == (3, ENERGY.obis, 2):
            return axdr.double_long_unsigned(123456)
        if (class_id, obis, attribute) == (1, LONG.obis, 2):
            return axdr.octet_string(self.text)
        return DataAccessResult.OBJECT_UNDEFINED


def server(max_pdu: int = 200, conformance: Conformance | None = None) -> ServerConnection:
    clients = {16: ClientAccess(), 17: ClientAccess(Mechanism.LLS, b"12345678")}
    device = Device(Plate(), clients, max_pdu)
    if conformance is not None:
        device = Device(Plate(), clients, max_pdu, conformance)
    return ServerConnection({1: device})


def exchange(client: ClientConnection, meter: ServerConnection, request: bytes) -> list[Event]:
    events: list[Event] = []
    while request:
        heard = client.receive(meter.receive(request))
        request = b"".join(event.raw for event in heard if isinstance(event, Send))
        events += [event for event in heard if not isinstance(event, Send)]
    return events


def associated(meter: ServerConnection, **settings: object) -> ClientConnection:
    client = ClientConnection(ClientSettings(**settings))  # type: ignore[arg-type]
    (event,) = exchange(client, meter, client.associate())
    assert isinstance(event, Associated)
    return client


def test_a_register_is_read() -> None:
    meter = server()
    client = associated(meter)
    (got,) = exchange(client, meter, client.get(ENERGY))
    assert isinstance(got, Got)
    assert axdr.decode(got.raw()) == axdr.double_long_unsigned(123456)
    assert exchange(client, meter, client.release()) == [Released()]
    assert client.state is State.IDLE


@pytest.mark.parametrize("max_pdu", [32, 64, 200, 1024, 65535])
def test_a_long_value_comes_in_blocks_and_whole(max_pdu: int) -> None:
    meter = server(max_pdu)
    client = associated(meter)
    (got,) = exchange(client, meter, client.get(LONG))
    assert isinstance(got, Got)
    assert axdr.decode(got.raw()).value == Plate().text


def test_the_clients_smaller_pdu_decides() -> None:
    meter = server(65535)
    client = associated(meter, max_pdu=100)
    first = meter.receive(client.get(LONG))
    assert len(first) <= 8 + 100
    assert isinstance(client.receive(first)[0], Send)


def test_a_list_is_read_item_by_item_one_refused() -> None:
    meter = server()
    client = associated(meter)
    nowhere = objects.register(obis("1.0.99.8.0"))
    energy, missing, long = exchange(client, meter, client.get_list((ENERGY, nowhere, LONG)))
    assert isinstance(energy, Got)
    assert isinstance(missing, Got)
    assert isinstance(long, Got)
    assert axdr.decode(energy.raw()).value == 123456
    assert axdr.decode(long.raw()).value == Plate().text
    with pytest.raises(Refused, match="object undefined") as refused:
        missing.raw()
    assert refused.value.data_access_result is DataAccessResult.OBJECT_UNDEFINED


def test_low_level_security_wants_its_password() -> None:
    meter = server()
    associated(meter, client_address=17, mechanism=Mechanism.LLS, password=b"12345678")
    for settings, diagnostic in (
        (ClientSettings(17, 1, Mechanism.LLS, b"12345679"), UserDiagnostic.AUTHENTICATION_FAILURE),
        (ClientSettings(17, 1), UserDiagnostic.AUTHENTICATION_REQUIRED),
        (
            ClientSettings(16, 1, Mechanism.LLS, b"x"),
            UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED,
        ),
        (ClientSettings(99, 1), UserDiagnostic.NO_REASON_GIVEN),
    ):
        client = ClientConnection(settings)
        with pytest.raises(AssociationRefused) as refused:
            exchange(client, meter, client.associate())
        assert refused.value.diagnostic is diagnostic
        assert "12345679" not in repr(settings)
        with pytest.raises(LocalError, match="broken"):
            client.receive(b"")


def test_without_an_association_nothing_is_served() -> None:
    meter = server()
    client = associated(meter)
    stranger = server()
    (failed,) = exchange(client, stranger, client.get(ENERGY))
    assert isinstance(failed, Failed)
    assert failed.error.errors == (StateError.SERVICE_NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE)
    assert client.state is State.READY


def test_a_port_without_a_meter_stays_silent() -> None:
    assert (
        server().receive(Frame(16, 2, ClientConnection(ClientSettings()).associate()[8:]).to_bytes()) == b""
    )


def test_blocks_that_were_not_agreed_upon_are_refused() -> None:
    meter = server(conformance=Conformance.GET)
    client = associated(meter)
    (got,) = exchange(client, meter, client.get(LONG))
    assert isinstance(got, Got)
    assert got.result is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    with pytest.raises(LocalError, match="multiple references"):
        client.get_list((ENERGY,))
    with pytest.raises(LocalError, match="selective access"):
        client.get(LONG, EntrySelection(1))
    (got,) = exchange(client, meter, client.get(ENERGY))
    assert isinstance(got, Got)
    assert got.result == b"\x06\x00\x01\xe2\x40"


def answer(client: ClientConnection, message: apdu.Apdu) -> list[Event]:
    return client.receive(Frame(1, 16, message.to_bytes()).to_bytes())


def test_an_answer_to_another_request_breaks_the_connection() -> None:
    client = associated(server())
    client.get(ENERGY)
    with pytest.raises(RemoteError, match="request 7, 1 was asked") as wrong:
        answer(client, GetResponseNormal(InvokeId(7), b"\x00"))
    assert wrong.value.raw
    with pytest.raises(LocalError):
        client.get(ENERGY)


def test_invoke_ids_count_and_wrap() -> None:
    meter = server()
    client = associated(meter)
    numbers = []
    for _ in range(18):
        request = client.get(ENERGY)
        numbers.append(request[8 + 2] & 0x0F)
        exchange(client, meter, request)
    assert numbers == [*range(1, 16), 0, 1, 2]


@pytest.mark.parametrize("block", [1, 3])
def test_a_block_out_of_order_is_no_part_of_a_value(block: int) -> None:
    client = associated(server())
    client.get(LONG)
    (send,) = answer(client, GetResponseWithBlock(InvokeId(1), False, 1, b"\x09"))
    assert isinstance(send, Send)
    with pytest.raises(RemoteError, match="2 was due"):
        answer(client, GetResponseWithBlock(InvokeId(1), True, block, b"\x00"))


def test_endless_blocks_stop_at_the_bound() -> None:
    client = associated(server(), max_answer_bytes=10_000, max_blocks=50)
    client.get(LONG)
    with pytest.raises(RemoteError, match="longer than 10000"):
        endless(client, bytes(900))
    client = associated(server(), max_answer_bytes=10_000, max_blocks=50)
    client.get(LONG)
    with pytest.raises(RemoteError, match="more than 50 blocks"):
        endless(client, b"")


def endless(client: ClientConnection, piece: bytes) -> None:
    for block in range(1, 100):
        answer(client, GetResponseWithBlock(InvokeId(1), False, block, piece))


def test_a_transfer_refused_in_the_middle_yields_the_refusal_only() -> None:
    client = associated(server())
    client.get(LONG)
    answer(client, GetResponseWithBlock(InvokeId(1), False, 1, b"\x09\x02"))
    (got,) = answer(client, GetResponseWithBlock(InvokeId(1), True, 2, DataAccessResult.LONG_GET_ABORTED))
    assert got == Got(LONG, DataAccessResult.LONG_GET_ABORTED)
    assert client.state is State.READY


def test_two_requests_at_once_are_our_mistake() -> None:
    client = associated(server())
    client.get(ENERGY)
    with pytest.raises(LocalError, match="may not be sent now"):
        client.get(ENERGY)
    assert client.next_timeout() == 30.0


def test_a_request_that_cannot_be_encoded_leaves_the_state_alone() -> None:
    meter = server()
    client = associated(meter)
    with pytest.raises(LocalError):
        client.set(ENERGY, axdr.long_unsigned(70_000))
    assert client.state is State.READY
    assert len(exchange(client, meter, client.get(ENERGY))) == 1


def test_a_request_to_another_meter_port_breaks() -> None:
    client = associated(server())
    client.get(ENERGY)
    with pytest.raises(RemoteError, match="from 2 to 16"):
        client.receive(Frame(2, 16, GetResponseNormal(InvokeId(1), b"\x00").to_bytes()).to_bytes())


def test_the_tables_are_closed() -> None:
    awaiting = {state for row in SENDS.values() for state in row.values()}
    assert awaiting <= set(RECEIVES)
    reached = {State.IDLE} | awaiting | {state for row in RECEIVES.values() for state in row.values()}
    assert reached == set(State) - {State.BROKEN}


def test_a_refusal_to_open_by_exception_is_told() -> None:
    client = ClientConnection(ClientSettings())
    client.associate()
    refusal = ExceptionResponse(StateError.SERVICE_UNKNOWN, ServiceError.PDU_TOO_LONG)
    (failed,) = client.receive(Frame(1, 16, refusal.to_bytes()).to_bytes())
    assert isinstance(failed, Failed)
    assert client.state is State.IDLE


def aarq(**changes: object) -> bytes:
    """What a client proposes, and what the meter says to it."""
    proposal = InitiateRequest(DEFAULT_CONFORMANCE, 1024)
    request = Aarq(replace(proposal, **changes).to_bytes())  # type: ignore[arg-type]
    return Frame(16, 1, request.to_bytes()).to_bytes()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"version": 5}, InitiateError.DLMS_VERSION_TOO_LOW),
        ({"max_pdu": 31}, InitiateError.PDU_SIZE_TOO_SHORT),
        ({"conformance": Conformance.EVENT_NOTIFICATION}, InitiateError.INCOMPATIBLE_CONFORMANCE),
    ],
)
def test_proposals_the_meter_cannot_accept(changes: dict[str, object], error: InitiateError) -> None:
    answer = Aare.from_bytes(server().receive(aarq(**changes))[8:])
    assert answer.result is AssociationResult.REJECTED_PERMANENT
    assert answer.user_information == ConfirmedServiceError(1, 6, error).to_bytes()


def test_a_proposal_that_is_none_and_a_context_nobody_has() -> None:
    for request, diagnostic in (
        (Aarq(b"\x01\x00"), UserDiagnostic.NO_REASON_GIVEN),
        (Aarq(b"\x01\x00", Context.SN), UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED),
    ):
        answer = Aare.from_bytes(server().receive(Frame(16, 1, request.to_bytes()).to_bytes())[8:])
        assert answer.diagnostic is diagnostic
    for garbage in ("6001", "6205", "62", "00", "db00"):
        assert server().receive(Frame(16, 1, bytes.fromhex(garbage)).to_bytes())[8] == ExceptionResponse.TAG


def test_a_line_carries_only_so_many_associations() -> None:
    device = Device(Plate(), {client: ClientAccess() for client in range(32)}, 200)
    meter = ServerConnection({1: device})
    clients = [ClientConnection(ClientSettings(client_address=number)) for number in range(17)]
    for client in clients[:16]:
        exchange(client, meter, client.associate())
    with pytest.raises(AssociationRefused, match="transient"):
        exchange(clients[16], meter, clients[16].associate())
    exchange(clients[0], meter, clients[0].release())
    again = ClientConnection(ClientSettings(client_address=20))
    assert len(exchange(again, meter, again.associate())) == 1


def test_a_message_longer_than_the_meter_takes_is_refused() -> None:
    meter = server(64)
    associated(meter)
    answer = meter.receive(Frame(16, 1, b"\xc1\x01" + bytes(70)).to_bytes())[8:]
    assert answer == ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.PDU_TOO_LONG).to_bytes()


def test_the_next_block_of_nothing_and_the_wrong_next_block() -> None:
    meter = server()
    client = associated(meter)
    for number in (1, 2):
        raw = GetRequestNext(InvokeId(1), number).to_bytes()
        (frame,) = Unwrapper().feed(meter.receive(Frame(16, 1, raw).to_bytes()))
        answer = GetResponseWithBlock.from_bytes(frame.payload)
        expected = (
            DataAccessResult.NO_LONG_GET_IN_PROGRESS
            if number == 1
            else DataAccessResult.DATA_BLOCK_NUMBER_INVALID
        )
        assert answer.result is expected
        meter.receive(client.get(LONG)) if number == 1 else None


def test_a_selection_the_meter_does_not_grant_is_refused() -> None:
    meter = server(conformance=Conformance.GET | Conformance.BLOCK_TRANSFER_WITH_GET)
    associated(meter)
    request = GetRequestNormal(InvokeId(1), LONG, EntrySelection(1).to_access()).to_bytes()
    (frame,) = Unwrapper().feed(meter.receive(Frame(16, 1, request).to_bytes()))
    assert GetResponseNormal.from_bytes(frame.payload).result is DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


def test_answers_of_the_wrong_kind_break_the_connection() -> None:
    """One value for a list, a list for one, results too few, blocks that hold nothing."""
    cases: list[tuple[Callable[[ClientConnection], bytes], apdu.Apdu]] = [
        (lambda it: it.get_list((ENERGY, LONG)), GetResponseNormal(InvokeId(1), b"\x00")),
        (lambda it: it.get(ENERGY), GetResponseWithList(InvokeId(1), (b"\x00",))),
        (lambda it: it.get_list((ENERGY, LONG)), GetResponseWithList(InvokeId(1), (b"\x00",))),
        (lambda it: it.get(ENERGY), GetResponseWithBlock(InvokeId(1), True, 1, b"")),
    ]
    for ask, message in cases:
        client = associated(server())
        ask(client)
        with pytest.raises(RemoteError):
            answer(client, message)
        assert client.state is State.BROKEN


def test_a_refused_list_refuses_each_of_it() -> None:
    client = associated(server())
    client.get_list((ENERGY, LONG))
    refusal = DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    assert answer(client, GetResponseNormal(InvokeId(1), refusal)) == [
        Got(ENERGY, refusal),
        Got(LONG, refusal),
    ]


def test_an_endless_message_in_one_piece_is_no_answer() -> None:
    client = associated(server(), general_window=1)
    client.get_list((ENERGY, LONG))
    with pytest.raises(RemoteError):
        for number in range(1, 12):
            piece = b"\xc4\x03" + bytes(60_000)
            block = GeneralBlock(number == 11, number < 11, 1, number, 1, piece)
            client.receive(Frame(1, 16, block.to_bytes()).to_bytes())
    assert client.state is State.BROKEN


def opening(information: bytes) -> ClientConnection:
    """A client that has asked to come in, and is answered yes with this inside."""
    client = ClientConnection(ClientSettings())
    client.associate()
    aare = Aare(AssociationResult.ACCEPTED, UserDiagnostic.NULL, information)
    client.receive(Frame(1, 16, aare.to_bytes()).to_bytes())
    return client


def test_a_yes_that_holds_an_error_is_a_no() -> None:
    with pytest.raises(ServiceRefused, match="PDU_SIZE_TOO_SHORT") as refused:
        opening(ConfirmedServiceError(1, 6, InitiateError.PDU_SIZE_TOO_SHORT).to_bytes())
    assert refused.value.errors == (InitiateError.PDU_SIZE_TOO_SHORT,)


def test_an_empty_yes_is_told_with_its_bytes() -> None:
    with pytest.raises(RemoteError) as wrong:
        opening(b"")
    assert wrong.value.raw


def test_a_meter_that_takes_no_request_is_to_blame_for_it() -> None:
    """The proof of HLS has to go out at once, and the meter has just said that it takes a single byte."""
    client = ClientConnection(ClientSettings(1, 1, Mechanism.HLS_SHA1, b"secret"))
    client.associate()
    grant = InitiateResponse(DEFAULT_CONFORMANCE, 1).to_bytes()
    aare = Aare(
        AssociationResult.ACCEPTED, UserDiagnostic.AUTHENTICATION_REQUIRED, grant,
        mechanism=Mechanism.HLS_SHA1, challenge=bytes(range(16)),
    )  # fmt: skip
    with pytest.raises(RemoteError, match="the meter takes 1") as wrong:
        client.receive(Frame(1, 1, aare.to_bytes()).to_bytes())
    assert wrong.value.raw
    with pytest.raises(LocalError, match="broken"):
        client.associate()
