"""Every sentence exists in every language, with the same blanks, and no page asks for one that does not."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import dashboard
from dashboard.addresses import Page
from dashboard.pages import PAGES
from dashboard.words import LANGUAGES, words
from model.alert import AlertKind
from model.quality import Severity
from model.series import Channel, Rate
from model.viewer import UserRole

ROOM = Path(dashboard.__file__).parent
KEY = re.compile(r'\bsay\(\s*"([a-z_]+\.[a-z_.]+)"')


def blanks(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_keys_and_blanks() -> None:
    vi, en = (words(lang).sentences for lang in LANGUAGES)
    assert vi.keys() == en.keys()
    assert {key: blanks(text) for key, text in vi.items()} == {key: blanks(text) for key, text in en.items()}


def test_no_sentence_is_the_same_in_both_unless_it_is_a_name() -> None:
    vi, en = (words(lang).sentences for lang in LANGUAGES)
    same = {text for key, text in vi.items() if text == en[key]}
    assert same <= {"404", "Pmax", "kWh", "Modem", "cosφ", "{price} ₫/kWh"}


def test_every_key_that_code_names_exists() -> None:
    known = words("vi").sentences.keys()
    used = {key for path in ROOM.rglob("*.py") for key in KEY.findall(path.read_text(encoding="utf-8"))}
    assert len(used) > 80
    assert used - known == set()


@pytest.mark.parametrize(
    "keys",
    [
        [f"alert.{kind}" for kind in AlertKind],
        [f"severity.{level.name.lower()}" for level in Severity],
        [f"register.{rate.code}" for rate in Rate],
        [f"channel.{int(channel)}" for channel in Channel],
        [f"role.{role}" for role in UserRole],
        [f"nav.{page.nav}" for page in PAGES if page.nav],
    ],
)
def test_every_code_of_the_model_has_a_word(keys: list[str]) -> None:
    assert set(keys) <= words("en").sentences.keys()


def test_an_unknown_language_is_vietnamese_and_an_unknown_key_an_error() -> None:
    assert words("xx").lang == "vi"
    with pytest.raises(KeyError):
        words("vi")("no.such_key")


def test_figures_stand_in_the_order_of_their_words() -> None:
    kept = [
        "days",
        "to_day",
        "nobody's",
        "kwh_per_day",
        "from_day",
        "before_kwh_per_day",
    ]  # as jsonb has them
    told = ["from_day", "to_day", "days", "kwh_per_day", "before_kwh_per_day", "nobody's"]
    assert [words(lang).in_order("evidence", kept) for lang in LANGUAGES] == [told, told]


@pytest.mark.parametrize("path", ["/meters/", "/meters/a/b", "/meters/" + "x" * 65, "/bills/1/2", "//", ""])
def test_only_whole_addresses_are_pages(path: str) -> None:
    assert not any(page.match(path) for page in PAGES if isinstance(page, Page))


def test_names_in_an_address_are_handed_on() -> None:
    meter = next(page for page in PAGES if page.name == "meter")
    assert meter.match("/meters/26-AB.7") == {"serial": "26-AB.7"}
