"""A month of half-hours of many meters: Pmax and its time, load factor, the highest hour, the typical days,
the coincident peak; and Pmax with load factor alone beside how fast this machine reads memory.

Every engine is given energies and qualities, says the same figures, and leaves out what is missing. polars
and duckdb live in .venv-peers (tests/peers/load_profiles.py) and are told how many threads to use. From the
store come months of many meters beside a row an interval, and a meter's year beside a round trip.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import date
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ami.bench import store
from ami.bench.engine import Figures, Foreign, Outcome, Prepare, Run, abroad, by_input
from analytics.profiles import figures, peaks
from analytics.profiles.typical import Typical, typical_days
from model.period import Period
from model.quality import Quality
from model.viewer import UserRole, Viewer
from storage.pool import connect
from storage.profiles import load_curve

SIZE: Final = 600_000  # meter-days
UNIT: Final = "intervals/s"
DAYS, SLOTS = 30, 48
FIRST: Final = date(2026, 1, 1)
SEED: Final = 1948
THREADS: Final = {1: "1 thread", 2: "2 threads"}
PEAKS, MEMORY = "Pmax and load factor", "memory"
STORE, CURVE, TRIP = "store to numpy", "a year's curve", "round trip"
TURNS: Final = 50  # curves and round trips that are timed together
WANTED: Final = {"polars": 15.0, "numpy": 2.0}  # times, on as many threads
BANDWIDTH: Final = 0.3  # of what reading alone reaches
MOST_MEMORY: Final = 1.2  # times the input
SLOT_BYTES: Final = 5  # energy and quality
STORE_WANTED: Final = 8.0  # times a row an interval
CURVE_TRIPS, CURVE_MS = 3, 5.0  # a curve may take so many round trips, and so many ms besides
DRAWN: Final = {
    Quality.ACTUAL: 0.94,
    Quality.MISSING: 0.02,
    Quality.LINEAR: 0.02,
    Quality.LIKE_DAY: 0.01,
    Quality.SUSPECT: 0.01,
}

Energy = npt.NDArray[np.int32]
Marks = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64] | npt.NDArray[np.float32]


def month(size: int) -> tuple[Energy, Marks]:
    """Energies (m, 30, 48) in Wh and their qualities, a few not actual."""
    random = np.random.default_rng(SEED)
    shape = (max(1, size // DAYS), DAYS, SLOTS)
    energy = random.gamma(2.0, 150.0, shape).astype(np.int32)
    quality = random.choice(np.array(list(DRAWN), np.uint8), shape, p=list(DRAWN.values()))
    return energy, quality


def told(
    count: int,
    peak_w: Numbers,
    slot: Numbers,
    factor: Numbers,
    hour_w: Numbers,
    typical_w: Numbers,
    together_wh: int,
) -> Outcome:
    """Exact where the figures are whole, to a few places where they are quotients."""

    def said() -> str:
        exact = f"{int(np.sum(peak_w))}/{int(np.sum(slot))}/{int(np.sum(hour_w))}/{together_wh}"
        return f"{exact}/{float(np.sum(factor)):.4f}/{float(np.nansum(typical_w, dtype=np.float64)):.6g}"

    return Outcome(count, said)


def kernel(size: int, threads: int = 1) -> Run:
    """numba, one pass."""
    energy, quality = month(size)

    def run() -> Outcome:
        found = figures(energy, quality, FIRST, threads=threads)
        return told(
            energy.size, found.pmax_w, found.pmax_slot, found.load_factor, found.sliding_w, found.typical_w,
            int(found.together_wh.max()),
        )  # fmt: skip

    return run


def with_numpy(size: int) -> Run:
    """numpy: masks, and sums and peaks along axes."""
    energy, quality = month(size)
    kinds = typical_days(FIRST, DAYS)
    meters = len(energy)

    def run() -> Outcome:
        known = quality != Quality.MISSING
        measured = (quality == Quality.ACTUAL) | (quality >= Quality.SUSPECT)
        flat = np.where(measured, energy, -1).reshape(meters, -1)
        slot = flat.argmax(axis=1)
        peak = np.take_along_axis(flat, slot[:, None], axis=1)[:, 0].astype(np.int64) * 2
        hour = np.where((flat[:, :-1] >= 0) & (flat[:, 1:] >= 0), flat[:, :-1] + flat[:, 1:], -1).max(axis=1)
        wh = np.where(known, energy, 0)
        factor = wh.sum(axis=(1, 2)) / known.sum(axis=(1, 2)) * 2 / peak
        present = [kind for kind in Typical if (kinds == kind).any()]
        with np.errstate(invalid="ignore"):  # a slot of a kind of day that is nowhere known
            typical = [
                np.nansum(wh[:, kinds == kind].sum(axis=1) / known[:, kinds == kind].sum(axis=1) * 2)
                for kind in present
            ]
        together = int(wh.sum(axis=0).max())
        return told(energy.size, peak, slot, factor, hour, np.array(typical), together)

    return run


def with_pandas(size: int) -> Run:
    """pandas: a row an interval, grouped."""
    import pandas as pd

    frame, meters = pd.DataFrame(_long(size)), max(1, size // DAYS)

    def run() -> Outcome:
        known = frame[frame["quality"] != Quality.MISSING]
        said = (frame["quality"] == Quality.ACTUAL) | (frame["quality"] >= Quality.SUSPECT)
        measured = frame[said]
        best = measured.loc[measured.groupby("meter")["wh"].idxmax()]
        peak = best["wh"].to_numpy().astype(np.int64) * 2
        hours = frame["wh"].where(said)
        both = (hours + hours.groupby(frame["meter"]).shift(-1)).groupby(frame["meter"]).max().to_numpy()
        factor = known.groupby("meter")["wh"].mean().to_numpy() * 2 / peak
        typical = known.groupby(["meter", "kind", "of_day"])["wh"].mean().to_numpy() * 2
        together = int(known.groupby("slot")["wh"].sum().max())
        slot = best["slot"].to_numpy().astype(np.int64)
        return told(meters * DAYS * SLOTS, peak, slot, factor, both, typical, together)

    return run


def _long(size: int) -> dict[str, Any]:
    """A row an interval, as columns."""
    energy, quality = month(size)
    meters, kinds = len(energy), typical_days(FIRST, DAYS)
    return {
        "meter": np.repeat(np.arange(meters, dtype=np.int32), DAYS * SLOTS),
        "slot": np.tile(np.arange(DAYS * SLOTS, dtype=np.int16), meters),
        "of_day": np.tile(np.arange(SLOTS, dtype=np.int8), meters * DAYS),
        "kind": np.tile(np.repeat(kinds, SLOTS), meters),
        "wh": energy.ravel(),
        "quality": quality.ravel(),
    }


def only_peaks(size: int) -> Run:
    """Pmax and load factor, nothing else."""
    energy, quality = month(size)

    def run() -> Outcome:
        pmax, slot, factor = peaks(energy, quality)
        exact = f"{int(pmax.sum())}/{int(slot.sum())}/{float(factor.sum()):.4f}"
        return Outcome(energy.size, exact)

    return run


def reading(size: int) -> Run:
    """The same bytes read and added up by vector instructions: as fast as this machine reads."""
    energy, quality = month(size)
    marks = quality.reshape(-1).view(np.int64)

    def run() -> Outcome:
        return Outcome(energy.size, f"{int(energy.max())}/{int(marks.max())}")

    return run


def _of_store(prepare: Prepare, size: int) -> Run:
    """As `ami bench store` does it, for no more meter-days than rows can be written in good time."""
    return prepare(min(size, store.SIZE))


def surroundings() -> AbstractContextManager[dict[str, str]]:
    """The server of `ami bench store`."""
    return store.surroundings()


def a_years_curve(size: int) -> Run:
    """A meter's year as a page draws it."""
    server, year = store.dsn(), Period.of_days(date(2025, 1, 1), date(2026, 1, 1))
    serial, viewer = store.save_year(server, year), Viewer("bench", UserRole.ENGINEER)

    def run() -> Outcome:
        with connect(server) as conn:
            for _ in range(TURNS):
                curve = load_curve(conn, viewer, serial, year)
        assert curve is not None
        return Outcome(TURNS, f"{len(curve.wh)} slots, {int(np.nansum(curve.wh))} Wh")

    return run


def a_round_trip(size: int) -> Run:
    """Nothing asked of the server, nothing answered."""
    server = store.dsn()

    def run() -> Outcome:
        with connect(server) as conn:
            for _ in range(TURNS):
                conn.execute("SELECT 1").fetchone()
        return Outcome(TURNS, "1")

    return run


def _given() -> str:
    return json.dumps(
        {
            "seed": SEED,
            "days": DAYS,
            "slots": SLOTS,
            "qualities": {int(quality): share for quality, share in DRAWN.items()},
            "kinds": typical_days(FIRST, DAYS).tolist(),
            "missing": int(Quality.MISSING),
            "actual": int(Quality.ACTUAL),
            "suspect": int(Quality.SUSPECT),
        }
    )


ENGINES: dict[str, Prepare | Foreign] = {
    f"{THREADS[1]}/kernel": kernel,
    f"{THREADS[2]}/kernel": partial(kernel, threads=2),
    **{
        f"{said}/{engine}": abroad("load_profiles.py", engine, str(n), given=_given)
        for n, said in THREADS.items()
        for engine in ("polars", "duckdb")
    },
    f"{THREADS[1]}/numpy": with_numpy,
    f"{THREADS[1]}/pandas": with_pandas,
    f"{PEAKS}/kernel": only_peaks,
    f"{MEMORY}/reading": reading,
    f"{STORE}/days": partial(_of_store, store.read_days),
    f"{STORE}/rows": partial(_of_store, store.read_rows),
    f"{CURVE}/load_curve": a_years_curve,
    f"{TRIP}/SELECT 1": a_round_trip,
}


def ratios(medians: Mapping[str, Figures]) -> dict[str, float]:
    """How many times the kernel is faster than each peer on as many threads (CPU time of them all); which
    share of the machine's reading speed Pmax and load factor reach; peak memory by the input's size."""
    found = {
        f"{task}: kernel vs {engine}": each.cpu_seconds / medians[f"{task}/kernel"].cpu_seconds
        for name, each in medians.items()
        for task, _, engine in [name.partition("/")]
        if engine != "kernel" and f"{task}/kernel" in medians
    }
    alone, read = medians[f"{PEAKS}/kernel"], medians[f"{MEMORY}/reading"]
    found[f"{PEAKS}: share of the reading speed"] = read.cpu_seconds / alone.cpu_seconds
    found["memory of the kernel by its input"] = by_input(medians[f"{THREADS[1]}/kernel"], SLOT_BYTES)
    # Wall clock: the server works too.
    found[f"{STORE}: days vs rows"] = medians[f"{STORE}/rows"].seconds / medians[f"{STORE}/days"].seconds
    curve, trip = medians[f"{CURVE}/load_curve"], medians[f"{TRIP}/SELECT 1"]
    found |= {
        f"{CURVE}, ms": curve.seconds / curve.count * 1000,
        f"{TRIP}, ms": trip.seconds / trip.count * 1000,
    }
    return found


def held(medians: Mapping[str, Figures]) -> dict[str, bool]:
    """What is promised of the ratios."""
    found = ratios(medians)
    promised = {
        f"{times:g} x {engine}, {task}": found[f"{task}: kernel vs {engine}"] >= times
        for engine, times in WANTED.items()
        for task in THREADS.values()
        if f"{task}: kernel vs {engine}" in found
    }
    reached, memory = (
        found[f"{PEAKS}: share of the reading speed"],
        found["memory of the kernel by its input"],
    )
    return {
        **promised,
        f"{BANDWIDTH:.0%} of the reading speed": reached >= BANDWIDTH,
        f"{STORE}: {STORE_WANTED:g} x a row an interval": found[f"{STORE}: days vs rows"] >= STORE_WANTED,
        f"{CURVE} in {CURVE_TRIPS} round trips and {CURVE_MS:g} ms": (
            found[f"{CURVE}, ms"] <= CURVE_TRIPS * found[f"{TRIP}, ms"] + CURVE_MS
        ),
        f"memory at most {MOST_MEMORY} x the input": memory <= MOST_MEMORY,
    }
