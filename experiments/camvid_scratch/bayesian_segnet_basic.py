"""Bayesian SegNet-Basic on CamVid from scratch: does dropout give the paper's 55.8?

    jaxseg train experiments/camvid_scratch/bayesian_segnet_basic.py \
        --data.raw-dir CAMVID
    python experiments/camvid_scratch/score_sampled.py runs/bayesian_segnet_basic

The second command averages the softmax of 40 networks with dropped units, as the paper
does; `jaxseg eval` scores the network without dropout.

Target (arXiv 1511.02680, CamVid; 360x480, 11 classes, test drive): mIoU 55.8, against
46.3 of SegNet-Basic.

Recipe: that of segnet_basic.py with dropout 0.5 at the central four stages, after
alexgkendall/SegNet-Tutorial (bayesian_segnet_basic_train.prototxt); its batch size is
left at the 12 of arXiv 1511.00561. Differs: as there.
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
    model=ModelConfig("bayesian_segnet_basic"),
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
    model=ModelConfig("bayesian_segnet_basic", {"width": 16}),
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
