"""Keys that open a meter: from a file or the environment, never from a command line that others can list."""

from __future__ import annotations

import json
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collector.errors import BadAddress, reason
from model.grid import SecretKeys

FILE_VARIABLE = "AMI_METER_KEYS"
ENCRYPTION_VARIABLE = "AMI_METER_ENCRYPTION_KEY"
AUTHENTICATION_VARIABLE = "AMI_METER_AUTHENTICATION_KEY"
MASTER_VARIABLE = "AMI_METER_MASTER_KEY"
DEDICATED_VARIABLE = "AMI_METER_DEDICATED"
_OLD_DEDICATED_VARIABLE = "AMI_METER_DEDICATED_KEY"
_SIZES = (16, 32)
_SAID = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class MeterKeys:
    """The global unicast encryption key, the authentication key, and whether a dedicated key is agreed."""

    encryption: bytes = field(repr=False)
    authentication: bytes = field(repr=False)
    dedicated: bool = False

    def draw_dedicated(self) -> bytes | None:
        """A key for one association alone, another at each call; None where none is wanted.

        A meter may count from the beginning again under each dedicated key: one used
        twice would be one nonce used twice.
        """
        return secrets.token_bytes(len(self.encryption)) if self.dedicated else None


def find(file: str, environment: Mapping[str, str]) -> MeterKeys:
    """The keys in `file`, or in the file that AMI_METER_KEYS names, or in variables of their own.

    A file is TOML or JSON with encryption_key and authentication_key in hex; what `ami simulate meter --json`
    prints is one too. With dedicated = true every association has a dedicated key, drawn for it; a
    dedicated_key given means the same and is never used itself. Raises `BadAddress`.
    """
    path = file or environment.get(FILE_VARIABLE, "")
    if path:
        found = _file(Path(path))
        return MeterKeys(
            _key(found, path, "encryption_key", "encryption"),
            _key(found, path, "authentication_key", "authentication"),
            _wanted(found, path, "dedicated", "dedicated_key"),
        )
    names = (ENCRYPTION_VARIABLE, AUTHENTICATION_VARIABLE)
    missing = [name for name in names if not environment.get(name)]
    if len(missing) == 1:
        (given,) = set(names) - set(missing)
        raise BadAddress(f"auth=gmac needs two keys, and with {given} goes {missing[0]}: set it too, in hex")
    if missing:
        raise BadAddress(
            f"auth=gmac needs keys: put them into {ENCRYPTION_VARIABLE} and {AUTHENTICATION_VARIABLE} "
            f"(in hex), or into a file that {FILE_VARIABLE} or keys=… names"
        )
    where = "the environment"
    return MeterKeys(
        _key(environment, where, ENCRYPTION_VARIABLE),
        _key(environment, where, AUTHENTICATION_VARIABLE),
        _wanted(environment, where, DEDICATED_VARIABLE, _OLD_DEDICATED_VARIABLE),
    )


def of_the_fleet(serial: str, environment: Mapping[str, str]) -> SecretKeys | None:
    """The keys of a registered meter: in the file that AMI_METER_KEYS names, or in variables of their own;
    None where neither is set. The master key, under which new ones travel, may be left out.

    A file may hold those of one meter, or of many under their serials. Raises `BadAddress`.
    """
    path = environment.get(FILE_VARIABLE, "")
    if path:
        found: Mapping[str, Any] = _file(Path(path))
        if isinstance(found.get(serial), dict):
            found = found[serial]
        names, where = ("encryption_key", "authentication_key", "master_key"), path
    else:
        names, where = (ENCRYPTION_VARIABLE, AUTHENTICATION_VARIABLE, MASTER_VARIABLE), "the environment"
        found = {name: environment[name] for name in names if environment.get(name)}
        if not found:
            return None
    encryption, authentication = (_key(found, where, name).hex() for name in names[:2])
    master = _key(found, where, names[2]).hex() if found.get(names[2]) else ""
    if len({len(key) for key in (encryption, authentication, master) if key}) != 1:
        raise BadAddress(f"the keys in {where} are of different lengths: all of one meter are of one suite")
    return SecretKeys(encryption, authentication, master)


def _file(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise BadAddress(
            f"the keys in {path} cannot be read ({reason(error)}): name a file that you may read in keys=… "
            f"or {FILE_VARIABLE}"
        ) from error
    except UnicodeDecodeError as error:
        raise BadAddress(f"{path} holds no keys: it is no text") from error
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError):
        raise BadAddress(
            f'{path} holds no keys: write a line encryption_key = "…" and a line authentication_key = "…"'
        ) from None
    inner = found.get("keys")
    return inner if isinstance(inner, dict) else found


def _wanted(found: Mapping[str, Any], where: str, *names: str) -> bool:
    """Whether a dedicated key is to be drawn: what is said, or that a key stands there."""
    name = next((name for name in names if found.get(name) not in (None, "")), None)
    if name is None:
        return False
    said = _SAID.get(str(found[name]).strip().lower())
    if said is not None:
        return said
    try:
        return bool(_key(found, where, name))
    except BadAddress:
        raise BadAddress(f"{name} in {where} must be true or false") from None


def _key(found: Mapping[str, Any], where: str, *names: str) -> bytes:
    """The first of these names that is there, as bytes; a key is never part of a sentence."""
    name = next((name for name in names if name in found), None)
    if name is None:
        raise BadAddress(f"{where} has no {names[0]}: add it, in hex")
    try:
        octets = bytes.fromhex(found[name])
    except (ValueError, TypeError):
        octets = b""
    if len(octets) not in _SIZES:
        raise BadAddress(f"{name} in {where} must be 32 hexadecimal digits (64 in suite 2)")
    return octets
