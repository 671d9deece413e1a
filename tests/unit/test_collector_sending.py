"""A command goes out within seconds of its claim or not at all, whichever clock stood still meanwhile."""

from __future__ import annotations

import time

import pytest

from collector.exchange.command import SEND_WITHIN_S, Sending
from protocols.errors import LocalError


async def yes() -> bool:
    return True


async def test_a_machine_that_was_suspended_after_the_claim_sends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sending = Sending(yes)
    assert await sending.may()
    later = time.time() + SEND_WITHIN_S + 1.0
    monkeypatch.setattr(time, "time", lambda: later)  # the loop's clock did not move
    with pytest.raises(LocalError, match="too old"):
        sending.now()
    assert not sending.sent
