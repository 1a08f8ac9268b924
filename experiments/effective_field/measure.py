"""How much of its theoretical field does a network use, before and after training?

    python experiments/effective_field/measure.py runs/upsampling/bilinear \\
        runs/hdc_rates/ones
    python -m experiments.figures effective_field

Arguments are runs of sweeps without their seed. Mean squared gradient of the middle of
the logits over random inputs (Luo et al., arXiv 1701.04128), the Gaussian of its second
moments, and its area (above 4.55 % of the maximum) over that of the theoretical field.
One run alone: `jaxseg lab erf NETWORK --workdir RUN`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jax
import numpy as np

from jaxseg import analysis
from jaxseg.lab.maps import effective_field_map
from jaxseg.lab.networks import build, noise, theoretical
from jaxseg.lab.page import Table, lines
from jaxseg.lab.studied import StudiedNetwork
from jaxseg.metrics.seeds import summarize_seeds
from jaxseg.runs.directory import load_variables, read_config
from jaxseg.runs.provenance import commit, machine
from jaxseg.storage.json_file import write_lines
from jaxseg.viz import charts

SIZE, IMAGES, SEEDS = (257, 257), 4, (0, 1, 2)
HERE = Path(__file__).parent


def main(names: list[str]) -> None:
    """Measures three seeds of each run, and writes results.jsonl and maps.png."""
    rows, groups, pictures = [], {}, []
    about = {"commit": commit(), "machine": machine()}
    for name in names:
        for seed in SEEDS:
            for state, found in fields_of(Path(f"{name}-{seed}"), seed).items():
                row = {"name": Path(name).name, "seed": seed, "weights": state}
                rows.append(row | {k: v for k, v in found.items() if k != "map"})
                rows[-1] |= about
                for key in ("sigma", "fit", "share"):
                    group = groups.setdefault((row["name"], state, key), [])
                    group.append(found[key])
                if seed == SEEDS[0]:
                    title = f"{row['name']}, {state}"
                    pictures.append(effective_field_map(found["map"], title=title))
            print(name, seed, flush=True)
    write_lines(HERE / "results.jsonl", rows)
    table = [summarize_seeds(", ".join(key), values) for key, values in groups.items()]
    columns = ("network", "seeds", "value", "spread", "lowest", "highest")
    print(lines(Table("Effective fields", columns, table)))
    layout = charts.Layout(columns=2, width=4.6, height=3.8)
    (HERE / "maps.png").write_bytes(charts.png(pictures, layout))


def fields_of(folder: Path, seed: int) -> dict[str, dict]:
    """Numbers and map with the run's first and its trained weights."""
    network = StudiedNetwork(
        read_config(folder).model.name, workdir=str(folder), seed=seed
    )
    model = build(network)
    inputs = noise(network, IMAGES, SIZE)
    init_key, _ = jax.random.split(jax.random.key(seed))
    first = jax.jit(lambda k, x: model.init(k, x, train=False))(init_key, inputs[:1])
    _, trained = load_variables(folder, model, checkpoint="latest")
    field = theoretical(model, SIZE)
    found = {}
    for state, variables in (("first", first), ("trained", trained)):
        fn = lambda x, v=variables: model.apply(v, x, train=False)["logits"]
        power = analysis.effective_field(fn, inputs)
        fit = analysis.gaussian_fit(power)
        found[state] = {
            "theory": list(field),
            "sigma": float(np.mean(fit.sigma)),
            "fit": fit.fit,
            "share": analysis.effective_share(power, field),
            "map": power,
        }
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
