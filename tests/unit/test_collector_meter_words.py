"""What `ami meter test` says of present values and of the load profile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from collector.single.meter_words import sentences
from model.period import HALF_HOUR, LOCAL, Period
from model.readout import Answer, InstantRead, ProfileBlock, Readout
from model.series import Channel, ProfileKind, Unit

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=LOCAL)


def _said(answer: Answer) -> str:
    return " ".join(sentences(Readout("7", "", NOW, NOW, "ok", answers=(answer,)), "M1"))


@pytest.mark.parametrize(
    ("voltage", "current", "told"),
    [
        ((229.5, None, None), (1.2, None, None), "Now: 229.5 V, 1.2 A."),
        ((229.5, 230, 231), (1, None, 3), "Now: L1 229.5 V, L2 230 V, L3 231 V, L1 1 A, L3 3 A."),
    ],
)
def test_values_of_several_phases_name_theirs(voltage: Any, current: Any, told: str) -> None:
    assert told in _said(Answer("instants", b"", instants=(InstantRead(NOW, voltage, current),)))


def test_a_profile_is_counted_in_rows() -> None:
    stamps = [NOW + HALF_HOUR * step for step in range(1, 25)]
    zeros = (0,) * len(stamps)
    blocks = tuple(
        ProfileBlock(channel, ProfileKind.INDEX, "1.8.0", HALF_HOUR, tuple(stamps), zeros, zeros, 0, unit)
        for channel, unit in (
            (Channel.ACTIVE_IMPORT, Unit.WATT_HOUR),
            (Channel.REACTIVE_IMPORT, Unit.VAR_HOUR),
        )
    )
    said = _said(Answer("load", b"", asked=Period(NOW, NOW + timedelta(hours=12)), blocks=blocks))
    assert "Load profile: 24 rows from 20/11/2026 12:30 to 21/11/2026 00:00." in said
