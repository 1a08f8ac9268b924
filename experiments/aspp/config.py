"""Which parallel rates are best, and does image pooling help? (DeepLab v3, table 5)

    jaxseg sweep experiments/aspp/config.py
    jaxseg sweep experiments/aspp/config.py --variant full -- --data.raw-dir CAMVID

The small network has a map of 12 x 16 cells. The rates (2, 4, 6) cover the same share
of it as (6, 12, 18) do of the paper's map of 33 x 33 cells. With ResNet-101 at output
stride 16 and multi-grid (1, 2, 4), the paper reports these scores on PASCAL VOC 2012
val: 76.58 for the rates (6, 12, 18) without image pooling, 77.21 with it, and 76.46 for
the rates (6, 12, 18, 24) without it.
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
SETS = {
    "none": (),
    "2_4_6": (2, 4, 6),
}
NARROW = {"width": 8, "blocks": (1, 1, 1, 1), "features": 32, "output_stride": 8}


def network(rates, pool, **options):
    """Returns DeepLab v3 with the head of the paper and one set of rates."""
    options = {"rates": rates, "image_pool": pool, "refine": False, **options}
    return ModelConfig("deeplabv3_resnet50", options)


configs = {
    f"{name}_pool" if pool else name: Config(
        network(rates, pool, **NARROW), DATA, OPTIM, train=TRAIN
    )
    for name, rates in SETS.items()
    for pool in (False, True)
}
full = {
    f"{'_'.join(map(str, rates)) or 'none'}{'_pool' * pool}": Config(
        network(rates, pool), LARGE_DATA, LARGE_OPTIM, train=LARGE_TRAIN
    )
    for rates in ((), (6, 12, 18), (6, 12, 18, 24))
    for pool in (False, True)
}
