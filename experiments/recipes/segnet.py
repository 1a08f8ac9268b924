r"""SegNet on CamVid with weights by median frequency.

    jaxseg train experiments/recipes/segnet.py --data.raw-dir CAMVID --train.init-from \
        VGG16

VGG16 is a run with pretrained weights; README.md tells how to make it.

Paper: arXiv 1511.00561, section 3.2 and table 1 (SGD, momentum 0.9, a fixed learning
rate, median-frequency weights, whole frames of 360 x 480). The rate of 1e-3, the weight
decay and the 40,000 steps are those of the SegNet-Tutorial for the full network. The
paper reports 60.1 mIoU for a network that was trained on 3,433 images of several
datasets. For CamVid alone, later papers report 46.4 and 50.2.
Differs: no local contrast normalization; running averages normalize at evaluation; the
best checkpoint is that with the best mIoU on the validation drive.
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
    model=ModelConfig("segnet"),
    data=DataConfig("camvid", crop=(360, 480), scale_range=(1.0, 1.0), flip=False),
    optim=OptimConfig(
        "sgd",
        learning_rate=1e-3,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="constant",
    ),
    loss=LossConfig(class_weights="median_frequency"),
    train=TrainConfig(
        steps=40_000, batch_size=4, eval_every=1000, save_every=1000, log_every=50
    ),
)
stages = {"config": config}
