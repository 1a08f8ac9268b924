"""Can pix2pix segment drawn scenes, by generating labels from photos?

    jaxseg train experiments/pix2pix/config.py
    jaxseg train experiments/pix2pix/config.py --loss.name l1 --loss.additional

The loss is that of the paper (arXiv 1611.07004): the conditional GAN loss plus 100
times the L1 loss. Each step updates the discriminator and the generator by Adam with
beta1 = 0.5. The networks are small enough for two CPU cores: the generator halves the
resolution five times and has 16 to 128 channels, like the 70x70 PatchGAN. The learning
rate is 1e-3 instead of 2e-4, and a batch has 4 images instead of 1. camvid.py is the
full recipe, and photos.py generates photos from labels. report.md gives the result.
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
