"""Question: does a network learn classes that each of two datasets merges in part?

    python experiments/union/draw.py union_data
    jaxseg train experiments/union/config.py --workdir runs/both
    jaxseg train experiments/union/config.py --workdir runs/full
        --data.mix.0.weight 0 --data.mix.1.weight 0 --data.mix.3.weight 1
    jaxseg train experiments/union/config.py --workdir runs/streets
        --data.mix.1.weight 0

`both` trains on streets and parks, whose masks merge classes. `full` trains on the same
images with masks of all classes. `streets` trains on streets alone. All are scored on
the same four sets; the datasets with weight 0 are only evaluated.
"""

from jaxseg.config import (
    Config,
    DataConfig,
    MemberConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)

ROOT = "union_data"
SHARED = ("road", "pole", "wire")


def folder(name):
    """Returns the options of one of the folders that draw.py writes."""
    return DataConfig("folder", raw_dir=f"{ROOT}/{name}")


def kept(*names):
    """Returns the lines of a class map for classes that keep their names."""
    return tuple(f"{name} -> {name}" for name in names)


config = Config(
    model=ModelConfig("unet", {"width": 8, "depth": 3}),
    data=DataConfig(
        classes=("road", "person", "car", "truck", "rider", "pole", "wire"),
        crop=(64, 96),
        scale_range=(0.8, 1.25),
        mix=(
            MemberConfig(
                "streets",
                folder("streets"),
                (*kept(*SHARED, "person", "rider"), "vehicle -> car | truck"),
            ),
            MemberConfig(
                "parks",
                folder("parks"),
                (*kept(*SHARED, "car", "truck"), "human -> person | rider"),
            ),
            MemberConfig("streets_full", folder("streets_full"), weight=0),
            MemberConfig("full", folder("full"), weight=0),
        ),
    ),
    optim=OptimConfig(learning_rate=4e-3, warmup_steps=20),
    train=TrainConfig(
        steps=200,
        batch_size=8,
        eval_batch_size=20,
        log_every=100,
        eval_every=200,
        save_every=200,
        num_overlays=2,
    ),
)
