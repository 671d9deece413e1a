"""What validation noticed: of a day, until it is validated again, or of a meter, while it lasts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from model.day import Finding

LASTING: Final = (
    "clock_drift",
    "missing_channel",
    "inactive_with_use",
    "active_without_use",
    "prolonged_estimation",
)
"""Kinds that are about a meter as it stands: told once, on the day it was noticed, until it is over."""

_SAVE_FINDING: Final = """
    INSERT INTO finding AS old (meter_id, day, kind, severity, detail, origin)
    SELECT DISTINCT ON (meter_id, day, kind) meter_id, day, kind, severity, detail, 'validation'
    FROM unnest(%s::integer[], %s::date[], %s::text[], %s::smallint[], %s::jsonb[])
        AS new (meter_id, day, kind, severity, detail)
    ORDER BY meter_id, day, kind, severity DESC
    ON CONFLICT (meter_id, day, kind) DO UPDATE SET severity = excluded.severity, detail = excluded.detail
    WHERE old.origin = 'validation'
      AND (old.severity, old.detail) IS DISTINCT FROM (excluded.severity, excluded.detail)"""
_DROP_FINDINGS: Final = """
    DELETE FROM finding USING unnest(%s::integer[], %s::date[]) AS done (meter_id, day)
    WHERE finding.meter_id = done.meter_id AND finding.day = done.day AND finding.origin = 'validation'
      AND finding.kind <> ALL (%s)
      AND NOT (finding.meter_id, finding.day, finding.kind) IN (
          SELECT * FROM unnest(%s::integer[], %s::date[], %s::text[]))"""
# What lasts keeps its day and its words, and is told anew only where it is louder or fainter.
_OVER: Final = """
    DELETE FROM finding f USING unnest(%(looked)s::integer[]) AS l (meter_id)
    WHERE f.meter_id = l.meter_id AND f.origin = 'validation' AND f.kind = ANY (%(lasting)s)
      AND NOT EXISTS (SELECT FROM unnest(%(still_meters)s::integer[], %(still_kinds)s::text[])
              AS s (meter_id, kind)
          WHERE s.meter_id = f.meter_id AND s.kind = f.kind)
    RETURNING f.meter_id, f.day"""
_CHANGED: Final = """
    UPDATE finding f SET severity = n.severity, detail = n.detail
    FROM unnest(%(meters)s::integer[], %(kinds)s::text[], %(severities)s::smallint[], %(details)s::jsonb[])
        AS n (meter_id, kind, severity, detail)
    WHERE f.meter_id = n.meter_id AND f.kind = n.kind AND f.origin = 'validation' AND f.severity <> n.severity
    RETURNING f.meter_id, f.day"""
_BEGUN: Final = """
    INSERT INTO finding (meter_id, day, kind, severity, detail, origin)
    SELECT n.meter_id, n.day, n.kind, n.severity, n.detail, 'validation'
    FROM unnest(%(meters)s::integer[], %(days)s::date[], %(kinds)s::text[], %(severities)s::smallint[],
        %(details)s::jsonb[]) AS n (meter_id, day, kind, severity, detail)
    WHERE NOT EXISTS (SELECT FROM finding f WHERE f.meter_id = n.meter_id AND f.kind = n.kind)
    ORDER BY n.meter_id, n.day, n.kind ON CONFLICT DO NOTHING RETURNING meter_id, day"""
_TELL: Final = """
    INSERT INTO finding AS old (meter_id, day, kind, severity, detail, origin)
    VALUES (%s, %s, %s, %s, %s, 'evidence')
    ON CONFLICT (meter_id, day, kind) DO UPDATE SET severity = excluded.severity, detail = excluded.detail
    WHERE (old.severity, old.detail) IS DISTINCT FROM (excluded.severity, excluded.detail)"""
_SETTLED: Final = """
    DELETE FROM finding WHERE meter_id = %s AND kind = %s AND origin = 'evidence' AND day <= %s
    RETURNING day"""


def save_findings(
    conn: Connection[TupleRow],
    findings: Sequence[tuple[int, Finding]],
    validated: Collection[tuple[int, date]] = (),
) -> int:
    """Save what validation noticed, each with its meter; how many were new or told otherwise before.

    What an earlier validation noticed on one of the `validated` meter-days and this one did not is dropped:
    a gap that was filled is none. Findings that come with the evidence stay, and those that last (`last`). Of
    two of one kind on one day, the louder counts.
    """
    ordered = sorted(findings, key=lambda item: (item[0], item[1].day, item[1].kind))
    meters = [meter_id for meter_id, _ in ordered]
    days = [finding.day for _, finding in ordered]
    kinds = [finding.kind for _, finding in ordered]
    if validated:
        done_meters, done_days = zip(*sorted(validated), strict=True)
        conn.execute(_DROP_FINDINGS, [list(done_meters), list(done_days), list(LASTING), meters, days, kinds])
    if not ordered:
        return 0
    severities = [int(finding.severity) for _, finding in ordered]
    details = [Jsonb(finding.detail) for _, finding in ordered]
    return conn.execute(_SAVE_FINDING, [meters, days, kinds, severities, details]).rowcount


def last(
    conn: Connection[TupleRow],
    findings: Sequence[tuple[int, Finding]],
    looked_at: Collection[int],
    undecided: Collection[tuple[int, str]] = (),
) -> set[tuple[int, date]]:
    """Have the lasting doubts of the meters looked at stand as they are now; the meter-days this touches.

    What is noticed already stays where and as it was, unless it is louder or fainter; what is not noticed any
    more is over, but for the `undecided` (meter, kind). Raises ValueError for a kind that does not last.
    """
    if strange := {finding.kind for _, finding in findings} - set(LASTING):
        raise ValueError(f"findings of {sorted(strange)} are about days")
    asked = {
        "looked": sorted(looked_at),
        "lasting": list(LASTING),
        "still_meters": [meter for meter, _ in findings] + [meter for meter, _ in undecided],
        "still_kinds": [finding.kind for _, finding in findings] + [kind for _, kind in undecided],
        "meters": [meter for meter, _ in findings],
        "days": [finding.day for _, finding in findings],
        "kinds": [finding.kind for _, finding in findings],
        "severities": [int(finding.severity) for _, finding in findings],
        "details": [Jsonb(finding.detail) for _, finding in findings],
    }
    touched = set(conn.execute(_OVER, asked).fetchall())
    if findings:
        touched |= set(conn.execute(_CHANGED, asked).fetchall())
        touched |= set(conn.execute(_BEGUN, asked).fetchall())
    return {(meter, day) for meter, day in touched}


def tell(conn: Connection[TupleRow], meter_id: int, finding: Finding) -> None:
    """Keep what somebody's evidence says, whatever validation finds."""
    row = [meter_id, finding.day, finding.kind, int(finding.severity), Jsonb(finding.detail)]
    conn.execute(_TELL, row)


def settled(conn: Connection[TupleRow], meter_id: int, kind: str, day: date) -> list[date]:
    """What was told so up to the day is over; the days it was told of."""
    return [of for (of,) in conn.execute(_SETTLED, [meter_id, kind, day])]
