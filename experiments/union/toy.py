"""Question: is a merged class separated if each class has a color of its own?

python experiments/union/draw_toy.py union_toy
jaxseg train experiments/union/toy.py
python experiments/union/evaluate.py runs/toy union_toy/streets_full
"""

from jaxseg.config import (
    Config,
    DataConfig,
    MemberConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)

config = Config(
    model=ModelConfig("unet", {"width": 8, "depth": 2}),
    data=DataConfig(
        classes=("road", "car", "truck", "person", "rider"),
        crop=(48, 64),
        scale_range=(1.0, 1.0),
        mix=(
            MemberConfig(
                "streets",
                DataConfig("folder", raw_dir="union_toy/streets"),
                (
                    "road -> road",
                    "vehicle -> car | truck",
                    "person -> person",
                    "rider -> rider",
                ),
            ),
            MemberConfig(
                "parks",
                DataConfig("folder", raw_dir="union_toy/parks"),
                (
                    "road -> road",
                    "car -> car",
                    "truck -> truck",
                    "human -> person | rider",
                ),
                weight=2,
            ),
        ),
    ),
    optim=OptimConfig(learning_rate=3e-3),
    train=TrainConfig(
        steps=60, batch_size=8, eval_every=30, save_every=30, num_overlays=1
    ),
)
