"""How many low-level channels does the decoder need? (DeepLab v3+, table 1)

    jaxseg sweep experiments/decoder_width/config.py
    jaxseg sweep experiments/decoder_width/config.py --variant full \
        -- --data.raw-dir CAMVID

"none" is DeepLab v3, the same encoder with bilinear upsampling. With ResNet-101, the
paper reports these scores on PASCAL VOC 2012 val: 77.21 without a decoder, 77.61 with 8
channels, 77.92 with 16, 78.16 with 32, 78.21 with 48 and 77.94 with 64.
"""

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

DATA = DataConfig("shapes", crop=(96, 128), scale_range=(0.75, 1.5))
OPTIM = OptimConfig("adamw", learning_rate=3e-3, warmup_steps=20)
TRAIN = TrainConfig(
    steps=300,
    batch_size=8,
    eval_batch_size=20,
    eval_every=300,
    save_every=300,
    num_overlays=0,
)
LARGE_DATA = DataConfig("camvid", crop=(360, 480), color_jitter=0.2)
LARGE_OPTIM = OptimConfig("sgd", learning_rate=0.02, warmup_steps=500)
LARGE_TRAIN = TrainConfig(
    steps=20_000, batch_size=16, eval_every=2000, save_every=2000, dtype="bfloat16"
)
ENCODER = {"output_stride": 16}
NARROW = {"width": 8, "blocks": (1, 1, 1, 1), "features": 32, "rates": (1, 2)}


def network(low, **options):
    """Returns v3+ with `low` low-level channels, or v3 if `low` is None."""
    options = {**ENCODER, **options}
    if low is None:
        return ModelConfig("deeplabv3_resnet50", {**options, "refine": False})
    return ModelConfig("deeplabv3plus_resnet50", {**options, "low": low})


configs = {
    f"low_{low}" if low else "none": Config(
        network(low, **NARROW), DATA, OPTIM, train=TRAIN
    )
    for low in (None, 4, 48)
}
full = {
    f"low_{low}" if low else "none": Config(
        network(low), LARGE_DATA, LARGE_OPTIM, train=LARGE_TRAIN
    )
    for low in (None, 8, 16, 32, 48, 64)
}
