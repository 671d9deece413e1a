"""What to do about a meter that could not be read: a sentence for each way it goes wrong."""

from __future__ import annotations

from collector.single.address import PASSWORD_VARIABLE
from collector.single.routes import (
    Address,
    DlmsAddress,
    DlmsFraming,
    ModbusAddress,
    ModeCAddress,
    SerialRoute,
)
from protocols.errors import NotAdmitted, PasswordRefused, RemoteError, SecurityError, SecurityFault
from protocols.modbus.framing import Carrier


def spoken(address: Address) -> str:
    """What the port at this address should speak."""
    match address:
        case DlmsAddress(framing=DlmsFraming.WRAPPER):
            return "DLMS over TCP"
        case DlmsAddress():
            return "DLMS in HDLC frames"
        case ModbusAddress():
            return "Modbus TCP" if address.framing is Carrier.MBAP else "Modbus RTU"
    return "IEC 62056-21 mode C"


def to_check(address: Address) -> str:
    """What of an address is wrong most often where nothing sensible comes back."""
    match address:
        case DlmsAddress(framing=DlmsFraming.HDLC):
            fields = f"server={address.server}, physical=…, address_size=… and client={address.client}"
        case DlmsAddress():
            fields = f"server={address.server} and client={address.client}"
        case ModbusAddress():
            fields = f"unit={address.unit}"
        case ModeCAddress():
            fields = f"address={address.address or '… (none is given)'}"
    port = "this port"
    if isinstance(address.route, SerialRoute):
        port = f"this port, at bps={address.route.bps} and bits={address.route.bits},"
    return f"check {fields}, and that {port} speaks {spoken(address)}"


def about(error: RemoteError, address: Address) -> str:
    """What to do about an answer that cannot be trusted."""
    if isinstance(error, SecurityError) and error.fault is SecurityFault.COUNTER:
        return "where this meter was replaced or reset, read it once with --forget and that system title"
    if isinstance(error, SecurityError):
        return "check the keys, suite=… and cipher=…"
    return to_check(address)


def way_in(address: Address, error: NotAdmitted) -> str:
    """What to try with a meter that did not let us in."""
    if isinstance(address, DlmsAddress):
        asked = f"client {address.client} of logical device {address.server}"
        return f"Nothing was read, for the meter did not let in {asked}: {_proof(address)}."
    if isinstance(error, PasswordRefused):
        return (
            f"The meter did not take the password: correct it ({PASSWORD_VARIABLE}, or password=… in the "
            "URL); meters lock after a few wrong ones."
        )
    return f"Nothing was read: {to_check(address)}."


def _proof(address: DlmsAddress) -> str:
    if address.keys is not None:
        return (
            "correct the keys, suite=…, cipher=…, client=…, server=… or title=… (our system title: some "
            "meters must know it); where others use these keys too, say counter=N; meters lock after a few "
            "wrong tries"
        )
    if address.password is None:
        return f"put its password into {PASSWORD_VARIABLE} (client 17 asks then), or add client=… to the URL"
    return (
        f"correct the password ({PASSWORD_VARIABLE}, or password=… in the URL), client=… or server=…; "
        "meters lock after a few wrong ones"
    )
