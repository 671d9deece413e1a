"""How other files say what a value is worth, and what that is here.

NEM12's flags are a letter (A actual, E forward estimate, F final substitute, S substitute, N null) and the
number of the method; what they mean here stands with the methods (`analytics.vee.methods`). Green Button's
are ESPI's QualityOfReading (NAESB REQ.21). What this program writes, it reads back as it was.
"""

from __future__ import annotations

import re
from typing import Final

from analytics.vee.methods import Method, nem12_flag, of_nem12_flag
from model.quality import Quality

Said = tuple[Quality, Method]
"""How far a value may be trusted, and how it was made (NONE: that is not said)."""

NEM_FLAG: Final = re.compile(r"[ANV]|[EFS](?:[1-9][0-9])?")
"""A quality flag of NEM12, with its method."""

SUSPECT_REASON: Final = ("0", "suspect")
"""NEM12 has no flag for what the meter said and validation doubts: actual, with this reason (0: free)."""

SUSPECT: Final = "A suspect"
"""How such a value is called here."""

ESPI_OF: Final = {
    Quality.ACTUAL: 17,  # validated
    Quality.LINEAR: 9,  # estimated using linear interpolation
    Quality.LIKE_DAY: 8,  # estimated using reference day
    Quality.FLAT: 11,  # derived
    Quality.UNSCALED: 12,  # projected
    Quality.SUSPECT: 10,  # questionable
    Quality.EDITED: 7,  # manually edited
}
_ESPI_ALSO: Final = {
    0: Quality.ACTUAL,  # valid
    13: Quality.UNSCALED,  # mixed
    14: Quality.ACTUAL,  # raw
    15: Quality.EDITED,  # normalized for weather
    16: Quality.SUSPECT,  # other
    18: Quality.ACTUAL,  # verified
    19: Quality.ACTUAL,  # revenue quality
}
_OF_LETTER: Final = {SUSPECT: Quality.SUSPECT} | dict.fromkeys("EFS", Quality.UNSCALED)
_OF_ESPI: Final = {code: quality for quality, code in ESPI_OF.items()} | _ESPI_ALSO
_OF_WORD: Final = {quality.name.lower(): quality for quality in Quality} | {
    "estimated": Quality.UNSCALED,
    "": Quality.ACTUAL,
}
_METHODS: Final = {method.name.lower(): method for method in Method if method} | {"": Method.NONE}


def nem(quality: Quality, method: Method = Method.NONE) -> str:
    """The flag of a value in NEM12; without a method, of the usual one."""
    return SUSPECT if quality is Quality.SUSPECT else nem12_flag(quality, method)


def of_nem(flag: str) -> Said:
    """What a NEM12 or NEM13 flag that `NEM_FLAG` knows says; a substitute without its method is no more than
    a guess."""
    return (_OF_LETTER[flag], Method.NONE) if flag in _OF_LETTER else of_nem12_flag(flag)


def of_espi(code: int) -> Said | None:
    """What an ESPI QualityOfReading says, or None for a code that it does not have."""
    quality = _OF_ESPI.get(code)
    return None if quality is None else (quality, Method.NONE)


def of_word(word: str) -> Said | None:
    """What a quality in a table of ours says, with or without a method behind it; nothing is actual."""
    name, _, made = word.strip().lower().partition(" ")
    quality, method = _OF_WORD.get(name), _METHODS.get(made.strip())
    return None if quality is None or method is None else (quality, method)


def words(quality: Quality, method: Method = Method.NONE) -> str:
    """Quality and method as tables of ours write them; what was not made by us has no method."""
    return f"{quality.name.lower()} {method.name.lower()}" if method else quality.name.lower()
