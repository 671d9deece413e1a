"""How a command that cannot do what it was asked has to end."""

from __future__ import annotations

import ctypes
import os
from typing import Any

_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2


def sentence_of(done: Any) -> str:
    """The one sentence a process ended with: the last line it said, and no traceback before it."""
    assert "Traceback" not in done.stderr, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("ami: ")]
    assert told == done.stderr.splitlines()[-1:], done.stderr
    sentence = str(told[0]).removeprefix("ami: ")
    assert sentence.endswith("."), sentence
    return sentence


def refused(ami: Any, *arguments: str, code: int, **options: Any) -> str:
    """Run a command that has to end with this code; the sentence it said. Nothing may stand on stdout."""
    done = ami(*arguments, code=code, **options)
    assert done.stdout == ""
    return sentence_of(done)


def as_anybody() -> None:
    """In a child before it begins: permissions count for root as well."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            assert libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
