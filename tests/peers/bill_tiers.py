"""One timed run of a foreign engine over bills of six tiers: ENGINE THREADS SIZE, tables as JSON on stdin.

`polars` and `duckdb` work the prorated widths out for each bill; `… tabulated` are lent our table of cut-offs
and look them up. Prints what `ami.bench.engine.Figures` holds, as a JSON list. Runs in .venv-peers only.
"""

import json
import os
import sys
import time

ENGINE, THREADS, SIZE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.environ["POLARS_MAX_THREADS"] = str(THREADS)  # read when polars is imported

import numpy as np  # noqa: E402

GIVEN = json.loads(sys.stdin.read())
WIDTHS, PRICES, VAT = GIVEN["widths"], GIVEN["prices"], GIVEN["vat_basis_points"]
CLOSED = len(WIDTHS)


def bills():
    """The columns of `ami.bench.billing.bills`, drawn alike: the checksum says whether they are."""
    random = np.random.default_rng(GIVEN["seed"])
    month = np.minimum(random.gamma(1.8, 110.0, SIZE), 5000)
    which = random.integers(0, 2, SIZE, dtype=np.int64)
    month_days = random.integers(28, 32, SIZE, dtype=np.int64)
    days = random.integers(0, 2**31, SIZE, dtype=np.int64) % month_days + 1
    row = (np.array(GIVEN["first_row"])[which, month_days - 28] + days - 1).astype(np.int32)
    kwh = (month * days / month_days).astype(np.int64)
    return {"kwh": kwh, "which": which, "month_days": month_days, "days": days, "row": row}


def table():
    """Our table, a column for each number of a row."""
    names = {"cuts": "c", "offset": "o", "price": "p"}
    return {
        f"{short}{tier}": np.array([row[tier] for row in GIVEN[name]])
        for name, short in names.items()
        for tier in range(CLOSED if name == "cuts" else CLOSED + 1)
    }


def polars():
    import polars as pl

    frame, kwh = pl.DataFrame(bills()), pl.col("kwh")
    vat = ((pl.col("subtotal") * VAT + 5000) // 10000).alias("vat")

    def price(tier):
        return pl.when(pl.col("which") == 0).then(PRICES[0][tier]).otherwise(PRICES[1][tier])

    def plain():
        days, of = pl.col("days"), pl.col("month_days")
        sizes = [((2 * one * days + of) // (2 * of)).alias(f"q{tier}") for tier, one in enumerate(WIDTHS)]
        amount, cut = kwh * price(0), pl.lit(0, dtype=pl.Int64)
        for tier in range(CLOSED):
            cut = cut + pl.col(f"q{tier}")
            amount = amount + (kwh - cut).clip(lower_bound=0) * (price(tier + 1) - price(tier))
        made = frame.lazy().with_columns(sizes).select(amount.alias("subtotal"))
        return made.with_columns(vat).collect()

    columns = {name: pl.Series(values) for name, values in table().items()}
    offset, rate = (pl.Series(np.array(GIVEN[name]).ravel()) for name in ("offset", "price"))

    def tabulated():
        place = pl.col("row") * (CLOSED + 1)
        for tier in range(CLOSED):
            place = place + (kwh > pl.lit(columns[f"c{tier}"]).gather(pl.col("row"))).cast(pl.Int32)
        found = pl.lit(offset).gather(pl.col("place")) + kwh * pl.lit(rate).gather(pl.col("place"))
        placed = frame.lazy().select("kwh", place.alias("place"))
        return placed.select(found.alias("subtotal")).with_columns(vat).collect()

    def checksum(made):
        return made["subtotal"].sum(), made["vat"].sum()

    return (tabulated if ENGINE.endswith("tabulated") else plain), checksum


def duckdb():
    import duckdb
    import pandas as pd

    conn = duckdb.connect()
    conn.execute(f"SET threads = {THREADS}")
    for name, columns in (("bill", bills()), ("tier", {"row": np.arange(len(GIVEN["cuts"])), **table()})):
        conn.register("given", pd.DataFrame(columns))
        conn.execute(f"CREATE TABLE {name} AS SELECT * FROM given")

    def price(tier):
        return f"(CASE which WHEN 0 THEN {PRICES[0][tier]} ELSE {PRICES[1][tier]} END)"

    if ENGINE.endswith("tabulated"):
        cases = " ".join(f"WHEN kwh <= c{tier} THEN o{tier} + kwh * p{tier}" for tier in range(CLOSED))
        amount = f"CASE {cases} ELSE o{CLOSED} + kwh * p{CLOSED} END"
        inner = f"SELECT {amount} AS subtotal FROM bill JOIN tier USING (row)"
    else:
        sizes = [f"(2 * {one} * days + month_days) // (2 * month_days)" for one in WIDTHS]
        ends = ", ".join(f"{' + '.join(sizes[: tier + 1])} AS c{tier}" for tier in range(CLOSED))
        steps = " + ".join(
            f"greatest(kwh - c{tier}, 0) * ({price(tier + 1)} - {price(tier)})" for tier in range(CLOSED)
        )
        inner = f"SELECT kwh * {price(0)} + {steps} AS subtotal FROM (SELECT *, {ends} FROM bill)"
    statement = f"""CREATE OR REPLACE TEMP TABLE made AS
        SELECT subtotal, (subtotal * {VAT} + 5000) // 10000 AS vat FROM ({inner})"""

    def checksum(_):
        return conn.execute("SELECT sum(subtotal), sum(vat) FROM made").fetchone()

    return (lambda: conn.execute(statement)), checksum


def run():
    timed, checksum = {"polars": polars, "duckdb": duckdb}[ENGINE.split()[0]]()
    timed()
    wall, cpu = time.perf_counter(), time.process_time()
    found = timed()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    with open("/proc/self/status") as lines:  # getrusage would count what started this process, too
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    return [seconds, cpu_seconds, peak, SIZE, "{}+{}".format(*map(int, checksum(found)))]


print(json.dumps(run()))
