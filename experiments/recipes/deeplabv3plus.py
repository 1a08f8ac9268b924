"""DeepLab v3+ on Xception-65 for VOC 2012: output stride 16, then frozen at 8.

    R=experiments/recipes/deeplabv3plus.py
    jaxseg train $R --data.raw-dir VOC --train.init-from XCEPTION65 --workdir runs/v3p
    jaxseg train $R --data.raw-dir VOC --variant trainval_os8 --train.init-from runs/v3p

XCEPTION65 is a run with pretrained weights; README.md tells how to make it.

Paper: arXiv 1802.02611, section 4 (the settings of DeepLab v3: learning rate 0.007,
poly schedule with power 0.9, crops of 513, output stride 16, batch normalization
trained). The release has batches of 16, 30,000 steps, weight decay 4e-5 for Xception,
and fine-tunes on trainval with frozen batch normalization and a learning rate of 1e-4.
The paper reports 79.93 mIoU on the validation images at output stride 16 (one scale),
and 82.20 for separable convolutions and weights from MS COCO.
Differs: scales are drawn from a continuous range, not in steps of 0.25; biases follow
the rate of their layer.
"""

import dataclasses

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

NAME = "deeplabv3plus_xception65"
config = Config(
    model=ModelConfig(NAME, {"output_stride": 16, "style": {"momentum": 0.9997}}),
    data=DataConfig(
        "voc2012", variant=("trainaug",), crop=(513, 513), scale_range=(0.5, 2.0)
    ),
    optim=OptimConfig("sgd", learning_rate=0.007, momentum=0.9, weight_decay=4e-5),
    train=TrainConfig(
        steps=30_000, batch_size=16, eval_every=1000, save_every=1000, log_every=50
    ),
)
trainval_os8 = dataclasses.replace(
    config,
    model=ModelConfig(NAME, {"output_stride": 8, "style": {"norm": "frozen"}}),
    data=dataclasses.replace(
        config.data, variant=("train",), train_split="train+validation"
    ),
    optim=dataclasses.replace(config.optim, learning_rate=1e-4),
)
stages = {"config": config, "trainval_os8": trainval_os8}
