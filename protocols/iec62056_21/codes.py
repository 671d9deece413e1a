"""OBIS codes as mode C meters write them: reduced, with letters, or in full (IEC 62056-61)."""

import re
from typing import Final

from protocols.obis import Obis

_CODE: Final = re.compile(
    r"(?:(\d{1,3})-(\d{1,3}):)?(\d{1,3}|[CFLP])\.(\d{1,3}|F)(?:\.(\d{1,3}))?(?:[*&.](\d{1,3}))?"
)
_LETTERS: Final = {"C": 96, "F": 97, "L": 98, "P": 99}
_ABSTRACT: Final = ("C", "F")


def code_of(text: str) -> Obis | None:
    """The code that an address names, None where it is no OBIS code.

    Where nothing else is said A is electricity, or abstract for service entries (C) and errors (F), B and E
    are 0 and F is 255. "P.01" is load profile 1, 1-0:99.1.0.

    >>> str(code_of("1.8.0")), str(code_of("P.01")), str(code_of("C.1.0")), str(code_of("F.F"))
    ('1.0.1.8.0.255', '1.0.99.1.0.255', '0.0.96.1.0.255', '0.0.97.97.0.255')
    """
    match = _CODE.fullmatch(text.strip())
    if match is None:
        return None
    a, b, c, d, e, f = match.groups()
    groups = (
        int(a) if a else 0 if c in _ABSTRACT else 1,
        int(b or 0),
        _LETTERS.get(c) or int(c),
        _LETTERS.get(d) or int(d),
        int(e or 0),
        255 if f is None else int(f),
    )
    return Obis(*groups) if max(groups) <= 255 else None


def text_of(code: Obis) -> str:
    """The reduced form for electricity and abstract objects, the full one for other media and channels.

    >>> text_of(Obis(1, 0, 1, 8, 0)), text_of(Obis(1, 0, 99, 1, 0)), text_of(Obis(1, 0, 1, 8, 2, 4))
    ('1.8.0', 'P.01', '1.8.2*4')
    """
    letter = {number: letter for letter, number in _LETTERS.items()}.get(code.c)
    past = "" if code.f == 255 else f"*{code.f}"
    if letter == "P" and (code.a, code.b, code.e) == (1, 0, 0):
        return f"P.{code.d:02d}{past}"
    if letter is not None and (code.a, code.b) == (0 if letter in _ABSTRACT else 1, 0):
        return f"F.F{past}" if (code.c, code.d) == (97, 97) else f"{letter}.{code.d}.{code.e}{past}"
    if letter is None and (code.a, code.b) == (1, 0):
        return f"{code.c}.{code.d}.{code.e}{past}"
    return f"{code.a}-{code.b}:{code.c}.{code.d}.{code.e}{past}"


def same(one: str, other: str) -> bool:
    """Whether two addresses name one thing, however long they write it."""
    return one == other or ((code := code_of(one)) is not None and code == code_of(other))
