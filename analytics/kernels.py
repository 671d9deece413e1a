"""The one place that decorates a kernel.

Signatures are fixed, so a kernel is compiled once and a wrong type is refused instead of compiled anew;
compiled code is kept in `NUMBA_CACHE_DIR`. Kernel modules (`kernel.py`) are imported by the functions that
use them, never at the top of a module: numba costs a third of a second that most commands need not spend.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

import numba
from numba.core.typeinfer import register_dispatcher

F = TypeVar("F", bound=Callable[..., Any])


def kernel(signature: str) -> Callable[[F], F]:
    """Compile `function` for `signature`, cached, without the interpreter lock, single-threaded.

    numba knows by the source file's stamp whether what it keeps still holds, and looks at the function's own
    file alone: a kernel that calls one of another file would go on with the old body of that. Here the
    stamps of all the files it draws on count.
    """

    def compiled(function: F) -> F:
        made: Any = numba.njit(nogil=True)(function)
        made.enable_caching()
        made._cache._cache_file._source_stamp = _stamps(function)
        with register_dispatcher(made):
            made.compile(signature)
        made.disable_compile()
        return cast(F, made)

    return compiled


def _stamps(function: Callable[..., Any]) -> tuple[tuple[float, int], ...]:
    """(mtime, size) of the function's file and of those of the kernels it calls, in the order of names."""
    seen: set[FunctionType] = set()
    open_: list[Any] = [function]
    while open_:
        one = open_.pop()
        plain = getattr(one, "py_func", one)
        if isinstance(plain, FunctionType) and plain not in seen:
            seen.add(plain)
            named = (plain.__globals__.get(name) for name in plain.__code__.co_names)
            open_ += [other for other in named if hasattr(other, "py_func")]
    stats = [os.stat(file) for file in sorted({one.__code__.co_filename for one in seen})]
    return tuple((stat.st_mtime, stat.st_size) for stat in stats)
