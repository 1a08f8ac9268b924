"""Does a pretrained EfficientNet-Lite0 segment CamVid after 75 minutes on two cores?

train.py runs both stages with one command. `frozen` trains only the decoder, and
`config` then trains all layers; the learning rate of the backbone is lower. `scratch`
trains the same network from random weights.

The network predicts at half resolution, 180x240, unless train.py gets
`--resolution full`. Scores are computed at the resolution of the labels, 360x480.

Two more stages continue at full resolution: `full` trains without class weights, and
`weighted` with the square roots of the median-frequency weights.
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
    model=ModelConfig("unet", backbone="efficientnet_lite0"),
    data=DataConfig(
        "camvid",
        crop=(180, 240),
        scale_range=(0.35, 1.0),  # A scale of 0.5 is half resolution.
        eval_scale=0.5,
        color_jitter=0.4,
        augment=(
            "crop_around(probability=0.5)",
            "rotate(degrees=8, probability=0.3)",
            "gamma(power=(0.6, 1.6), probability=0.5)",
            "hue(degrees=10)",
            "blur(sigma=(0.1, 1.0), probability=0.1)",
        ),
    ),
    optim=OptimConfig(
        "adamw",
        learning_rate=1e-3,
        weight_decay=1e-2,
        warmup_steps=50,
        clip_norm=5.0,
        lr_multipliers=(("backbone/.*", 0.3),),
    ),
    loss=LossConfig(class_weights="sqrt_median_frequency"),
    train=TrainConfig(
        steps=2000,
        batch_size=8,
        eval_batch_size=4,
        eval_every=250,
        save_every=50,
        log_every=25,
        report_images=0,
    ),
)
frozen = dataclasses.replace(
    config,
    optim=dataclasses.replace(
        config.optim,
        freeze=("backbone/.*",),
        lr_multipliers=(),
        schedule="constant",
    ),
    train=dataclasses.replace(config.train, steps=200, eval_every=200),
)
scratch = dataclasses.replace(
    config, optim=dataclasses.replace(config.optim, lr_multipliers=())
)
full = dataclasses.replace(
    config,
    data=dataclasses.replace(
        config.data, crop=(256, 336), scale_range=(0.7, 2.0), eval_scale=1.0
    ),
    optim=dataclasses.replace(config.optim, learning_rate=5e-4),
    loss=LossConfig(additional=(("dice", 0.5),)),
    train=dataclasses.replace(config.train, steps=800, eval_every=200, ema=0.99),
)
weighted = dataclasses.replace(
    full, loss=dataclasses.replace(full.loss, class_weights="sqrt_median_frequency")
)
stages = {"frozen": frozen, "config": config, "full": full, "weighted": weighted}
