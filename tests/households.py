"""A replay file with everything a real one may have."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

_HALF_HOUR = timedelta(minutes=30)


def two_households(file: Path) -> Path:
    """Two households of 62 days: gaps, an autumn night that has two hours twice, halves of a watt-hour."""
    drawn = random.Random(8)
    begin, lines = datetime(2013, 9, 9, tzinfo=UTC), ["meter,timestamp,kwh"]
    for meter, days in (("HO-1", 62), ("HO-2", 60)):
        gaps = {drawn.randrange(10, days * 48 - 10) for _ in range(40)}
        gaps |= set(range(20 * 48 - 3, 21 * 48 + 5))  # a day and a bit, over two midnights
        for slot in range(days * 48):
            wall = begin + slot * _HALF_HOUR
            if slot in gaps:
                continue
            # Summer time ends on 27 October 2013 at 02:00: 01:00 and 01:30 come again, with another offset.
            night = wall.date() == date(2013, 10, 27)
            offset = "+00:00" if (night and wall.hour >= 2) or wall.date() > date(2013, 10, 27) else "+01:00"
            lines.append(f"{meter},{wall:%Y-%m-%dT%H:%M:%S}{offset},{drawn.randrange(0, 20000) / 10000:.4f}")
            if night and (wall.hour, wall.minute) == (1, 30):
                for again in (wall - _HALF_HOUR, wall):
                    lines.append(f"{meter},{again:%Y-%m-%dT%H:%M:%S}+00:00,9.999")
    # Exactly half a watt-hour goes up; a binary fraction or the even neighbour would go down.
    lines[1:4] = [
        f"HO-1,{begin + n * _HALF_HOUR:%Y-%m-%dT%H:%M:%S}+01:00,{kwh}"
        for n, kwh in enumerate(("0.0005", "1.0025", "0.2345"))
    ]
    file.write_text("\n".join(lines) + "\n")
    return file
