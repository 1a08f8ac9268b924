"""DeepLabv3+ on ResNet-101 (arXiv 1802.02611), crops of 513 x 513, on a pod slice.

    jaxseg plan experiments/pod/deeplabv3plus_r101.py --topology v5e:16x16
    jaxseg train experiments/pod/deeplabv3plus_r101.py --data.raw-dir STREETS

STREETS is a folder of images and masks of the 19 evaluated classes of Cityscapes
(train/images, train/masks, ...), enough of them for such a batch: Cityscapes' fine and
coarse parts together, or Mapillary Vistas mapped to these classes.

2048 images a step are 8 a chip on 256 chips. The paper's rate is 0.007 at 16 images;
rate and warm-up follow the rule of linear scaling (arXiv 1706.02677), with half its
rate as batches beyond 1024 take less. What it needs: plans.md.
"""

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

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
    model=ModelConfig("deeplabv3plus_resnet101", {"output_stride": 16}),
    data=DataConfig(
        "folder",
        classes=CLASSES,
        crop=(513, 513),
        scale_range=(0.5, 2.0),
        color_jitter=0.2,
        cache=False,
        workers=4,
        worker_processes=8,
    ),
    optim=OptimConfig(
        "sgd",
        learning_rate=0.45,  # 0.007 * 2048 / 16 / 2
        momentum=0.9,
        weight_decay=4e-5,
        warmup_steps=500,
    ),
    train=TrainConfig(
        steps=5000,
        batch_size=2048,
        eval_batch_size=256,
        dtype="bfloat16",
        eval_every=500,
        save_every=500,
    ),
)
