"""A meter that was replaced or reset counts from the beginning again: a person says so, once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from collector.keys.counters import FileCounters
from collector.single.routes import OUR_TITLE
from protocols.dlms.security import key_name
from tests.foreign_peers import REPOSITORY, our_meter


def test_a_meter_that_was_set_back_is_believed_again_when_somebody_says_so(
    free_ports: Callable[[], int], tmp_path: Path
) -> None:
    home = tmp_path / "home"

    def read(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ami.main", "read", url, "1.0.1.8.0", *more],
            env={**os.environ, "AMI_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=60,
            cwd=REPOSITORY,
            check=False,
        )

    with our_meter("--wrapper", str(free_ports()), "--auth", "gmac") as ready:
        keys = tmp_path / "keys.toml"
        keys.write_text("".join(f'{name}_key = "{key}"\n' for name, key in ready["keys"].items()))
        url = f"{ready['urls']['wrapper']}&keys={keys}"
        title = ready["system_title"].upper()
        encryption = bytes.fromhex(ready["keys"]["encryption"])
        counters = FileCounters(home)
        counters.hear(key_name(encryption, bytes.fromhex(title)), 4_000_000_000)
        counters.raise_to(key_name(encryption, OUR_TITLE), 5000)
        counters.save()

        locked = read()
        assert locked.returncode == 4, locked.stderr
        said = " ".join(locked.stderr.split())
        assert f"came after 4000000000 from system title {title}" in said
        assert "--forget" in said
        ours = FileCounters(home).next(key_name(encryption, OUR_TITLE))
        assert ours >= 5000

        for wrong in ("", "4D4D", OUR_TITLE.hex()):
            assert read("--forget", wrong).returncode == 2
        assert read("--forget", title.lower()).returncode == 0
        assert read().returncode == 0, "what was said once lasts"
        again = FileCounters(home)
        assert again.next(key_name(encryption, OUR_TITLE)) > ours
        assert 0 <= again.heard(key_name(encryption, bytes.fromhex(title))) < 4_000_000_000
