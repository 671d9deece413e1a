"""Commands that look, where the private database does not run: it is said, and left as it was."""

from __future__ import annotations

import fcntl
from typing import Any

import pytest

from storage.embedded import Embedded
from tests.refusals import refused


@pytest.fixture
def own(ami: Any, cluster: str) -> Any:
    """A home with a database of its own that does not run."""
    del ami.environment["AMI_DATABASE_URL"]
    ami("init")
    assert not Embedded(ami.home).status().running
    return ami


SAID = "The database does not run: it is started for this command alone (`ami db start` keeps it running).\n"


def test_who_looks_leaves_it_as_it_was(own: Any) -> None:
    for looking in (("status", "--json"), ("report", "completeness"), ("meter", "list")):
        done = own(*looking)
        assert done.stderr.startswith(SAID), looking
        assert not Embedded(own.home).status().running, looking
    assert own.json("db", "status", "--json", code=4)["running"] is False


def test_a_look_at_what_is_at_work_starts_nothing(own: Any) -> None:
    assert refused(own, "status", "--live", code=4) == (
        f"The database in {own.home} does not run and no head-end is at work there: start them with "
        "`ami db start` and `ami collect`, or look at what is stored with `ami status`."
    )
    assert not Embedded(own.home).status().running
    # A head-end that lost it goes on, and waits for it: there is something to see.
    with (own.home / "database.users").open("a+") as at_work:
        fcntl.flock(at_work, fcntl.LOCK_SH)
        assert own("status", "--live").stderr.startswith(SAID)
        assert Embedded(own.home).status().running
        assert own("status", "--live").stderr == ""
    own("db", "stop")
