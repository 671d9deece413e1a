"""What this installation is told: one TOML file and the environment, read once, frozen, checked.

The environment wins over the file. Secrets are kept out of `repr` and of every message.
"""

from __future__ import annotations

import os
import re
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ami.failure import UsageFailure
from collector.mqtt.settings import BrokerSettings
from model.einvoice import SERIES
from model.supplier import BankAccount, Supplier

FILE_NAME = "ami.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; `home` holds everything this installation writes."""

    home: Path
    database_url: str | None = field(default=None, repr=False)
    language: str = "en"
    office: str = "Hợp tác xã điện"
    hotline: str = ""
    office_address: str = ""
    tax_code: str = ""
    bank_bin: str = ""
    bank_account: str = ""
    bank: str = ""
    bank_holder: str = ""
    second_person: bool = False
    alerts_per_1000: float = 1.0
    einvoice_series: str = ""
    einvoice_provider: str = ""
    web_host: str = "127.0.0.1"
    web_port: int = 8050
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    node: str = ""
    listen_host: str = "127.0.0.1"
    listen_port: int = 4059
    listen_tls_port: int | None = None
    listen_tls_certificate: Path | None = None
    listen_tls_key: Path | None = None
    modem_heartbeat_s: int = 300
    unregistered_per_address: int = 64
    registered_per_address: int = 20_000
    connections_per_second_per_address: int = 500
    push_port: int | None = None
    concurrency: int = 200
    calls_per_second: int = 100
    cell_sessions: int = 8
    live_every_s: int = 60
    read_every_min: int = 30
    answer_s: int = 10
    dial_in_wait_s: int = 20
    spool_mb: int = 2048
    store_patience_s: int = 120
    clock_tolerance_s: int = 10
    clock_limit_s: int = 60
    disconnections_per_hour: int = 20
    orders_per_minute: int = 120
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9405
    log_format: str = "text"
    mqtt_host: str = ""
    mqtt_port: int | None = None
    mqtt_tls: bool = True
    mqtt_ca: Path | None = None
    mqtt_user: str = ""
    mqtt_password: str = field(default="", repr=False)
    mqtt_root: str = "ami"
    mqtt_group: str = "ami"
    mqtt_client_id: str = ""

    @property
    def supplier(self) -> Supplier:
        """The office as it stands on bills and pages."""
        account = BankAccount(self.bank_bin, self.bank_account, self.bank, self.bank_holder)
        return Supplier(
            self.office,
            self.hotline,
            self.office_address,
            self.tax_code,
            account if self.bank_account else None,
        )

    @property
    def broker(self) -> BrokerSettings | None:
        """Where MQTT gateways send to; None: nowhere."""
        if not self.mqtt_host:
            return None
        return BrokerSettings(
            self.mqtt_host,
            self.mqtt_port or (8883 if self.mqtt_tls else 1883),
            self.mqtt_client_id or f"ami-{self.node_name}",
            self.mqtt_tls,
            self.mqtt_ca,
            self.mqtt_user,
            self.mqtt_password,
            self.mqtt_root,
            self.mqtt_group,
        )

    @property
    def node_name(self) -> str:
        """What this head-end is called among those at its database."""
        return self.node or re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:40].lstrip(".-") or "node"

    @property
    def spool_path(self) -> Path:
        """Of this node: several may live in one home."""
        return self.home / "spool" / f"{self.node_name}.sqlite"

    @property
    def wrapping_key_path(self) -> Path:
        return self.home / "wrapping.key"

    @property
    def tls(self) -> bool:
        return self.tls_certificate is not None


# name in the environment, place in the TOML file, field
_PLACES = (
    ("AMI_DATABASE_URL", ("database", "url"), "database_url"),
    ("AMI_LANG", ("office", "language"), "language"),
    ("AMI_OFFICE", ("office", "name"), "office"),
    ("AMI_HOTLINE", ("office", "hotline"), "hotline"),
    ("AMI_OFFICE_ADDRESS", ("office", "address"), "office_address"),
    ("AMI_TAX_CODE", ("office", "tax_code"), "tax_code"),
    ("AMI_BANK_BIN", ("office", "bank_bin"), "bank_bin"),
    ("AMI_BANK_ACCOUNT", ("office", "bank_account"), "bank_account"),
    ("AMI_BANK", ("office", "bank"), "bank"),
    ("AMI_BANK_HOLDER", ("office", "bank_holder"), "bank_holder"),
    ("AMI_SECOND_PERSON", ("office", "second_person"), "second_person"),
    ("AMI_ALERTS_PER_1000", ("abnormal", "alerts_per_1000"), "alerts_per_1000"),
    ("AMI_EINVOICE_SERIES", ("einvoice", "series"), "einvoice_series"),
    ("AMI_EINVOICE_PROVIDER", ("einvoice", "provider_tax_code"), "einvoice_provider"),
    ("AMI_WEB_HOST", ("web", "host"), "web_host"),
    ("AMI_WEB_PORT", ("web", "port"), "web_port"),
    ("AMI_TLS_CERTIFICATE", ("web", "tls_certificate"), "tls_certificate"),
    ("AMI_TLS_KEY", ("web", "tls_key"), "tls_key"),
    ("AMI_NODE", ("collector", "node"), "node"),
    ("AMI_LISTEN_HOST", ("collector", "listen_host"), "listen_host"),
    ("AMI_LISTEN_PORT", ("collector", "listen_port"), "listen_port"),
    ("AMI_LISTEN_TLS_PORT", ("collector", "listen_tls_port"), "listen_tls_port"),
    ("AMI_LISTEN_TLS_CERTIFICATE", ("collector", "listen_tls_certificate"), "listen_tls_certificate"),
    ("AMI_LISTEN_TLS_KEY", ("collector", "listen_tls_key"), "listen_tls_key"),
    ("AMI_MODEM_HEARTBEAT_S", ("collector", "modem_heartbeat_s"), "modem_heartbeat_s"),
    ("AMI_UNREGISTERED_PER_ADDRESS", ("collector", "unregistered_per_address"), "unregistered_per_address"),
    ("AMI_REGISTERED_PER_ADDRESS", ("collector", "registered_per_address"), "registered_per_address"),
    (
        "AMI_CONNECTIONS_PER_SECOND_PER_ADDRESS",
        ("collector", "connections_per_second_per_address"),
        "connections_per_second_per_address",
    ),
    ("AMI_PUSH_PORT", ("collector", "push_port"), "push_port"),
    ("AMI_CONCURRENCY", ("collector", "concurrency"), "concurrency"),
    ("AMI_CALLS_PER_SECOND", ("collector", "calls_per_second"), "calls_per_second"),
    ("AMI_CELL_SESSIONS", ("collector", "cell_sessions"), "cell_sessions"),
    ("AMI_LIVE_EVERY_S", ("collector", "live_every_s"), "live_every_s"),
    ("AMI_READ_EVERY_MIN", ("collector", "read_every_min"), "read_every_min"),
    ("AMI_ANSWER_S", ("collector", "answer_s"), "answer_s"),
    ("AMI_DIAL_IN_WAIT_S", ("collector", "dial_in_wait_s"), "dial_in_wait_s"),
    ("AMI_SPOOL_MB", ("collector", "spool_mb"), "spool_mb"),
    ("AMI_STORE_PATIENCE_S", ("collector", "store_patience_s"), "store_patience_s"),
    ("AMI_METRICS_HOST", ("collector", "metrics_host"), "metrics_host"),
    ("AMI_METRICS_PORT", ("collector", "metrics_port"), "metrics_port"),
    ("AMI_LOG", ("log", "format"), "log_format"),
    ("AMI_CLOCK_TOLERANCE_S", ("collector", "clock_tolerance_s"), "clock_tolerance_s"),
    ("AMI_CLOCK_LIMIT_S", ("collector", "clock_limit_s"), "clock_limit_s"),
    ("AMI_DISCONNECTIONS_PER_HOUR", ("orders", "disconnections_per_hour"), "disconnections_per_hour"),
    ("AMI_ORDERS_PER_MINUTE", ("orders", "orders_per_minute"), "orders_per_minute"),
    ("AMI_MQTT_HOST", ("mqtt", "host"), "mqtt_host"),
    ("AMI_MQTT_PORT", ("mqtt", "port"), "mqtt_port"),
    ("AMI_MQTT_TLS", ("mqtt", "tls"), "mqtt_tls"),
    ("AMI_MQTT_CA", ("mqtt", "ca"), "mqtt_ca"),
    ("AMI_MQTT_USER", ("mqtt", "user"), "mqtt_user"),
    ("AMI_MQTT_PASSWORD", ("mqtt", "password"), "mqtt_password"),
    ("AMI_MQTT_ROOT", ("mqtt", "root"), "mqtt_root"),
    ("AMI_MQTT_GROUP", ("mqtt", "group"), "mqtt_group"),
    ("AMI_MQTT_CLIENT_ID", ("mqtt", "client_id"), "mqtt_client_id"),
)
_BOUNDS = {
    "web_port": (1, 65535),
    "listen_port": (1, 65535),
    "listen_tls_port": (1, 65535),
    "push_port": (1, 65535),
    "modem_heartbeat_s": (1, 6000),
    "unregistered_per_address": (1, 1_000_000),
    "registered_per_address": (1, 1_000_000),
    "connections_per_second_per_address": (1, 100_000),
    "mqtt_port": (1, 65535),
    "metrics_port": (0, 65535),
    "concurrency": (1, 20000),
    "calls_per_second": (1, 10_000),
    "cell_sessions": (1, 10_000),
    "live_every_s": (5, 3600),
    "read_every_min": (30, 1440),
    "answer_s": (1, 600),
    "dial_in_wait_s": (1, 3600),
    "spool_mb": (1, 1_000_000),
    "store_patience_s": (1, 86_400),
    "clock_tolerance_s": (2, 600),
    "clock_limit_s": (2, 900),
    "disconnections_per_hour": (0, 100_000),
    "orders_per_minute": (1, 100_000),
}
NODE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,39}")  # a file, a queue and a session bear it
# a branch has three more, a household its 12
_TAX_CODE = (re.compile(r"(\d{10}(-\d{3})?|\d{12})?"), "must be a tax code of 10 digits, like 0100100079")
# of an MQTT topic: no wildcard in them; a client's id of 64 letters every broker takes
_LEVEL = (re.compile(r"[A-Za-z0-9._-]{1,64}"), "may have letters, digits, dots, - and _")
_FORMS = {
    "log_format": (re.compile("text|json"), "must be text or json"),
    "language": (re.compile("vi|en"), "must be vi or en"),
    "node": (NODE_NAME, "may have up to 40 letters, digits, dots, - and _"),
    "tax_code": _TAX_CODE,
    "einvoice_provider": _TAX_CODE,
    "einvoice_series": (
        re.compile(f"({SERIES.pattern})?"),
        "must be a series of e-invoices like C26TDK",
    ),
    "bank_bin": (re.compile(r"(\d{6})?"), "must be six digits"),  # the bank's at NAPAS, not an IIN of a card
    "bank_account": (re.compile("[0-9A-Za-z]{0,19}"), "must be up to 19 letters and digits"),
    "mqtt_root": (re.compile(r"[A-Za-z0-9._-]{1,64}(/[A-Za-z0-9._-]{1,64})*"), _LEVEL[1]),
    "mqtt_group": _LEVEL,
    "mqtt_client_id": _LEVEL,
}
_PATHS = ("tls_certificate", "tls_key", "listen_tls_certificate", "listen_tls_key", "mqtt_ca")
_LISTEN_TLS = ("listen_tls_port", "listen_tls_certificate", "listen_tls_key")
_SHARES = {"alerts_per_1000": (0.0, 1000.0)}
_SWITCHES = ("mqtt_tls", "second_person")


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of `$AMI_HOME` (default `./var`).

    Raises:
        UsageFailure: the file or a variable says something that cannot be, in one sentence.
    """
    environment = os.environ if environment is None else environment
    home = Path(environment.get("AMI_HOME") or "var").expanduser().absolute()
    file = Path(environment["AMI_CONFIG"]) if environment.get("AMI_CONFIG") else home / FILE_NAME
    document = _read(file, required=bool(environment.get("AMI_CONFIG")))
    values: dict[str, Any] = {}
    for variable, (section, key), name in _PLACES:
        table = document.get(section, {})
        if key in table:
            values[name] = _checked(name, table.pop(key), f"{file}, [{section}] {key}")
        if environment.get(variable):
            values[name] = _checked(name, environment[variable], variable)
    left = [f"[{section}] {key}" for section, table in document.items() for key in table]
    if left:
        raise UsageFailure(
            f"{file} has a setting nobody knows: {', '.join(left)}; correct its name or remove it."
        )
    if ("tls_certificate" in values) != ("tls_key" in values):
        raise UsageFailure("TLS needs both tls_certificate and tls_key: set the one that is missing.")
    if any(name in values for name in _LISTEN_TLS) and not all(name in values for name in _LISTEN_TLS):
        raise UsageFailure(f"TLS for modems needs {', '.join(_LISTEN_TLS)}: set what is missing.")
    if bool(values.get("bank_bin")) != bool(values.get("bank_account")):
        raise UsageFailure(
            "A code to pay by needs both bank_bin and bank_account: set the one that is missing."
        )
    found = Settings(home=home, **values)
    ports_differ(found)
    return found


def ports_differ(settings: Settings) -> None:
    """Raise UsageFailure unless they do: a port has one use. (/metrics looks for another by itself.)"""
    uses: dict[int, str] = {}
    for name in ("listen_port", "listen_tls_port", "push_port"):
        port = getattr(settings, name)
        if port is not None and uses.setdefault(port, name) != name:
            raise UsageFailure(
                f"[collector] {uses[port]} and {name} are both {port}: give one of them another port."
            )


def _read(file: Path, *, required: bool) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise UsageFailure(f"AMI_CONFIG names {file}, which does not exist.") from None
        return {}
    except OSError as error:
        raise UsageFailure(
            f"{file} cannot be read ({error.strerror}): check its owner and permissions."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageFailure(f"{file} is no valid TOML ({error}): correct that line.") from error
    for section, table in document.items():
        if not isinstance(table, dict):
            raise UsageFailure(
                f"{file}: {section} stands outside a section; put it below [office], [web] or [collector]."
            )
    return document


def _checked(name: str, value: Any, where: str) -> Any:
    if name in _BOUNDS:
        low, high = _BOUNDS[name]
        try:
            if isinstance(value, bool | float):
                raise ValueError
            number = int(value)
        except (TypeError, ValueError):
            raise UsageFailure(f"{where} must be a whole number, not {value!r}.") from None
        if not low <= number <= high:
            raise UsageFailure(f"{where} must lie between {low} and {high}, not {number}.")
        if name == "read_every_min" and (number % 30 or 1440 % number):
            raise UsageFailure(
                f"{where} must be half-hours that divide a day, like 60 or 1440, not {number}."
            )
        return number
    if name in _SHARES:
        return _share(name, value, where)
    if name in _SWITCHES:
        switch = {"true": True, "false": False}.get(str(value).lower())
        if switch is None:
            raise UsageFailure(f"{where} must be true or false, not {value!r}.")
        return switch
    if name == "mqtt_password" and not isinstance(value, str):
        raise UsageFailure(f"{where} must be text in quotes.")
    if not isinstance(value, str):
        raise UsageFailure(f"{where} must be text in quotes, not {value!r}.")
    if name in _PATHS:
        path = Path(value).expanduser()
        if not path.is_file():
            raise UsageFailure(f"{where}: there is no file {path}.")
        return path
    if name == "office" and not value.strip():
        raise UsageFailure(f"{where} must not be empty: write the name that stands on bills.")
    if name in _FORMS:
        form, said = _FORMS[name]
        if not form.fullmatch(value):
            raise UsageFailure(f"{where} {said}, not {value!r}.")
    if name == "database_url" and not value.startswith(("postgresql://", "postgres://")):
        raise UsageFailure(f"{where} must begin with postgresql://.")
    return value


def _share(name: str, value: Any, where: str) -> float:
    """A number that need not be whole."""
    least, most = _SHARES[name]
    try:
        if isinstance(value, bool):
            raise ValueError
        found = float(value)
    except (TypeError, ValueError):
        raise UsageFailure(f"{where} must be a number, not {value!r}.") from None
    if not least <= found <= most:
        raise UsageFailure(f"{where} must lie between {least:g} and {most:g}, not {found:g}.")
    return found
