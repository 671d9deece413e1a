"""Whether an answer is one: error messages (clause 6.3.7), and answers about something else."""

import re
from collections.abc import Sequence
from typing import Final

from protocols.errors import RemoteError, ServiceRefused
from protocols.iec62056_21.codes import same
from protocols.iec62056_21.data_sets import DataSet

_ERROR: Final = re.compile(r"ER(?:R(?:OR)?)?[ _-]?[0-9A-Z]{0,8}(?:[ :,].*)?", re.IGNORECASE)
_ERROR_NUMBER: Final = re.compile(r"ER(?:R(?:OR)?)?\d*", re.IGNORECASE)


def unlike(asked: str, sets: Sequence[DataSet]) -> str | None:
    """The meter's error message, None for data that answer `asked`; data that do not are `RemoteError`.

    An error message is one value that begins with ER, without an address, as (ERROR04) or (ER07); some meters
    put the address asked for before it.
    """
    if not sets:
        return None
    first = sets[0]
    if len(sets) == 1 and len(first.values) == 1:
        pattern = _ERROR_NUMBER if first.address else _ERROR
        if pattern.fullmatch(first.values[0]):
            return first.values[0]
    if asked and first.address and not same(asked, first.address):
        raise RemoteError(
            f"an answer about {first.address[:40]} came, {asked} was asked", str(first)[:256].encode()
        )
    return None


def refused(asked: str, word: str, raw: bytes = b"") -> ServiceRefused:
    """A meter's no, as the error that says so."""
    return ServiceRefused(f"the meter refused {asked or 'the command'}: {word[:80]}", raw)
