"""What most meters make us do goes a short way, which must lead where the long one does, to the byte."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.acse import Aarq
from protocols.dlms.client import DEFAULT_CONFORMANCE, ClientConnection, ClientSettings
from protocols.dlms.enums import Conformance, Context, Mechanism
from protocols.dlms.initiate import InitiateRequest
from protocols.dlms.wrapper import Frame

GENERAL = Conformance.GENERAL_BLOCK_TRANSFER


@given(
    password=st.none() | st.binary(max_size=300),
    max_pdu=st.integers(0, 0xFFFF),
    window=st.integers(0, 3),
    ports=st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)),
)
def test_an_association_is_asked_for_in_the_bytes_of_its_message(
    password: bytes | None, max_pdu: int, window: int, ports: tuple[int, int]
) -> None:
    mechanism = Mechanism.NONE if password is None else Mechanism.LLS
    settings = ClientSettings(
        *ports, mechanism=mechanism, password=password, max_pdu=max_pdu, general_window=window
    )
    conformance = DEFAULT_CONFORMANCE | GENERAL if window else DEFAULT_CONFORMANCE
    proposal = InitiateRequest(conformance, max_pdu).to_bytes()
    whole = Aarq(proposal, Context.LN, mechanism, password)
    asked = ClientConnection(settings).associate()
    assert asked == Frame(*ports, whole.to_bytes()).to_bytes()
    assert Aarq.from_bytes(asked[8:]) == whole
