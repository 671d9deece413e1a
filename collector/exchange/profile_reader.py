"""Answers of a DLMS load profile into rows with meanings; those of a fleet, which are much alike, quickly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

import numpy as np

from collector.decoding import decoded
from collector.exchange.kit import once
from collector.exchange.rows import Meaning, Rows, Stamps
from collector.exchange.scales import Scaled, Scales
from model.period import LOCAL
from protocols.dlms.objects import buffer
from protocols.dlms.profile import ProfileRows, decode_rows
from protocols.dlms.profile_alike import Alike
from protocols.errors import DecodeError
from protocols.meter_models.model import LoadProfile


class ProfileReader:
    """Of one model's load profile."""

    def __init__(self, profile: LoadProfile) -> None:
        self.profile = profile
        self.buffer = buffer(profile.obis)
        self.interval = timedelta(seconds=profile.interval_seconds)
        self._captures = profile.captures
        self._columns = Scaled([column.place for column in profile.columns])
        self._alike: Alike[Stamps] = Alike(self._captures)
        self._meanings: dict[tuple[int, ...], tuple[Meaning, ...]] = {}

    def alike(self, raw: bytes, scales: Scales) -> Rows | None:
        """The rows in an answer; None where it is unlike any before."""
        alike = self._alike.read(raw)
        if alike is None:
            return None
        stamps, columns = alike
        status = (0,) * len(stamps)
        if self.profile.status is not None:
            status, columns = columns[0], columns[1:]
        meanings = zip(self._meaning(scales), columns, strict=True)
        return Rows(stamps, status, [(meaning, values, None) for meaning, values in meanings])

    def _meaning(self, scales: Scales) -> tuple[Meaning, ...]:
        scalers = scales.scalers(self._columns)
        found = self._meanings.get(scalers)
        if found is None:
            columns = zip(self.profile.columns, scalers, strict=True)
            found = self._meanings[scalers] = tuple(
                [
                    Meaning(column.channel, column.kind, str(column.place.named), scaler, column.place.unit)
                    for column, scaler in columns
                ]
            )
        return found

    async def anew(self, raw: bytes, scales: Scales) -> Rows:
        """The rows in any answer; raises `DecodeError`."""
        read = partial(
            decode_rows, captures=self._captures, zone=LOCAL, interval_seconds=self.profile.interval_seconds
        )
        rows = await decoded(read, raw)
        found = meant(rows, self.profile, scales)
        if found.stamps.ascending:
            self._alike.learn(raw, rows, found.stamps)
        return found


reader_of: Final[Callable[[LoadProfile], ProfileReader]] = once(ProfileReader)


def meant(rows: ProfileRows, profile: LoadProfile, scales: Scales) -> Rows:
    """The decoded columns with their meanings; a status column goes beside the rows."""
    columns = list(rows.columns)
    status = np.zeros(len(rows.stamps), np.int64)
    if profile.status is not None:
        flags = columns.pop(0)
        if flags.values.dtype != np.int64:
            raise DecodeError("the status column holds no integers")
        status = flags.values
    meant = []
    for column, wanted in zip(columns, profile.columns, strict=True):
        if column.values.dtype != np.int64:
            raise DecodeError(f"column {column.capture.obis} holds values that are no integers")
        meaning = Meaning(
            wanted.channel,
            wanted.kind,
            str(column.capture.obis),
            scales.scaler(wanted.place),
            wanted.place.unit,
        )
        meant.append((meaning, column.values, column.present))
    return Rows(Stamps(rows.stamps), status, meant)
