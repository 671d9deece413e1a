"""What numpy writes as binary COPY is what PostgreSQL reads, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from storage import copying
from storage.pool import connect

INT8 = st.integers(-(2**63), 2**63 - 1)
FLOAT4 = st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False)
INSTANT = st.timedeltas(timedelta(days=-4000), timedelta(days=40000)).map(
    lambda since: datetime(2000, 1, 1, tzinfo=UTC) + since
)
ROW = st.tuples(
    st.integers(-(2**15), 2**15 - 1),
    st.integers(-(2**31), 2**31 - 1),
    INT8,
    st.booleans(),
    st.binary(max_size=20),
    st.text(max_size=20),
    st.none() | INSTANT,
    FLOAT4,
    st.none() | st.floats(allow_nan=False),
    st.lists(FLOAT4, min_size=1, max_size=4),
    st.lists(INT8, max_size=20),
    st.lists(INSTANT, max_size=5),
)


@pytest.fixture(scope="module")
def conn(cluster: str) -> Iterator[Connection[TupleRow]]:
    with connect(cluster) as connection:
        connection.execute(
            "CREATE TEMP TABLE t (a smallint, b integer, c bigint, d boolean, e bytea, f text,"
            " g timestamptz, h real, i double precision, j real[], k bigint[], l timestamptz[])"
        )
        yield connection


def _encoded(row: tuple[Any, ...]) -> bytes:
    a, b, c, d, e, f, g, h, i, j, k, stamps = row
    return copying.row(
        copying.int2(a),
        copying.int4(b),
        copying.int8(c),
        copying.boolean(d),
        copying.blob(e),
        copying.text(f),
        copying.instant(g),
        copying.float4(h),
        copying.float8(i),
        copying.float4s(j),
        copying.int8s(np.array(k, np.int64)),
        copying.instants(np.array([copying.micros(at) for at in stamps], np.int64)),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROW, max_size=5))
def test_rows_come_back(conn: Connection[TupleRow], rows: list[tuple[Any, ...]]) -> None:
    conn.execute("DELETE FROM t")
    with conn.cursor() as cursor, cursor.copy("COPY t FROM STDIN (FORMAT binary)") as copy:
        copy.write(copying.stream([_encoded(row) for row in rows]))
    with conn.cursor(binary=True) as cursor:
        found = cursor.execute("SELECT * FROM t").fetchall()
    expected = [
        (*row[:5], row[5].replace("\0", "␀").encode(errors="backslashreplace").decode(), *row[6:])
        for row in rows
    ]
    assert [tuple(map(_plain, row)) for row in found] == [tuple(map(_plain, row)) for row in expected]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(INT8, max_size=50), small=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=50))
def test_arrays_come_as_numpy(conn: Connection[TupleRow], values: list[int], small: list[int]) -> None:
    with conn.cursor(binary=True) as cursor:
        copying.read_arrays(cursor)
        row = cursor.execute(
            "SELECT %s::bigint[], %s::integer[], %s::bytea", [values, small, b"\1\2"]
        ).fetchone()
    assert row is not None
    assert (row[0].tolist(), row[1].tolist(), row[2].tolist()) == (values, small, [1, 2])
    assert (row[0].dtype, row[1].dtype) == (np.int64, np.int32)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
