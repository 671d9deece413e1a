"""Bills by COPY: whole portions of bills, lines and registers, in the tables' own order.

Values are text as COPY takes it; codes are escaped where one needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

_NUMBERS: Final = "SELECT nextval(pg_get_serial_sequence('bill', 'id')) FROM generate_series(1, %s)"
_BILL: Final = """
    COPY bill (id, point, customer, from_at, to_at, invoice_date, plan, decisions, kwh, wh, subtotal,
        vat_percent, vat, total, issued_at, run_id, pmax_kw) FROM STDIN"""
_LINE: Final = "COPY bill_line (bill_id, number, label, kwh, price, amount) FROM STDIN"
_USE: Final = """
    COPY bill_use (bill_id, number, serial, rate, previous, current, multiplier, wh, kwh, status, removed,
        carried_wh) FROM STDIN"""
_SPECIAL: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def numbers(conn: Connection[TupleRow], many: int) -> list[int]:
    """So many numbers of bills."""
    return [number for (number,) in conn.execute(_NUMBERS, [many])]


def escaped(texts: Sequence[str]) -> Sequence[str]:
    """Texts as COPY reads them back."""
    joined = "".join(texts)
    if any(letter in joined for letter in "\\\t\n\r"):
        return [text.translate(_SPECIAL) for text in texts]
    return texts


def array(texts: Iterable[str]) -> str:
    """A text[] as COPY takes it."""
    quoted = ('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts)
    return ("{" + ",".join(quoted) + "}").translate(_SPECIAL)


def write(
    conn: Connection[TupleRow], bills: Sequence[str], lines: Sequence[str], uses: Sequence[str]
) -> None:
    """Rows of the three tables, tab-separated each.

    That a line's bill is there is looked up for each line, by a plan that a session makes once. Made while
    the table was small, it would read all of it for every line of a first great run.
    """
    conn.execute("DISCARD PLANS")
    conn.execute("SET LOCAL enable_seqscan = off")
    for statement, rows in ((_BILL, bills), (_LINE, lines), (_USE, uses)):
        if rows:
            with conn.cursor() as cursor, cursor.copy(statement) as copy:
                copy.write("\n".join(rows) + "\n")
    conn.execute("SET LOCAL enable_seqscan = on")
