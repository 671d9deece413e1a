"""Compiled code that is kept is thrown away when any of the files it was made from has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CALLEE = """from analytics.kernels import kernel

@kernel("int64(int64)")
def inner(value):
    return value + {step}
"""
CALLER = """from analytics.kernels import kernel
from callee import inner

@kernel("int64(int64)")
def outer(value):
    return inner(value) * 10
"""


def ask(folder: Path) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "kept"), "PYTHONPATH": f"{folder}:{ROOT}"}
    program = "from caller import outer; print(outer(1), sum(outer.stats.cache_hits.values()))"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_kernel_of_another_file_that_changed_is_compiled_in_anew(tmp_path: Path) -> None:
    (tmp_path / "callee.py").write_text(CALLEE.format(step=1))
    (tmp_path / "caller.py").write_text(CALLER)
    assert ask(tmp_path) == "20 0"
    assert ask(tmp_path) == "20 1"
    (tmp_path / "callee.py").write_text(CALLEE.format(step=20))
    assert ask(tmp_path) == "210 0"
