"""A learned score of abnormal days: how much a day looks as if the meter had been led around.

It needs nobody's confessions: it learns from households as they are and the same days falsified in six ways
(`attacks`), beside changes that honest life makes (`life`). `reference` says what a household's own days are
like, `examples` makes days to learn from, `score` learns, scores, explains and is kept in a file.
"""

from analytics.abnormal.examples import Judged
from analytics.abnormal.household import Household
from analytics.abnormal.reference import Reference
from analytics.abnormal.score import Score, learn, learn_from, weekly

__all__ = ["Household", "Judged", "Reference", "Score", "learn", "learn_from", "weekly"]
