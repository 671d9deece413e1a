"""What the office says of the line to a meter, and the modem that this makes or changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from model.errors import ModelError
from model.grid import Modem, ModemLink
from operations.errors import MeterRefused
from protocols import meter_models
from protocols.meter_models.model import Speech
from protocols.modem import dialects

MQTT = "mqtt"
"""What a gateway has in place of a modem's dialect."""
PHYSICAL = range(16, 16_382)
"""Addresses of meters on an HDLC bus (IEC 62056-46, 6.4.2.3): those of two bytes end at 125."""
UNITS = range(1, 248)
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_BARE = frozenset((ModemLink.SERIAL, ModemLink.CSD))
_COMING = frozenset((ModemLink.DIAL_IN, ModemLink.MQTT))
_NOWHERE = Modem("", ModemLink.DIAL_IN, registration="-")


@dataclass(frozen=True, slots=True)
class LineWords:
    """What was said; None was not. The kind of the line follows from it.

    `dials`: a call; else `device`: a serial port; else `host`: a connection or, with `udp`, datagrams; else
    `registration`: it comes to us.
    """

    host: str | None = None
    port: int | None = None
    registration: str | None = None
    dialect: str | None = None
    device: str | None = None
    dials: str | None = None
    udp: bool | None = None
    cell: str | None = None

    @property
    def leads_somewhere(self) -> bool:
        """A new line is meant."""
        return bool(self.host or self.registration or self.device or self.dials or self.udp)


def refuse_unknown_dialect(serial: str, dialect: str) -> None:
    """Raises `MeterRefused` with the dialects there are."""
    if dialect not in (*dialects.names(), MQTT):
        known = ", ".join((*dialects.names(), MQTT))
        said = f"meter {serial}: no modem dialect is called “{dialect}”: use one of {known}"
        raise MeterRefused(serial, said)


def modem(serial: str, code: str, words: LineWords, before: Modem | None = None) -> Modem:
    """The modem that `words` make, or make of the one that was there `before`.

    What is not said stays: a call stays a call until `dials` is emptied, datagrams stay datagrams. Raises
    `MeterRefused`, and `ModelError` for what makes no line.
    """
    _refuse_two_ways(serial, words)
    if words.dialect is not None:
        refuse_unknown_dialect(serial, words.dialect)
    if words.host:
        refuse_no_host(code, words.host)
    comes = words.registration and not (words.host or words.device or words.dials)
    kept = before if before is not None and not comes else _NOWHERE
    device = "" if words.host else _said(words.device, kept.device)
    host = "" if words.device else _said(words.host, kept.host)
    dials = _said(words.dials, kept.dials)
    dialect = words.dialect or (before.dialect if before is not None else "transparent")
    link = _link(kept, dials, device, host, dialect, words.udp)
    if words.udp and link is not ModemLink.UDP:
        raise MeterRefused(
            serial, f"meter {serial}: datagrams go to a host and a port: give --host and --port alone"
        )
    still = before is not None and link in (before.link, *_COMING)
    return Modem(
        code,
        link,
        dialect,
        host,
        (kept.port if host else 0) if words.port is None else words.port,
        _said(words.registration, before.registration if before is not None and still else ""),
        _said(words.cell, before.cell if before is not None else ""),
        device,
        dials,
    )


def _said(word: str | None, before: str) -> str:
    return before if word is None else word


def _link(kept: Modem, dials: str, device: str, host: str, dialect: str, udp: bool | None) -> ModemLink:
    if dials:
        return ModemLink.CSD
    if device:
        return ModemLink.SERIAL
    if host:
        datagrams = kept.link is ModemLink.UDP if udp is None else udp
        return ModemLink.UDP if datagrams else ModemLink.DIAL_OUT
    return ModemLink.MQTT if dialect == MQTT else ModemLink.DIAL_IN


def _refuse_two_ways(serial: str, words: LineWords) -> None:
    two = None
    if words.host and words.device:
        two = "--host and --device"
    elif words.registration and (words.device or words.dials):
        two = f"--registration and {'--device' if words.device else '--dials'}"
    if two is not None:
        raise MeterRefused(serial, f"meter {serial}: {two} name different lines: keep one of them")


def way(line: Modem) -> str:
    """Where a line leads, in a few words."""
    where = line.device or f"{line.host}:{line.port}"
    match line.link:
        case ModemLink.DIAL_OUT:
            return where
        case ModemLink.UDP:
            return f"datagrams to {where}"
        case ModemLink.SERIAL:
            return f"serial port {where}"
        case ModemLink.CSD:
            return f"{where} calls {line.dials}"
        case ModemLink.DIAL_IN:
            return f"dials in as {line.registration}"
        case ModemLink.MQTT:
            return f"gateway {line.registration}"


def refuse_no_host(code: str, host: str) -> None:
    """Raises `ModelError` for what can be neither the name (RFC 1123) nor the IP address of modem `code`.

    A name whose last part is a number is none, for no address is meant by it that everybody reads alike
    (999.1.1.1, 10.8.1, 0x7f000001).
    """
    if not _is_name(host) and not _is_address(host):
        shown = "".join(each if each.isprintable() else "?" for each in host)
        raise ModelError(
            f"modem {code}: “{shown}” is neither a name nor the IP address of a machine: write it like "
            "10.8.0.14 or modem7.htx.vn, and the port apart"
        )


def _is_name(host: str) -> bool:
    try:
        labels = host.encode("idna").decode("ascii").removesuffix(".").split(".")
    except UnicodeError:
        return False
    known = all(_LABEL.fullmatch(label) for label in labels) and len(host) < 254
    return known and not _NUMBER.fullmatch(labels[-1])


def _is_address(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255")


def refuse_no_address(serial: str, model: str, line: Modem, address: int) -> None:
    """Raises `MeterRefused` for an address that no meter can have on a bus or in a call."""
    if line.link not in _BARE or model not in meter_models.names():
        return
    said = f"meter {serial}: on a serial port and in a call "
    match meter_models.load(model).speech:
        case Speech.DLMS if address not in PHYSICAL:
            said += f"a DLMS meter has its physical address, 16 to 125 as a rule, not {address}"
        case Speech.MODBUS if address not in UNITS:
            said += f"a Modbus meter is unit 1 to 247, not {address}"
        case _:
            return
    raise MeterRefused(serial, f"{said}: correct its address (--address)")
