"""A meter's address as a person writes it: dlms+wrapper://HOST:PORT?client=16&server=1&auth=lls&password=…"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import SplitResult, urlsplit

from collector.errors import BadAddress
from collector.keys import meter_keys
from collector.keys.meter_keys import MeterKeys
from collector.single.address_fields import Fields
from collector.single.association import BELIEVED, speakable
from collector.single.routes import (
    OUR_TITLE,
    PUBLIC,
    Address,
    DlmsAddress,
    DlmsFraming,
    ModbusAddress,
    ModeCAddress,
    Route,
    SerialRoute,
    TcpRoute,
    UdpRoute,
)  # fmt: skip
from protocols.dlms.enums import Mechanism
from protocols.dlms.general_block import MAX_WINDOW as MOST_BLOCKS
from protocols.dlms.hdlc.parameters import MAX_INFO, MAX_WINDOW
from protocols.dlms.security import AUTHENTICATED_ENCRYPTED, Policy
from protocols.dlms.security.counters import HIGHEST
from protocols.dlms.security.setup import NOTHING
from protocols.errors import LocalError
from protocols.modbus.framing import Carrier

PASSWORD_VARIABLE = "AMI_METER_PASSWORD"
EXAMPLES = (
    "dlms+wrapper://10.8.0.14:4059?client=17&server=1&auth=lls",
    "dlms+hdlc+serial:///dev/ttyUSB0?client=1&auth=gmac&keys=FILE",
    "modbus+rtu+tcp://10.8.0.15:502?unit=1&model=eastron-sdm630",
    "iec62056-21://10.8.0.16:3000",
)
DLMS_PORT, MODBUS_PORT, MODE_C_PORT = 4059, 502, 4059
AUTHENTICATIONS = {
    "none": Mechanism.NONE,
    "lls": Mechanism.LLS,
    "gmac": Mechanism.HLS_GMAC,
    "hls": Mechanism.HLS,
    "hls-md5": Mechanism.HLS_MD5,
    "hls-sha1": Mechanism.HLS_SHA1,
    "hls-gmac": Mechanism.HLS_GMAC,
    "hls-sha256": Mechanism.HLS_SHA256,
}
PROTECTIONS = {
    "both": AUTHENTICATED_ENCRYPTED,
    "authenticated": Policy(encrypted=False),
    "encrypted": Policy(authenticated=False),
    "none": NOTHING,
}
_USER = (
    "nothing stands before the host of an address, no user and no password: "
    f"put a password into {PASSWORD_VARIABLE}, or write password=… after a question mark"
)
DATAGRAM = 1400
"""The largest message over UDP: one that no network on the way cuts in two."""
ENVELOPES = {"service": False, "general": True}
READING, MANAGEMENT = 17, 1  # the usual clients with a password and with keys


def parse(url: str, environment: Mapping[str, str] | None = None) -> Address:
    """Read an address; raises `BadAddress` in one sentence that says what is wrong with it.

    `environment` may hold a password (AMI_METER_PASSWORD) for an address that names none, and keys
    (`collector.keys.meter_keys`). An address that says auth=none, or names the public client (16), wants
    neither.
    """
    # Before anything else is said of it: what stands before an @ is a secret, wherever it would be cut.
    if "@" in without_password(url) and not url.partition("://")[2].startswith("/"):
        raise BadAddress(_USER)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        if "@" in url:
            raise BadAddress(_USER) from None
        raise BadAddress(f"{without_password(url)!r} is no address: {error}") from error
    try:
        port = parts.port
    except ValueError:
        if "@" in url:
            raise BadAddress(_USER) from None
        raise BadAddress(
            f"{without_password(url)!r} is no address: its port is a number from 1 to 65535"
        ) from None
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        known = ", ".join(EXAMPLES[:-1])
        begins = parts.scheme or without_password(url)
        raise BadAddress(f"an address that begins {begins} is not known: write {known} or {EXAMPLES[-1]}")
    fields = Fields(parts)
    address = scheme(parts, port, fields, environment or {})
    fields.finish()
    if isinstance(address, DlmsAddress):
        _speakable(address)
    return address


def without_password(url: str) -> str:
    """The address as it may be shown."""
    return url.split("?", 1)[0]


def _ip(parts: SplitResult, port: int | None, usual: int, kind: type[TcpRoute] = TcpRoute) -> TcpRoute:
    if not parts.hostname:
        example = next((one for one in EXAMPLES if one.startswith(f"{parts.scheme}:")), None)
        like = example or f"{parts.scheme}://10.8.0.14:{usual}"
        raise BadAddress(f"the address names no host: write it like {like}")
    if parts.path not in ("", "/"):
        raise BadAddress(f"{parts.path} after the host means nothing in this address: leave it out")
    return kind(parts.hostname, port or usual)


def _serial(parts: SplitResult, bps: int, bits: str) -> SerialRoute:
    if parts.netloc or not parts.path.startswith("/") or parts.path == "/":
        raise BadAddress(
            f"the address names no serial port: write it with three strokes, like {parts.scheme}:///dev/ttyUSB0"
        )
    return SerialRoute(parts.path, bps, bits)


_Maker = Callable[[SplitResult, int | None, Fields, Mapping[str, str]], Address]


def _dlms(framing: DlmsFraming, *, serial: bool = False, udp: bool = False) -> _Maker:
    def make(
        parts: SplitResult, port: int | None, fields: Fields, environment: Mapping[str, str]
    ) -> DlmsAddress:
        route: Route
        if serial:
            route = _serial(parts, fields.bps(9600), fields.bits("8N1"))
        else:
            route = _ip(parts, port, DLMS_PORT, UdpRoute if udp else TcpRoute)
        mechanism, password, keys = _proof(fields, environment)
        usual = {Mechanism.NONE: PUBLIC, Mechanism.LLS: READING}.get(mechanism, MANAGEMENT)
        hdlc = framing is DlmsFraming.HDLC
        return DlmsAddress(
            route=route,
            framing=framing,
            client=fields.number("client", usual, 1, 127 if hdlc else 0xFFFF),
            server=fields.number("server", 1, 0, 0x3FFF if hdlc else 0xFFFF),
            mechanism=mechanism,
            password=password,
            timeout_s=fields.seconds(),
            keys=keys,
            suite=fields.number("suite", 0, 0, 2) if keys is not None else 0,
            protection=fields.choice("cipher", PROTECTIONS, "both")
            if keys is not None
            else PROTECTIONS["both"],
            title=fields.octets("title", 8, OUR_TITLE),
            counter=_counter(fields),
            physical=fields.optional("physical", 0, 0x3FFF) if hdlc else None,
            address_size=_address_size(fields) if hdlc else None,
            max_pdu=fields.number("pdu", DATAGRAM if udp else 0xFFFF, 32, 0xFFFF),
            info=fields.number("info", MAX_INFO, 8, MAX_INFO) if hdlc else MAX_INFO,
            window=fields.number("window", MAX_WINDOW, 1, MAX_WINDOW) if hdlc else MAX_WINDOW,
            general=fields.choice("envelope", ENVELOPES, "service") if keys is not None else False,
            general_window=fields.number("gbt", 0, 0, MOST_BLOCKS),
        )

    return make


def _speakable(address: DlmsAddress) -> None:
    """Refuse what can be written and not be sent: numbers that their bytes do not hold, keys of no suite."""
    server, physical, size = address.server, address.physical, address.address_size
    if address.framing is DlmsFraming.HDLC:
        if size == 1 and physical is not None:
            raise BadAddress("an HDLC address of one byte has no physical half: leave out physical= or use 2")
        if size != 4 and physical is None and server > 0x7F:
            raise BadAddress(
                f"server={server} is above 127, and such an HDLC address has two halves: add physical=N"
            )
        if size == 2 and max(server, physical or 0) > 0x7F:
            raise BadAddress("an HDLC address of two bytes holds numbers up to 127: use address_size=4")
    try:
        speakable(address)
    except LocalError as error:
        raise BadAddress(f"this address does not fit together: {error.reason}") from error


def _counter(fields: Fields) -> int | None:
    """The counter to begin at. A slip of a digit would use up the key for good: so far, it is said twice."""
    counter = fields.optional("counter", 0, HIGHEST)
    confirmed = fields.optional("counter_again", 0, HIGHEST)
    if counter is not None and counter >= BELIEVED and confirmed != counter:
        raise BadAddress(
            f"counter={counter} would use up half of the key or more for good: correct it, or if the meter "
            f"does want so much, add counter_again={counter}"
        )
    return counter


def _address_size(fields: Fields) -> int | None:
    sizes: dict[str, int | None] = {"1": 1, "2": 2, "4": 4, "": None}
    return fields.choice("address_size", sizes, "")


def _proof(fields: Fields, environment: Mapping[str, str]) -> tuple[Mechanism, str | None, MeterKeys | None]:
    """How we prove who we are: with nothing, a password (or HLS secret), or keys."""
    public = fields.says("auth", "none") or (not fields.has("auth") and fields.says("client", str(PUBLIC)))
    password = fields.text("password") or None
    keyed = fields.has("keys") or fields.says("auth", "gmac") or fields.says("auth", "hls-gmac")
    if password is None and not public and not keyed:
        password = environment.get(PASSWORD_VARIABLE) or None
    file = fields.text("keys")
    usual = "gmac" if file else "lls" if password else "none"
    mechanism = fields.choice("auth", AUTHENTICATIONS, usual)
    if mechanism is Mechanism.HLS_GMAC:
        if password is not None:
            raise BadAddress("auth=gmac is proved with keys: leave the password out")
        return mechanism, None, meter_keys.find(file, environment)
    if file:
        raise BadAddress("keys=… are used with auth=gmac only")
    if (mechanism is Mechanism.NONE) != (password is None):
        raise BadAddress(
            f"auth=lls and hls-… need a password=… (or {PASSWORD_VARIABLE}), and a password needs one of them"
        )
    return mechanism, password, None


def _modbus(framing: Carrier, *, serial: bool) -> _Maker:
    def make(parts: SplitResult, port: int | None, fields: Fields, _: Mapping[str, str]) -> ModbusAddress:
        route = (
            _serial(parts, fields.bps(9600), fields.bits("8N1")) if serial else _ip(parts, port, MODBUS_PORT)
        )
        lowest, highest = (1, 247) if framing is Carrier.RTU else (0, 255)
        return ModbusAddress(
            route=route,
            framing=framing,
            unit=fields.number("unit", 1, lowest, highest),
            model=fields.text("model"),
            function=fields.choice("function", {"holding": 3, "input": 4}, "holding"),
            timeout_s=fields.seconds(),
        )

    return make


def _mode_c(
    parts: SplitResult, port: int | None, fields: Fields, environment: Mapping[str, str], *, serial: bool
) -> ModeCAddress:
    # A bare iec62056-21:///dev/… is a serial port too: mode C is what optical heads speak.
    wired = serial or (not parts.netloc and parts.path not in ("", "/"))
    route = (
        _serial(parts, fields.number("bps", 300, 50, 115_200), fields.bits("7E1"))
        if wired
        else (_ip(parts, port, MODE_C_PORT))
    )
    return ModeCAddress(
        route=route,
        address=fields.text("address"),
        password=fields.text("password") or environment.get(PASSWORD_VARIABLE) or None,
        parity=fields.choice("parity", {word: word for word in ("none", "even", "ignored")}, "none"),
        baud=fields.optional("baud", 0, 6),
        model=fields.text("model"),
        program=fields.choice("access", {"readout": False, "program": True}, "readout"),
        timeout_s=fields.seconds(),
    )


_SCHEMES: dict[str, _Maker] = {
    "dlms+wrapper": _dlms(DlmsFraming.WRAPPER),
    "dlms+wrapper+udp": _dlms(DlmsFraming.WRAPPER, udp=True),
    "dlms+hdlc": _dlms(DlmsFraming.HDLC),
    "dlms+hdlc+serial": _dlms(DlmsFraming.HDLC, serial=True),
    "modbus+tcp": _modbus(Carrier.MBAP, serial=False),
    "modbus+rtu+tcp": _modbus(Carrier.RTU, serial=False),
    "modbus+rtu+serial": _modbus(Carrier.RTU, serial=True),
    "iec62056-21": partial(_mode_c, serial=False),
    "iec62056-21+serial": partial(_mode_c, serial=True),
}
