"""The recipe of the Probabilistic U-Net for LIDC, on the drawn dataset `raters`.

    jaxseg train experiments/prob_unet/lidc.py

arXiv 1806.05034, appendix H, as later work quotes it: the full network (27,499,386
parameters at one channel), Adam from 1e-4 in five steps to 1e-6, 240,000 iterations of
32, weight decay 1e-5, beta 10, elastic deformation. LIDC itself is 128x128 crops of
180x180 tiles with four graders, one of them drawn at random, as here. Not run to the
end here.

Differs: decay is decoupled (AdamW) where the paper adds it to the gradient.
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
    model=ModelConfig("prob_unet"),
    data=DataConfig("raters", crop=(64, 64), scale_range=(0.8, 1.2), elastic=2.0),
    optim=OptimConfig(
        "adamw",
        learning_rate=1e-4,
        weight_decay=1e-5,
        schedule="step",
        milestones=(0.2, 0.4, 0.6, 0.8),
        decay_factor=0.31623,  # four times: from 1e-4 to 1e-6
    ),
    loss=LossConfig(kl_weight=10.0),
    train=TrainConfig(
        steps=240_000, batch_size=32, eval_every=5000, save_every=5000, log_every=100
    ),
)
smoke = dataclasses.replace(
    config,
    model=ModelConfig("prob_unet", {"widths": (8, 16, 16), "convs": 2}),
    train=TrainConfig(steps=20, batch_size=4, log_every=5),
)
