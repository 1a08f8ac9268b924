r"""Should the units of the last stage differ in their rates? (DeepLab v3, table 3)

    jaxseg sweep experiments/multi_grid/config.py
    jaxseg sweep experiments/multi_grid/config.py --variant full \
        -- --data.raw-dir CAMVID

The name of a plan states the rates of the three units of the last stage, which are
twice the multi-grid of the paper at output stride 16. Rates and receptive field grow
together in the paper's tables. Here, three plans have an equal field of 31 cells:
"4_4_4" (equal rates), "2_4_6" (different rates with a common factor) and "3_4_5"
(different rates without one). With ResNet-101 up to block 4, the paper reports these
scores on PASCAL VOC 2012 val: 68.39 for the multi-grid (1, 1, 1), 71.45 for (2, 2, 2),
73.14 for (1, 2, 3) and 73.45 for (1, 2, 4).
"""

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

DATA = DataConfig("shapes", crop=(96, 128), scale_range=(0.75, 1.5))
OPTIM = OptimConfig("adamw", learning_rate=3e-3, warmup_steps=20)
TRAIN = TrainConfig(
    steps=150,
    batch_size=8,
    eval_batch_size=20,
    eval_every=150,
    save_every=150,
    num_overlays=0,
)
LARGE_DATA = DataConfig("camvid", crop=(360, 480), color_jitter=0.2)
LARGE_OPTIM = OptimConfig("sgd", learning_rate=0.02, warmup_steps=500)
LARGE_TRAIN = TrainConfig(
    steps=20_000, batch_size=16, eval_every=2000, save_every=2000, dtype="bfloat16"
)
PLANS = ((2, 2, 2), (4, 4, 4), (2, 4, 6), (3, 4, 5), (2, 4, 8))


def network(last, **options):
    """Returns a ResNet-50 with the rates of the last stage and a 1x1 classifier.

    The units of the stage before it have the rate 1, as in the paper.
    """
    options = {"unit_rates": ((1, 1, 1), last), "rates": (), **options}
    return ModelConfig("duc_hdc_resnet50", options)


configs = {
    "_".join(map(str, last)): Config(
        network(last, width=8, blocks=(1, 1, 3, 3)), DATA, OPTIM, train=TRAIN
    )
    for last in PLANS
}
full = {
    "_".join(map(str, last)): Config(
        network(last, blocks=(3, 4, 6, 3)), LARGE_DATA, LARGE_OPTIM, train=LARGE_TRAIN
    )
    for last in PLANS
}
