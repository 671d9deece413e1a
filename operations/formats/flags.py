"""How other files say what a value is worth, and what that is here.

NEM12's flags are a letter (A actual, E forward estimate, F final substitute, S substitute, N null) and the
number of the method; what they mean here stands with the methods (`analytics.vee.methods`). Green Button's
are ESPI's QualityOfReading (NAESB REQ.21). What this program writes, it reads back as it was.
"""

from __future__ import annotations

import re
from typing import Final

from analytics.vee.methods import nem12_flag, of_nem12_flag
from model.quality import Quality

NEM_FLAG: Final = re.compile(r"[ANV]|[EFS](?:[1-9][0-9])?")
"""A quality flag of NEM12, with its method."""

SUSPECT_REASON: Final = ("0", "suspect")
"""NEM12 has no flag for what the meter said and validation doubts: actual, with this reason (0: free)."""

SUSPECT: Final = "A suspect"
"""How such a value is called here."""

NEM_OF: Final = {
    quality: SUSPECT if quality is Quality.SUSPECT else nem12_flag(quality) for quality in Quality
}
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


def of_nem(flag: str) -> Quality:
    """The quality of a NEM12 or NEM13 flag that `NEM_FLAG` knows; a substitute without its method is no more
    than a guess."""
    if flag in _OF_LETTER:
        return _OF_LETTER[flag]
    return of_nem12_flag(flag)[0]


def of_espi(code: int) -> Quality | None:
    """The quality of an ESPI QualityOfReading, or None for a code that it does not have."""
    return _OF_ESPI.get(code)


def of_word(word: str) -> Quality | None:
    """The quality called so in a table of ours; nothing is actual."""
    return _OF_WORD.get(word.strip().lower())


def word(quality: Quality) -> str:
    """The quality as tables of ours write it."""
    return quality.name.lower()
