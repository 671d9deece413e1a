"""What an installation is told: defaults, file, environment, and what is refused in one sentence."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from ami.failure import Exit, UsageFailure
from ami.settings import _PLACES, Settings, load
from ami.settings_template import TEMPLATE
from model.supplier import Supplier
from protocols import meter_models

ROOT = Path(__file__).parents[2]


def _home(folder: Path, text: str = "") -> dict[str, str]:
    if text:
        (folder / "ami.toml").write_text(text, encoding="utf-8")
    return {"AMI_HOME": str(folder)}


def test_an_empty_home_has_usable_settings(tmp_path: Path) -> None:
    found = load(_home(tmp_path / "new"))
    assert found.home == tmp_path / "new"
    assert found.database_url is None
    assert (found.web_host, found.listen_host) == ("127.0.0.1", "127.0.0.1")
    assert not found.tls
    assert not (tmp_path / "new").exists()


def test_the_file_that_init_writes_says_the_defaults(tmp_path: Path) -> None:
    assert load(_home(tmp_path, TEMPLATE)) == load(_home(tmp_path / "other")) or (
        dataclasses.replace(load(_home(tmp_path, TEMPLATE)), home=tmp_path / "other")
        == load(_home(tmp_path / "other"))
    )


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    environment = _home(tmp_path, "[web]\nport = 9000\nhost = '10.0.0.1'\n")
    assert load(environment).web_port == 9000
    found = load({**environment, "AMI_WEB_PORT": "9001"})
    assert (found.web_port, found.web_host) == (9001, "10.0.0.1")


def test_another_file_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("[office]\nname = 'HTX Bình Minh'\n", encoding="utf-8")
    assert load({**_home(tmp_path), "AMI_CONFIG": str(tmp_path / "x.toml")}).office == "HTX Bình Minh"
    with pytest.raises(UsageFailure, match="does not exist"):
        load({**_home(tmp_path), "AMI_CONFIG": str(tmp_path / "nix.toml")})


def test_settings_do_not_change_and_do_not_tell_the_database(tmp_path: Path) -> None:
    secret = "postgresql://ami:bi-mat@db/ami"
    found = load({**_home(tmp_path), "AMI_DATABASE_URL": secret})
    assert found.database_url == secret
    assert "bi-mat" not in repr(found)
    assert "bi-mat" not in str(found)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.web_port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[web]\nport = 'x'\n", "[web] port must be a whole number"),
        ("[web]\nport = 70000\n", "must lie between 1 and 65535, not 70000"),
        ("[web]\nport = 80.5\n", "must be a whole number"),
        ("[web]\nport = true\n", "must be a whole number"),
        ("[web]\nhost = 1\n", "[web] host must be text in quotes"),
        ("[web]\nprot = 1\n", "nobody knows: [web] prot"),
        ("[wbe]\nport = 1\n", "nobody knows: [wbe] port"),
        ("port = 1\n", "port stands outside a section"),
        ("[web\n", "is no valid TOML"),
        ("[office]\nlanguage = 'fr'\n", "must be vi or en"),
        ("[web]\ntls_certificate = '/nix/a.pem'\n", "there is no file /nix/a.pem"),
        ("[database]\nurl = 'mysql://x'\n", "must begin with postgresql://"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageFailure) as refused:
        load(_home(tmp_path, text))
    assert said in str(refused.value)
    assert str(tmp_path / "ami.toml") in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.code is Exit.USAGE


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageFailure, match="AMI_CONCURRENCY must be a whole number"):
        load({**_home(tmp_path), "AMI_CONCURRENCY": "viele"})


def test_a_wrong_database_address_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(UsageFailure) as refused:
        load({**_home(tmp_path), "AMI_DATABASE_URL": "mysql://ami:bi-mat@db/ami"})
    assert "bi-mat" not in str(refused.value)


def test_tls_needs_both_files(tmp_path: Path) -> None:
    (tmp_path / "a.pem").touch()
    with pytest.raises(UsageFailure, match="TLS needs both"):
        load({**_home(tmp_path), "AMI_TLS_CERTIFICATE": str(tmp_path / "a.pem")})


def test_all_settings_have_a_place() -> None:
    from ami.settings import _PLACES

    named = {name for _, _, name in _PLACES}
    assert named == {field.name for field in dataclasses.fields(Settings)} - {"home"}


def test_the_office_is_whom_bills_and_pages_name(tmp_path: Path) -> None:
    text = (
        '[office]\nname = "HTX Ý Yên"\nhotline = "1900 1234"\naddress = "Lâm"\ntax_code = "0600000000-001"\n'
    )
    found = load(_home(tmp_path, text))
    assert found.supplier == Supplier("HTX Ý Yên", "1900 1234", "Lâm", "0600000000-001")
    changed = load({**_home(tmp_path), "AMI_TAX_CODE": "0600000000", "AMI_OFFICE_ADDRESS": "Ý Yên"})
    assert (changed.tax_code, changed.office_address) == ("0600000000", "Ý Yên")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('tax_code = "06000"', "10 digits"),
        ('name = " "', "must not be empty"),
        ('bank_bin = "9704"', "bank_bin must be six digits, not '9704'"),
        ('bank_account = "12 34"', "bank_account must be up to 19 letters and digits"),
        ('bank_account = "1234"', "needs both bank_bin and bank_account"),
        ('bank_bin = "970416"', "needs both bank_bin and bank_account"),
    ],
)
def test_an_office_that_cannot_stand_on_a_bill(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(UsageFailure, match=told):
        load(_home(tmp_path, f"[office]\n{line}\n"))


@pytest.mark.parametrize(
    ("line", "told"),
    [("-1", "between 0 and 1000"), ("nan", "between 0 and 1000"), ("true", "a number"), ('"x"', "a number")],
)
def test_a_knob_that_cannot_be(tmp_path: Path, line: str, told: str) -> None:
    assert load(_home(tmp_path, "[abnormal]\nalerts_per_1000 = 2.5\n")).alerts_per_1000 == 2.5
    with pytest.raises(UsageFailure, match=told):
        load(_home(tmp_path, f"[abnormal]\nalerts_per_1000 = {line}\n"))


def test_every_setting_stands_in_the_file_that_init_writes_and_in_the_manual() -> None:
    manual = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    for variable, (section, key), _ in _PLACES:
        assert f"| `{variable}` | `[{section}] {key}` |" in manual
        assert re.search(rf"^(# )?{key} = ", TEMPLATE.split(f"[{section}]")[1], re.MULTILINE), key


@pytest.mark.parametrize("readme", ["README.md", "README.vi.md"])
def test_a_newcomer_is_told_which_models_are_real(readme: str) -> None:
    """Before the first meter is hung; the makers named are those of models that are there."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    before = text[: text.index("ami meter add 20260001")].replace("\n", " ")
    told = before[before.index("`ami meter models`") :]
    assert "`dk-…`" in told
    assert "protocols/meter_models/" in told
    makers = " ".join(meter_models.load(name).maker for name in meter_models.names())
    for maker in ("ABB", "Carlo Gavazzi", "Chint", "Eastron", "Inepro", "Orno", "Schneider"):
        assert maker in told
        assert maker.lower() in makers.lower()


def test_tls_for_modems_is_set_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    home = _home(tmp_path)
    with pytest.raises(UsageFailure, match="listen_tls_port, listen_tls_certificate, listen_tls_key"):
        load({**home, "AMI_LISTEN_TLS_PORT": "4060"})
    file = tmp_path / "some.pem"
    file.touch()
    found = load(
        {
            **home,
            "AMI_LISTEN_TLS_PORT": "4060",
            "AMI_LISTEN_TLS_CERTIFICATE": str(file),
            "AMI_LISTEN_TLS_KEY": str(file),
        }
    )
    assert (found.listen_tls_port, found.listen_tls_certificate) == (4060, file)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"AMI_PUSH_PORT": "4059"}, "listen_port and push_port are both 4059"),
        ({"AMI_PUSH_PORT": "5000", "AMI_LISTEN_PORT": "5000"}, "listen_port and push_port are both 5000"),
    ],
)
def test_two_uses_of_one_port_are_refused(tmp_path: Path, given: dict[str, str], said: str) -> None:
    with pytest.raises(UsageFailure, match=said) as refused:
        load({**_home(tmp_path), **given})
    assert str(refused.value).endswith(": give one of them another port.")
    assert load({**_home(tmp_path), "AMI_PUSH_PORT": "4061"}).push_port == 4061
