"""Whatever the code can find, hold, alert or report has its words in both languages.

The kinds are walked out of the sources, so that a new one without words turns this red.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from collector.polling import known
from model.alert import AlertKind
from operations import wording
from operations.runs.stages import HELD_BY_CHECKS
from operations.sentences import figures_in

ROOT = Path(wording.__file__).parents[1]
TEXTS = wording.texts()
WORDS: dict[str, Any] = {
    language: tomllib.loads((ROOT / "dashboard" / "words" / f"{language}.toml").read_text(encoding="utf-8"))
    for language in ("vi", "en")
}
LANGUAGES = ("vi", "en")
_SQL_FINDING = re.compile(r"INSERT INTO finding\b[^']*SELECT meter_id, day, '([a-z_]+)'")


def _sources(*rooms: str, names: Iterable[str]) -> Iterator[tuple[str, ast.Module]]:
    """The sources in which one of the names occurs at all; every worker walks them as it collects."""
    one_of = re.compile("|".join(names))
    for room in rooms:
        for file in sorted((ROOT / room).rglob("*.py")):
            source = file.read_text(encoding="utf-8")
            if one_of.search(source):
                yield str(file.relative_to(ROOT)), ast.parse(source)


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _texts(value: ast.expr) -> set[str]:
    """The texts a value may be: itself, or either branch of a choice."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return {value.value}
    if isinstance(value, ast.IfExp):
        return _texts(value.body) | _texts(value.orelse)
    if isinstance(value, ast.BoolOp):
        return set().union(*map(_texts, value.values))
    return set()


def _bound(function: ast.AST, name: str) -> set[str]:
    """The texts a name is bound to in a function: `for name, x in (…)`, `name, x = (…) if …`."""
    found: set[str] = set()
    for node in ast.walk(function):
        target, value = None, None
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.For):
            target, value = node.target, node.iter
        if value is None:
            continue
        if isinstance(target, ast.Name) and target.id == name:
            found |= _texts(value)
        if isinstance(target, ast.Tuple):
            at = [isinstance(one, ast.Name) and one.id == name for one in target.elts]
            if any(at):
                rows = [
                    row for row in ast.walk(value) if isinstance(row, ast.Tuple) and len(row.elts) == len(at)
                ]
                found |= set().union(*(_texts(row.elts[at.index(True)]) for row in rows))
    return found


def _kinds(tree: ast.Module, calls: dict[str, int]) -> Iterator[tuple[ast.Call, set[str]]]:
    """Calls by name with the texts their argument of that number may be."""
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)):
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and _called(node) in calls and node.args:
                place = calls[_called(node)]
                if place >= len(node.args):
                    continue
                said = node.args[place]
                yield node, _bound(function, said.id) if isinstance(said, ast.Name) else _texts(said)


def _all(calls: dict[str, int], *rooms: str, silent: frozenset[str] = frozenset()) -> set[str]:
    """Every kind; a call whose kind cannot be followed fails, unless its source is one of `silent`."""
    found: set[str] = set()
    for source, tree in _sources(*rooms, names=calls):
        for call, kinds in _kinds(tree, calls):
            assert kinds or source in silent, f"{source}:{call.lineno}: write the kind where it can be seen"
            found |= kinds
    return found


@cache
def finding_kinds() -> frozenset[str]:
    passed_on = frozenset(
        {
            "analytics/vee/by_rate.py",
            "analytics/vee/findings.py",
            "analytics/vee/rules/seen.py",
            "storage/meter_sheet.py",
            "storage/observed.py",
        }
    )
    calls = {"note": 1, "note_slots": 1, "Finding": 0, "doubt": 0}
    found = _all(calls, "analytics", "operations", "storage", silent=passed_on | {"storage/evidence.py"})
    for _, tree in _sources("storage", "operations", names=["finding"]):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= set(_SQL_FINDING.findall(node.value))
    return frozenset(found)


@cache
def hold_kinds() -> frozenset[str]:
    roots = {"AnalyticsError", "BillingError", "TariffError", "Held"}
    found: set[str] = set()
    for source, tree in _sources("analytics/billing", "analytics/tariffs", "operations", names=roots):
        found |= set().union(*(kinds for _, kinds in _kinds(tree, dict.fromkeys(roots, 0))))
        for error in (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)):
            if {base.id for base in error.bases if isinstance(base, ast.Name)} & roots:
                own = set().union(*(kinds for _, kinds in _kinds(_module(error), {"__init__": 0})))
                assert own or "__init__" not in {getattr(n, "name", "") for n in error.body}, source
                found |= own
    return frozenset(found | set(HELD_BY_CHECKS))


def _module(error: ast.ClassDef) -> ast.Module:
    return ast.Module(body=[error], type_ignores=[])


@cache
def outcomes() -> frozenset[str]:
    found = {*known.UNANSWERED}
    for _, tree in _sources("collector", names=["ended", "failed", "outcome"]):
        found |= set().union(*(kinds for _, kinds in _kinds(tree, {"ended": 0, "failed": 3})))
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "attr", "").endswith("outcome"):
                found |= _texts(node.value)
            if isinstance(node, ast.keyword) and (node.arg or "").endswith("outcome"):
                found |= _texts(node.value)
    return frozenset(found - {""})


@cache
def event_codes() -> frozenset[str]:
    # A gateway's codes are its own: they are shown as they came.
    silent = frozenset(
        {
            "collector/exchange/command.py",  # its callers are followed
            "collector/exchange/event_log.py",  # a meter model's own words
            "collector/exchange/notebook.py",
            "collector/spool/record.py",
            "collector/exchange/rotating.py",
            "collector/mqtt/readout.py",
            "collector/push/reading.py",
        }
    )
    return frozenset(_all({"MeterEvent": 1, "event": 2}, "collector", "operations", silent=silent))


@cache
def evidence_keys() -> frozenset[str]:
    """The names of the figures that alerts carry."""
    found: set[str] = set()
    for source, tree in _sources("analytics/detection", names=["Alert"]):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) == "Alert":
                figures = node.args[-1]
                assert isinstance(figures, ast.Dict), f"{source}:{node.lineno}: write the figures in a dict"
                for key in figures.keys:
                    assert isinstance(key, ast.Constant), f"{source}:{node.lineno}: write the names as texts"
                    found.add(str(key.value))
    return frozenset(found)


@cache
def noticed_kinds() -> frozenset[str]:
    return frozenset(_all({"RunFinding": 1}, "operations"))


def _sentence(said: str) -> None:
    assert said.endswith(".")
    assert "{" not in said
    assert not re.search(r"[.!?] +[A-ZĐÂÊÔƠƯ]", said), "one sentence"


def test_the_walk_sees_what_it_should() -> None:
    """What is known to be there today; the walk may find more."""
    assert finding_kinds() >= {"gap", "outlier", "zero_then_figure", "off_grid", "unit", "differing_reread"}
    assert hold_kinds() >= {"no_closing_index", "no_opening_index", "no_vat_rate", "negative", "households"}
    assert outcomes() >= {"ok", "partial", "refused", "no_link", "timeout", "garbage", "wrong_meter", "error"}
    assert evidence_keys() >= {"phase", "moments", "expected_kwh", "compared_with", "delivered_kwh", "at"}
    assert event_codes() >= {"clock_drift", "serial_mismatch", "duplicate_rows", "rows_out_of_order"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(finding_kinds()))
def test_every_finding_has_a_sentence(kind: str, language: str) -> None:
    assert kind in TEXTS["findings"], f"operations/wording.toml has no [findings.{kind}]"
    _sentence(wording.finding(kind, {}, language))


@pytest.mark.parametrize("kind", sorted(hold_kinds()))
def test_every_hold_names_the_meter_and_what_to_do(kind: str) -> None:
    assert kind in TEXTS["holds"], f"operations/wording.toml has no {kind} among [holds]"
    said = wording.hold(kind, "24000017", "", "vi")
    _sentence(said)
    assert "24000017" in said
    assert ": hãy " in said
    english = "meter 24000017 cannot be billed: do this."  # kept with the hold, by whoever held it
    assert wording.hold(kind, "24000017", english, "en") == english


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", sorted(outcomes()))
def test_every_outcome_of_a_conversation_has_words(outcome: str, language: str) -> None:
    assert language in TEXTS["outcomes"].get(outcome, {}), f"operations/wording.toml has no outcome {outcome}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", sorted(outcomes() - {"ok"}))
def test_what_went_wrong_in_a_conversation_has_a_sentence(outcome: str, language: str) -> None:
    for dials_in in (False, True):
        _sentence(wording.poll(outcome, "MD-04", dials_in=dials_in, language=language))
    assert wording.poll("ok", "MD-04", dials_in=True, language=language) == ""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(TEXTS["hold_tasks"]))
def test_a_task_of_the_office_holds_no_command(kind: str, language: str) -> None:
    assert kind in hold_kinds()
    for at in (" --at 2026-10-01T00:00", ""):
        reason = f"Meter 7 lacks it: enter it (`ami meter index 7 KT=…{at}`), then bill."
        said, command = wording.hold_task(kind, "7", reason, language)
        _sentence(said)
        assert "7" in said
        assert "ami" not in said.split()
        assert ("01/10/2026" in said) == bool(at)
        assert command == f"ami meter index 7 KT=…{at}"
    reason = "Meter 7 has no supply: add it."
    told = wording.hold_task("no_supply", "7", reason, language)
    assert told == (wording.hold("no_supply", "7", reason, language), "")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", sorted(event_codes()))
def test_every_event_of_a_meter_has_a_name(code: str, language: str) -> None:
    assert WORDS[language]["event"].get(code), f"dashboard/words/{language}.toml has no [event] {code}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", sorted(evidence_keys()))
def test_every_figure_of_an_alert_has_a_name(key: str, language: str) -> None:
    assert WORDS[language]["evidence"].get(key), f"dashboard/words/{language}.toml has no [evidence] {key}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_alert_has_a_sentence_and_no_more(kind: AlertKind, language: str) -> None:
    assert language in TEXTS["alerts"][kind.value]


@pytest.mark.parametrize("kind", sorted(noticed_kinds()))
def test_what_a_check_notices_is_worded_by_the_same_figures_in_both_languages(kind: str) -> None:
    figures = [[set(figures_in(text)) for text in TEXTS["noticed"][kind][language]] for language in LANGUAGES]
    assert figures[0] == figures[1]
    for language in LANGUAGES:
        for wanted in figures[0]:
            said = wording.noticed(kind, "T1", "", dict.fromkeys(wanted - {"about"}, 1), language)
            _sentence(said)


def test_no_words_for_what_nothing_says() -> None:
    assert set(TEXTS["noticed"]) == noticed_kinds()
    assert set(TEXTS["alerts"]) == {kind.value for kind in AlertKind}
    assert set(TEXTS["findings"]) == finding_kinds()
    assert set(TEXTS["holds"]) - hold_kinds() == set()
    assert {name.removesuffix(".dials_in") for name in TEXTS["polls"]} == outcomes() - {"ok"}
    assert set(TEXTS["events"]) <= event_codes()


@pytest.mark.parametrize(
    ("code", "noted", "said"),
    [
        ("clock_drift", "the clock is 301 s ahead", "đồng hồ chạy nhanh 301 giây"),
        ("clock_drift", "the clock is 40 s behind", "đồng hồ chạy chậm 40 giây"),
        ("serial_mismatch", "meter 12 answers where 13 should hang", "công tơ 12 trả lời, hồ sơ ghi 13"),
        ("duplicate_rows", "3 profile rows came twice, 1 of them differing", "3 dòng số liệu gửi hai lần"),
        ("rows_out_of_order", "2 profile rows came before an earlier one", "2 dòng biểu ghi sai thứ tự"),
        ("power_off", "12 phút", "12 phút"),
        ("clock_drift", "what a meter wrote", "what a meter wrote"),
    ],
)
def test_what_the_collector_notes_with_an_event_is_told_in_vietnamese(
    code: str, noted: str, said: str
) -> None:
    assert wording.event(code, noted, "vi") == said
    assert wording.event(code, noted, "en") == noted
