"""Prints the table of `report.md` from the lines that `sweep.py` has recorded.

python experiments/export/table.py experiments/export/results.jsonl
"""

import json
import pathlib
import sys


def main() -> None:
    """Prints one row per network and one column per route."""
    lines = pathlib.Path(sys.argv[1]).read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    routes = list(dict.fromkeys(row["route"] for row in rows))
    routes.remove("trace")
    found = {(row["network"], row["route"]): cell(row) for row in rows}
    print(f"| network | {' | '.join(routes)} |")
    print("|---" * (len(routes) + 1) + "|")
    for name in sorted({row["network"] for row in rows}):
        trace = found.get((name, "trace"))
        cells = [trace or found.get((name, route), "") for route in routes[:1]]
        cells += [found.get((name, route), "") for route in routes[1:]]
        print(f"| {name} | {' | '.join(cells)} |")


def cell(row: dict) -> str:
    """Returns the difference, the obstacle, or the network of the same operations."""
    if "obstacle" in row:
        return row["obstacle"]
    if row["difference"] is None:
        return f"traced; see {row['same_as']}"
    return f"{row['difference']:.1e}"


if __name__ == "__main__":
    main()
