"""Which upsampling is most accurate, and which leaves a checkerboard in the logits?

    jaxseg sweep experiments/upsampling/config.py
    python experiments/upsampling/grid.py runs/upsampling
    jaxseg sweep experiments/upsampling/config.py --variant full \
        -- --data.raw-dir CAMVID

The decoder of a U-Net doubles the resolution in one of four ways: by a 2x2 transposed
convolution, by bilinear interpolation, by nearest-neighbor resizing and a 3x3
convolution (Odena et al. 2016), or by a 3x3 convolution and depth to space (arXiv
1609.05158).
"""

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

DATA = DataConfig("shapes", crop=(64, 96), scale_range=(0.75, 1.5))
OPTIM = OptimConfig("adamw", learning_rate=3e-3, warmup_steps=20)
TRAIN = TrainConfig(
    steps=200,
    batch_size=8,
    eval_batch_size=20,
    eval_every=200,
    save_every=200,
    num_overlays=0,
)
LARGE_DATA = DataConfig("camvid", crop=(360, 480), color_jitter=0.2)
LARGE_OPTIM = OptimConfig("sgd", learning_rate=0.02, warmup_steps=500)
LARGE_TRAIN = TrainConfig(
    steps=20_000, batch_size=16, eval_every=2000, save_every=2000, dtype="bfloat16"
)
WAYS = ("transposed", "bilinear", "resize_conv", "sub_pixel")
configs = {
    way: Config(
        ModelConfig("unet", {"width": 8, "depth": 3, "up": way}),
        DATA,
        OPTIM,
        train=TRAIN,
    )
    for way in WAYS
}
full = {
    way: Config(
        ModelConfig("unet", {"width": 64, "up": way}),
        LARGE_DATA,
        LARGE_OPTIM,
        train=LARGE_TRAIN,
    )
    for way in WAYS
}
