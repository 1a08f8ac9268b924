"""Can an adversarial network segment? pix2pix from photo to labels, on drawn scenes.

    jaxseg train experiments/pix2pix/config.py
    jaxseg train experiments/pix2pix/config.py --loss.name l1 --loss.additional

The objective is the paper's (arXiv 1611.07004): conditional GAN + 100 L1, two Adam of
beta1 0.5 in one alternating step. Small enough for two CPU cores: generator of five
halvings and 16 to 128 channels, 70x70 PatchGAN as narrow, rate 1e-3 instead of 2e-4,
batches of 4 instead of 1. The full recipe is camvid.py, the way back photos.py.
Result: report.md.
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
    model=ModelConfig("pix2pix_unet256", {"depth": 5, "width": 16, "dropped": 1}),
    data=DataConfig("shapes", crop=(96, 128), scale_range=(1.0, 1.0)),
    optim=OptimConfig("adamw", learning_rate=1e-3, beta1=0.5, weight_decay=0.0),
    loss=LossConfig("adversarial", additional=(("l1", 100.0),)),
    train=TrainConfig(
        steps=800,
        batch_size=4,
        eval_batch_size=20,
        eval_every=200,
        save_every=200,
        log_every=50,
    ),
)
smoke = dataclasses.replace(
    config, train=dataclasses.replace(config.train, steps=20, log_every=5)
)
