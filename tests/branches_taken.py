"""How many of the branches of `protocols` its tests took: `coverage json -o - | python tests/branches_taken.py`.

The report counts lines and branches together; here the branches alone have to reach the percentage given.
"""

import json
import sys


def main() -> int:
    """1 when too few were taken."""
    wanted = float(sys.argv[1])
    totals = json.load(sys.stdin)["totals"]
    taken = 100 * totals["covered_branches"] / totals["num_branches"]
    print(
        f"{totals['covered_branches']} of {totals['num_branches']} branches taken: {taken:.2f} % (at least {wanted:g})"
    )
    return int(taken < wanted)


if __name__ == "__main__":
    raise SystemExit(main())
