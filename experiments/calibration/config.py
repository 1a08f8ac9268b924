"""How confident is a DANet that has seen 40 images, and what do averages change?

    jaxseg train experiments/calibration/config.py --train.seed 1

The data are 40 generated images of the dataset "shapes". report.md gives the
calibration before and after scaling, for averages of two runs and of dropout masks, and
pictures of attention and uncertainty.
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
    model=ModelConfig(
        "danet",
        {
            "backbone_options": {"width": 16, "blocks": (1, 1, 1, 1)},
            "output_stride": 8,
            "features": 64,
        },
        backbone="resnet50",
    ),
    data=DataConfig("shapes", crop=(96, 128), train_split="train[:40]"),
    optim=OptimConfig("adamw", learning_rate=2e-3, warmup_steps=20),
    loss=LossConfig(),
    train=TrainConfig(
        steps=300,
        batch_size=8,
        eval_batch_size=4,
        eval_every=300,
        save_every=150,
        log_every=20,
        num_overlays=1,
    ),
)
