"""Power on a grid in the scores of a sweep's runs, before and after training.

    python experiments/upsampling/grid.py runs/upsampling

grid.jsonl goes to the experiment of the same name, and `python -m experiments.figures
upsampling` draws it. Periods are in pixels of
the scores, read where the head hands them out (before they are resized to the image),
else at the image's resolution. White noise has power 1, a smooth map near 0.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.analysis import grid_energy
from jaxseg.data import open_source
from jaxseg.lab.page import Table, lines
from jaxseg.metrics.seeds import summarize_seeds
from jaxseg.runs.directory import build_model, load_variables, read_config, read_spec
from jaxseg.runs.provenance import commit, machine
from jaxseg.storage.json_file import write_lines

IMAGES, PERIODS = 40, (2, 4, 8)
EXPERIMENTS = Path(__file__).parent.parent


def main(runs: Path) -> None:
    """Measures every run of a sweep."""
    record = EXPERIMENTS / runs.name
    rows, groups = [], {}
    about = {"commit": commit(), "machine": machine()}
    for folder in sorted(runs.glob("*-[0-9]")):
        name, seed = folder.name.rsplit("-", 1)
        for state, scores in scores_of(folder, int(seed)).items():
            powers = {p: grid_energy(scores, p) for p in PERIODS}
            rows.append({"name": name, "seed": int(seed), "weights": state} | about)
            rows[-1] |= {f"period_{p}": power for p, power in powers.items()}
            for period, power in powers.items():
                key = f"{name}, {state}, period {period}"
                groups.setdefault(key, []).append(power)
        print(folder.name, flush=True)
    write_lines(record / "grid.jsonl", rows)
    table = [summarize_seeds(name, values) for name, values in groups.items()]
    columns = ("network", "seeds", "power", "spread", "lowest", "highest")
    print(lines(Table("Power on the grid, noise = 1", columns, table)))


def scores_of(folder: Path, seed: int) -> dict[str, np.ndarray]:
    """Scores [n, h, w, K] with the run's first and its trained weights."""
    config = read_config(folder)
    model = build_model(config, read_spec(folder).num_classes)
    source = open_source(config.data, config.data.eval_split)
    images = np.stack([source[i]["image"] for i in range(IMAGES)])
    spec = source.spec
    images = (images / 255 - np.array(spec.mean)) / np.array(spec.std)
    images = images.astype(np.float32)
    init_key, _ = jax.random.split(jax.random.key(seed))
    first = jax.jit(lambda k, x: model.init(k, x, train=False))(init_key, images[:1])
    _, trained = load_variables(folder, model, checkpoint="latest")
    read = jax.jit(lambda v, x: head_scores(model, v, x))
    return {
        "first": np.asarray(read(first, images)),
        "trained": np.asarray(read(trained, images)),
    }


def head_scores(model, variables, images) -> jnp.ndarray:
    """What the head returns, or the logits of a network without one."""
    outputs, state = model.apply(
        variables,
        images,
        train=False,
        capture_intermediates=lambda m, _: m.path == ("head",),
        mutable=["intermediates"],
    )
    if "head" not in state.get("intermediates", {}):
        return outputs["logits"]
    return state["intermediates"]["head"]["__call__"][0]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
