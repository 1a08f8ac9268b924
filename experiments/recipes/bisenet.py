r"""BiSeNet on ResNet-18 for Cityscapes.

    jaxseg train experiments/recipes/bisenet.py --data.raw-dir CITYSCAPES \
        --train.init-from RESNET18

RESNET18 is a run with pretrained weights; README.md tells how to make it.

Paper: arXiv 1808.00897, section 4.1 (SGD with momentum 0.9, weight decay 1e-4, learning
rate 0.025, poly schedule with power 0.9, batches of 16, crops of 1024 x 1024, scales
0.75 to 2, two auxiliary losses with the weight 1). The release keeps hard pixels: those
below a probability of 0.7, at least one of sixteen; trains for 80,000 steps; and has a
rate of 0.01, ten times as large outside the backbone. The paper reports 76.21 mIoU on
the validation images, and 74.7 on the test images.
Differs: the learning rate is that of the release, because its tenfold rate for new
layers is part of it; scales are drawn from a continuous range.
"""

from jaxseg.config import (
    Config,
    DataConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)

CROP = 1024
config = Config(
    model=ModelConfig("bisenet_resnet18"),
    data=DataConfig("cityscapes", crop=(CROP, CROP), scale_range=(0.75, 2.0)),
    optim=OptimConfig(
        "sgd",
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=5e-4,
        lr_multipliers=(("(?!backbone/).*", 10.0),),
    ),
    loss=LossConfig(
        "ohem_cross_entropy",
        options={
            "ohem_cross_entropy": {"threshold": 0.7, "min_kept": CROP * CROP // 16}
        },
        aux_weight=1.0,
    ),
    train=TrainConfig(
        steps=80_000, batch_size=16, eval_every=4000, save_every=2000, log_every=50
    ),
)
stages = {"config": config}
