"""Sign-ins: who gets in, who is kept out, and when a session ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest

from model.period import LOCAL
from model.viewer import UserRole, Viewer
from operations import accounts, importing
from operations.accounts import ADDRESS_FAILURES, IDLE, LOGIN_FAILURES, LONGEST, WINDOW, SignIn, SignInRefused
from operations.errors import AccountRefused
from storage import people
from storage.errors import AlreadyThere, Unknown
from storage.pool import Pool, open_pool
from tests.operations_grid import grid

NOW = datetime(2026, 11, 2, 9, tzinfo=LOCAL)
PASSWORD = "con mèo trèo cây cau"
HERE = "192.0.2.7"


@pytest.fixture
def pool(database: str) -> Iterator[Pool]:
    with open_pool(database) as pool:
        importing.import_register(pool, grid(), lambda raw: raw)
        accounts.add_user(pool, "Lan", UserRole.ENGINEER, PASSWORD, now=NOW)
        accounts.add_user(pool, "khach", UserRole.CUSTOMER, PASSWORD, customer="KH-HOUSE", now=NOW)
        yield pool


def _in(pool: Pool, at: datetime = NOW, login: str = "lan") -> SignIn:
    opened = accounts.sign_in(pool, login, PASSWORD, HERE, at)
    assert isinstance(opened, SignIn)
    return opened


def test_a_session_says_who_looks_until_it_is_ended(pool: Pool) -> None:
    opened = _in(pool, login=" LAN ")
    assert opened.viewer == Viewer("lan", UserRole.ENGINEER)
    assert accounts.session_viewer(pool, opened.token, NOW) == opened.viewer
    assert accounts.session_viewer(pool, opened.token + "x", NOW) is None
    accounts.sign_out(pool, opened.token, NOW)
    assert accounts.session_viewer(pool, opened.token, NOW) is None
    assert _in(pool, login="khach").viewer == Viewer("khach", UserRole.CUSTOMER, "KH-HOUSE")


def test_only_hashes_are_kept(database: str, pool: Pool) -> None:
    opened = _in(pool)
    with psycopg.connect(database) as conn:
        kept = str(conn.execute("SELECT * FROM app_user, app_session, audit").fetchall())
    assert "$argon2id$" in kept
    assert PASSWORD not in kept
    assert opened.token not in kept
    assert opened.token not in repr(opened)


def test_a_session_ends_when_idle_and_in_any_case(pool: Pool) -> None:
    opened = _in(pool)
    assert accounts.session_viewer(pool, opened.token, NOW + IDLE - timedelta(seconds=1)) is not None
    assert accounts.session_viewer(pool, opened.token, NOW + 2 * IDLE - timedelta(seconds=2)) is not None
    assert accounts.session_viewer(pool, opened.token, NOW + 3 * IDLE) is None
    opened, at = _in(pool), NOW
    while at < NOW + LONGEST - IDLE / 2:
        assert accounts.session_viewer(pool, opened.token, at) is not None
        at += IDLE / 2
    assert accounts.session_viewer(pool, opened.token, NOW + LONGEST) is None


def test_a_wrong_password_and_an_unknown_login_are_told_alike(pool: Pool) -> None:
    wrong = accounts.sign_in(pool, "lan", "con chó", HERE, NOW)
    nobody = accounts.sign_in(pool, "ai đó", PASSWORD, HERE, NOW)
    assert wrong == nobody == SignInRefused("wrong")


def test_a_login_is_closed_for_a_while_after_failures_also_to_the_right_password(pool: Pool) -> None:
    for number in range(LOGIN_FAILURES):
        refused = accounts.sign_in(pool, "lan", "x", f"192.0.2.{number}", NOW)
        assert refused == SignInRefused("wrong")
    throttled = accounts.sign_in(pool, "lan", PASSWORD, HERE, NOW)
    assert throttled == SignInRefused("throttled", int(WINDOW.total_seconds()))
    assert isinstance(accounts.sign_in(pool, "khach", PASSWORD, HERE, NOW), SignIn)
    _in(pool, NOW + WINDOW + timedelta(seconds=1))


def test_an_address_is_closed_after_failures_at_many_logins(pool: Pool) -> None:
    with pool.connection() as conn:
        for number in range(ADDRESS_FAILURES):
            people.record_attempt(conn, f"user{number}", HERE, NOW, ok=False)
    refused = accounts.sign_in(pool, "lan", PASSWORD, HERE, NOW)
    assert isinstance(refused, SignInRefused)
    assert refused.kind == "throttled"
    assert isinstance(accounts.sign_in(pool, "lan", PASSWORD, "198.51.100.9", NOW), SignIn)


def test_a_new_password_and_a_closed_account_end_open_sessions(pool: Pool) -> None:
    opened = _in(pool)
    accounts.change_password(pool, "lan", "một mật khẩu khác", now=NOW)
    assert accounts.session_viewer(pool, opened.token, NOW) is None
    assert accounts.sign_in(pool, "lan", PASSWORD, HERE, NOW) == SignInRefused("wrong")
    other = accounts.sign_in(pool, "lan", "một mật khẩu khác", HERE, NOW)
    assert isinstance(other, SignIn)
    accounts.disable_user(pool, "lan", now=NOW)
    assert accounts.session_viewer(pool, other.token, NOW) is None
    assert accounts.sign_in(pool, "lan", "một mật khẩu khác", HERE, NOW) == SignInRefused("wrong")


def test_a_rotated_token_replaces_the_old_one_and_ends_when_it_did(pool: Pool) -> None:
    opened = _in(pool)
    fresh = accounts.rotate(pool, opened.token, NOW + timedelta(minutes=5))
    assert fresh is not None
    assert fresh.expires_at == opened.expires_at
    assert accounts.session_viewer(pool, opened.token, NOW + timedelta(minutes=5)) is None
    assert accounts.session_viewer(pool, fresh.token, NOW + timedelta(minutes=5)) == opened.viewer
    assert accounts.rotate(pool, opened.token, NOW) is None


def test_deeds_are_written_down(pool: Pool) -> None:
    opened = _in(pool)
    accounts.sign_in(pool, "lan", "x", HERE, NOW)
    accounts.note_refusal(pool, opened.viewer, "meter 7", NOW)
    accounts.sign_out(pool, opened.token, NOW)
    with pool.connection() as conn:
        actions = [entry.action for entry in people.audited(conn, login="lan")]
    assert sorted(actions) == ["refused", "sign_in", "sign_in.refused", "sign_out"]


@pytest.mark.parametrize(
    ("login", "password", "role", "customer", "told"),
    [
        ("a", PASSWORD, UserRole.ENGINEER, "", "cannot be a login"),
        ("a b", PASSWORD, UserRole.ENGINEER, "", "cannot be a login"),
        ("minh", "ngắn", UserRole.ENGINEER, "", "10 to 256 characters"),
        ("nguyenvan", "nguyenvan1", UserRole.ENGINEER, "", "too near to the login"),
        ("minh", PASSWORD, UserRole.CUSTOMER, "", "give the customer's code"),
        ("minh", PASSWORD, UserRole.BILLING, "KH-HOUSE", "for no other role"),
    ],
)
def test_what_will_not_do_is_refused_in_one_sentence(
    pool: Pool, login: str, password: str, role: UserRole, customer: str, told: str
) -> None:
    with pytest.raises(AccountRefused, match=told):
        accounts.add_user(pool, login, role, password, customer=customer, now=NOW)


def test_a_login_is_given_once_and_to_a_customer_there_is(pool: Pool) -> None:
    with pytest.raises(AlreadyThere):
        accounts.add_user(pool, "LAN", UserRole.BILLING, PASSWORD, now=NOW)
    with pytest.raises(Unknown):
        accounts.add_user(pool, "minh", UserRole.CUSTOMER, PASSWORD, customer="KH-NONE", now=NOW)
    assert accounts.ensure_user(pool, "lan", UserRole.ENGINEER, "a wholly other one", now=NOW) is False
    assert accounts.ensure_user(pool, "minh", UserRole.BILLING, PASSWORD, now=NOW) is True
    _in(pool)
