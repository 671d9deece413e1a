"""Which errors of the rooms are sentences for a person, and the code each ends a command with."""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import Any

from ami.failure import Exit, Failure, sentence
from model.errors import ModelError

# package, class, code; only rooms that were imported can have raised
_KNOWN = (
    ("storage.errors", "RegisterUnusable", Exit.INPUT),
    ("storage.errors", "Unknown", Exit.INPUT),
    ("storage.errors", "AlreadyThere", Exit.INPUT),
    ("storage.errors", "StorageError", Exit.FAILED),
    ("simulators.errors", "ReplayError", Exit.INPUT),
    ("simulators.errors", "SimulatorError", Exit.FAILED),
    ("collector.errors", "LinkDown", Exit.NO_LINK),
    ("collector.errors", "AnswerTimeout", Exit.NO_LINK),
    ("collector.errors", "CollectorError", Exit.FAILED),
    ("protocols.errors", "ProtocolError", Exit.FAILED),
    ("analytics.errors", "AnalyticsError", Exit.INPUT),
    ("operations.errors", "InputError", Exit.INPUT),
    ("operations.errors", "OperationsError", Exit.FAILED),
    ("dashboard.errors", "DashboardError", Exit.FAILED),
)


FULL = os.makedev(1, 7)  # the device /dev/full


def known_failure(error: Exception) -> Failure | None:
    """The failure behind an error, or None when nobody foresaw it."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]  # what a group of tasks wraps around the one that failed
    if isinstance(error, ModelError):
        return _failure(str(error), Exit.INPUT)
    for module, name, code in _KNOWN:
        loaded = sys.modules.get(module)
        kind = getattr(loaded, name, None)
        if kind is not None and isinstance(error, kind):
            return _failure(str(error), code)
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and (found := _database(psycopg, error)):
        return found
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        place = error.filename or ("where stdout goes" if _stdout_is_full() else "writing")
        return _failure(f"The disk is full ({place}): make room, then run this again.", Exit.FAILED)
    if isinstance(error, OSError) and error.filename is not None:
        return _failure(
            f"{error.filename} cannot be used ({error.strerror}): check the path and its permissions.",
            Exit.FAILED,
        )
    return None


def _stdout_is_full() -> bool:
    """Whether what a write without a name did not get rid of was for stdout: its error does not say."""
    try:
        into = os.fstat(1)
        return into.st_rdev == FULL or (stat.S_ISREG(into.st_mode) and os.fstatvfs(1).f_bavail == 0)
    except OSError:
        return False


def _database(psycopg: Any, raised: BaseException) -> Failure | None:
    """What befell the database, also where the queue has wrapped it."""
    error: BaseException | None = raised
    while error is not None:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if isinstance(error, psycopg.errors.DiskFull):
            return _failure(
                f"The disk of the database is full ({said}): make room there, then run this again; "
                "what was stored stays stored.",
                Exit.FAILED,
            )
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return _failure(
                f"The database cannot be reached or went away ({said}): "
                "look at `ami db status`, then run this again; what was stored stays stored.",
                Exit.FAILED,
            )
        error = error.__cause__
    return None


def _failure(text: str, code: Exit) -> Failure:
    """The failure of this code; its text becomes a sentence."""
    failure = Failure(sentence(text))
    failure.code = code
    return failure
