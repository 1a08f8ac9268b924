"""The S3DIS network on larger crops of the drawn rooms, for an accelerator.

    jaxseg train experiments/point_transformer/accelerator.py

Network, learning rate, decay, momentum and schedule are the authors' (arXiv
2012.09164; 100 epochs, each 30 times over the data, 16 clouds a step): SGD at 0.5,
divided by ten at 60% and 80%. Theirs are voxels of 4 cm of real rooms, at most 80,000
points, which are not at hand; a cloud of `rooms` has up to 2,000 points.

Not run: no score is claimed for it.
"""

import dataclasses

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

config = Config(
    model=ModelConfig("point_transformer"),
    data=DataConfig(
        "rooms",
        num_points=2048,
        point_jitter=0.005,
        scale_range=(0.9, 1.1),
        color_jitter=0.1,
    ),
    optim=OptimConfig(
        "sgd",
        learning_rate=0.5,
        momentum=0.9,
        weight_decay=1e-4,
        decay_mask="all",
        schedule="step",
        milestones=(0.6, 0.8),
    ),
    train=TrainConfig(
        steps=100 * 30 * 300 // 16,
        batch_size=16,
        eval_batch_size=16,
        eval_every=1125,
        save_every=1125,
        log_every=50,
    ),
)
smoke = dataclasses.replace(
    config,
    model=ModelConfig(
        "point_transformer",
        {"widths": (8, 16), "blocks": (1, 1), "neighbors": (4, 4)},
    ),
    data=dataclasses.replace(config.data, num_points=256, eval_split="validation[:4]"),
    train=dataclasses.replace(
        config.train, steps=20, batch_size=2, log_every=5, eval_every=20
    ),
)
