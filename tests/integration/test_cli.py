"""`ami` as it is used: one document on stdout, exit codes, one sentence, and who stops the database."""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from storage.embedded import Embedded
from storage.errors import DatabaseMissing
from tests.integration.conftest import Ami

AS_OF = "2026-11-21T09:10:00+07:00"


def _sentence(stderr: str) -> str:
    """The one line that a failure says."""
    lines = [line for line in stderr.splitlines() if line.startswith("ami: ")]
    assert len(lines) == 1, stderr
    assert "Traceback" not in stderr
    assert lines[0].endswith((".", "…"))
    return lines[0].removeprefix("ami: ")


DOCUMENTS: tuple[tuple[tuple[str, ...], set[str]], ...] = (
    (("user", "list"), {"users"}),
    (("meter", "list"), {"meters"}),
    (("meter", "models"), {"models"}),
    (("status",), {"overview", "held", "points_without_meter"}),
    (("check",), {"ok", "remarks"}),
    (("validate",), {"days", "new", "changed", "unchanged", "findings"}),
    (("close", "--month", "2026-10"), {"closed", "unchanged", "missing"}),
    (("bill", "run", "--month", "2026-10", "--as-of", AS_OF), {"issued", "held", "amount", "wh_billed"}),
    (("bill", "list", "--month", "2026-10"), {"bills"}),
    (("alerts", "run", "--as-of", AS_OF), {"new", "standing"}),
    (("alerts", "list"), {"alerts"}),
    (("inspection", "run", "--as-of", AS_OF), {"stations", "meters", "scored", "young", "opened"}),
    (("inspection", "list"), {"inspections"}),
    (("inspection", "figures"), {"open", "precision", "months", "models", "clues", "pace"}),
    (("export", "register"), {"stations", "meters", "points"}),
    (("export", "closing", "--month", "2026-10"), {"columns", "rows"}),
    (("db", "status"), {"kind", "running", "pending_migrations"}),
    (("collect", "--once"), {"meters", "answers", "failed"}),
)
UNUSABLE = (
    (("export", "intervals", "--meter", "1", "--json"), "No meter 1 is registered"),
    (("meter", "test", "1"), "No meter 1 is registered"),
    (("meter", "add", "1", "--model", "nix", "--host", "h", "--customer", "A"), "no model is called"),
    (("meter", "take-down", "1"), "Meter 1 is not registered"),
    (("bill", "print", "1", "--output", "x.html"), "There is no bill 1"),
    (("import", "customers", "nix.xlsx"), "There is no file nix.xlsx"),
    (("inspection", "show", "9"), "There is no inspection 9"),
    (("inspection", "scores", "9"), "There is no meter 9"),
    (("user", "add", "xuan", "--role", "customer", "--customer", "NIX"), "NIX"),
)


@pytest.mark.long
def test_json_is_one_document_and_nothing_else(ami: Ami) -> None:
    for arguments, keys in DOCUMENTS:
        done = ami(*arguments, "--json", code=None)
        assert done.returncode in (0, 3), done.stderr  # nothing is closed here, which is said on stderr
        found = json.loads(done.stdout)
        assert keys <= set(found), (arguments, set(found))


def test_input_that_cannot_be_used_is_one_sentence_and_five(ami: Ami) -> None:
    for arguments, said in UNUSABLE:
        done = ami(*arguments, code=5)
        assert said in _sentence(done.stderr)
        assert done.stdout == ""


def test_a_register_goes_out_and_comes_in_again(ami: Ami, tmp_path: Path) -> None:
    ami(
        "meter", "add", "1", "--model", "dk-3p-ct", "--host", "10.0.0.1", "--customer", "K1", "--name", "Ý",
        "--multiplier", "40", "--since", "2026-09-01", "--index", "KT=12.5", "--index", "BT=3",
    )  # fmt: skip
    written = ami("export", "register").stdout
    assert '"KT": 12500' in written
    file = tmp_path / "register.json"
    file.write_text(written, encoding="utf-8")
    counts = ami.json("import", "register", str(file), "--json")
    assert not any(counts["added"].values())
    assert not any(counts["changed"].values())
    assert counts["unchanged"]["installations"] == 1
    file.write_text(json.dumps({"ready": True, "register": json.loads(written)}), encoding="utf-8")
    assert "was there already" in ami("import", "register", str(file)).stderr
    assert "still hangs there" in ami(
        "meter", "add", "2", "--model", "dk-1p", "--host", "10.0.0.2", "--customer", "K1", code=5
    ).stderr  # fmt: skip
    ami("meter", "take-down", "1", "--at", "2026-10-14T09:30", "--index", "KT=99")
    ami(
        "meter",
        "add",
        "2",
        "--model",
        "dk-3p-ct",
        "--modem",
        "M-1",
        "--customer",
        "K1",
        "--since",
        "2026-10-14T09:30",
    )
    hung = json.loads(ami("export", "register").stdout)["installations"]
    assert [(i["serial"], i["last_index"]) for i in hung] == [("1", {"KT": 99000}), ("2", {})]


@pytest.fixture(scope="module")
def village() -> Iterator[dict[str, Any]]:
    """The register of meters that answer."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ami.main", "simulate", "fleet", "--json", "--customers", "20",
         "--as-of", AS_OF],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    yield json.loads(process.stdout.readline())["register"]
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


def _url(register: dict[str, Any], model: str, client: int = 17, password: str | None = None) -> str:
    meter = next(m for m in register["meters"] if m["model"] == model)
    modem = next(m for m in register["modems"] if m["code"] == meter["modem"])
    where = f"{modem['host']}:{modem['port']}"
    if meter["password"] is None:
        return f"modbus+tcp://{where}?unit={meter['address']}&model={model}&timeout=3"
    word = meter["password"] if password is None else password
    return f"dlms+wrapper://{where}?client={client}&server={meter['address']}&password={word}&timeout=3"


def test_one_meter_is_read_by_its_address(ami: Ami, village: dict[str, Any]) -> None:
    url = _url(village, "dk-3p-ct")
    found = ami.json("read", url, "1.0.1.8.0", "1.0.99.99.99", "--clock", "--json", code=3)
    assert set(found) == {"registers", "clock", "profile", "refused"}
    (energy,) = found["registers"]
    assert energy["value"] == str(energy["raw"])
    assert (energy["item"], energy["scaler"], energy["unit"]) == ("1.0.1.8.0", 0, "Wh")
    assert found["clock"].startswith("2026-11-21T09:1")
    assert [one["item"] for one in found["refused"]] == ["1.0.99.99.99"]
    span = ("--from", "2026-11-21T06:00", "--to", "2026-11-21T08:00")
    found = ami.json("read", url, "--profile", "1.0.99.1.0", *span, "--json")
    assert [row[0] for row in found["profile"]["rows"]][::4] == [
        "2026-11-21T06:00:00+07:00",
        "2026-11-21T08:00:00+07:00",
    ]
    assert "Clock 2026-11-21T09:1" in ami("read", url).stdout
    assert not ami.home.exists()


def test_a_modbus_meter_is_read_by_its_address(ami: Ami, village: dict[str, Any]) -> None:
    url = _url(village, "dk-mb-log")
    found = ami.json("read", url, "--json")
    assert {"1.0.1.8.0.255", "1.0.32.7.0.255"} <= {r["item"] for r in found["registers"]}
    found = ami.json("read", url, "0:4", "65000:2", "--json", code=3)
    assert [len(r["raw"]) for r in found["registers"]] == [4]
    assert found["registers"][0]["value"] is None
    assert [one["item"] for one in found["refused"]] == ["65000:2"]


def test_the_password_comes_from_the_environment(ami: Ami, village: dict[str, Any]) -> None:
    whole = _url(village, "dk-3p-ct")
    host, _, rest = whole.partition("?")
    fields = dict(field.split("=", 1) for field in rest.split("&"))
    url = f"{host}?server={fields['server']}&timeout=3"
    said = ami("read", url, code=3).stderr
    assert "did not let in client 16" in said
    assert "put its password into AMI_METER_PASSWORD" in said
    ami.environment["AMI_METER_PASSWORD"] = fields["password"]
    assert "Clock 2026-11-21T09:1" in ami("read", url).stdout
    ami.environment["AMI_METER_PASSWORD"] = "SAI"
    said = ami("read", url, "--json", code=3).stderr
    assert "did not let in client 17" in said
    assert "correct the password (AMI_METER_PASSWORD, or password=… in the URL)" in said


def test_a_fleet_for_a_person_is_a_table_of_its_meters(ami: Ami) -> None:
    done = ami("simulate", "fleet", "--customers", "20", "--as-of", AS_OF, stdin="")
    assert done.stdout == ""
    assert re.search(r"Answering: \d+ meters\.", done.stderr)
    heading = next(line for line in done.stderr.splitlines() if "Serial" in line)
    assert heading.split() == ["Serial", "Model", "Modem", "Address", "Password", "Customer"]
    assert re.search(r"\d{8} +dk-1p +127\.0\.0\.1:\d+ +\d+ +\S+ +\S+ \S", done.stderr)


def test_the_head_end_is_at_work_only_once_its_port_is_open(ami: Ami) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(ami.environment["AMI_LISTEN_PORT"])))
        taken.listen()
        said = ami("collect", code=None).stderr
    assert "cannot be opened" in said
    assert "at work" not in said


def test_the_port_is_opened_once_only_where_a_modem_dials_in(ami: Ami, free_port: int) -> None:
    host = ("--host", "127.0.0.1", "--port", str(free_port))
    ami("meter", "add", "9", "--model", "dk-1p", *host, "--customer", "K1", "--name", "A")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(ami.environment["AMI_LISTEN_PORT"])))
        taken.listen()
        report = ami.json("collect", "--once", "--json", code=3)
        assert [(one["meter"], one["outcome"]) for one in report["failed"]] == [("9", "no_link")]
        dialled = ("--registration", "8612", "--customer", "K2", "--name", "B")
        ami("meter", "add", "10", "--model", "dk-1p", *dialled)
        assert "cannot be opened" in ami("collect", "--once", code=1).stderr


def test_a_refusal_and_a_dead_line_differ(ami: Ami, village: dict[str, Any], free_port: int) -> None:
    refused = ami.json("read", _url(village, "dk-3p-ct", password="SAI"), "--clock", "--json", code=3)
    assert "authentication failure" in refused["refused"][0]["reason"]
    dead = ami("read", f"dlms+wrapper://127.0.0.1:{free_port}", code=4)
    assert "cannot be called" in _sentence(dead.stderr)
    ami(
        "meter", "add", "9", "--model", "dk-1p", "--host", "127.0.0.1", "--port", str(free_port),
        "--customer", "K1", "--name", "A",
    )  # fmt: skip
    assert "no link" in ami("meter", "test", "9", code=4).stdout
    report = ami.json("collect", "--once", "--json", code=3)
    assert [(one["meter"], one["outcome"]) for one in report["failed"]] == [("9", "no_link")]


@pytest.mark.parametrize(
    ("scheme", "spoken"),
    [
        ("dlms+wrapper", "DLMS over TCP"),
        ("dlms+hdlc", "DLMS in HDLC frames"),
        ("modbus+tcp", "Modbus TCP"),
        ("iec62056-21", "IEC 62056-21 mode C"),
    ],
)
def test_a_port_that_hangs_up_says_what_to_check(ami: Ami, scheme: str, spoken: str) -> None:
    item = "1:1" if scheme == "modbus+tcp" else "1.0.1.8.0"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            taken, _ = server.accept()
            taken.recv(1)  # the question, so that nothing is reset
            taken.close()

        at_once = threading.Thread(target=hang_up)
        at_once.start()
        said = _sentence(ami("read", f"{scheme}://127.0.0.1:{server.getsockname()[1]}", item, code=4).stderr)
        at_once.join()
    assert " hung up" in said
    assert said.endswith(
        f": check that this port speaks {spoken}, and that nobody else is talking to the meter."
    )


@pytest.fixture
def own(tmp_path: Path, free_ports: Callable[[], int], needs_tool: Callable[..., str]) -> Iterator[Ami]:
    """`ami` on a home with a private database, which is made and stopped once."""
    found = Ami(tmp_path / "own", {"AMI_LISTEN_PORT": str(free_ports()), "AMI_WEB_PORT": str(free_ports())})
    try:
        Embedded(found.home)
        found("init")
    except DatabaseMissing:
        needs_tool("mmdebstrap")
    yield found
    Embedded(found.home).stop("immediate")


def _running(ami: Ami) -> bool:
    return Embedded(ami.home).status().running


def test_the_last_one_out_stops_the_database(own: Ami) -> None:
    assert not _running(own)
    assert own.json("db", "status", "--json", code=4)["pending_migrations"] is None
    first = own.start("serve", "--ready-line", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert first.stdout is not None
    assert json.loads(first.stdout.readline())["address"].startswith("http://127.0.0.1:")
    own("user", "list")  # a second one comes and goes
    assert _running(own)
    first.terminate()
    first.wait(20)
    first.stdout.close()
    assert not _running(own)


def test_a_killed_verb_leaves_the_database_to_the_next(own: Ami) -> None:
    killed = own.start("serve", "--ready-line", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert killed.stdout is not None
    killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.wait(20)
    killed.stdout.close()
    assert _running(own)
    own("user", "list")
    assert not _running(own)


def test_a_started_database_stays_and_can_be_copied(own: Ami, tmp_path: Path) -> None:
    own("db", "start")
    assert own.json("db", "status", "--json")["pending_migrations"] == []
    own("user", "add", "kythuat", "--role", "engineer")
    assert _running(own)
    copy = tmp_path / "copy.dump"
    own("db", "backup", str(copy))
    assert "exists already" in _sentence(own("db", "backup", str(copy), code=5).stderr)
    own("user", "add", "thungan", "--role", "billing")
    assert own("db", "psql", "-Atc", "select count(*) from app_user").stdout == "2\n"
    assert own("db", "psql", "-c", "select nix", code=None).returncode != 0
    assert "--yes" in _sentence(own("db", "restore", str(copy), code=2).stderr)
    own("db", "restore", str(copy), "--yes")
    assert [user["login"] for user in own.json("user", "list", "--json")["users"]] == ["kythuat"]
    assert "schema is up to date" in own("db", "migrate").stderr
    assert _running(own)
    own("db", "stop")
    assert not _running(own)


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "server.crt", folder / "server.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return certificate, private


def test_pages_are_served_with_tls(ami: Ami, tmp_path: Path) -> None:
    certificate, private = _certificate(tmp_path)
    ami.environment |= {"AMI_TLS_CERTIFICATE": str(certificate), "AMI_TLS_KEY": str(private)}
    server = ami.start(
        "serve", "--host", "0.0.0.0", "--ready-line", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdout is not None
    address = json.loads(server.stdout.readline())["address"]
    try:
        assert address.startswith("https://localhost:")
        trusting = ssl.create_default_context(cafile=str(certificate))
        for _ in range(100):
            try:
                with urllib.request.urlopen(address, context=trusting, timeout=10) as page:
                    assert page.status == 200
                    break
            except ConnectionError:
                time.sleep(0.1)
        else:
            pytest.fail("nothing was served")
    finally:
        server.terminate()
        server.wait(20)
        server.stdout.close()


@pytest.mark.parametrize(("name", "size", "engines"), [("vee", 300, 3), ("store", 60, 4)])
def test_a_bench_prints_its_document(ami: Ami, name: str, size: int, engines: int) -> None:
    found = ami.json("bench", name, "--size", str(size), "--rounds", "1", "--json")
    assert {"bench", "machine", "results", "ratios"} <= set(found)
    assert len(found["results"]) == engines
    figures = {"seconds", "cpu_seconds", "rate", "unit", "peak_rss_mb", "taken_mb", "checksum"}
    assert all(set(result) == figures | {"name", "engine"} for result in found["results"])
    assert len({result["checksum"] for result in found["results"]}) == 1
    assert found["ratios"]


@pytest.mark.parametrize(
    "verb", [("status",), ("collect", "--once"), ("bill", "run"), ("serve",), ("meter", "list")]
)
def test_a_verb_does_not_make_the_installation_it_looks_for(tmp_path: Path, verb: tuple[str, ...]) -> None:
    nowhere = Ami(tmp_path / "nowhere", {})
    done = nowhere(*verb, code=2)
    assert "There is no installation in" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not nowhere.home.exists()


IN_A_DESTRUCTOR = """
import os, signal, time
from ami import main

class Gone:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        time.sleep(0.01)

def lasting(**_):
    Gone()
    time.sleep(20)

main.cli.main = lasting
main.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_request_to_end_is_not_lost_in_a_destructor(name: str) -> None:
    script = IN_A_DESTRUCTOR.format(name=name)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=15, check=False
    )
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")
