"""How many branches of `protocols` its tests took: `coverage json -o - | python tests/branches_taken.py 95`.

The report counts lines and branches together; here the branches alone have to reach the percentage given.
"""

import json
import sys


def main() -> int:
    """1 when too few were taken."""
    wanted = float(sys.argv[1])
    totals = json.load(sys.stdin)["totals"]
    taken, there = totals["covered_branches"], totals["num_branches"]
    percent = 100 * taken / there
    print(f"{taken} of {there} branches taken: {percent:.2f} % (at least {wanted:g})")
    return int(percent < wanted)


if __name__ == "__main__":
    raise SystemExit(main())
