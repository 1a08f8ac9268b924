"""EfficientNet equals timm's and segmentation_models.pytorch's under random weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import create_model, weights
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.backbones.efficientnet import SIZES, stage_blocks
from jaxseg.weights.catalog.maps import efficientnet_pytorch, timm_efficientnet
from jaxseg.weights.translate.rules import drop

OPTIONS = {"epsilon": 1e-5, "padding": "symmetric"}  # of timm's own networks
IMAGES = ((65, 96),)
LEVELS = ("c1", "c2", "c3", "c4", "c5")
# The last maps of smaller images have too few pixels to measure statistics.
MEASURED = (160, 160)
HEAD = drop(r"_conv_head\.weight", r"_bn1\..*", r"_fc\..*")


def pyramid(net, x):
    """The feature maps of timm's `features_only`."""
    return dict(zip(LEVELS, net(x), strict=True))


def make_timm(peers, name, **options):
    net = peers.timm.create_model(name, features_only=True)
    own = {} if name.startswith("tf_") else OPTIONS
    model = BACKBONES[name.removeprefix("tf_")].create(**own, **options)
    net = peers.randomize(net, run=pyramid, size=MEASURED)
    return model, net, timm_efficientnet.BACKBONE, {"run": pyramid}


def make_narrow(peers):
    """EfficientNet-B0 with a quarter of the channels and ten of the 16 blocks."""
    generate = peers.timm.models.efficientnet._gen_efficientnet
    net = generate(
        "tf_efficientnet_b0",
        channel_multiplier=0.25,
        depth_multiplier=0.5,
        bn_eps=1e-3,
        pad_type="same",
        features_only=True,
    )
    model = BACKBONES["efficientnet_b0"].create(width=0.25, depth=0.5)
    net = peers.randomize(net, run=pyramid, size=MEASURED)
    return model, net, timm_efficientnet.BACKBONE, {"run": pyramid, "size": (128, 128)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "efficientnet_b0",
        "efficientnet_b1",
        "tf_efficientnet_b0",
        "tf_efficientnet_b2",
        "tf_efficientnet_lite0",
        "efficientnet_lite1",
    ],
)
def test_timm(peers, name):
    model, net, rules, options = make_timm(peers, name)
    peers.compare(model, net, rules, sizes=IMAGES, label=f"timm: {name}", **options)


@pytest.mark.slow
def test_the_classifier_of_timm(peers):
    """The last convolution; symmetric padding is visibly off."""
    net = peers.randomize(
        peers.timm.create_model("tf_efficientnet_lite0"), size=MEASURED
    )
    run = lambda net, x: {"c5": net.forward_features(x)}
    rules = timm_efficientnet.BACKBONE + timm_efficientnet.CLASSIFIER
    make = BACKBONES["efficientnet_lite0"].create
    label = "timm: tf_efficientnet_lite0, last convolution"
    peers.compare(make(last=True), net, rules, run=run, label=label)
    with pytest.raises(AssertionError, match="> 1e-02"):
        other = make(last=True, padding="symmetric")
        peers.compare(other, net, rules, run=run, sizes=[(64, 64)], rtol=1e-2)


def encoder(net, x):
    """The feature maps of an encoder of segmentation_models.pytorch."""
    return dict(zip(LEVELS, net(x)[1:], strict=True))


def make_smp(peers, name, **options):
    net = peers.smp.encoders.get_encoder(name, weights=None, **options)
    return peers.randomize(net, run=encoder, size=MEASURED)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "image"), [("b0", 224), ("b1", 240)])
def test_smp(peers, size, image):
    """efficientnet_pytorch pads images of any size like those of one size.

    The encoder `efficientnet-b0` takes c4 two blocks before the end of the stage.
    """
    options = {"padding": image, "stem_level": True, "early_c4": size == "b0"}
    row = {"b0": "EfficientNet-B0", "b1": "EfficientNet-B1 or B2"}[size]
    rules = efficientnet_pytorch.trunk(*efficientnet_pytorch.COUNTS[row]) + HEAD
    peers.compare(
        BACKBONES[f"efficientnet_{size}"].create(**options),
        make_smp(peers, f"efficientnet-{size}"),
        rules,
        sizes=IMAGES,
        run=encoder,
        label=f"smp: encoder efficientnet-{size}",
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficientnet-b0", "tf_efficientnet_lite0"])
def test_dense_smp(peers, name):
    """At output stride 16, a rate already applies to the block that loses its stride."""
    model = BACKBONES[name.removeprefix("tf_").replace("-", "_")].create(
        16, eager_rate=True, stem_level=True, **OPTIONS
    )
    unused = drop(r"conv_head\.weight", r"bn2\..*")
    peers.compare(
        model,
        make_smp(peers, f"timm-{name}", output_stride=16),
        timm_efficientnet.TRUNK + unused,
        sizes=IMAGES,
        run=encoder,
        label=f"smp: encoder timm-{name} /16",
    )


def whole_network(peers, head, encoder):
    """A network of segmentation_models.pytorch, its model and its import table."""
    net = getattr(peers.smp, head)(encoder, encoder_weights=None, classes=5)
    state = net.state_dict()
    source = weights.detect(state)
    (row,) = (
        row for row in source.networks if dict(row.peer)["encoder_name"] == encoder
    )
    assert row.fits(state)
    options = row.options_for(peers.state_dict(net))
    model = create_model(row.name, 5, backbone=row.backbone, **options)
    return model, peers.randomize(net, size=MEASURED), source.rules


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "encoder"),
    [
        ("Unet", "efficientnet-b0"),
        ("Unet", "timm-efficientnet-b0"),
        ("Unet", "timm-tf_efficientnet_lite1"),
        ("DeepLabV3Plus", "efficientnet-b0"),
        ("DeepLabV3Plus", "efficientnet-b1"),
        ("DeepLabV3Plus", "timm-efficientnet-b0"),
        ("DeepLabV3Plus", "timm-tf_efficientnet_lite1"),
    ],
)
def test_whole_networks_of_smp(peers, head, encoder):
    """DeepLabV3Plus refuses sizes that are not multiples of 16.

    At odd sizes, the maps of efficientnet-b0 lack a row or column. There, the decoder
    of jaxseg repeats the last one, and that of the library resizes the map.
    """
    model, net, rules = whole_network(peers, head, encoder)
    odd = head == "Unet" and encoder.startswith("timm")
    sizes = IMAGES if odd else IMAGES[:1]
    peers.compare(model, net, rules, sizes=sizes, label=f"smp: {head} {encoder}")


@pytest.mark.parametrize("name", SIZES)
def test_blocks_of_the_import_tables(name):
    """The tables of efficientnet_pytorch contain the numbers of blocks of the sizes."""
    lite = "lite" in name
    counts = [row for row, squeeze in efficientnet_pytorch.COUNTS.values()]
    assert stage_blocks(SIZES[name][1], lite) in counts


@pytest.mark.slow
def test_stochastic_depth_leaves_the_first_block(fill):
    """Training drops whole branches; their rate grows from 0."""
    model = BACKBONES["efficientnet_lite0"].create(width=0.25, drop_path=0.9)
    variables = fill(model, (1, 64, 64, 3))
    image = jnp.asarray(np.random.default_rng(0).normal(size=(2, 64, 64, 3)))
    run = lambda seed: model.apply(
        variables,
        image,
        train=True,
        mutable=["batch_stats"],
        rngs={"dropout": jax.random.key(seed)},
    )[0]
    first, second = run(0), run(1)
    np.testing.assert_array_equal(first["c1"], second["c1"])
    assert np.abs(first["c5"] - second["c5"]).max() > 1e-3
