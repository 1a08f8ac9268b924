"""Can a Point Transformer distinguish furniture whose colors do not differ?

    jaxseg train experiments/point_transformer/config.py

The synthetic dataset `rooms` contains furnished rooms of 1,000 to 2,000 points with
nine classes. The colors of all classes are drawn from the same range. report.md gives
the result.

The network is a Point Transformer (Zhao et al., arXiv 2012.09164) that is small enough
for two CPU cores: four levels of 16 to 128 channels with one block each, 310,225
parameters in all, and crops of 1,024 points. `accelerator.py` trains the network of the
authors on S3DIS.
"""

import dataclasses

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

NARROW = {
    "widths": (16, 32, 64, 128),
    "blocks": (1, 1, 1, 1),
    "neighbors": (8, 12, 12, 12),
}

config = Config(
    model=ModelConfig("point_transformer", NARROW),
    data=DataConfig(
        "rooms",
        num_points=1024,
        point_jitter=0.005,
        scale_range=(0.9, 1.1),
        color_jitter=0.1,
    ),
    optim=OptimConfig(
        "adamw",
        learning_rate=6e-3,
        weight_decay=0.05,
        schedule="cosine",
        warmup_steps=20,
    ),
    train=TrainConfig(
        steps=1000, batch_size=4, eval_batch_size=4, eval_every=250, save_every=250
    ),
)
smoke = dataclasses.replace(
    config,
    data=dataclasses.replace(config.data, num_points=256, eval_split="validation[:4]"),
    train=dataclasses.replace(
        config.train, steps=20, batch_size=2, log_every=5, eval_every=20
    ),
)
