"""Whoever is signed in may send anything: it is refused, or the page shows what it usually shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.app import WebSettings, create_app
from model.quality import Severity
from model.viewer import UserRole, Viewer
from model.warning import UseWarning, WarningKind
from operations import accounts
from storage import absences, inspections, usage_limits, use_warnings
from storage.fleet import meter_ids
from storage.grid import save_register
from storage.pool import connect, open_pool
from storage.use_warnings import Told
from tests.dashboard_asks import Asks, asking
from tests.storage_samples import NOW, SUPPLIER, grid

STAFF = Viewer("ky.thuat", UserRole.ENGINEER)
PASSWORD = "mot-mat-khau-dai"


@pytest.fixture
def engineer(database: str) -> Iterator[Asks]:
    yield from _signed_in(database, UserRole.ENGINEER)


@pytest.fixture
def customer(database: str) -> Iterator[Asks]:
    yield from _signed_in(database, UserRole.CUSTOMER)


def _signed_in(database: str, role: UserRole) -> Iterator[Asks]:
    with connect(database) as conn:
        save_register(conn, grid(), bytes)
    pool = open_pool(database, 1)
    code = "C001" if role is UserRole.CUSTOMER else ""
    accounts.add_user(pool, "somebody", role, PASSWORD, customer=code, now=NOW)
    pool.close()
    with asking(create_app(WebSettings(database, SUPPLIER, clock=lambda: NOW))) as asks:
        token = re.search(r'name="token" value="([^"]+)"', asks("/sign-in").text)
        assert token
        form = {"login": "somebody", "password": PASSWORD, "token": token[1]}
        assert asks("/sign-in", "POST", data=form).status_code == 303
        yield asks


@pytest.mark.parametrize(
    "path",
    [
        *("/meters/%00", "/meters/M001%00", "/bills/%00", "/bills/%C2%B2", "/paper/bills/%00", "/%00"),
        *("/bills/%D9%A1", "/paper/bills/%D9%A1"),  # the digit 1 of another script
        *("/paper/x", "/sign-inxyz", "/livezfoo", "/favicon.icoX", "/readyzz/..%2f"),
    ],
)
def test_an_address_of_nothing_is_not_found(engineer: Asks, path: str) -> None:
    assert engineer(path).status_code == 404


def _page(asks: Asks, path: Any, search: Any) -> Any:
    answer = asks.callback("page.children", {"address.pathname": path, "address.search": search})
    assert answer.status_code == 200, (path, search)
    return answer.text


def test_a_query_without_sense_is_as_none(engineer: Asks) -> None:
    usual = _page(engineer, "/meters/M001", "")
    assert "M001" in usual
    many = "?" + "&".join(f"a{n}=1" for n in range(30))
    nothing: list[Any] = ["?from=0001-01-01&to=0001-01-01", "?from=%00&to=%00", many, 7, ["?"], {}, None]
    for search in [*nothing, "?\ud800=1"]:
        assert _page(engineer, "/meters/M001", search) == usual
    assert engineer("/meters/M001" + many).status_code == 200
    for path, search in (
        ("/bills", "?month=0001-01"),
        ("/bills", "?month=9999-12"),
        ("/alerts", "?kind=%00&state=%00"),
        ("/meters", "?q=%00&station=%00"),
        ("/load", "?of=%00&code=%00&from=%00"),
    ):
        assert _page(engineer, path, search) == _page(engineer, path, "")


PAGE = {"output": "page.children", "outputs": {"id": "page", "property": "children"}}
TWO = [{"id": "address", "property": name, "value": "/"} for name in ("pathname", "search")]


@pytest.mark.parametrize(
    "body",
    [
        *("x", "", "{}", "[]", "null", "7", '"page.children"', "[" * 9000, '{"output": [7]}'),
        json.dumps(PAGE),
        json.dumps({**PAGE, "inputs": TWO[:1]}),
        json.dumps({**PAGE, "inputs": [*TWO, *TWO]}),
        json.dumps({**PAGE, "inputs": [7, "x"]}),
        json.dumps({**PAGE, "inputs": [{"id": "address"}, {"property": "search"}]}),
        json.dumps({**PAGE, "inputs": {"0": TWO[0], "1": TWO[1]}}),
        json.dumps({**PAGE, "inputs": TWO, "state": 7}),
        json.dumps({**PAGE, "inputs": TWO, "state": TWO}),
        json.dumps({**PAGE, "inputs": TWO, "changedPropIds": 7}),
        json.dumps({**PAGE, "inputs": TWO, "changedPropIds": [{}]}),
        json.dumps({**PAGE, "inputs": TWO, "outputs": "x"}),
        json.dumps({**PAGE, "inputs": TWO, "output": "nobody.children"}),
        json.dumps({**PAGE, "inputs": TWO, "output": "__proto__"}),
    ],
    ids=lambda body: body[:60],
)
def test_a_callback_without_shape_is_a_bad_request(engineer: Asks, body: str) -> None:
    answer = engineer.send(body)
    assert (answer.status_code, answer.headers["x-content-type-options"]) == (400, "nosniff"), answer.text


def test_a_callback_with_its_shape_is_answered(engineer: Asks) -> None:
    assert engineer.send(json.dumps({**PAGE, "inputs": TWO})).status_code == 200


def test_a_long_address_is_written_down_in_part(engineer: Asks, caplog: pytest.LogCaptureFixture) -> None:
    assert engineer("/" + "x" * 5000).status_code == 404
    (line,) = [record.getMessage() for record in caplog.records if "was refused" in record.getMessage()]
    assert line.startswith("somebody was refused page /xxx")
    assert len(line) < 250


def test_what_is_the_offices_alone_is_nothing_to_a_customer(database: str, customer: Asks) -> None:
    with connect(database) as conn:
        found = inspections.Found(
            meter_ids(conn, ["M001"])["M001"], Severity.RED, 5.0, NOW.date(), [], 1.0, 1, None, {}, None
        )
        assert inspections.open_one(conn, found, NOW.date(), NOW) == 1
    assert "refusal" in _absent(customer, "M001", "05/10/2026", "09/10/2026").text
    assert "absence" not in _page(customer, "/meters/M001", "")
    for path in ("/load", "/stations", "/stations/T1", "/inspections", "/inspections/1"):
        assert customer(path).status_code == 404, path
        assert "refusal" in _page(customer, path, ""), path

    answer = customer.send(json.dumps(_inspected("mine", 1)))
    assert (answer.status_code, "refusal" in answer.text) == (200, True)


def _inspected(what: Any, clicks: Any, fields: Any = (), shown: Any = 1) -> dict[str, Any]:
    """A button of an inspection pressed, with what is written beside it."""
    place = {"inspection": what}
    return {
        "output": "inspection-body.children",
        "outputs": {"id": "inspection-body", "property": "children"},
        "inputs": [[{"id": place, "property": "n_clicks", "value": clicks}]],
        "state": [
            [{"id": {"field": "reason"}, "property": "value", "value": field} for field in fields],
            {"id": "inspection-shown", "property": "data", "value": shown},
        ],
        "changedPropIds": [json.dumps(place, separators=(",", ":")) + ".n_clicks"],
    }


def test_the_load_of_nobody_is_said_to_be_nobodys(engineer: Asks) -> None:
    for search, known in (("of=meter&code=M001", True), ("of=book", True), ("of=meter&code=X", False),
                          ("of=meter", False), ("of=class&code=X", False)):  # fmt: skip
        shown = _page(engineer, "/load", f"?{search}")
        assert ('"figures"' in shown) == known, search
        for view in ("shapes", "ahead", "quality", "savings", "%00"):
            shown += _page(engineer, "/load", f"?{search}&view={view}")
        assert "NaN" not in shown


@pytest.mark.parametrize("path", [7, {"a": 1}, ["/"], True, "/meters/\0", "/meters/\ud800", "x" * 5000])
def test_an_address_that_is_none_is_refused(engineer: Asks, path: Any) -> None:
    assert "refusal" in _page(engineer, path, "")


def test_a_customer_asks_for_the_meter_of_nul(customer: Asks) -> None:
    assert "home-body" in _page(customer, "/", "?meter=%00")
    answer = customer.callback("home-now.children", {"home-tick.n_intervals": 1}, {"home-serial.data": "\0"})
    assert (answer.status_code, "refusal" in answer.text) == (200, True)


ACKNOWLEDGE = '{"acknowledge":["ALL"]}.n_clicks'
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.sampled_from(["\0", "M001\0", "\ud800", "M001", "/meters/M001", "%", "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
CALLBACKS = (
    ("page.children", ("address.pathname", "address.search"), ()),
    ("meter-live.children", ("meter-tick.n_intervals",), ("meter-serial.data",)),
    ("meters-grid.rowData", ("meters-text.value",), ("meters-station.data", "meters-unread.data")),
    ("meters-cards.children", ("meters-text-phone.value",), ("meters-station.data", "meters-unread.data")),
    ("overview-body.children", ("overview-tick.n_intervals",), ()),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.sampled_from(CALLBACKS), first=ANYTHING, second=ANYTHING)
def test_a_callback_takes_values_of_any_type(engineer: Asks, which: Any, first: Any, second: Any) -> None:
    output, inputs, states = which
    values = cycle((first, second))
    answer = engineer.callback(
        output, {name: next(values) for name in inputs}, {name: next(values) for name in states}
    )
    assert answer.status_code == 200, answer.text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(what=ANYTHING | st.sampled_from(["visit", "to x"]), clicks=ANYTHING, field=ANYTHING, shown=ANYTHING)
def test_an_inspection_is_done_by_its_number_alone(
    engineer: Asks, what: Any, clicks: Any, field: Any, shown: Any
) -> None:
    body = json.dumps(_inspected(what, clicks, (field, field), shown))
    assert engineer.send(body).status_code in (200, 204)
    assert _absent(engineer, shown, field, field, what, clicks=clicks).status_code in (200, 204)
    assert _absent(engineer, "M001", pressed={"absence": what}, clicks=clicks).status_code in (200, 204)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=ANYTHING | st.sampled_from([2**63, -1]), clicks=ANYTHING, shown=ANYTHING)
def test_an_alert_is_acknowledged_by_its_number_alone(
    engineer: Asks, number: Any, clicks: Any, shown: Any
) -> None:
    place = {"acknowledge": number}
    body = {
        "output": "alerts-list.children",
        "outputs": {"id": "alerts-list", "property": "children"},
        "inputs": [[{"id": place, "property": "n_clicks", "value": clicks}]],
        "state": [{"id": "alerts-shown", "property": "data", "value": shown}],
        "changedPropIds": [json.dumps(place, separators=(",", ":")) + ".n_clicks"],
    }
    assert engineer.send(json.dumps(body)).status_code in (200, 204)


READ, SAVE = "own-warnings.children", "own-limits.children"
LIMITS = tuple(f"limit-{span}{part}.value" for span in ("day", "month") for part in ("", "-unit"))


def _read(asks: Asks, number: Any, clicks: Any, serial: Any) -> Any:
    place = {"warning": number}
    body = {
        "output": READ,
        "outputs": {"id": "own-warnings", "property": "children"},
        "inputs": [[{"id": place, "property": "n_clicks", "value": clicks}]],
        "state": [{"id": "home-serial", "property": "data", "value": serial}],
        "changedPropIds": [json.dumps(place, separators=(",", ":")) + ".n_clicks"],
    }
    return asks.send(json.dumps(body))


def _save(asks: Asks, serial: Any, *typed: Any, clicks: Any = 1) -> Any:
    states = {"home-serial.data": serial, **dict(zip(LIMITS, typed, strict=True))}
    return asks.callback(SAVE, {"limits-save.n_clicks": clicks}, states)


def test_limits_and_warnings_are_those_of_who_is_signed_in(database: str, customer: Asks) -> None:
    with connect(database) as conn:
        meters = meter_ids(conn)
        said = UseWarning(WarningKind.LEAP_DAY, NOW.date(), NOW.date(), NOW.date(), {})
        told = [Told("P001", "C001", meters["M001"], said), Told("P002", "C002", meters["M002"], said)]
        use_warnings.tell(conn, told, NOW)
        rows = {row.customer: row.id for row in use_warnings.told(conn, STAFF)}
    saved = _save(customer, "M001", "12,5", "kwh", "500.000", "dong")
    assert "Đã lưu." in str(saved.json()["response"]["own-limits"]["children"])
    for serial, typed in (("M002", "9"), ("M000", "9"), ("\0", "9"), (None, "9"), ("M001", "\0")):
        assert "refusal" in _save(customer, serial, typed, "kwh", "", "kwh").text, serial
    wrong = _save(customer, "M001", "-1", "kwh", "", "kwh")
    assert "limit-day" in wrong.text
    assert "refusal" in _read(customer, rows["C002"], 1, "M001").text
    assert "refusal" in _read(customer, rows["C001"], 1, "M002").text
    assert "refusal" in _read(customer, 10**9, 1, "M001").text
    assert "refusal" not in _read(customer, rows["C001"], 1, "M001").text
    with connect(database) as conn:
        assert [(row.customer, row.read_at is None) for row in use_warnings.told(conn, STAFF)] == [
            ("C002", True), ("C001", False),
        ]  # fmt: skip
        limits = usage_limits.current(conn, STAFF, ["P001", "P002", "P000"])
    assert {point: [(one.span, one.value) for one in found] for point, found in limits.items()} == {
        "P001": [("day", 12_500), ("month", 500_000)]
    }


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=ANYTHING, two=ANYTHING, clicks=ANYTHING)
def test_limits_and_warnings_take_values_of_any_type(customer: Asks, one: Any, two: Any, clicks: Any) -> None:
    assert _read(customer, one, clicks, two).status_code in (200, 204)
    assert _save(customer, two, one, two, two, one, clicks=clicks).status_code in (200, 204)
    assert _save(customer, "M001", one, "kwh", two, "dong", clicks=1).status_code == 200


def _absent(asks: Asks, serial: Any, *typed: Any, pressed: Any = "absence-save", clicks: Any = 1) -> Any:
    """The form of absences, saved, or the button of one pressed."""
    button = {"absence": 1} if pressed == "absence-save" else pressed
    changed = "absence-save" if pressed == "absence-save" else json.dumps(pressed, separators=(",", ":"))
    names = ("first", "last", "note")
    body = {
        "output": "absences-told.children",
        "outputs": {"id": "absences-told", "property": "children"},
        "inputs": [
            {"id": "absence-save", "property": "n_clicks", "value": clicks},
            [{"id": button, "property": "n_clicks", "value": clicks}],
        ],
        "state": [
            {"id": "meter-serial", "property": "data", "value": serial},
            *(
                {"id": f"absence-{name}", "property": "value", "value": value}
                for name, value in zip(names, (*typed, None, None, None)[:3], strict=True)
            ),
        ],
        "changedPropIds": [f"{changed}.n_clicks"],
    }
    return asks.send(json.dumps(body))


def test_staff_set_nothing_for_a_customer_and_write_down_what_they_told(
    database: str, engineer: Asks
) -> None:
    assert "refusal" in _save(engineer, "M001", "1", "kwh", "", "kwh").text
    assert "refusal" in _read(engineer, 1, 1, "M001").text
    assert "Vắng từ ngày" in _page(engineer, "/meters/M001", "")
    assert "Vắng từ ngày" not in _page(engineer, "/meters/M000", ""), "nobody lives at a station's head"
    assert "Đã ghi." in _absent(engineer, "M001", "05/10/2026", " 09/10/2026", "về quê").text
    day, order = "theo dạng ngày", "đúng thứ tự"
    for first, last, said in (
        ("05/10/2026", "09/10/2026", "đã được ghi rồi"),
        ("5.10.2026", "09/10/2026", day),
        ("31/02/2026", "09/10/2026", day),
        ("", "09/10/2026", day),
        ("09/10/2026", "05/10/2026", order),
        ("09/10/2026", "05/10/2206", "hãy xem lại năm"),
    ):
        answer = _absent(engineer, "M001", first, last, "giữ lại")
        assert (said in answer.text, "giữ lại" in answer.text) == (True, True), (first, last)
    for serial in ("M000", "M999", "\0", None, 7):
        assert "refusal" in _absent(engineer, serial, "05/10/2026", "09/10/2026").text, serial
    with connect(database) as conn:
        (told,) = absences.told(conn)
        assert (told.point, told.note, told.login, told.withdrawn_at) == ("P001", "về quê", "somebody", None)
        assert absences.of_point(conn, Viewer("khach", UserRole.CUSTOMER, "C001"), "P001") == []
    assert "refusal" in _absent(engineer, "M002", pressed={"absence": told.id}).text, "that of another"
    for _ in range(2):
        assert "refusal" not in _absent(engineer, "M001", pressed={"absence": told.id}).text
    with connect(database) as conn:
        deeds = conn.execute(
            "SELECT action, object FROM audit WHERE action LIKE 'absence.%' ORDER BY id"
        ).fetchall()
        assert absences.told(conn)[0].withdrawn_at == NOW
    assert deeds == [("absence.told", "point P001"), ("absence.withdrawn", f"absence {told.id}")]
