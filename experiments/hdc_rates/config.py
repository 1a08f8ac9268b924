"""Do rates that leave holes in the receptive field cost accuracy? (HDC)

    jaxseg sweep experiments/hdc_rates/config.py
    jaxseg sweep experiments/hdc_rates/config.py --variant full -- --data.raw-dir CAMVID

A plan gives the atrous rates of the three units of stage 4 and of stage 5 of a ResNet
at output stride 8 (arXiv 1702.08502). All plans have a receptive field of 37 cells,
except "ones" with 13. They differ in their coverage, the share of the field that the
taps of the convolutions reach, which is the x axis. With ResNet-101, the paper reports
72.9 on Cityscapes val without dilation, 75.0 with rates 2 and 1 in turn, and 76.4 for
its largest hybrid plan.
"""

from jaxseg.analysis import coverage
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
PLANS = {
    "uniform": ((2, 2, 2), (4, 4, 4)),
    "one_large": ((1, 1, 1), (1, 1, 13)),
    "hybrid": ((1, 2, 3), (3, 4, 5)),
    "two_steps": ((1, 1, 1), (5, 5, 5)),
    "threes": ((3, 3, 3), (3, 3, 3)),
    "ones": ((1, 1, 1), (1, 1, 1)),
}
axis = {name: coverage((*first, *last)) for name, (first, last) in PLANS.items()}
axis_label = "share of the receptive field that the taps reach"


def network(rates, **options):
    """Returns a ResNet-50 with the rates of a plan and a sub-pixel 1x1 classifier."""
    return ModelConfig(
        "duc_hdc_resnet50", {"unit_rates": rates, "rates": (), **options}
    )


NARROW = {"width": 8, "blocks": (1, 1, 3, 3)}
configs = {
    name: Config(network(rates, **NARROW), DATA, OPTIM, train=TRAIN)
    for name, rates in PLANS.items()
}
full = {
    name: Config(
        network(rates, blocks=(3, 4, 6, 3)), LARGE_DATA, LARGE_OPTIM, train=LARGE_TRAIN
    )
    for name, rates in PLANS.items()
}
