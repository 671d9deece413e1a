"""Serials as meters write them: which text the octets are, and whether two name one meter."""

from __future__ import annotations


def octets_text(raw: bytes) -> str:
    """UTF-8 where the octets are that, else Latin-1, which keeps every stray byte."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text.strip("\0 ")


def same_serial(found: str, registered: str) -> bool:
    """Whether both name one meter; leading zeros and case are the typist's."""
    return found.lstrip("0").casefold() == registered.lstrip("0").casefold()
