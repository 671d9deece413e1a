"""`python -m tests.fuzz`: inputs for everything that takes bytes of a peer; what breaks a promise is kept."""

from __future__ import annotations

import argparse
import fnmatch
import gc
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz import guided
from tests.fuzz.campaign import Tally, Thrower, campaign
from tests.fuzz.found import load, save
from tests.fuzz.registry import registry
from tests.fuzz.trial import CPU_SECONDS, attempt, judged


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many, over all entries")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--seed", type=int, default=None, help="the same seed gives the same inputs")
    parser.add_argument("--entry", action="append", help="only entries of this name, * for any characters")
    parser.add_argument("--guided", type=int, default=0, help="then so many led by coverage (needs atheris)")
    parser.add_argument("--corpus", type=Path, default=Path(".cache/fuzz/corpus"), help="what those grow")
    parser.add_argument("--all-bombs", action="store_true", help="all expensive inputs, not one in 16")
    parser.add_argument(
        "--limit-ms", type=float, default=CPU_SECONDS * 1000, help="CPU that one input may cost"
    )
    parser.add_argument(
        "--found", type=Path, default=Path(".cache/fuzz/found"), help="where findings are kept"
    )
    parser.add_argument(
        "--replay", type=Path, nargs="*", default=[], help="throw these findings again, and nothing else"
    )
    return parser.parse_args()


def _line(tally: Tally, begin: float, total: int) -> str:
    name, seconds = tally.worst()
    seconds_so_far = time.monotonic() - begin
    return (
        f"{tally.inputs:>9,} of {total:,} inputs, {tally.refused:,} refused, {seconds_so_far:.0f} s, "
        f"{len(tally.findings)} findings; slowest {seconds * 1000:.1f} ms ({name}); "
        f"most memory {tally.heaviest()[1] / (1 << 20):.1f} MiB ({tally.heaviest()[0]})"
    )


def _replayed(paths: list[Path]) -> int:
    wrong = 0
    for path in paths:
        name, chunks = load(path)
        trial = attempt(registry()[name], chunks)
        wrong += bool(trial.wrong)
        print(f"{path}: {trial.wrong or 'as promised'} ({trial.seconds * 1000:.1f} ms)")
    return min(wrong, 1)


def main() -> int:
    """0 when every promise was kept, 1 when one was not."""
    asked = _arguments()
    if asked.replay:
        return _replayed(asked.replay)
    seed = random.SystemRandom().randrange(1 << 32) if asked.seed is None else asked.seed
    patterns = asked.entry or ["*"]
    entries = [
        entry for name, entry in registry().items() if any(fnmatch.fnmatch(name, one) for one in patterns)
    ]
    print(f"seed {seed}: {len(entries)} entries, {asked.inputs:,} inputs (again: --seed {seed})", flush=True)
    gc.freeze()
    begin = shown = time.monotonic()
    bombed = Tally()
    for entry in entries:
        Thrower(entry, seed, bombed, asked.limit_ms / 1000).bomb(1 if asked.all_bombs else 16)
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            print("bombs: " + _line(bombed, begin, bombed.inputs), file=sys.stderr, flush=True)
    tally = Tally()

    def goes_on(so_far: Tally) -> bool:
        late = time.monotonic() - begin >= asked.seconds
        return not late and so_far.inputs < int(asked.inputs)

    for tally in campaign(entries, seed, goes_on, limit=asked.limit_ms / 1000):
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            print(_line(tally, begin, asked.inputs), file=sys.stderr, flush=True)
    print("bombs: " + _line(bombed, begin, bombed.inputs))
    print(_line(tally, begin, asked.inputs), flush=True)
    for finding in (*bombed.findings, *tally.findings):
        path = save(asked.found, finding.entry, finding.chunks, finding.wrong)
        print(f"{finding.entry}: {finding.wrong}\n    {path}")
    led = _led(asked, seed) if asked.guided else 0
    return 1 if bombed.findings or tally.findings or led else 0


def _led(asked: argparse.Namespace, seed: int) -> int:
    """Inputs led by coverage; how many of them break a promise where nobody watches."""
    suspects = Path(tempfile.mkdtemp(prefix="suspects-"))
    status = guided.run(asked.guided, seed, asked.corpus, suspects)
    broken = 0
    for path in sorted(suspects.glob("*.txt")):
        name, chunks = load(path)
        trial = judged(registry()[name], chunks, asked.limit_ms / 1000)
        if trial.wrong:
            broken += 1
            print(f"{name}: {trial.wrong}\n    {save(asked.found, name, chunks, trial.wrong)}")
    print(f"guided: {asked.guided:,} inputs, {len(list(suspects.iterdir()))} suspects, {broken} findings")
    shutil.rmtree(suspects)
    return broken or status


if __name__ == "__main__":
    raise SystemExit(main())
