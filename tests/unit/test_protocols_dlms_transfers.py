"""Transfers by blocks: what may stand between two blocks, and what may not."""

import pytest

from protocols.dlms import axdr
from protocols.dlms.apdu import GetResponseNormal, GetResponseWithBlock, GetResponseWithList, InvokeId
from protocols.dlms.enums import DataAccessResult
from protocols.dlms.events import Got
from protocols.errors import RemoteError
from tests.unit.test_protocols_dlms_conversation import LONG, answer, associated, server


def test_a_value_in_the_middle_of_a_transfer_is_not_the_value() -> None:
    """Only a refusal may end a transfer by blocks before its last block."""
    for whole in (
        GetResponseNormal(InvokeId(1), axdr.encode(axdr.double_long_unsigned(777))),
        GetResponseWithList(InvokeId(1), (axdr.encode(axdr.double_long_unsigned(777)),)),
    ):
        client = associated(server())
        client.get(LONG)
        answer(client, GetResponseWithBlock(InvokeId(1), False, 1, b"\x06\x00"))
        with pytest.raises(RemoteError, match="with a value came where block 2 was due"):
            answer(client, whole)
    client = associated(server())
    client.get(LONG)
    answer(client, GetResponseWithBlock(InvokeId(1), False, 1, b"\x06\x00"))
    refused = DataAccessResult.LONG_GET_ABORTED
    assert answer(client, GetResponseNormal(InvokeId(1), refused)) == [Got(LONG, refused)]
