"""The address of a database: how it may be shown, and whether libpq reads it as it is meant."""

from __future__ import annotations

import re
from typing import Final

# To the last @: a password that bears one itself is not shown from there on.
_PASSWORD: Final = re.compile(r"(://[^:]*:).*@|([?&]\w*pass\w*=)[^&]*|(\bpassword=)\S+", re.DOTALL)
_WHOLE: Final = re.compile(r"\w+://([^:/@\s]*(:[^/@\s]*)?@)?[^@\s]*")
_ENCODED: Final = re.compile(r"%(?![0-9a-fA-F]{2})")


def shown(address: str) -> str:
    """The address without its password, in one line, for people and logs.

    >>> shown("postgresql://ami:a@b:c@127.0.0.1:20000/ami")
    'postgresql://ami:***@127.0.0.1:20000/ami'
    """
    return re.sub(r"\s", " ", _PASSWORD.sub(_hidden, address))


def _hidden(found: re.Match[str]) -> str:
    return f"{found[1]}***@" if found[1] else f"{found[2] or found[3]}***"


def unreadable(address: str) -> str:
    """Why libpq would take this address apart in the wrong places, so that what it says quotes the password.

    Empty for an address it reads as it is meant, and for one that is no URL.
    """
    if "://" not in address or (_WHOLE.fullmatch(address) and not _ENCODED.search(address)):
        return ""
    return "its password has to be written with %40 for @, %2F for /, %20 for a space and %25 for %"
