r"""DeepLab v3 on ResNet-101 for VOC 2012: output stride 16, then 8 with frozen norms.

    R=experiments/recipes/deeplabv3.py
    jaxseg train $R --data.raw-dir VOC --train.init-from RESNET101 --workdir runs/v3_16
    jaxseg train $R --data.raw-dir VOC --variant trainval_os8 --workdir runs/v3_8 \
        --train.init-from runs/v3_16
    jaxseg train $R --data.raw-dir VOC --variant hard_classes --workdir runs/v3_hard \
        --train.init-from runs/v3_16

RESNET101 is a run with pretrained weights; README.md tells how to make it.

Paper: arXiv 1706.05587, section 4 and appendix. Stage 1: trainaug, output stride 16,
batches of 16, crops of 513, learning rate 0.007, poly schedule with power 0.9, 30,000
steps, batch normalization with a decay of 0.9997. Stage 2: the official trainval set,
output stride 8, learning rate 0.001, 30,000 steps, frozen batch normalization. For the
test server, images with hard classes (bicycle, chair, table, potted plant, sofa) occur
twice. Multi-grid is (1, 2, 4). The paper reports 77.21 mIoU for stage 1 on the
validation images, evaluated at output stride 16, and 85.7 on the test images with
weights from MS COCO.
The weight decay of 1e-4 is that of the release.
"""

import dataclasses

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

NETWORK = {"output_stride": 16, "multi_grid": (1, 2, 4)}
config = Config(
    model=ModelConfig(
        "deeplabv3_resnet101", {**NETWORK, "style": {"momentum": 0.9997}}
    ),
    data=DataConfig(
        "voc2012", variant=("trainaug",), crop=(513, 513), scale_range=(0.5, 2.0)
    ),
    optim=OptimConfig(
        "sgd",
        learning_rate=0.007,
        momentum=0.9,
        weight_decay=1e-4,
    ),
    train=TrainConfig(
        steps=30_000, batch_size=16, eval_every=1000, save_every=1000, log_every=50
    ),
)
trainval_os8 = dataclasses.replace(
    config,
    model=ModelConfig(
        "deeplabv3_resnet101",
        {**NETWORK, "output_stride": 8, "style": {"norm": "frozen"}},
    ),
    data=dataclasses.replace(
        config.data, variant=("train",), train_split="train+validation"
    ),
    optim=dataclasses.replace(config.optim, learning_rate=0.001),
)
hard_classes = dataclasses.replace(
    trainval_os8,
    data=dataclasses.replace(
        trainval_os8.data,
        oversample_classes=("bicycle", "chair", "diningtable", "pottedplant", "sofa"),
    ),
)
stages = {
    "config": config,
    "trainval_os8": trainval_os8,
    "hard_classes": hard_classes,
}
