"""HRNetV2-W48 + OCR (arXiv 1909.11065), whole Cityscapes images, on a pod slice.

    jaxseg plan experiments/pod/hrnet_ocr.py --topology v5e:16x16
    jaxseg train experiments/pod/hrnet_ocr.py --data.raw-dir CITYSCAPES

CITYSCAPES is a folder of images and masks of the 19 evaluated classes
(train/images, train/masks, ...), 1024 x 2048 each.

256 images a step are one a chip on 256 chips. The authors take crops of 512 x 1024, 12
a step, 0.01 as rate for 484 epochs; here the whole image, 0.1 (half of what linear
scaling says, arXiv 1706.02677) and the same number of epochs. What it needs: plans.md.
"""

from jaxseg.config import (
    Config,
    DataConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)

CLASSES = (
    "road",
    "sidewalk",
    "building",
    "wall",
    "fence",
    "pole",
    "traffic light",
    "traffic sign",
    "vegetation",
    "terrain",
    "sky",
    "person",
    "rider",
    "car",
    "truck",
    "bus",
    "train",
    "motorcycle",
    "bicycle",
)

config = Config(
    model=ModelConfig("ocrnet_hrnet_w48"),
    data=DataConfig(
        "folder",
        classes=CLASSES,
        crop=(1024, 2048),
        scale_range=(0.5, 2.0),
        color_jitter=0.2,
        cache=False,
        workers=4,
        worker_processes=8,
    ),
    optim=OptimConfig(
        "sgd",
        learning_rate=0.1,
        momentum=0.9,
        weight_decay=5e-4,
        decay_mask="all",
        warmup_steps=300,
        clip_norm=10.0,
    ),
    loss=LossConfig(aux_weight=0.4),
    train=TrainConfig(
        steps=5600,
        batch_size=256,
        eval_batch_size=256,
        dtype="bfloat16",
        eval_every=560,
        save_every=280,
    ),
)
