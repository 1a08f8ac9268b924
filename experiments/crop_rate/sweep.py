r"""Do small crops cost a network with large rates more than one with small rates?

    jaxseg sweep experiments/crop_rate/sweep.py
    jaxseg sweep experiments/crop_rate/sweep.py --variant full \
        -- --data.raw-dir CAMVID

With crops of 321 instead of 513 pixels, DeepLab v3 scores 67.22 instead of 77.21 on
PASCAL VOC 2012 val (arXiv 1706.05587, table 8), and with smaller crops more kernel
positions are outside of the map (figure 4). No source varies the rates with the crop.
Here, two crops are combined with two sets of parallel rates. The rates (1, 2, 3) on the
6 x 8 cells of the small crop keep the same share of kernel positions as (2, 4, 6) on
the 12 x 16 cells of the large one. If the lost positions are the cause, the larger
rates lose more than the smaller ones when the crop shrinks.

The small crops come in batches of 32, so that all runs see equally many pixels.
"""

from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig

OPTIM = OptimConfig("adamw", learning_rate=3e-3, warmup_steps=20)
LARGE_OPTIM = OptimConfig("sgd", learning_rate=0.02, warmup_steps=500)
CROPS = {"crop_48x64": (48, 64), "crop_96x128": (96, 128)}
LARGE_CROPS = {"crop_180x240": (180, 240), "crop_360x480": (360, 480)}
RATES, LARGE_RATES = ((1, 2, 3), (2, 4, 6)), ((6, 12, 18), (12, 24, 36))
NARROW = {"width": 8, "blocks": (1, 1, 1, 1), "features": 32, "output_stride": 8}


def network(rates, **options):
    """Returns DeepLab v3 with the head of the paper without image pooling."""
    options = {"rates": rates, "image_pool": False, "refine": False, **options}
    return ModelConfig("deeplabv3_resnet50", options)


def small(crop, rates):
    """Returns the configuration of a small network on generated scenes."""
    batch = 8 if crop == CROPS["crop_96x128"] else 32
    return Config(
        network(rates, **NARROW),
        DataConfig("shapes", crop=crop, scale_range=(0.75, 1.5)),
        OPTIM,
        train=TrainConfig(
            steps=300,
            batch_size=batch,
            eval_batch_size=20,
            eval_every=300,
            save_every=300,
            num_overlays=0,
        ),
    )


def large(crop, rates):
    """Returns the configuration of a ResNet-50 on CamVid."""
    batch = 16 if crop == LARGE_CROPS["crop_360x480"] else 64
    return Config(
        network(rates, output_stride=8),
        DataConfig("camvid", crop=crop, color_jitter=0.2),
        LARGE_OPTIM,
        train=TrainConfig(
            steps=20_000,
            batch_size=batch,
            eval_every=2000,
            save_every=2000,
            dtype="bfloat16",
        ),
    )


def named(crops, rates, create):
    """Returns a dictionary with a configuration for each crop and set of rates."""
    return {
        f"{crop}_rates_{'_'.join(map(str, chosen))}": create(size, chosen)
        for crop, size in crops.items()
        for chosen in rates
    }


configs = named(CROPS, RATES, small)
full = named(LARGE_CROPS, LARGE_RATES, large)
