"""Which processes open a file: each Python process tells by an audit hook, the kernel counts them all."""

from __future__ import annotations

import ctypes
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path

_HOOK = '''
"""Tells of every start of an interpreter, and of every opening of one file."""
import json, os, sys

_log, _file = os.environ["WATCH_LOG"], os.environ["WATCH_FILE"]
_name = os.path.basename(_file)


def _tell(what):
    line = json.dumps({"what": what, "pid": os.getpid(), "argv": sys.orig_argv}) + "\\n"
    descriptor = os.open(_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def _hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        if os.path.basename(os.fsdecode(arguments[0])) == _name:
            _tell("open")


_tell("start")
sys.addaudithook(_hook)
'''
_IN_OPEN, _IN_CLOSE = 0x20, 0x08 | 0x10
_EVENT = struct.Struct("iIII")


@dataclass(frozen=True)
class Seen:
    """Verbs of `ami` that ran, those that opened the file (once for each opening), and the kernel's count."""

    ran: frozenset[str]
    opened: tuple[str, ...]
    openings: int


class FileWatch:
    """Watch `file` from now on; children started with `environment` tell what they do."""

    def __init__(self, file: Path, folder: Path) -> None:
        self._log = folder / "watch.jsonl"
        hook = folder / "hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(_HOOK)
        self.environment = {
            "PYTHONPATH": str(hook),
            "WATCH_LOG": str(self._log),
            "WATCH_FILE": str(file),
        }
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        # Closing is asked for too: the kernel merges like events that follow one another.
        watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(file), _IN_OPEN | _IN_CLOSE)
        assert self._descriptor >= 0
        assert watch >= 0, os.strerror(ctypes.get_errno())

    def seen(self) -> Seen:
        """What happened since; the watch is over."""
        events = [json.loads(line) for line in self._log.read_text().splitlines()]
        return Seen(
            ran=frozenset(_verb(event["argv"]) for event in events),
            opened=tuple(_verb(event["argv"]) for event in events if event["what"] == "open"),
            openings=self._openings(),
        )

    def _openings(self) -> int:
        count = 0
        while True:
            try:
                raw = os.read(self._descriptor, 65536)
            except BlockingIOError:
                break
            at = 0
            while at < len(raw):
                _, mask, _, length = _EVENT.unpack_from(raw, at)
                at += _EVENT.size + length
                count += bool(mask & _IN_OPEN)
        os.close(self._descriptor)
        return count


def _verb(argv: list[str]) -> str:
    """`collect` of `python -m ami.main collect …`; the whole line of anything else."""
    if "ami.main" in argv:
        return argv[argv.index("ami.main") + 1]
    return " ".join(argv)
