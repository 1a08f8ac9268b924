"""Weights trained at one output stride, evaluated at another. (DeepLab v3, table 10)

    jaxseg sweep experiments/output_stride/config.py
    python experiments/train_eval_stride/evaluate.py runs/output_stride
    python -m experiments.figures train_eval_stride

Nothing is trained: the stride changes no parameter, so the runs of `output_stride` are
scored again by `jaxseg eval RUN --model.options.output_stride N`. Paper (ResNet-101
with ASPP, PASCAL VOC 2012 val), trained at 8, 16, 32: evaluated at 16 74.45, 77.21,
75.90; evaluated at 8 75.62, 78.51, 75.75.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jaxseg
from jaxseg.lab.page import Table, lines
from jaxseg.metrics.seeds import summarize_seeds
from jaxseg.runs.provenance import commit, machine
from jaxseg.storage.json_file import write_lines

STRIDES, SEEDS = (8, 16, 32), (0, 1, 2)
HERE = Path(__file__).parent


def main(runs: Path) -> None:
    """Scores every run at every stride and writes results.jsonl."""
    rows, groups = [], {}
    about = {"commit": commit(), "machine": machine()}
    for trained in STRIDES:
        for seed in SEEDS:
            for used in STRIDES:
                folder = runs / f"stride_{trained}-{seed}"
                found = score(folder, used)
                row = {"trained": trained, "evaluated": used, "seed": seed, **found}
                rows.append(row | about)
                name = f"trained at {trained}, evaluated at {used}"
                groups.setdefault(name, []).append(found["mean_iou"])
                print(name, seed, found["mean_iou"], flush=True)
    write_lines(HERE / "results.jsonl", rows)
    table = [summarize_seeds(name, values) for name, values in groups.items()]
    columns = ("strides", "seeds", "mean_iou", "spread", "lowest", "highest")
    print(lines(Table("train x eval", columns, table)))


def score(folder: Path, stride: int) -> dict[str, float]:
    """The scores of `jaxseg eval` with another output stride."""
    run = jaxseg.open_run(folder, model_options={"output_stride": stride})
    found = run.evaluate(batch_size=20)
    return {key: found[key] for key in ("mean_iou", "pixel_accuracy", "iou")}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
