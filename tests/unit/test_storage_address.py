"""No password of a database reaches a person or a log, however it is written."""

from __future__ import annotations

import pytest

from storage.address import shown, unreadable
from storage.embedded import Dsn
from storage.errors import Unreachable
from storage.pool import connect, readable


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("postgresql://ami:geheim@h:1/ami", "postgresql://ami:***@h:1/ami"),
        ("postgresql://ami:SEC@RET:PW@h:1/db", "postgresql://ami:***@h:1/db"),
        ("postgresql://me@office:geheim@h:1/db", "postgresql://me@office:***@h:1/db"),
        ("postgresql://ami:SEC/RET?x@h:1/db", "postgresql://ami:***@h:1/db"),
        ("postgresql://me@h:1/db", "postgresql://me@h:1/db"),
        ("postgresql://h/db?user=a&password=ge heim&sslmode=require",
         "postgresql://h/db?user=a&password=***&sslmode=require"),
        ("postgresql://h/db?passwd=geheim", "postgresql://h/db?passwd=***"),
        ("postgresql://h\n/db", "postgresql://h /db"),
        ("host=h password=geheim dbname=ami", "host=h password=*** dbname=ami"),
    ],
)  # fmt: skip
def test_a_password_is_not_shown(address: str, seen: str) -> None:
    assert shown(address) == seen
    assert Dsn(address).shown == seen


@pytest.mark.parametrize("password", ["SEC@RET:PW", "SECRET PW", "SEC/RET", "SECRET%zz", "SEC\nRET", "RET%"])
def test_a_password_that_libpq_would_take_apart_is_not_tried(password: str) -> None:
    address = f"postgresql://u:{password}@127.0.0.1:1/db"
    assert "%40 for @" in unreadable(address)
    with pytest.raises(Unreachable) as refusal:
        connect(address)
    said = str(refusal.value)
    assert said.startswith(
        "The database at postgresql://u:***@127.0.0.1:1/db cannot be reached (its password"
    )
    assert "\n" not in said
    assert not any(part in said for part in ("SEC", "RET", "PW"))


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("postgresql://u:SECRET@[127.0.0.1/db", "matching ] in IPv6 host address"),
        ("postgresql://u:p@127.0.0.1/db?word=SECRET", "(invalid URI query parameter)"),
    ],
)
def test_what_libpq_says_of_an_address_is_told_without_what_it_quotes(address: str, part: str) -> None:
    with pytest.raises(Unreachable) as refusal:
        readable(address)
    assert part in str(refusal.value)
    assert '"' not in str(refusal.value)


def test_one_s_own_server_is_not_started_with_ami() -> None:
    for address, way in (
        ("postgresql://u:p@127.0.0.1:1/db", "start that server, or correct AMI_DATABASE_URL"),
        (Dsn("postgresql://u:p@127.0.0.1:1/db"), "start it with ami db start"),
    ):
        with pytest.raises(Unreachable) as refusal:
            connect(address)
        assert str(refusal.value).endswith(f"Connection refused): {way}.")


@pytest.mark.parametrize("password", ["geheim", "a%40b", "p#w", "x:y", ""])
def test_a_password_written_well_is_left_to_the_server(password: str) -> None:
    assert not unreadable(f"postgresql://u:{password}@127.0.0.1:1/db?sslmode=prefer")
    assert not unreadable("host=h password=a@b")
