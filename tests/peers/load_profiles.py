"""One timed run of a foreign engine over a month of half-hours: ENGINE THREADS SIZE, its form on stdin.

A row an interval, sorted by meter and time, as these engines like it. Prints what `ami.bench.engine.Figures`
holds, as a JSON list. Runs in .venv-peers only.
"""

import json
import os
import sys
import time

ENGINE, THREADS, SIZE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.environ["POLARS_MAX_THREADS"] = str(THREADS)  # read when polars is imported

import numpy as np  # noqa: E402

GIVEN = json.loads(sys.stdin.read())
DAYS, SLOTS = GIVEN["days"], GIVEN["slots"]
MISSING, ACTUAL, SUSPECT = GIVEN["missing"], GIVEN["actual"], GIVEN["suspect"]
METERS = max(1, SIZE // DAYS)


def month():
    """The columns of `ami.bench.profiles.month`, drawn alike: the checksum says whether they are."""
    random = np.random.default_rng(GIVEN["seed"])
    shape = (METERS, DAYS, SLOTS)
    wh = random.gamma(2.0, 150.0, shape).astype(np.int32).ravel()
    shares = GIVEN["qualities"]
    quality = random.choice(np.array([int(one) for one in shares], np.uint8), shape, p=list(shares.values()))
    return {
        "meter": np.repeat(np.arange(METERS, dtype=np.int32), DAYS * SLOTS),
        "slot": np.tile(np.arange(DAYS * SLOTS, dtype=np.int16), METERS),
        "of_day": np.tile(np.arange(SLOTS, dtype=np.int8), METERS * DAYS),
        "kind": np.tile(np.repeat(np.array(GIVEN["kinds"], np.uint8), SLOTS), METERS),
        "wh": wh,
        "quality": quality.ravel(),
    }


def polars():
    import polars as pl

    frame, wh, quality = pl.DataFrame(month()), pl.col("wh"), pl.col("quality")
    said = (quality == ACTUAL) | (quality >= SUSPECT)
    known = quality != MISSING

    def timed():
        lazy = frame.lazy()
        measured = pl.when(said).then(wh)
        told = pl.when(known).then(wh)
        by_meter = lazy.group_by("meter").agg(
            peak=measured.max(),
            slot=measured.arg_max(),
            mean=told.mean(),
            hour=(measured + measured.shift(-1)).max(),
        )
        typical = lazy.filter(known).group_by("meter", "kind", "of_day").agg(wh.mean())
        together = lazy.filter(known).group_by("slot").agg(wh.cast(pl.Int64).sum())
        return pl.collect_all([by_meter, typical, together])

    def checksum(found):
        by_meter, typical, together = found
        peak = by_meter["peak"].cast(pl.Int64) * 2
        return (
            peak.sum(), by_meter["slot"].cast(pl.Int64).sum(), by_meter["hour"].cast(pl.Int64).sum(),
            together["wh"].max(), (by_meter["mean"] * 2 / peak).sum(), typical["wh"].sum() * 2,
        )  # fmt: skip

    return timed, checksum


def duckdb():
    import duckdb
    import pandas as pd

    conn = duckdb.connect()
    conn.execute(f"SET threads = {THREADS}")
    conn.execute("SET preserve_insertion_order = false")
    conn.register("given", pd.DataFrame(month()))
    conn.execute("CREATE TABLE half_hour AS SELECT * FROM given")
    conn.unregister("given")
    statements = [
        f"""CREATE OR REPLACE TEMP TABLE by_meter AS
            SELECT meter, max(said) AS peak, arg_max(slot, (said, -slot)) FILTER (said IS NOT NULL) AS slot,
                avg(wh) FILTER (quality <> {MISSING}) AS mean, max(said + later) AS hour
            FROM (SELECT *, lead(said) OVER (PARTITION BY meter ORDER BY slot) AS later
                  FROM (SELECT *, CASE WHEN quality = {ACTUAL} OR quality >= {SUSPECT} THEN wh END AS said
                        FROM half_hour)) GROUP BY meter""",
        f"""CREATE OR REPLACE TEMP TABLE typical AS SELECT meter, kind, of_day, avg(wh) AS wh FROM half_hour
            WHERE quality <> {MISSING} GROUP BY meter, kind, of_day""",
        f"""CREATE OR REPLACE TEMP TABLE together AS SELECT slot, sum(wh) AS wh FROM half_hour
            WHERE quality <> {MISSING} GROUP BY slot""",
    ]

    def timed():
        for statement in statements:
            conn.execute(statement)

    def checksum(_):
        one = "SELECT sum(peak) * 2, sum(slot), sum(hour), sum(mean / peak) FROM by_meter"
        peak, slot, hour, factor = conn.execute(one).fetchone()
        (typical,) = conn.execute("SELECT sum(wh) * 2 FROM typical").fetchone()
        (together,) = conn.execute("SELECT max(wh) FROM together").fetchone()
        return peak, slot, hour, together, factor, typical

    return timed, checksum


def run():
    timed, checksum = {"polars": polars, "duckdb": duckdb}[ENGINE]()
    timed()
    wall, cpu = time.perf_counter(), time.process_time()
    found = timed()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    with open("/proc/self/status") as lines:  # getrusage would count what started this process, too
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    *whole, factor, typical = checksum(found)
    said = "/".join(str(int(one)) for one in whole)
    return [seconds, cpu_seconds, peak, METERS * DAYS * SLOTS, f"{said}/{factor:.4f}/{typical:.6g}"]


print(json.dumps(run()))
