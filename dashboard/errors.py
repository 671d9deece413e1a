"""What a page refuses."""

from __future__ import annotations


class DashboardError(Exception):
    """The root of what this package refuses."""


class Refused(DashboardError):
    """What was asked for is not there, or not the viewer's: the same answer either way, so that
    nobody learns which.
    """

    def __init__(self, noun: str, name: str) -> None:
        self.noun = noun
        self.name = name
        super().__init__(f"there is no {noun} {name!r} for this viewer")
