"""The one error root of this room."""

from __future__ import annotations


class SimulatorError(Exception):
    """A simulated fleet cannot be built or served; the message is one sentence: what, where, what to do."""


class ReplayError(SimulatorError):
    """A replay file cannot be used. `line` is where in the file (0: the file as a whole)."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        where = f"the file {file}, line {line}" if line else f"the file {file}"
        super().__init__(f"{where}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class ControlError(SimulatorError):
    """A line on the control channel that cannot be obeyed; the fleet goes on."""
