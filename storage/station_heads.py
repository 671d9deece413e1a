"""Which points say what was delivered to a station."""

from __future__ import annotations

from typing import Final, LiteralString

# One that measures all of it, or those of its feeders where every customer's feeder has one.
HEADS: Final[LiteralString] = """
    SELECT p.code FROM point p WHERE p.role = 'station_head' AND (p.feeder IS NULL
        OR NOT EXISTS (SELECT FROM point o
            WHERE o.station = p.station AND o.role = 'station_head' AND o.feeder IS NULL)
        AND NOT EXISTS (SELECT FROM point c
            WHERE c.station = p.station AND c.role = 'customer' AND NOT EXISTS (SELECT FROM point f
                WHERE f.station = p.station AND f.role = 'station_head' AND f.feeder = c.feeder)))"""
