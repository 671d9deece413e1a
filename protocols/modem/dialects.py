"""How modems of each dialect give their name and show that they live: rules read from `dialects.toml`."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from protocols.errors import LocalError

MAX_TOKEN: Final = 256
"""Bytes a registration or heartbeat may have."""


class Body(StrEnum):
    """How a name is written between prefix and suffix."""

    TEXT = "text"
    HEX = "hex"
    BCD = "bcd"
    NONE = "none"


class Fit(StrEnum):
    """What the beginning of some bytes is to a rule."""

    NO = "no"
    PARTIAL = "partial"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Token:
    """One thing a modem says: `prefix`, a name of `length` bytes (0: up to the suffix), `suffix`."""

    prefix: bytes
    body: Body
    length: int
    suffix: bytes
    pattern: re.Pattern[str]
    reply: str = ""

    def match(self, raw: bytes) -> tuple[Fit, int, str]:
        """How `raw` begins: whether with this token, its length in bytes, and the name in it."""
        head = raw[: len(self.prefix)]
        if not self.prefix.startswith(head):
            return Fit.NO, 0, ""
        if len(head) < len(self.prefix):
            return Fit.PARTIAL, 0, ""
        start = len(self.prefix)
        if self.body is Body.NONE or self.length:
            end = start + self.length
            tail = raw[end : end + len(self.suffix)]
            if not self.suffix.startswith(tail):
                return Fit.NO, 0, ""
            if len(tail) < len(self.suffix) or len(raw) < end:
                return Fit.PARTIAL, 0, ""
        else:
            end = raw.find(self.suffix, start, MAX_TOKEN)
            if end < 0:
                return (Fit.PARTIAL if len(raw) < MAX_TOKEN else Fit.NO), 0, ""
        name = self._name(raw[start:end])
        if name is None:
            return Fit.NO, 0, ""
        return Fit.WHOLE, end + len(self.suffix), name

    def write(self, device_id: str) -> bytes:
        """The token as a modem of this name sends it; a name it cannot carry raises `LocalError`."""
        body = b""
        if self.body is Body.TEXT:
            body = device_id.encode("latin-1", "replace")
        elif self.body is not Body.NONE:
            digits = device_id.rjust(self.length * 2, "0") if self.length else device_id
            body = bytes.fromhex(digits) if re.fullmatch("([0-9A-Fa-f]{2})+", digits) else b"?"
        token = self.prefix + body + self.suffix
        if self.match(token)[:2] != (Fit.WHOLE, len(token)):
            raise LocalError(f"{device_id!r} is no name this modem dialect can carry")
        return token

    def answer(self, device_id: str) -> bytes | None:
        """What the modem wants to hear back, None for nothing."""
        return _octets(self.reply.replace("{id}", device_id)) if self.reply else None

    def _name(self, body: bytes) -> str | None:
        if self.body is Body.NONE:
            return ""
        name = body.decode("latin-1") if self.body is Body.TEXT else body.hex()
        if self.body is Body.BCD:
            name = name.removeprefix("0") if len(name) == 16 else name
        return name if self.pattern.fullmatch(name) else None


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one kind of modem says; both tokens None: nothing, it is a transparent pipe.

    A `gateway` speaks Modbus TCP with us and RTU with the meters on its bus. `within_frames`: it cuts the
    meters' frames into packets and puts its words between these.
    """

    name: str
    about: str
    registration: Token | None = None
    heartbeat: Token | None = None
    every_packet: bool = False
    gateway: bool = False
    within_frames: bool = False

    @property
    def transparent(self) -> bool:
        """Whether all bytes are the meter's."""
        return self.registration is None and self.heartbeat is None


@cache
def _all() -> Mapping[str, Dialect]:
    text = files(__package__).joinpath("dialects.toml").read_text("utf-8")
    return parse_dialects(text)


def load(name: str) -> Dialect:
    """The dialect of this name; an unknown one raises `LocalError` that lists those there are."""
    dialect = _all().get(name)
    if dialect is None:
        raise LocalError(f"no modem dialect is called {name!r}: use one of {', '.join(names())}")
    return dialect


def names() -> tuple[str, ...]:
    """The dialects there are."""
    return tuple(sorted(_all()))


def parse_dialects(text: str) -> Mapping[str, Dialect]:
    """Read a file of dialects; what does not make sense raises `LocalError` naming the place."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise LocalError(f"the modem dialects are no TOML: {wrong}") from wrong
    return {name: _dialect(name, table) for name, table in tables.items()}


def _dialect(name: str, table: dict[str, Any]) -> Dialect:
    _only(name, table, {"about", "every_packet", "gateway", "within_frames", "registration", "heartbeat"})
    tokens = {
        part: _token(f"{name}.{part}", table[part]) if part in table else None
        for part in ("registration", "heartbeat")
    }
    return Dialect(
        name,
        table.get("about", ""),
        every_packet=table.get("every_packet", False),
        gateway=table.get("gateway", False),
        within_frames=table.get("within_frames", False),
        **tokens,
    )


def _token(place: str, table: dict[str, Any]) -> Token:
    _only(place, table, {"prefix", "body", "length", "suffix", "pattern", "reply"})
    try:
        token = Token(
            _octets(table.get("prefix", "")),
            Body(table["body"]),
            int(table.get("length", 0)),
            _octets(table.get("suffix", "")),
            re.compile(table.get("pattern", ".*")),
            table.get("reply", ""),
        )
        _octets(token.reply)
    except (KeyError, ValueError, re.error) as wrong:
        raise LocalError(f"modem dialect {place}: {wrong!r}") from wrong
    # A frame of a meter begins 00 01 or 7E: a rule that did too would eat into it.
    if not token.prefix or token.prefix[:1] in (b"\x00", b"\x7e"):
        raise LocalError(f"modem dialect {place}: the prefix must be there and not begin with 00 or 7E")
    if token.body is not Body.NONE and not token.length and not token.suffix:
        raise LocalError(f"modem dialect {place}: a name needs a length or a suffix that ends it")
    return token


def _only(place: str, table: dict[str, Any], known: set[str]) -> None:
    unknown = set(table) - known
    if unknown:
        raise LocalError(f"modem dialect {place}: {sorted(unknown)[0]!r} means nothing here")


def _octets(text: str) -> bytes:
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode("latin-1")
