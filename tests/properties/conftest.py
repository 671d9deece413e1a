"""Hypothesis on a machine that does other things too: no deadline for a single example."""

from hypothesis import settings

settings.register_profile("quiet", deadline=None)
settings.load_profile("quiet")
