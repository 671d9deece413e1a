"""What `ami station` and `ami meter quality` refuse before anything is opened."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from ami.meter_quality import quality
from ami.station import command


@pytest.mark.parametrize(
    ("verb", "words", "said"),
    [
        (command, ["T1", "--month", "2026-10", "--from", "2026-10-01"], "choose a month, or days"),
        (command, ["--json", "--half-hours"], "goes with a station's code and --json"),
        (command, ["T1", "--half-hours"], "goes with a station's code and --json"),
        (command, ["--by-day"], "goes with a station's code"),
        (command, ["T1", "--from", "2026-10-02", "--to", "2026-10-02"], "are no 1 to 366 days"),
        (command, ["T1", "--from", "2020-10-02", "--to", "2026-10-02"], "are no 1 to 366 days"),
        (quality, ["M1", "--month", "2026-10", "--to", "2026-10-01"], "choose a month, or days"),
        (quality, ["M1", "--from", "2026-01-01", "--to", "2026-10-02"], "are no 1 to 92 days"),
    ],
)
def test_days_and_options_that_do_not_go_together(verb: click.Command, words: list[str], said: str) -> None:
    done = CliRunner().invoke(verb, words, standalone_mode=False)
    assert isinstance(done.exception, click.UsageError)
    assert said in done.exception.format_message()
