"""The figures of a day that the score looks at, in the order of its columns.

Levels are logarithms against the household's own median; each level, shape and likeness comes a second time
as its distance from what the household's own days show (`…:own`); the last six say what kind of household
it is.
`subject` is the word under which an explanation groups them.
"""

from __future__ import annotations

from typing import Final

LEVELS: Final = (
    "total", "lowest", "p10", "p25", "median", "p75", "p90", "highest", "spread", "base",
    "night", "morning", "afternoon", "evening",
    "night_lowest", "morning_lowest", "afternoon_lowest", "evening_lowest",
    "step_mean", "step_p25", "step_median", "step_highest", "third_highest",
)  # fmt: skip
SHAPES: Final = (
    "roughness", "step_skew", "log_step_skew", "log_step_size", "lag1", "lag2", "lag4", "log_lag1",
    "log_lag2", "variation", "log_spread", "zeros", "zeros_longest", "flat_longest",
    "cosine1", "sine1", "cosine2", "sine2", "cosine3", "sine3",
    "rising", "lower_half", "median_share", "highest_share",
)  # fmt: skip
LIKENESS: Final = (
    "like_profile", "like_mirror", "profile_over_mirror", "log_like_profile", "log_like_mirror",
    "log_profile_over_mirror", "likely_value", "likely_slot", "likely_step", "slot_over_mirror",
    "step_over_mirror", "nearest", "nearest_mirror", "scaled_value", "scaled_slot", "scaled_step",
    "scaled_nearest", "scale_value", "scale_slot", "scale_step", "scale_nearest", "raised_slot",
    "raised_nearest", "mirror_score", "off_mean", "off_spread", "off_low", "off_high", "off_size",
    "off_halves", "off_roughness", "slope", "intercept", "mirror_fit",
)  # fmt: skip
HOUSEHOLD: Final = (
    "own_spread", "own_like_profile", "own_over_mirror", "own_likely_value", "own_zeros", "own_mirror_score"
)  # fmt: skip
BASIC: Final = LEVELS + SHAPES + LIKENESS
COLUMNS: Final = (*BASIC, *(f"{name}:own" for name in BASIC), *HOUSEHOLD)

_SUBJECTS: Final = {
    "base_load": {"lowest", "p10", "p25", "base", "night", *(n for n in LEVELS if n.endswith("_lowest"))},
    "scaled_down": {n for n in LIKENESS if n.startswith(("scale", "raised"))},
    "mirrored": {n for n in BASIC if "mirror" in n} | {"step_skew", "log_step_skew", "rising"},
    "nothing": {"zeros", "zeros_longest"},
    "flat": {"flat_longest", "lower_half", "spread", "log_spread", "variation"},
    "restless": {n for n in BASIC if n.startswith(("rough", "lag", "log_lag", "log_step_size", "step_"))},
    "level": {"total", "median", "p75", "p90", "highest", "third_highest", "morning", "afternoon", "evening"},
    "household": set(HOUSEHOLD),
}


def subject(column: str) -> str:
    """What a column is about; `habit`: how well the day fits the household's usual one."""
    name = column.removesuffix(":own")
    return next((word for word, names in _SUBJECTS.items() if name in names), "habit")
