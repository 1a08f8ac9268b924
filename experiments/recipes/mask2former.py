r"""Mask2Former on Swin-T for ADE20K and on ResNet-50 for Cityscapes.

    R=experiments/recipes/mask2former.py
    jaxseg train $R --data.raw-dir ADE20K --train.init-from SWIN
    jaxseg train $R --data.raw-dir CITYSCAPES --variant cityscapes --train.init-from \
        RESNET50

SWIN and RESNET50 are runs with pretrained weights; README.md tells how to make them.

Paper: arXiv 2112.01527, section 4.1 and appendix A (AdamW, learning rate 1e-4, a tenth
of it for the backbone, weight decay 0.05, poly schedule with power 0.9, batches of 16,
crops of 512 and 160,000 steps for ADE20K, crops of 512 x 1024 and 90,000 steps for
Cityscapes, images mirrored, resized by 0.5 to 2, colors distorted). In the release, the
largest norm of the gradient is 0.01, the rate of stochastic depth of Swin is 0.3, and
neither normalizations nor embeddings have weight decay. The release reports 47.7 mIoU
on ADE20K (Swin-T) and 79.4 on Cityscapes (ResNet-50), with one scale.
The color distortion is that of SSD, whose 18 steps of hue are 36 degrees.
Differs: contrast changes the differences to the mean of the image, and not to black.
Images are resized by any factor between the limits, and not by one of 16.
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
    model=ModelConfig("mask2former_swin_t", {"drop_path": 0.3}),
    data=DataConfig(
        "ade20k",
        crop=(512, 512),
        scale_range=(0.5, 2.0),
        augment=(
            "brightness(factor=(1, 1), shift=(-0.125, 0.125), probability=0.5)",
            "contrast(factor=(0.5, 1.5), probability=0.5)",
            "saturation(factor=(0.5, 1.5), probability=0.5)",
            "hue(degrees=36, probability=0.5)",
        ),
    ),
    optim=OptimConfig(
        "adamw",
        learning_rate=1e-4,
        weight_decay=0.05,
        clip_norm=0.01,
        lr_multipliers=(("backbone/.*", 0.1),),
    ),
    loss=LossConfig("mask_classification"),
    train=TrainConfig(
        steps=160_000, batch_size=16, eval_every=5000, save_every=5000, log_every=50
    ),
)
cityscapes = dataclasses.replace(
    config,
    model=ModelConfig("mask2former_resnet50"),
    data=dataclasses.replace(config.data, name="cityscapes", crop=(512, 1024)),
    train=dataclasses.replace(config.train, steps=90_000),
)
stages = {"config": config, "cityscapes": cityscapes}
