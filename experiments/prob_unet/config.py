"""Does the Probabilistic U-Net learn how often raters draw each kind of mask?

    jaxseg train experiments/prob_unet/config.py
    python experiments/prob_unet/score.py runs/prob_unet

The synthetic dataset `raters` has 300 images with masks of four raters each; the
probability of each kind of mask is known. The network is small enough to train on two
CPU cores within minutes. The weight beta of the KL term is 1, as in the code of the
authors. lidc.py is the recipe of the paper. report.md gives the result.
"""

import dataclasses

from jaxseg.config import (
    Config,
    DataConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)

config = Config(
    model=ModelConfig("prob_unet", {"widths": (8, 16, 32, 32), "convs": 2}),
    data=DataConfig("raters", crop=(64, 64), scale_range=(1.0, 1.0)),
    optim=OptimConfig(
        "adamw", learning_rate=1e-3, weight_decay=1e-5, schedule="cosine"
    ),
    loss=LossConfig(kl_weight=1.0),
    train=TrainConfig(
        steps=4000,
        batch_size=16,
        eval_batch_size=40,
        eval_every=800,
        save_every=2000,
        log_every=50,
    ),
)
smoke = dataclasses.replace(
    config, train=dataclasses.replace(config.train, steps=40, log_every=10)
)
