"""`ami bill explain` for persons and programs: worked bills, the reactive table, refusals, forms."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from math import isqrt
from pathlib import Path
from typing import Any

import fastjsonschema  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner, Result

from ami.bill_explain import explain
from ami.failure import Failure

GOLDEN_FOLDER = Path(__file__).parents[1] / "golden"
GOLDEN = json.loads((GOLDEN_FOLDER / "golden_bills.json").read_text(encoding="utf-8"))["cases"]
SCHEMAS = Path(explain.callback.__code__.co_filename).parents[1] / "analytics" / "billing"  # type: ignore[union-attr]

Validate = Callable[[Any], Any]
HOME = {"plan": "vn-household", "from": "2025-06-01", "to": "2025-07-01"}
BIG = {"plan": "vn-production", "from": "2025-06-01", "to": "2025-07-01"}


def valid(schema: str) -> Validate:
    found: Validate = fastjsonschema.compile(
        json.loads((SCHEMAS / f"{schema}.schema.json").read_text(encoding="utf-8"))
    )
    return found


REQUEST, ANSWER = valid("request"), valid("answer")


def run(document: Any, *arguments: str) -> Result:
    text = document if isinstance(document, str) else json.dumps(document)
    return CliRunner().invoke(explain, list(arguments), input=text)


def answer(document: Any, *arguments: str) -> Any:
    done = run(document, "--json", *arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    found = json.loads(done.stdout)
    for one in found if isinstance(found, list) else [found]:
        ANSWER(one)
    return found


def refusal(document: Any) -> dict[str, str]:
    """What is refused, as JSON, and the same sentence for a person, exit code 5."""
    done = run(document, "--json")
    assert isinstance(done.exception, Failure), done.output
    found: dict[str, str] = json.loads(done.stdout)
    ANSWER(found)
    assert (int(done.exception.code), str(done.exception)) == (5, found["error"])
    assert found["error"].endswith(".")
    assert "\n" not in found["error"]
    return found


def test_every_worked_bill_to_the_dong_and_by_both_schemas() -> None:
    requests = [case["request"] for case in GOLDEN]
    for request in requests:
        REQUEST(request)
    for case, found in zip(GOLDEN, answer(requests), strict=True):
        lines = [{key: line[key] for key in ("kwh", "price", "amount")} for line in found["lines"]]
        got = {key: found[key] for key in case["expect"] if key != "lines"} | {"lines": lines}
        assert got == case["expect"], case["id"]
        assert all(line["decision"] in found["decisions"] for line in found["lines"])


def kvarh_of(kwh: int, cos: str) -> int:
    """Reactive energy at which cos φ is what is asked for."""
    hundredths = round(float(cos) * 100)
    return isqrt((kwh * 100) ** 2 // hundredths**2 - kwh * kwh)


def test_the_reactive_table_row_by_row() -> None:
    rows = list(csv.DictReader((GOLDEN_FOLDER / "reactive_k.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 32
    kwh = 123_456
    cosines = [{">=0.90": "0.95", "<0.60": "0.41"}.get(row["cosphi"], row["cosphi"]) for row in rows]
    asked = [
        BIG | {"kwh": {"BT": kwh}, "kvarh": kvarh_of(kwh, cos), "buys_reactive": True} for cos in cosines
    ]
    for row, cos, found in zip(rows, cosines, answer(asked), strict=True):
        subtotal = kwh * 1987
        hundredths = round(float(row["k_percent"]) * 100)
        surcharge = (subtotal * hundredths + 5000) // 10000
        vat = (surcharge * 8 + 50) // 100
        assert found["reactive"] == {
            "cos_phi": cos,
            "k_percent": row["k_percent"],
            "subtotal": surcharge,
            "vat": vat,
            "total": surcharge + vat,
        }
        assert (found["subtotal"], found["total"]) == (subtotal, subtotal + (subtotal * 8 + 50) // 100)

    at = BIG | {"kwh": {"BT": kwh}, "kvarh": kvarh_of(kwh, "0.90"), "buys_reactive": True}
    edge = answer(at)["reactive"]
    assert (edge["cos_phi"], edge["k_percent"], edge["total"]) == ("0.90", "0", 0)


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (HOME | {"plan": "vn-castle", "kwh": {"KT": 1}}, "unknown_plan", "vn-household, vn-prepaid"),
    (HOME | {"kwh": {"KT": 1}, "to": "2025-06-01"}, "bad_period", "2025-06-01"),
    (HOME | {"kwh": {"KT": -1}}, "bad_request", "kwh.KT: -1"),
    (HOME | {"kwh": {"KT": 1.5}}, "bad_request", "kwh.KT: 1.5"),
    (HOME | {"kwh": {"KT": True}}, "bad_request", "kwh.KT: true does not fit"),
    (HOME | {"kwh": {"KT": None}}, "bad_request", "kwh.KT: null does not fit"),
    (HOME | {"kwh": {"KT": 10**13}}, "too_much", "more than a period can hold"),
    (BIG | {"kwh": {"BT": 1}, "kvarh": 10**13, "buys_reactive": True}, "too_much", "Register VC"),
    (HOME | {"kwh": {"KT": 1}, "from": "2025-W22-7"}, "bad_request", "a day like"),
    (HOME | {"kwh": {"XX": 1}}, "bad_request", "kWh by register"),
    (HOME, "bad_request", "either `kwh` by register or `registers`"),
    (HOME | {"kwh": {"KT": 1}, "households": "0"}, "households", "one or more"),
    (HOME | {"kwh": {"KT": 1}, "households": "-1"}, "households", "one or more"),
    (HOME | {"kwh": {"KT": 1}, "tenants": 0}, "households", "one or more"),
    (HOME | {"kwh": {"KT": 1}, "tenants": "some"}, "bad_request", "undeclared"),
    (HOME | {"kwh": {"KT": 1}, "tenants": 8, "households": "3"}, "households", "the one or the other"),
    (HOME | {"kwh": {"KT": 1}, "multiplier": "0"}, "multiplier", "above zero"),
    (HOME | {"kwh": {"KT": 1}, "multiplier": "1e999999"}, "bad_request", "multiplier"),
    (HOME | {"kwh": {"KT": 1}, "multiplier": "1e999"}, "bad_request", "multiplier"),
    (HOME | {"kwh": {"KT": 1}, "multiplier": "1,5"}, "bad_request", '"1,5" does not fit'),
    (HOME | {"kwh": {"KT": 1}, "multiplier": "1_0"}, "bad_request", '"1_0" does not fit'),
    (HOME | {"kwh": {"KT": 1}, "plan": "a\nb"}, "bad_request", "text on one line"),
    (HOME | {"kwh": {"KT": 1}, "tenants": "\ud800"}, "bad_request", '"\\ud800" does not fit'),
    (HOME | {"kwh": {"KT": 1}, "co\nlour": 1}, "bad_request", "nknown field 'co\\nlour'"),
    (HOME | {"kwh": {"KT": 1}, "invoice_date": "2027-01-01"}, "no_vat_rate", "analytics/tariffs/vn/vat.toml"),
    (HOME | {"kwh": {"KT": 1}, "decision": "14/2025/QĐ-TTg"}, "inactive_tariff", "ask for it as a what-if"),
    (HOME | {"kwh": {"KT": 1}, "decision": "2699/QĐ-BCT"}, "inactive_tariff", "1279/QĐ-BCT does"),
    (HOME | {"kwh": {"KT": 1}, "what_if": "1/2030"}, "no_tariff", "146/2025/NĐ-CP"),
    (HOME | {"kwh": {"KT": 1}, "three_rate_refused": True}, "bad_request", "not billed by three rates"),
    (HOME | {"kwh": {"KT": 1}, "from": "2019-03-01", "to": "2019-04-01"}, "no_tariff", "2019-03-01"),
    (BIG | {"kwh": {"BT": 1}, "what_if": "146/2025/NĐ-CP"}, "no_demand", "pmax_kw"),
    (
        BIG | {"kwh": {"BT": 1}, "from": "2025-05-01", "to": "2025-06-01"},
        "no_reading_at_change",
        "2025-05-10",
    ),
]


@pytest.mark.parametrize(
    ("document", "kind", "said"), REFUSED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_cannot_be_billed_is_refused_in_one_sentence(document: Any, kind: str, said: str) -> None:
    found = refusal(document)
    assert (found["kind"], said in found["error"]) == (kind, True), found


def reading(previous: str, current: str, **more: Any) -> dict[str, Any]:
    return HOME | {
        "registers": [{"register": "KT", "previous": previous, "current": current, "digits": 5} | more]
    }


def test_an_index_lower_than_before_is_a_roll_over_or_refused() -> None:
    assert answer(reading("99850", "120"))["kwh"] == 270
    assert answer(reading("90000", "0"))["kwh"] == 10_000  # a tenth of the range is the most
    assert refusal(reading("89999", "0"))["kind"] == "negative"
    assert answer(reading("89999", "0", status="Q"))["kwh"] == 10_001
    assert refusal(reading("4275", "100000"))["kind"] == "too_many_digits"
    assert refusal(reading("1", "2", digits=0))["kind"] == "bad_request"
    assert (
        "how many digits"
        in refusal(HOME | {"registers": [{"register": "KT", "previous": "9", "current": "1"}]})["error"]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no request"),
        ("[]", "no request in it"),
        ("7", "an object like"),
        ("{", "line 1, column 2 is no JSON"),
        ('{"plan": "vn-household", "plan": "vn-business"}', "'plan' stands there twice"),
        ('{"plan": NaN}', "NaN"),
        ("[" * 100_000, "nested too deep"),
        ('{"kwh": ' + "9" * 5000 + "}", "too long"),
    ],
)
def test_what_is_no_request_is_refused_in_one_sentence(text: str, said: str) -> None:
    assert said.lower() in refusal(text)["error"].lower()


def test_several_are_answered_in_order_and_in_their_form() -> None:
    three = [HOME | {"kwh": {"KT": kwh}} for kwh in (10, 20, 30)]
    assert [one["kwh"] for one in answer(three)] == [10, 20, 30]
    lines = run("\n".join(map(json.dumps, three)), "--json").stdout.splitlines()
    assert [json.loads(line)["kwh"] for line in lines] == [10, 20, 30]


def test_one_that_is_refused_among_others_is_said_in_its_place() -> None:
    done = run([HOME | {"kwh": {"KT": 10}}, HOME, HOME | {"kwh": {"KT": 30}}], "--json")
    first, second, third = json.loads(done.stdout)
    assert (first["kwh"], second["kind"], third["kwh"], done.exit_code) == (10, "bad_request", 30, 3)
    assert "1 of 3 requests were refused" in done.stderr
    spoilt = run(json.dumps(HOME | {"kwh": {"KT": 10}}) + "\n{oops\n", "--json")
    assert "Line 2, column 2 is no JSON" in json.loads(spoilt.stdout.splitlines()[1])["error"]
    assert run([HOME, HOME], "--json").exit_code == 5


def test_numbers_may_stand_without_quotes_and_stay_exact(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(
        '\ufeff{"plan": "vn-business", "from": "2025-06-01", "to": "2025-07-01", "voltage_kv": 22.0, '
        '"multiplier": 40, "registers": [{"register": "BT", "previous": 0.1, "current": 0.3}]}'
    )
    done = CliRunner().invoke(explain, [str(file), "--json"])
    found = json.loads(done.stdout)
    assert [(line["kwh"], line["price"], line["voltage"]) for line in found["lines"]] == [(8, 2887, ">=22kV")]


def test_a_whole_number_is_the_same_however_it_is_written() -> None:
    for kwh in (134, "134", 134.0):
        request = HOME | {"kwh": {"KT": kwh}, "tenants": "5" if isinstance(kwh, str) else 5}
        REQUEST(request)
        assert answer(request)["lines"][0]["kwh"] == 63
    assert answer(reading("99850", "120", digits="5"))["kwh"] == 270


def test_an_index_is_never_a_binary_fraction() -> None:
    register = '{"register": "KT", "previous": 0, "current": 34567890.123456789012, "digits": 8}'
    asked = f'{{"plan": "vn-household", "from": "2025-06-01", "to": "2025-07-01", "registers": [{register}]}}'
    assert answer(asked)["uses"][0]["wh"] == "34567890123.456789012000"


SAID = {
    "vi": [
        "Giá theo 2699/QĐ-BCT, 12/04/2025 – 09/05/2025",
        "28/30 ngày",
        "vì giá điện thay đổi",
        "Thuế GTGT 8 %: 56.264 ₫",
        "thuế suất tại ngày hóa đơn 13/05/2025",
        "Tổng cộng: 759.562 ₫",
    ],
    "en": [
        "Prices of 1279/QĐ-BCT, 10/05/2025 – 12/05/2025",
        "3/30 days",
        "because the price changed",
        "VAT 8 %: 56,264 ₫",
        "the rate of the invoice date 13/05/2025",
        "Total: 759,562 ₫",
    ],
}


@pytest.mark.parametrize(("language", "said"), SAID.items())
def test_the_explanation_names_decision_tier_proration_and_vat(language: str, said: list[str]) -> None:
    request = next(case["request"] for case in GOLDEN if case["id"] == "D14")
    text = run(request, "--lang", language).stdout.replace("\u00a0", " ")
    for part in said:
        assert part in text


def test_what_is_unconfirmed_or_not_in_force_is_said() -> None:
    old = answer(BIG | {"from": "2024-06-01", "to": "2024-07-01", "kwh": {"BT": 1}}, "--lang", "en")
    assert any("2023-11-09-2941.toml" in note and "unconfirmed" in note for note in old["notes"])
    assert any("VAT rate of 8 %" in note for note in old["notes"])
    future = answer(HOME | {"kwh": {"KT": 1}, "what_if": "14/2025/QĐ-TTg"}, "--lang", "en")
    assert any("this is no bill" in note for note in future["notes"])
    assert any("bills nobody" in note for note in future["notes"])
    late = answer(HOME | {"kwh": {"KT": 1}, "from": "2026-11-01", "to": "2026-12-01"}, "--lang", "en")
    assert any("still holds after 15/10/2026 is unconfirmed" in note for note in late["notes"])
    assert answer(HOME | {"kwh": {"KT": 1}})["notes"] == []


def test_other_tariffs_may_be_named(tmp_path: Path) -> None:
    folder = tmp_path / "xx"
    folder.mkdir()
    asked = {"plan": "home", "from": "2025-06-01", "to": "2025-07-01", "kwh": {"KT": 100}}
    (folder / "country.toml").write_text(
        'currency = "XTS"\n[[plan]]\nname = "home"\npricing = "tiers"\ntable = "home"\n'
    )
    (folder / "vat.toml").write_text('[[rate]]\npercent = "5"\n')
    prices = (
        'decision = "{0}"\neffective = {1}\n{2}\nsource = "x"\n'
        '[tiers.home]\nconfidence = "A"\nwidths_kwh = [60]\nprices = [2, 3]\n'
    )
    (folder / "2025-a.toml").write_text(prices.format("A", "2025-01-01", "until = 2025-05-01"))
    found = run(asked, "--json", "--tariffs", str(tmp_path))
    assert "no price decision is known for 2025-06-01" in json.loads(found.stdout)["error"].lower()
    (folder / "2025-b.toml").write_text(prices.format("B", "2025-06-01", ""))
    other = tmp_path / "again"
    other.mkdir()
    folder.rename(other / "xx")
    gap = json.loads(run(asked, "--json", "--tariffs", str(other)).stdout)
    assert "no decision holds from 2025-05-01 to 2025-06-01" in gap["error"].lower()


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(explain, [str(tmp_path / "none.json"), "--json"])
    assert "none.json cannot be read (No such file or directory)" in json.loads(done.stdout)["error"]


def test_the_schemas_are_printed() -> None:
    for name in ("request", "answer"):
        assert json.loads(CliRunner().invoke(explain, ["--schema", name]).stdout)["$schema"]


def process(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ami.main", "bill", "explain", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=GOLDEN_FOLDER.parents[1],
        check=False,
    )


def test_as_a_process_that_needs_no_database() -> None:
    done = process(json.dumps(GOLDEN[0]["request"]), "--json")
    assert (done.returncode, json.loads(done.stdout)["total"], done.stderr) == (0, 305230, "")
    none = process(json.dumps(HOME | {"kwh": {"KT": 1}, "to": "2025-06-01"}), "--json")
    told = json.loads(none.stdout)["error"]
    assert (none.returncode, none.stderr) == (5, f"ami: {told}\n")


def test_explaining_imports_nothing_of_what_making_a_bill_takes() -> None:
    heavy = ("numpy", "numba", "psycopg", "procrastinate", "reportlab", "openpyxl", "asyncio", "dash")
    program = (
        "import sys; from ami.main import cli; "
        "cli.main(['bill', 'explain', '--json'], standalone_mode=False); "
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(GOLDEN[0]["request"]),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=GOLDEN_FOLDER.parents[1],
        check=True,
    )
    assert (json.loads(done.stdout)["total"], done.stderr) == (305230, "[]\n")
