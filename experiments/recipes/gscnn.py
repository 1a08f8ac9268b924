r"""GSCNN on WideResNet-38 for Cityscapes, with its four losses.

    jaxseg train experiments/recipes/gscnn.py --data.raw-dir CITYSCAPES \
        --train.init-from WIDERESNET38

WIDERESNET38 is a run with pretrained weights; README.md tells how to make it.

Paper: arXiv 1907.05740, sections 3.3 and 4 (SGD with momentum 0.9, learning rate 0.01,
poly schedule, crops of 800, batches of 16, 230 epochs; the weights of the segmentation,
edge, edge-attention and dual-task losses are 1, 20, 1 and 1). The release has weight
decay 1e-4, a poly power of 1, crops of 720, batches of 8, 175 epochs, blurred images
and a color jitter of 0.25. The paper reports 80.8 mIoU on the validation images.
Differs: classes are not sampled uniformly by their centers; the dual-task loss has the
derivative that the release's error removes.
"""

from jaxseg.config import (
    Config,
    DataConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)

EPOCH = 2975 // 8
config = Config(
    model=ModelConfig("gscnn_wideresnet38"),
    data=DataConfig(
        "cityscapes",
        crop=(720, 720),
        scale_range=(0.5, 2.0),
        color_jitter=0.25,
        augment=("blur(sigma=(0.15, 1.15), probability=0.5)",),
    ),
    optim=OptimConfig(
        "sgd", learning_rate=0.01, momentum=0.9, weight_decay=1e-4, poly_power=1.0
    ),
    loss=LossConfig(
        "image_weighted_cross_entropy",
        additional=(("edge_attention", 1.0), ("dual_task", 1.0)),
        edge_weight=20.0,
        edge_radius=2,
    ),
    train=TrainConfig(
        steps=175 * EPOCH,
        batch_size=8,
        eval_every=5 * EPOCH,
        save_every=5 * EPOCH,
        log_every=50,
    ),
)
stages = {"config": config}
