"""SegNet-Basic on CamVid from scratch: does the paper's recipe give its 47.7 mIoU?

    jaxseg train experiments/camvid_scratch/segnet_basic.py --data.raw-dir CAMVID
    jaxseg train ... --loss.class-weights none --workdir runs/segnet_basic_natural

Target (arXiv 1511.00561, table 1; 360x480, 11 classes, test drive): mIoU 47.7, class
accuracy 62.0, global 82.7 with median-frequency weights; 46.3 / 54.6 / 84.0 without.

Recipe: section 3.2 there (SGD 0.1, momentum 0.9, batch 12, scored every 1000 steps,
He initialization), weight decay 5e-4 and 10000 steps of alexgkendall/SegNet-Tutorial.
Whole frames, neither mirrored nor scaled; loss divided by the labeled pixels.
Differs: the best checkpoint is that with the best mIoU on the validation drive, not
the best global accuracy; running averages normalize at evaluation; frames are padded
to 384x480 there; weights follow the counts, not the tutorial's own numbers; decay is
on kernels alone.
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
    model=ModelConfig("segnet_basic"),
    data=DataConfig("camvid", crop=(360, 480), scale_range=(1.0, 1.0), flip=False),
    optim=OptimConfig(
        "sgd",
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=5e-4,
        schedule="constant",
    ),
    loss=LossConfig(class_weights="median_frequency"),
    train=TrainConfig(
        steps=10_000,
        batch_size=12,
        eval_batch_size=12,
        eval_every=1000,
        save_every=500,
        log_every=50,
    ),
)
smoke = dataclasses.replace(
    config,
    model=ModelConfig("segnet_basic", {"width": 16}),
    data=dataclasses.replace(
        config.data,
        crop=(90, 120),
        scale_range=(0.25, 0.25),
        eval_scale=0.25,
        eval_split="validation[:24]",
    ),
    train=TrainConfig(
        steps=40, batch_size=4, eval_batch_size=4, eval_every=40, log_every=10
    ),
)
