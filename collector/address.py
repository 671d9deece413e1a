"""A meter's address as a person writes it: dlms+wrapper://HOST:PORT?client=16&server=1&auth=lls&password=…"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlsplit

from collector.errors import BadAddress
from protocols.dlms.enums import Mechanism

DLMS_WRAPPER, MODBUS_TCP = "dlms+wrapper", "modbus+tcp"
EXAMPLES = (
    "dlms+wrapper://10.8.0.14:4059?client=16&server=1&auth=lls&password=…",
    "modbus+tcp://10.8.0.15:502?unit=1&model=eastron-sdm630",
)
DLMS_PORT, MODBUS_PORT = 4059, 502
PUBLIC, READING = 16, 17  # the client of a meter that needs no password, and the one that reads with one


@dataclass(frozen=True, slots=True)
class DlmsAddress:
    """A DLMS meter over TCP with the wrapper; the password is never printed."""

    host: str
    port: int = DLMS_PORT
    client: int = PUBLIC
    server: int = 1
    mechanism: Mechanism = Mechanism.NONE
    password: str | None = field(default=None, repr=False)
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """A Modbus TCP unit; `function` 3 for holding registers, 4 for input registers."""

    host: str
    port: int = MODBUS_PORT
    unit: int = 1
    model: str = ""
    function: int = 3
    timeout_s: float = 10.0


Address = DlmsAddress | ModbusAddress


def parse(url: str, password: str | None = None) -> Address:
    """Read an address; raises `BadAddress` in one sentence that says what is wrong with it.

    `password` is for a DLMS address that names none: the reading client (17) gives it. An address that says
    auth=none, or names the public client (16), wants none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"{without_password(url)!r} is no address: {error}") from error
    if parts.scheme not in (DLMS_WRAPPER, MODBUS_TCP):
        known = " or ".join(EXAMPLES)
        begins = parts.scheme or without_password(url)
        raise BadAddress(f"an address that begins {begins} is not known: write {known}")
    if not parts.hostname:
        raise BadAddress(f"the address names no host: write it like {EXAMPLES[parts.scheme == MODBUS_TCP]}")
    fields = _Fields(parts)
    if parts.scheme == DLMS_WRAPPER:
        address: Address = _dlms(parts.hostname, port, fields, password)
    else:
        address = _modbus(parts.hostname, port, fields)
    fields.finish()
    return address


def without_password(url: str) -> str:
    """The address as it may be shown."""
    return url.split("?", 1)[0]


def _dlms(host: str, port: int | None, fields: _Fields, offered: str | None) -> DlmsAddress:
    words = {"none": Mechanism.NONE, "lls": Mechanism.LLS}
    password = fields.text("password", "") or None
    client = PUBLIC
    if password is None and offered and not fields.says("auth", "none") and not fields.says("client", "16"):
        password, client = offered, READING
    auth = fields.text("auth", "lls" if password else "none").lower()
    if auth not in words:
        raise BadAddress(f"auth={auth} is not spoken: use none or lls")
    if (words[auth] is Mechanism.LLS) != (password is not None):
        raise BadAddress(
            "auth=lls needs a password=… (or AMI_METER_PASSWORD), and a password is used with auth=lls only"
        )
    return DlmsAddress(
        host, port or DLMS_PORT, fields.number("client", client, 1, 65535),
        fields.number("server", 1, 0, 65535), words[auth], password, fields.seconds(),
    )  # fmt: skip


def _modbus(host: str, port: int | None, fields: _Fields) -> ModbusAddress:
    function = fields.text("function", "holding")
    if function not in ("holding", "input"):
        raise BadAddress(f"function={function} is not known: use holding or input")
    return ModbusAddress(
        host, port or MODBUS_PORT, fields.number("unit", 1, 0, 255), fields.text("model", ""),
        3 if function == "holding" else 4, fields.seconds(),
    )  # fmt: skip


class _Fields:
    """What stands after the question mark, taken one by one; what is left over is refused."""

    def __init__(self, parts: SplitResult) -> None:
        self._left = dict(parse_qsl(parts.query, keep_blank_values=True))

    def text(self, key: str, default: str) -> str:
        return self._left.pop(key, default)

    def says(self, key: str, text: str) -> bool:
        return self._left.get(key, "").lower() == text

    def number(self, key: str, default: int, lowest: int, highest: int) -> int:
        text = self._left.pop(key, str(default))
        if not text.isdigit() or not lowest <= int(text) <= highest:
            raise BadAddress(f"{key}={text} must be a whole number from {lowest} to {highest}")
        return int(text)

    def seconds(self) -> float:
        text = self._left.pop("timeout", "10")
        try:
            seconds = float(text)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= 600:
            raise BadAddress(f"timeout={text} must be a number of seconds up to 600")
        return seconds

    def finish(self) -> None:
        for key in self._left:
            raise BadAddress(f"{key}=… means nothing in this address: leave it out")
