"""Conversations with meters: questions in the plan's order, answers as a `Readout`."""
