r"""DeepLab v2 (ASPP, three scales) on ResNet-101, for VOC 2012 with the masks of SBD.

    jaxseg train experiments/recipes/deeplabv2.py --data.raw-dir VOC --train.init-from \
        RESNET101

RESNET101 is a run with pretrained weights; README.md tells how to make it.

Paper: arXiv 1606.00915, section 4.1.2 (poly schedule with power 0.9, batches of 10,
 20,000 steps, scales from 0.5 to 1.5, the maximum over three input scales, frozen
batch normalization). The release has a learning rate of 2.5e-4, ten times as large for
the classifiers, weight decay 5e-4 and crops of 321. The paper reports 76.35 mIoU on the
validation images with weights from MS COCO, and 77.69 after the CRF.
Differs: biases of the classifiers follow the rate of their kernels (the release doubles
it) and scales are drawn from a continuous range.
"""

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

config = Config(
    model=ModelConfig("deeplabv2_resnet101", {"style": {"norm": "frozen"}}),
    data=DataConfig(
        "voc2012", variant=("trainaug",), crop=(321, 321), scale_range=(0.5, 1.5)
    ),
    optim=OptimConfig(
        "sgd",
        learning_rate=2.5e-4,
        momentum=0.9,
        weight_decay=5e-4,
        lr_multipliers=(("head/.*", 10.0),),
    ),
    train=TrainConfig(
        steps=20_000, batch_size=10, eval_every=1000, save_every=1000, log_every=50
    ),
)
stages = {"config": config}
