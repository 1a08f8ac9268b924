"""The recipe of pix2pix in full, from photo to labels of CamVid.

    jaxseg train experiments/pix2pix/camvid.py --data.raw-dir CAMVID

arXiv 1611.07004: U-Net-256 generator, 70x70 PatchGAN, 256x256 crops of images enlarged
by 286/256, mirroring, batch 1, Adam 2e-4 with beta1 0.5 at a constant rate, 200 epochs
of 367 images. Not run to the end here.
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
    model=ModelConfig("pix2pix_unet256"),
    data=DataConfig("camvid", crop=(256, 256), scale_range=(1.117, 1.117)),
    optim=OptimConfig(
        "adamw",
        learning_rate=2e-4,
        beta1=0.5,
        weight_decay=0.0,
        schedule="constant",
    ),
    loss=LossConfig("adversarial", additional=(("l1", 100.0),)),
    train=TrainConfig(
        steps=73_400,
        batch_size=1,
        eval_batch_size=1,
        eval_every=3670,
        save_every=3670,
        log_every=50,
    ),
)
smoke = dataclasses.replace(
    config,
    model=ModelConfig("pix2pix_unet256", {"width": 8}),
    train=dataclasses.replace(config.train, steps=4, log_every=2),
)
