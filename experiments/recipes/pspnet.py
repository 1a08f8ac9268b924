r"""PSPNet on ResNet-101 for ADE20K, VOC 2012 and Cityscapes.

    R=experiments/recipes/pspnet.py
    jaxseg train $R --data.raw-dir ADE20K --train.init-from RESNET101
    jaxseg train $R --data.raw-dir VOC --variant voc2012 --train.init-from RESNET101
    jaxseg train $R --data.raw-dir CITYSCAPES --variant cityscapes --train.init-from \
        RESNET101

RESNET101 is a run with pretrained weights; README.md tells how to make it.

Paper: arXiv 1612.01105, section 5.1 (SGD with momentum 0.9 and weight decay 1e-4, base
learning rate 0.01, poly schedule with power 0.9, batches of 16, images mirrored,
resized by 0.5 to 2, rotated by -10 to 10 degrees and blurred, an auxiliary loss with
the weight 0.4, 150,000 steps for ADE20K, 30,000 for VOC and 90,000 for Cityscapes). In
the release, the rate of new layers is ten times as large and the crops are 473 and 713.
The paper reports 41.96 mIoU on ADE20K (ResNet-101, one scale), 82.6 on the test images
of VOC and 78.4 on those of Cityscapes.
The blur of the release has a kernel of 5 x 5 pixels, whose standard deviation is 1.1.
Differs: batch normalization is synchronized over all devices.
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
    model=ModelConfig("pspnet_resnet101"),
    data=DataConfig(
        "ade20k",
        crop=(473, 473),
        scale_range=(0.5, 2.0),
        augment=(
            "rotate(degrees=10, probability=0.5)",
            "blur(sigma=(1.1, 1.1), probability=0.5)",
        ),
    ),
    optim=OptimConfig(
        "sgd",
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=1e-4,
        lr_multipliers=(("(head|aux_head)/.*", 10.0),),
    ),
    loss=LossConfig(aux_weight=0.4),
    train=TrainConfig(
        steps=150_000, batch_size=16, eval_every=5000, save_every=2500, log_every=50
    ),
)
voc2012 = dataclasses.replace(
    config,
    data=dataclasses.replace(config.data, name="voc2012", variant=("trainaug",)),
    train=dataclasses.replace(config.train, steps=30_000),
)
cityscapes = dataclasses.replace(
    config,
    data=dataclasses.replace(
        config.data,
        name="cityscapes",
        crop=(713, 713),
        augment=("rotate(degrees=10, probability=0.5)",),
    ),
    train=dataclasses.replace(config.train, steps=90_000),
)
stages = {"config": config, "voc2012": voc2012, "cityscapes": cityscapes}
