"""pix2pix from labels to photo, on drawn scenes (arXiv 1611.07004).

    jaxseg train experiments/pix2pix/photos.py
    python experiments/pix2pix/fcn_score.py runs/photos SEGMENTER

As config.py, the other way round. SEGMENTER is the run of a segmenting network whose
reading of the made photos is scored. Result: report.md.
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
    model=ModelConfig(
        "pix2pix_unet256",
        {"depth": 5, "width": 16, "dropped": 1, "direction": "labels_to_photo"},
    ),
    data=DataConfig("shapes", crop=(96, 128), scale_range=(1.0, 1.0)),
    optim=OptimConfig("adamw", learning_rate=1e-3, beta1=0.5, weight_decay=0.0),
    loss=LossConfig("adversarial", additional=(("l1", 100.0),)),
    train=TrainConfig(
        steps=800,
        batch_size=4,
        eval_batch_size=20,
        eval_every=200,
        save_every=200,
        log_every=50,
    ),
)
smoke = dataclasses.replace(
    config, train=dataclasses.replace(config.train, steps=20, log_every=5)
)
