"""Which networks can be computed exactly in tiles, and how far does a tile read?

    python experiments/exact_tiles/classify.py

The networks are traced for one image, without any computation. A record is added to
results.jsonl for each name that has none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from jaxseg import list_models
from jaxseg.lab.tiling_row import tiling_row
from jaxseg.runs.provenance import commit, machine

RESULTS = Path(__file__).parent / "results.jsonl"
CLOUDS = ("point_transformer",)


def main(names: list[str]) -> None:
    """Adds records for the given names, by default for all networks of images."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    done = {json.loads(line).get("name") for line in lines}
    about = {"commit": commit(), "machine": machine()}
    for name in names or list_models():
        if name in done or name in CLOUDS:
            continue
        with RESULTS.open("a") as file:
            file.write(json.dumps(tiling_row(name) | about) + "\n")
        print(name, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
