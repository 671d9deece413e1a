"""The systemd units in docs/ start verbs that exist, and systemd understands them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from ami import collect
from ami.main import VERBS
from ami.settings import load

DOCS = Path(__file__).resolve().parents[2] / "docs"
UNITS = DOCS / "systemd"


def test_units_start_what_there_is() -> None:
    text = (DOCS / "serving.md").read_text(encoding="utf-8")
    for unit in re.findall(r"ami@(\w+)", text):
        assert unit in {*VERBS, "service"}, unit
    commands = re.findall(r"^Exec\w+=\S+/ami (.+)$", (UNITS / "ami-database.service").read_text(), re.M)
    assert commands == ["db start", "db stop"]
    first, further = ((UNITS / name).read_text() for name in ("ami@.service", "ami-collect@.service"))
    assert "ExecStart=/opt/dienke/.venv/bin/ami %i\n" in first
    # A further head-end is as the first but for its name and what is its own.
    assert [line for line in lines_of(further) if line not in lines_of(first)] == [
        "Description=Điện kế, head-end %i",
        "EnvironmentFile=-/etc/dienke/collect-%i",
        "ExecStart=/opt/dienke/.venv/bin/ami collect --node %i",
    ]
    assert "--node" in {name for option in collect.command.params for name in option.opts}
    for unit in re.findall(r"docs/systemd/(\S+\.service)", text):
        assert (UNITS / unit).exists(), unit


def lines_of(unit: str) -> list[str]:
    return [line for line in unit.splitlines() if not line.startswith("#")]


def test_the_settings_shown_are_settings(tmp_path: Path) -> None:
    text = (DOCS / "serving.md").read_text(encoding="utf-8")
    shown = text[text.index("    [web]") : text.index("With the two TLS files")]
    tls = tmp_path / "tls"
    tls.mkdir()
    for name in ("server.crt", "server.key"):
        (tls / name).touch()
    lines = re.sub(r"^    ", "", shown, flags=re.M).replace("/var/lib/dienke/tls", str(tls))
    (tmp_path / "ami.toml").write_text(lines, encoding="utf-8")
    found = load({"AMI_HOME": str(tmp_path)})
    assert (found.web_port, found.tls) == (8443, True)


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """Where systemd is: a machine that builds the product may well be a container without it."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        return
    program = shutil.which("true") or "/bin/true"
    for source in UNITS.iterdir():
        text = re.sub(r"/opt/dienke/.venv/bin/ami", program, source.read_text(encoding="utf-8"))
        name = source.name.replace("ami@.", "ami@collect.").replace("ami-collect@.", "ami-collect@south.")
        (tmp_path / name).write_text(text.replace("/opt/dienke", str(tmp_path)), encoding="utf-8")
    units = sorted(str(unit) for unit in tmp_path.iterdir())
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert not ours, done.stderr
