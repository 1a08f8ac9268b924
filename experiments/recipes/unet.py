"""U-Net for the membranes of ISBI 2012, from one image per step.

    jaxseg train experiments/recipes/unet.py --data.raw-dir ISBI

Paper: arXiv 1505.04597, section 3 (SGD with momentum 0.99, one large tile per step,
elastic deformation by a 3 x 3 grid with a deviation of 10 pixels, dropout at the end of
the contracting path, He initialization). It reports a pixel error of 0.0611 and a Rand
error of 0.0382 on the test slices, as the mean of seven rotations.
Differs: convolutions are padded, so that the network labels the whole slice; the loss
weights the classes by median frequency and not by the distance to two cells; slices are
mirrored and rotated by multiples of 90 degrees, and the paper says only that they are
shifted, rotated and changed in brightness; the paper names no learning rate.
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
    model=ModelConfig("unet_caffe"),
    data=DataConfig(
        "isbi",
        crop=(512, 512),
        scale_range=(1.0, 1.0),
        elastic=10.0,
        augment=(
            "flip(axis=vertical, probability=0.5)",
            "rotate90",
            "brightness(factor=(0.9, 1.1), shift=(-0.05, 0.05))",
        ),
    ),
    optim=OptimConfig(
        "sgd",
        learning_rate=1e-3,
        momentum=0.99,
        weight_decay=5e-4,
        schedule="poly",
    ),
    loss=LossConfig(class_weights="median_frequency"),
    train=TrainConfig(
        steps=40_000, batch_size=1, eval_every=1000, save_every=1000, log_every=50
    ),
)
stages = {"config": config}
