"""What DLMS messages are framed in on a line."""

from __future__ import annotations

from typing import Final

from collector.links.wire import ByteStream, Medium
from protocols.dlms.client import ClientSettings
from protocols.dlms.framing import Framing, WrapperFraming
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.parameters import MAX_INFO, MAX_WINDOW, LinkParameters

LOGICAL_DEVICE: Final = 1
"""The upper half of an HDLC address: a meter on a bus is told by the lower one."""


def framing(stream: ByteStream, settings: ClientSettings) -> Framing | None:
    """None for the wrapper, as it is on a connection.

    Where nothing but bytes is carried (a serial port, a call) it is HDLC; the number by which the register
    knows the meter on its bus is then its physical address (IEC 62056-46, 6.4.2.2).
    """
    client, server = settings.client_address, settings.server_address
    if stream.medium is Medium.DATAGRAMS:
        return WrapperFraming(client, server, datagrams=True)
    if stream.medium is Medium.BARE:
        # As much as HDLC allows: a meter that can do less says so in its UA.
        proposal = LinkParameters(MAX_INFO, MAX_INFO, MAX_WINDOW, MAX_WINDOW)
        return HdlcFraming(client, HdlcAddress(LOGICAL_DEVICE, server), proposal)
    return None
