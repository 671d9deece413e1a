"""The fault proxy as a program: orders from stdin and from a script, until stdin ends or a signal."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from simulators.errors import ControlError, SimulatorError
from simulators.fault_proxy import FaultProxy
from simulators.orders import listen
from simulators.signals import stopping


def script(path: Path) -> list[dict[str, Any]]:
    """The orders of a file, one JSON object a line; `SimulatorError` names the line that is none."""
    orders = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            order = json.loads(line)
        except ValueError:
            order = None
        late = order.get("after_s", 0) if isinstance(order, dict) else None
        if not isinstance(order, dict) or isinstance(late, bool) or not isinstance(late, int | float):
            raise SimulatorError(
                f'{path}, line {number}: write an order like {{"after_s": 5, "do": "cut"}}, one a line'
            )
        orders.append(order)
    return orders


async def serve(
    proxy: FaultProxy,
    orders: Sequence[Mapping[str, Any]],
    *,
    ready: Callable[[], None],
    answered: Callable[[dict[str, Any]], None],
    stdin: int | None = None,
) -> None:
    """Pass bytes and obey; `answered` takes what became of each order from stdin, "error" among it."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    with stopping(loop, lambda: heard.put_nowait(None)):
        async with proxy.serving():
            ready()
            listen(loop, heard, sys.stdin.fileno() if stdin is None else stdin)
            following = asyncio.create_task(proxy.follow(orders))
            following.add_done_callback(lambda done: heard.put_nowait(None) if _failed(done) else None)
            while (line := await heard.get()) is not None:
                if line.strip():
                    answered(await _obeyed(proxy, line))
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    if _failed(following):
        following.result()


def _failed(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


async def _obeyed(proxy: FaultProxy, line: str) -> dict[str, Any]:
    try:
        return await proxy.obey(json.loads(line))
    except ValueError:
        return {"error": f"an order is one JSON document a line, not {line.strip()[:80]!r}"}
    except ControlError as error:
        return {"error": str(error)}
