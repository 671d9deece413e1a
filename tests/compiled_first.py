"""Compile once what all workers of a run need, before each of them would do it: tests, sources, kernels.

In a fresh clone a worker takes twenty seconds to collect and as long for the kernels; from what this leaves
in `__pycache__` and `NUMBA_CACHE_DIR`, a few. Where that is there already, nothing is done.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
KERNELS: Final = "import importlib, sys\nfor module in sys.argv[1:]: importlib.import_module(module)"
ENOUGH: Final = 0.9
"""Of the files of tests; the few that were changed since are compiled where they are needed."""


def collected_before() -> bool:
    tests = list((REPOSITORY / "tests").glob("*/test_*.py"))
    kept = [any((test.parent / "__pycache__").glob(f"{test.stem}.*-pytest-*.pyc")) for test in tests]
    return sum(kept) > ENOUGH * len(tests)


def kernels() -> list[str]:
    """The modules that hold kernels."""
    sources = sorted((REPOSITORY / "analytics").rglob("*.py"))
    holding = [source for source in sources if "\n@kernel(" in source.read_text(encoding="utf-8")]
    return [".".join(source.relative_to(REPOSITORY).with_suffix("").parts) for source in holding]


def main() -> None:
    if collected_before():
        return
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    collect = ["-m", "pytest", "--collect-only", "--quiet", "-p", "no:xdist"]
    for_kernels = ["-c", KERNELS, *kernels()]
    started = [
        # What is wrong is told by the run itself.
        subprocess.Popen(
            [sys.executable, *told],
            cwd=REPOSITORY,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for told in (for_kernels, collect)
    ]
    for process in started:
        process.wait()


if __name__ == "__main__":
    main()
