"""`ami bench`: measure, beside peers in the same run.

A bench is a module here with `ENGINES` (name, or task/name → engine), `SIZE`, `UNIT` and
`ratios(medians)`, and `held(medians)` where figures are promised. Every engine runs in a process of its own,
the engines of a round one after the other, so that whatever else the machine does meets all of them; what is
reported is the median of the rounds. `surroundings()`, where a bench has it, is entered around all rounds and
yields what the engines find in their environment.
"""

from ami.bench.verb import command

__all__ = ["command"]
