"""What does a compact U-Net reach on 20 ISBI 2012 slices, with elastic deformation?

    jaxseg train experiments/isbi_unet/config.py --data.raw-dir ISBI
    python experiments/isbi_unet/score.py runs/isbi_unet

ISBI is a folder with image/N.png and label/N.png (512x512; form of zhixuhao/unet):
25 slices, the last five are validation. Result: report.md.

After U-Net (Ronneberger, Fischer, Brox, arXiv 1505.04597), small enough for two CPU
cores. As there: elastic deformation (3x3 grid, 10 pixels), class-balanced loss, full
resolution. Not as there: padded convolutions with batch normalization, width 16 instead
of 64, AdamW instead of momentum 0.99, no map of border weights, mirroring but no
rotations. Published figures (warping error 0.000353, Rand error 0.0382) are of the
challenge's own test slices, whose labels are not public.
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
