"""Exports every network by every route and records the largest difference.

    python -m experiments.export.sweep FILE.jsonl [--only PART] [--routes any-stablehlo]

A line of the file contains, for a network and a route, the largest difference between
the probabilities of the exported file, run in its own runtime, and those of `Segmenter`
for an image of 64 x 96 pixels, or the reason why the network cannot be exported. The
networks have few channels, drawn weights and three classes. Names whose operations are
those of another name are only traced, at their published size, for images of any size.
Lines that exist are not computed again.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import tempfile
import time

import jax
import numpy as np
from jax import export

from jaxseg import DatasetSpec, Segmenter, create_model, list_models
from jaxseg.inference.export.formats import FORMATS
from jaxseg.inference.export.header import describe
from jaxseg.inference.export.obstacle import OPEN_SIZE_ERRORS, operation, reason
from jaxseg.inference.export.program import Program
from jaxseg.inference.export.verification import compare
from jaxseg.inference.predict_options import PredictOptions
from jaxseg.runs.provenance import commit, versions
from tests.conftest import fill_variables
from tests.contract.rows import ROWS

SIZE = (64, 96)
MULTIPLE = 32


def main() -> None:
    """Appends the missing lines to a file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--routes", nargs="*", default=None)
    given = parser.parse_args()
    lines = given.file.read_text().splitlines() if given.file.exists() else []
    done = {(row["network"], row["route"]) for row in map(json.loads, lines)}
    for route in given.routes or routes():
        for name in list_models(given.only):
            if (name, route) in done or ("narrow" not in ROWS[name]) != (
                route == "trace"
            ):
                continue
            start = time.time()
            row = {"network": name, "route": route, **result(name, route)}
            row |= {"seconds": round(time.time() - start, 1), "commit": commit()}
            row |= {"versions": versions()}
            with given.file.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(name, route, row.get("difference", row.get("obstacle")), flush=True)


def routes() -> list[str]:
    """Returns the names of the routes, the cheapest one first."""
    able = [suffix[1:] for suffix, kind in FORMATS.items() if kind.any_size]
    fixed = [suffix[1:] for suffix in FORMATS if suffix[1:] not in able]
    return ["trace", *(f"any-{suffix}" for suffix in able), *fixed]


def result(name: str, route: str) -> dict:
    """Returns the largest difference, or the obstacle, of a network and a route.

    Args:
      name: The name of the network.
      route: "trace", the suffix of a format, or "any-" and a suffix for any size.
    """
    if ROWS[name].get("task") == "points":
        return {"obstacle": "it segments point clouds instead of images"}
    try:
        return traced(name) if route == "trace" else exported(name, route)
    except (ValueError, *OPEN_SIZE_ERRORS) as error:
        text = f"{operation(error)}: {reason(error)}"
        return {"obstacle": reason(error) if type(error) is ValueError else text}


def traced(name: str) -> dict:
    """Traces a network of the published size for images of any size."""
    model, shape = create_model(name, num_classes=3), (1, *SIZE, channels(name))
    key = jax.random.key(0)
    init = lambda image: model.init(key, image, train=False)
    variables = jax.eval_shape(init, jax.ShapeDtypeStruct(shape, np.float32))
    batch, height, width = export.symbolic_shape("b, h, w")
    shape = (batch, MULTIPLE * height, MULTIPLE * width, channels(name))
    apply = lambda variables, image: model.apply(variables, image, train=False)
    found = jax.eval_shape(apply, variables, jax.ShapeDtypeStruct(shape, np.float32))[
        "logits"
    ]
    if found.shape[:3] != shape[:3]:
        raise ValueError(f"the logits have the shape {found.shape}")
    return {"difference": None, "same_as": ROWS[name]["same_as"]}


def exported(name: str, route: str) -> dict:
    """Writes a file, runs it, and returns the largest difference of a probability."""
    suffix = "." + route.removeprefix("any-")
    kind, spec = FORMATS[suffix], dataset(channels(name))
    model = create_model(name, num_classes=3, **ROWS[name]["narrow"])
    variables = fill_variables(model, (1, *SIZE, channels(name)))
    segmenter = Segmenter(
        model, variables, spec, options=PredictOptions(multiple=MULTIPLE)
    )
    program = Program.of(
        segmenter,
        variables,
        output="probabilities",
        size=None if route.startswith("any-") else SIZE,
        batch=None if kind.any_batch else 1,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"network{suffix}"
        kind.write(program, describe(program, network=name), path)
        size = path.stat().st_size
        found = next(compare(segmenter, program, kind, path))
    return {"difference": found.difference, "bytes": size}


def channels(name: str) -> int:
    """Returns the number of channels of the images of a network."""
    return ROWS[name].get("channels", 3)


def dataset(channels: int) -> DatasetSpec:
    """Returns three classes for images with a number of channels."""
    return DatasetSpec(
        "three",
        ("a", "b", "c"),
        ((0, 0, 0), (128, 0, 0), (0, 128, 0)),
        mean=(0.45,) * channels,
        std=(0.25,) * channels,
    )


if __name__ == "__main__":
    main()
