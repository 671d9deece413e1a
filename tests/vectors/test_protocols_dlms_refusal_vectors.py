"""Refusals: published exception-responses and confirmed-service-errors, and what a reader is told of them.

[C] Circutor/gosem at 07c0d0d0 (MIT), pkg/dlms/exceptionResponse_test, confirmedServiceError_test and
pkg/dlmsclient; [P] pwitab/dlms-cosem at dc41293e (MIT), tests/test_asce/test_aare.
"""

import pytest

from protocols.dlms import apdu, axdr
from protocols.dlms.apdu import ConfirmedServiceError, ExceptionResponse
from protocols.dlms.client import ClientConnection, ClientSettings
from protocols.dlms.client_states import State
from protocols.dlms.enums import ActionResult, DataAccessResult, InitiateError, ServiceError, StateError
from protocols.dlms.events import Acted, Failed, Got, WasSet
from protocols.dlms.server import ClientAccess, Device, ServerConnection
from protocols.dlms.wrapper import Frame
from protocols.errors import DecodeError, Refused, RemoteError
from tests.dlms_line import ENERGY, SWITCH, Desk, associated, replay


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("d80102", ExceptionResponse(StateError.SERVICE_NOT_ALLOWED, ServiceError.SERVICE_NOT_SUPPORTED)),
        ("d80203", ExceptionResponse(StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON)),
        ("0e010601", ConfirmedServiceError(1, 6, InitiateError.DLMS_VERSION_TOO_LOW)),
        ("0e010203", ConfirmedServiceError(1, 2, 3)),
        ("0e010302", ConfirmedServiceError(1, 3, 2)),
    ],
)
def test_both_directions(text: str, message: apdu.Apdu) -> None:
    """[C] [P]"""
    assert apdu.decode(bytes.fromhex(text)) == message
    assert message.to_bytes().hex() == text


@pytest.mark.parametrize("text", ["d801", "d90102", "0e0106", "0f010601", "d80700", "d80109", "d8010200"])
def test_what_is_no_refusal(text: str) -> None:
    """[C] cut off, and under tags that do not exist; the last three hold codes nobody knows."""
    with pytest.raises(DecodeError):
        apdu.decode(bytes.fromhex(text))


def client() -> ClientConnection:
    return associated(ServerConnection({1: Device(Desk(), {16: ClientAccess()})}), ClientSettings())


@pytest.mark.parametrize("text", ["d80102", "0e010203", "d8010600000007"])
def test_a_refused_service_leaves_the_association(text: str) -> None:
    """[C get_test, set_test, action_test] "0E010203" in place of an answer; with a counter, ours."""
    ours = client()
    (failed,) = replay(ours, ours.get(ENERGY), [("c001c100030100010800ff0200", text)])
    assert isinstance(failed, Failed)
    assert failed.error.raw.hex() == text
    assert ours.state is State.READY


def test_bytes_that_are_no_answer_break_the_connection() -> None:
    """[C get_test] AE12"""
    ours = client()
    with pytest.raises(DecodeError) as wrong:
        replay(ours, ours.get(ENERGY), [("c001c100030100010800ff0200", "ae12")])
    assert wrong.value.raw.hex() == "ae12"
    assert ours.state is State.BROKEN


@pytest.mark.parametrize("code", [code for code in DataAccessResult if code])
def test_every_data_access_result_is_a_typed_refusal(code: DataAccessResult) -> None:
    """IEC 62056-5-3, Data-Access-Result."""
    ours = client()
    (got,) = replay(ours, ours.get(ENERGY), [("c001c100030100010800ff0200", f"c401c101{code:02x}")])
    assert isinstance(got, Got)
    ours = client()
    request = "c101c100030100010800ff020000"
    (was,) = replay(ours, ours.set(ENERGY, axdr.NULL), [(request, f"c501c1{code:02x}")])
    assert isinstance(was, WasSet)
    for refusal in (got.raw, was.check):
        with pytest.raises(Refused) as refused:
            refusal()
        assert refused.value.data_access_result is code


@pytest.mark.parametrize("code", [code for code in ActionResult if code])
def test_every_action_result_is_a_typed_refusal(code: ActionResult) -> None:
    """IEC 62056-5-3, Action-Result."""
    ours = client()
    request = "c301c10046000060030aff0100"
    (acted,) = replay(ours, ours.act(SWITCH), [(request, f"c701c1{code:02x}00")])
    assert isinstance(acted, Acted)
    with pytest.raises(Refused) as refused:
        acted.raw()
    assert refused.value.data_access_result is code


@pytest.mark.parametrize(
    ("answer", "code"), [("c401c10105", 5), ("c401c101fb", 251), ("c402c101000000010105", 5)]
)
def test_a_refusal_with_a_reserved_code_is_a_refusal(answer: str, code: int) -> None:
    """Reserved values of Data-Access-Result: the meter said no, and the association stands."""
    ours = client()
    ours.get(ENERGY)
    (got,) = ours.receive(Frame(1, 16, bytes.fromhex(answer)).to_bytes())
    assert isinstance(got, Got)
    with pytest.raises(Refused, match=f"code {code} that no standard names"):
        got.raw()
    ours.get(ENERGY)


@pytest.mark.parametrize("answer", ["c401c1010f0f", "c401c10200", "c402c1000000000101fb00"])
def test_choices_nobody_knows_are_no_refusals(answer: str) -> None:
    """More than a code, and choices that do not exist."""
    ours = client()
    ours.get(ENERGY)
    with pytest.raises(RemoteError):
        ours.receive(Frame(1, 16, bytes.fromhex(answer)).to_bytes())
