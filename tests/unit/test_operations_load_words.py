"""What is said about loads is said in both languages, of the same figures, and for every reason there is."""

from __future__ import annotations

import tomllib
from pathlib import Path

from analytics.profiles import shapes
from operations import day_ahead, load_words, savings
from operations import shapes as of_meters
from operations.sentences import LANGUAGES, figures_in

WORDS = tomllib.loads(Path(load_words.__file__).with_name("wording_load.toml").read_text(encoding="utf-8"))


def test_both_languages_speak_of_the_same_figures() -> None:
    for room, kinds in WORDS.items():
        for kind, texts in kinds.items():
            wanted = [set(figures_in(texts[language])) for language in LANGUAGES]
            assert wanted[0] == wanted[1], (room, kind)


def test_every_reason_has_its_words() -> None:
    reasons = {
        "no_saving": [
            savings.TIERS, savings.PREPAID, savings.FLAT, savings.WHOLESALE, savings.ONE_RATE,
            savings.REFUSED, savings.NO_PEAK, savings.NOT_HUNG, savings.NO_SUPPLY, savings.UNKNOWN,
            savings.PRICE_CHANGED, savings.NOT_RATED, savings.NOT_AS_BILLED,
        ],
        "ahead": [day_ahead.FEW_DAYS, day_ahead.TOO_FAR, "no_temperature"],
        "shapes_reason": [of_meters.FEW_METERS, of_meters.NO_STRUCTURE, of_meters.NOTHING],
        "shapes_left_out": [shapes.FEW_DAYS, shapes.NO_USE],
    }  # fmt: skip
    for room, kinds in reasons.items():
        assert set(kinds) == set(WORDS[room]), room
