"""How well does a compact U-Net segment cells after training on 20 ISBI 2012 slices?

    jaxseg train experiments/isbi_unet/config.py --data.raw-dir ISBI
    python experiments/isbi_unet/score.py runs/isbi_unet

ISBI is a folder with image/N.png and label/N.png of 512x512 pixels, the layout of
zhixuhao/unet. It has 25 slices; the last five are for validation. report.md gives the
result.

The recipe is that of U-Net (Ronneberger, Fischer, Brox, arXiv 1505.04597) with a
network that is small enough for two CPU cores. It keeps the elastic deformation (3x3
grid, 10 pixels), the class-balanced loss and the full resolution.

Differs: convolutions are padded and have batch normalization, the width is 16 instead
of 64, and the optimizer is AdamW instead of momentum 0.99. The loss has no weights of
cell borders. Images are mirrored but not rotated. The published figures (warping error
0.000353, Rand error 0.0382) refer to the test slices of the challenge, whose labels are
not public.
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
    model=ModelConfig("unet", {"width": 16}),
    data=DataConfig(
        "isbi", crop=(192, 192), scale_range=(0.9, 1.1), color_jitter=0.2, elastic=10.0
    ),
    optim=OptimConfig("adamw", learning_rate=3e-3, warmup_steps=20),
    loss=LossConfig(class_weights="median_frequency"),
    train=TrainConfig(
        steps=650,
        batch_size=2,
        eval_batch_size=1,
        eval_every=130,
        save_every=130,
        log_every=10,
    ),
)
smoke = dataclasses.replace(
    config,
    model=ModelConfig("unet", {"width": 8}),
    data=dataclasses.replace(config.data, crop=(128, 128)),
    train=dataclasses.replace(config.train, steps=20, log_every=5),
)
