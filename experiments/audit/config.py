"""Which CamVid masks are wrong? The network for `jaxseg data audit`.

    jaxseg data audit experiments/audit/config.py --folds 2 --data.raw-dir CORRUPTED

CORRUPTED is the folder that corrupt.py writes. A compact U-Net at 0.4 of the
resolution, without weights for the classes. report.md gives the time and the precision
of the ranking.
"""

from jaxseg.config import (
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)

config = Config(
    model=ModelConfig("unet", {"width": 16}),
    data=DataConfig(
        "camvid",
        eval_split="validation[:10%]",  # Only to follow the training.
        crop=(112, 144),
        scale_range=(0.32, 0.52),
        eval_scale=0.4,  # 144x192 pixels.
        color_jitter=0.2,
    ),
    optim=OptimConfig("adamw", learning_rate=2e-3, warmup_steps=50),
    train=TrainConfig(
        steps=1100,
        batch_size=8,
        eval_batch_size=2,
        eval_every=1100,
        save_every=200,
        log_every=20,
        num_overlays=0,
    ),
)
