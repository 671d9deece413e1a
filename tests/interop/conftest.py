"""What the tests with foreign implementations may ask for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.foreign_peers import PEER_PYTHON, Peers


@pytest.fixture(scope="session")
def peers(missing: Callable[[str], None]) -> Peers:
    """The foreign implementations; without them the tests are skipped, and fail under CI."""
    if not PEER_PYTHON.exists():
        missing("the foreign implementations are not installed: make peers")
    return Peers(PEER_PYTHON)
