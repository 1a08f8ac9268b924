"""Does the Probabilistic U-Net learn how often raters draw what?

    jaxseg train experiments/prob_unet/config.py
    python experiments/prob_unet/score.py runs/prob_unet

On the drawn dataset `raters`: 300 images, four raters each, whose habits are known. A
small network for two CPU cores, minutes; the paper's recipe is lidc.py. beta is 1, as
in the authors' release. Result: report.md.
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
