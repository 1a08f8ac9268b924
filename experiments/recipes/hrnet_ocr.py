r"""HRNet-W48 with object-contextual representations (OCR), for Cityscapes.

    jaxseg train experiments/recipes/hrnet_ocr.py --data.raw-dir CITYSCAPES \
        --train.init-from HRNET48

HRNET48 is a run with pretrained weights; README.md tells how to make it.

Papers: arXiv 1909.11065, section 4.2, and arXiv 1904.04514, section 4 (SGD with
momentum 0.9, learning rate 0.01, weight decay 5e-4, poly schedule with power 0.9, crops
of 512 x 1024, scales 0.5 to 2, batches of 12, an auxiliary loss with the weight 0.4,
40,000 steps for the training images). The main loss of the release keeps hard pixels:
those below a probability of 0.9, at least 131,072 per image. The paper reports 81.6
mIoU on the validation images of Cityscapes.
Differs: the release weights the classes by 19 numbers of its own.
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
    model=ModelConfig("ocrnet_hrnet_w48"),
    data=DataConfig("cityscapes", crop=(512, 1024), scale_range=(0.5, 2.0)),
    optim=OptimConfig("sgd", learning_rate=0.01, momentum=0.9, weight_decay=5e-4),
    loss=LossConfig(
        "ohem_cross_entropy",
        options={"ohem_cross_entropy": {"threshold": 0.9, "min_kept": 131_072}},
        aux_weight=0.4,
    ),
    train=TrainConfig(
        steps=40_000, batch_size=12, eval_every=2000, save_every=1000, log_every=50
    ),
)
stages = {"config": config}
