"""Settings, homes and names that cannot be: one sentence each, and nothing is begun."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ami.failure import UsageFailure
from ami.settings import load
from tests.refusals import as_anybody, refused, sentence_of

FILES = {
    "no TOML": ("[web\n", ("is no valid TOML", "line 1", "correct that line")),
    "an unknown key": ("[web]\nprot = 1\n", ("a setting nobody knows: [web] prot", "correct its name")),
    "an unknown section": ("[wbe]\nport = 1\n", ("a setting nobody knows: [wbe] port",)),
    "outside a section": ("port = 1\n", ("port stands outside a section", "put it below [office]")),
    "a word for a number": ('[web]\nport = "many"\n', ("[web] port must be a whole number, not 'many'",)),
    "half a number": ("[web]\nport = 80.5\n", ("[web] port must be a whole number, not 80.5",)),
    "a truth for a number": ("[web]\nport = true\n", ("[web] port must be a whole number, not True",)),
    "a number too large": ("[web]\nport = 80500\n", ("[web] port must lie between 1 and 65535, not 80500",)),
    "a number for a text": ("[office]\nname = 5\n", ("[office] name must be text in quotes, not 5",)),
    "a language nobody speaks": ('[office]\nlanguage = "fr"\n', ("must be vi or en, not 'fr'",)),
    "half of TLS": ('[web]\ntls_key = "/dev/null"\n', ("there is no file /dev/null",)),
    "another database": ('[database]\nurl = "mysql://x"\n', ("must begin with postgresql://",)),
}


@pytest.mark.parametrize("case", FILES)
def test_a_settings_file(tmp_path: Path, case: str) -> None:
    text, parts = FILES[case]
    file = tmp_path / "ami.toml"
    file.write_text(text)
    with pytest.raises(UsageFailure) as refusal:
        load({"AMI_HOME": str(tmp_path)})
    sentence = str(refusal.value)
    assert str(file) in sentence
    assert all(part in sentence for part in parts), sentence
    assert "\n" not in sentence


def test_a_settings_file_ends_a_command_before_it_begins(ami: Any) -> None:
    ami.home.mkdir()
    (ami.home / "ami.toml").write_bytes('[office]\nname = "Điện"'.encode("utf-16"))
    assert "ami.toml is no valid TOML" in refused(ami, "demo", "--once", code=2)
    assert [path.name for path in ami.home.iterdir()] == ["ami.toml"]


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("AMI_ANSWER_S", "soon", ("AMI_ANSWER_S must be a whole number, not 'soon'",)),
        ("AMI_CONFIG", "/nowhere/ami.toml", ("AMI_CONFIG names /nowhere/ami.toml, which does not exist",)),
        ("AMI_TLS_KEY", "/nowhere/key", ("AMI_TLS_KEY: there is no file /nowhere/key",)),
    ],
)
def test_a_variable(ami: Any, variable: str, value: str, parts: tuple[str, ...]) -> None:
    ami.environment[variable] = value
    sentence = refused(ami, "collect", "--once", code=2)
    assert all(part in sentence for part in parts), sentence
    assert not ami.home.exists()


@pytest.mark.parametrize("verb", [["status"], ["collect", "--once"], ["demo", "--once"]])
def test_a_database_that_is_not_there(ami: Any, free_port: int, verb: list[str]) -> None:
    ami.environment["AMI_DATABASE_URL"] = f"postgresql://ami:hidden@127.0.0.1:{free_port}/ami"
    sentence = refused(ami, *verb, code=1)
    assert f"The database at postgresql://ami:***@127.0.0.1:{free_port}/ami cannot be reached" in sentence
    assert "Connection refused" in sentence
    assert "correct AMI_DATABASE_URL" in sentence
    assert "hidden" not in sentence


def test_a_database_whose_password_is_another(ami: Any, database: str) -> None:
    user, _, rest = database.removeprefix("postgresql://").partition("@")
    ami.environment["AMI_DATABASE_URL"] = f"postgresql://{user.split(':')[0]}:wrong@{rest}"
    sentence = refused(ami, "status", code=1)
    assert "password authentication failed" in sentence
    assert "wrong@" not in sentence


@pytest.mark.parametrize("verb", [["status"], ["db", "psql"], ["export", "register"]])
def test_a_password_that_is_not_encoded(ami: Any, verb: list[str]) -> None:
    ami.environment["AMI_DATABASE_URL"] = "postgresql://ami:SEC@RET PW@127.0.0.1:1/ami"
    sentence = refused(ami, *verb, code=1)
    assert "at postgresql://ami:***@127.0.0.1:1/ami cannot be reached (its password has to be" in sentence
    assert "RET" not in sentence


def test_the_status_of_a_database_that_is_not_there(ami: Any, free_port: int) -> None:
    ami.environment["AMI_DATABASE_URL"] = f"postgresql://ami:hidden@127.0.0.1:{free_port}/ami"
    found = ami.json("db", "status", "--json", code=4)
    assert (found["kind"], found["running"], found["pending_migrations"]) == ("external", False, None)
    assert "start that server, or correct AMI_DATABASE_URL" in found["why"]
    assert "hidden" not in found["why"]


def test_an_address_that_is_none(ami: Any) -> None:
    ami.environment["AMI_DATABASE_URL"] = "postgresql://ami:hidden@[127.0.0.1/ami"
    sentence = refused(ami, "status", code=1)
    assert "correct AMI_DATABASE_URL" in sentence
    assert "hidden" not in sentence


@pytest.mark.parametrize("verb", [["init"], ["collect", "--once"], ["demo", "--once"]])
def test_a_home_that_may_not_be_written(ami: Any, verb: list[str]) -> None:
    ami.home.mkdir(mode=0o500)
    process = ami.start(*verb, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=as_anybody)
    process.stdout, process.stderr = None, process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert sentence_of(process) == (
        f"{ami.home} cannot be written (Permission denied): set AMI_HOME to a directory of yours."
    )
    assert list(ami.home.iterdir()) == []


def test_a_home_that_may_not_be_read(ami: Any) -> None:
    ami.home.mkdir(mode=0o000)
    process = ami.start("status", stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=as_anybody)
    process.stdout, process.stderr = None, process.communicate(timeout=60)[1]
    assert process.returncode == 2
    sentence = sentence_of(process)
    assert f"{ami.home / 'ami.toml'} cannot be read (Permission denied)" in sentence
    assert "check its owner and permissions" in sentence


def test_a_home_that_is_a_file(ami: Any) -> None:
    ami.home.write_text("")
    sentence = refused(ami, "init", code=1)
    assert sentence.startswith(f"{ami.home} cannot be written (")
    assert "set AMI_HOME to a directory of yours" in sentence


@pytest.mark.parametrize(
    "verb",
    [
        ["meter", "test", "999"],
        ["export", "intervals", "--meter", "999", "--json"],
        ["collect", "--once", "--meter", "999"],
    ],
)
def test_a_meter_nobody_knows(ami: Any, verb: list[str]) -> None:
    assert refused(ami, *verb, code=5) == "No meter 999 is registered: see `ami meter list`."
