"""SETR-PUP and SETR-MLA on ViT-L/16, for Cityscapes.

    R=experiments/recipes/setr.py
    jaxseg train $R --data.raw-dir CITYSCAPES --train.init-from VIT
    jaxseg train $R --data.raw-dir CITYSCAPES --variant mla --train.init-from VIT_MLA

VIT and VIT_MLA are runs with pretrained weights; README.md tells how to make them.

Paper: arXiv 2012.15840, section 4.1 (SGD with momentum 0.9 and no weight decay, poly
schedule with power 0.9, batches of 8, crops of 768 on Cityscapes, 80,000 steps, images
mirrored and resized by 0.5 to 2). In the release, the learning rate is 0.01 for PUP and
0.002 for MLA, ten times as large for all heads, and ends at 1e-4; crops in which one
class covers more than 75 % are drawn again; colors are distorted. The auxiliary losses
have the weight 0.4. The paper reports 79.34 mIoU on the validation images for PUP and
77.24 for MLA (80,000 steps, one scale).
The photometric distortion is MMSegmentation's, whose 18 steps of hue are 36 degrees.
Differs: contrast changes the differences to the mean of the image, and not to black.
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
    model=ModelConfig("setr_pup_vitl16"),
    data=DataConfig(
        "cityscapes",
        crop=(768, 768),
        scale_range=(0.5, 2.0),
        augment=(
            "limit_share(share=0.75)",
            "brightness(factor=(1, 1), shift=(-0.125, 0.125), probability=0.5)",
            "contrast(factor=(0.5, 1.5), probability=0.5)",
            "saturation(factor=(0.5, 1.5), probability=0.5)",
            "hue(degrees=36, probability=0.5)",
        ),
    ),
    optim=OptimConfig(
        "sgd",
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=0.0,
        final_learning_rate=1e-4,
        lr_multipliers=(("(head|aux_heads_.*)/.*", 10.0),),
    ),
    loss=LossConfig(aux_weight=0.4),
    train=TrainConfig(
        steps=80_000, batch_size=8, eval_every=4000, save_every=2000, log_every=50
    ),
)
mla = dataclasses.replace(
    config,
    model=ModelConfig("setr_mla_vitl16"),
    optim=dataclasses.replace(config.optim, learning_rate=0.002),
)
stages = {"config": config, "mla": mla}
