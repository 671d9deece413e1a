"""How a slot's figure was made, and what NEM12 calls it.

The quality of a slot says how far it may be trusted; its method says where it came from. NEM12 joins both
in one flag, as in `S14` or `F14` (AEMO, Meter Data File Format, appendix on method flags).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from model.quality import Quality


class Method(IntEnum):
    """In the order in which they are tried."""

    NONE = 0  # measured, or nothing known
    CHECK_METER = 1
    LINEAR = 2
    ONE_SIDED = 3  # level with the one neighbour it has
    LIKE_DAY = 4
    CLASS_PROFILE = 5
    AVERAGE_DAY = 6
    EVEN = 7  # spread evenly
    OUTAGE = 8  # without power nothing is used
    PERSON = 9


# NEM12 method numbers: 11 check, 14 like day, 15 average like day, 16 agreed, 17 linear, 18 alternate,
# 19 zero, 57 customer class.
NEM12_METHOD: dict[Method, int] = {
    Method.CHECK_METER: 11,
    Method.LINEAR: 17,
    Method.ONE_SIDED: 18,
    Method.LIKE_DAY: 14,
    Method.CLASS_PROFILE: 57,
    Method.AVERAGE_DAY: 15,
    Method.EVEN: 18,
    Method.OUTAGE: 19,
    Method.PERSON: 16,
}
# What a slot of a quality was made by where nothing else is said.
USUAL_METHOD: dict[Quality, Method] = {
    Quality.LINEAR: Method.LINEAR,
    Quality.LIKE_DAY: Method.LIKE_DAY,
    Quality.FLAT: Method.EVEN,
    Quality.UNSCALED: Method.LIKE_DAY,
    Quality.EDITED: Method.PERSON,
}
_USUAL = np.array([USUAL_METHOD.get(quality, Method.NONE) for quality in Quality], np.uint8)
_BACK: dict[int, tuple[Quality, Method]] = {
    11: (Quality.LIKE_DAY, Method.CHECK_METER),
    14: (Quality.LIKE_DAY, Method.LIKE_DAY),
    15: (Quality.LIKE_DAY, Method.AVERAGE_DAY),
    16: (Quality.EDITED, Method.PERSON),
    17: (Quality.LINEAR, Method.LINEAR),
    18: (Quality.FLAT, Method.EVEN),
    19: (Quality.LIKE_DAY, Method.OUTAGE),
    57: (Quality.LIKE_DAY, Method.CLASS_PROFILE),
}


def usual(quality: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The usual method of each slot, of its quality."""
    return _USUAL[quality]


def nem12_flag(quality: Quality, method: Method = Method.NONE) -> str:
    """The quality flag of a NEM12 interval: `A`, `N` (nothing known), or a letter with a method.

    F: a substitute that adds up to the register, or that a person agreed to; S: a substitute that no
    register holds, and that later figures may replace. What the meter said and validation doubts stays `A`:
    the meter's figure is delivered as it is.
    """
    if quality is Quality.MISSING:
        return "N"
    if quality in (Quality.ACTUAL, Quality.SUSPECT):
        return "A"
    number = NEM12_METHOD[method or USUAL_METHOD[quality]]
    return f"{'S' if quality is Quality.UNSCALED else 'F'}{number:02}"


def of_nem12_flag(flag: str) -> tuple[Quality, Method]:
    """Quality and method of a NEM12 flag; raises `ValueError` for a letter that is none.

    `V` (flags vary) stands for a day, never for an interval. A substitute by a method without a word here
    counts as spread evenly; S and E say that no register holds it.
    """
    letter, number = flag[:1], flag[1:]
    if letter == "N" and not number:
        return Quality.MISSING, Method.NONE
    if letter == "A" and not number:
        return Quality.ACTUAL, Method.NONE
    if letter not in ("S", "F", "E") or not (number.isascii() and number.isdigit()):
        raise ValueError(f"{flag!r} is no quality flag of a NEM12 interval: A, N, or S, F, E with a method")
    quality, method = _BACK.get(int(number), (Quality.FLAT, Method.EVEN))
    if quality is not Quality.EDITED and letter in ("S", "E"):
        quality = Quality.UNSCALED
    return quality, method
