"""`python -m tests.chaos`: a bad network, head-ends killed, the database stopped, strangers at the door.

Ends with 0 when every half-hour of every meter that can be reached is in the store once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.plan import Plan
from tests.chaos.storm import Storm

_BEGAN = time.monotonic()


def _say(text: str) -> None:
    sys.stderr.write(f"{time.monotonic() - _BEGAN:6.1f} s  {text}\n")
    sys.stderr.flush()


def _ports() -> int:
    for port in range(15_000, 32_768):
        if port in _TAKEN:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _TAKEN.add(port)
        return port
    raise SystemExit("no port from 15000 to 32767 is free on 127.0.0.1: stop what listens there")


_TAKEN: set[int] = set()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--meters", type=int, default=Plan.meters)
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="how long the storm lasts")
    parser.add_argument(
        "--calm", type=float, default=Plan.calm, help="how long all may take to come after it"
    )
    parser.add_argument("--outage", type=float, default=Plan.outage, help="seconds without a database")
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument(
        "--stand-still", action="store_true", help="stop and continue every other one instead"
    )
    parser.add_argument("--keep", action="store_true", help="leave the folder with the logs")
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="dienke-chaos-"))
    plan = Plan(
        given.meters, given.seconds, given.calm, outage=given.outage, seed=given.seed,
        stand_still=given.stand_still,
    )  # fmt: skip
    try:
        result = asyncio.run(Storm(plan, home, _say, _ports).run())
    except KeyboardInterrupt:
        _say("stopped before it was over: what it had started has ended, and nothing was judged")
        return 130
    finally:
        if given.keep:
            _say(f"logs and database: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    sys.stdout.write(json.dumps(result, indent=None if given.json else 1) + "\n")
    return 0 if not (result["lost"] or result["doubled"] or result["invented"]) else 1


if __name__ == "__main__":
    sys.exit(main())
