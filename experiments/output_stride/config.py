"""How much does a smaller output stride improve the score? (DeepLab v3, table 1)

    jaxseg sweep experiments/output_stride/config.py
    jaxseg sweep experiments/output_stride/config.py --variant full \
        -- --data.raw-dir CAMVID

The network is the cascade of the paper up to block7, without multi-grid. The number of
parameters is the same at all strides, and the rates keep the receptive field the same.
With ResNet-50, the paper reports these mIoU on PASCAL VOC 2012 val: 75.18 at stride 8,
73.88 at 16, 70.06 at 32, 59.99 at 64, 42.34 at 128 and 20.29 at 256.
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
NETWORK = {"multi_grid": (1, 1, 1), "cascade": 3}
NARROW = {"width": 8, "blocks": (2, 2, 2, 2)}


def network(stride, **options):
    """Returns the cascade at one output stride."""
    options = {"output_stride": stride, **NETWORK, **options}
    return ModelConfig("deeplabv3_cascade_resnet50_beta", options)


configs = {
    f"stride_{stride}": Config(network(stride, **NARROW), DATA, OPTIM, train=TRAIN)
    for stride in (8, 16, 32, 64, 128)
}
full = {
    f"stride_{stride}": Config(
        network(stride), LARGE_DATA, LARGE_OPTIM, train=LARGE_TRAIN
    )
    for stride in (8, 16, 32, 64, 128)
}
