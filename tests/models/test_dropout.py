"""Dropout takes channels or single values, at the rate and place of the cited source."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxseg import create_model, weights
from jaxseg.nn.layers import Dropout

RESNET = {"width": 4, "blocks": (1, 1, 1, 1)}
VGG = {"channels": (4, 4, 8, 8, 8), "features": 16}
DENSE = {"layers": (1, 2, 2, 1), "growth": 4, "first": 8, "widths": (8, 4)}
SMALL = {"features": 16}
CHANNELS, VALUES = "channels", "values"
# network, options -> {(form, rate): how many layers}, with the source that says so
CASES = {
    # nv-tlabs/GSCNN, network/wider_resnet.py: nn.Dropout = nn.Dropout2d
    "gscnn": (
        "gscnn_wideresnet38",
        {"width": 4},
        {(CHANNELS, 0.3): 1, (CHANNELS, 0.5): 1},
    ),
    # wuhuikai/FastFCN, encoding/models: Dropout2d in every head, auxiliary ones too
    "fastfcn_fcn": ("fastfcn_fcn_resnet50", RESNET, {(CHANNELS, 0.1): 2}),
    "fastfcn_psp": ("fastfcn_psp_resnet50", RESNET, {(CHANNELS, 0.1): 2}),
    "fastfcn_enc": ("fastfcn_enc_resnet50", RESNET, {(CHANNELS, 0.1): 2}),
    "fastfcn_deeplabv3": (
        "fastfcn_deeplabv3_resnet50",
        RESNET,
        {(CHANNELS, 0.1): 2, (CHANNELS, 0.5): 1},
    ),
    # hszhao/semseg, model/pspnet.py: Dropout2d
    "pspnet": ("pspnet_resnet50", RESNET | SMALL, {(CHANNELS, 0.1): 2}),
    # torchvision/models/segmentation: Dropout
    "torchvision_fcn": ("fcn_resnet50", RESNET, {(VALUES, 0.1): 2}),
    "torchvision_deeplabv3": (
        "deeplabv3_resnet50",
        RESNET | SMALL | {"aux": True},
        {(VALUES, 0.5): 1, (VALUES, 0.1): 1},
    ),
    # open-mmlab/mmsegmentation, decode_heads/decode_head.py: Dropout2d
    "mmseg_unet": ("unet_fcn", {"width": 4, "depth": 2}, {(CHANNELS, 0.1): 2}),
    "mmseg_nonlocal": ("nonlocal_resnet50", RESNET | SMALL, {(CHANNELS, 0.1): 2}),
    "mmseg_danet": ("danet_resnet50", RESNET | SMALL, {(CHANNELS, 0.1): 3}),
    # PaddlePaddle/PaddleSeg, paddleseg/models/glore.py, ginet.py, layers: Dropout
    "glore": ("glore_resnet50", RESNET | SMALL, {(VALUES, 0.1): 2}),
    "ginet": ("ginet_resnet50", RESNET | SMALL, {(VALUES, 0.1): 2}),
    # openseg-group/openseg.pytorch, OCRNet: Dropout2d, in the auxiliary head too
    "ocrnet": ("ocrnet_resnet101", RESNET | SMALL, {(CHANNELS, 0.05): 2}),
    # DeepMotionAIResearch/DenseASPP: F.dropout2d and nn.Dropout2d
    "denseaspp": ("denseaspp_densenet121", DENSE, {(CHANNELS, 0.1): 6}),
    # Caffe's and Lasagne's dropout layers take single values
    "deeplabv1": ("deeplabv1_vgg16", VGG, {(VALUES, 0.5): 2}),
    "fcn": ("fcn8s_vgg16", {"width": 4, "fc_width": 8}, {(VALUES, 0.5): 2}),
    "segnet": ("bayesian_segnet", {"width": 4}, {(VALUES, 0.5): 6}),
    "fc_densenet": (
        "fc_densenet56",
        {"layers": (1, 1, 1, 1, 1), "growth": 2, "stem": 4},
        {(VALUES, 0.2): 7},
    ),
}
LIBRARY = {  # name, library, our model -> {(form, rate): how many layers}
    ("DeepLabV3 on ResNet-v1c", "mmsegmentation"): {(CHANNELS, 0.1): 2},
    ("DeepLabV3+ on ResNet-v1c", "mmsegmentation"): {(CHANNELS, 0.1): 2},
    ("FCN on ResNet-v1c", "mmsegmentation"): {(CHANNELS, 0.1): 2},
    ("PSPNet on ResNet-v1c", "mmsegmentation"): {(CHANNELS, 0.1): 2},
    ("FastFCN-ASPP on ResNet-v1c", "mmsegmentation"): {(CHANNELS, 0.1): 2},
    ("DeepLabV3", "segmentation_models_pytorch"): {(VALUES, 0.5): 1},
    ("DeepLabV3Plus", "segmentation_models_pytorch"): {(VALUES, 0.5): 1},
    ("PSPNet", "segmentation_models_pytorch"): {(CHANNELS, 0.2): 1},
}


def dropouts(model):
    """{(form, rate): count} of the dropout layers that act in training."""
    found = {}

    def note(run, args, kwargs, context):
        layer = context.module
        if isinstance(layer, nn.Dropout) and layer.rate and not layer.deterministic:
            form = CHANNELS if tuple(layer.broadcast_dims) == (1, 2) else VALUES
            found[form, layer.rate] = found.get((form, layer.rate), 0) + 1
        return run(*args, **kwargs)

    def init(key, image):
        rngs = {"params": key, "dropout": key}
        return model.init(rngs, image, train=True)

    with nn.intercept_methods(note):
        image = jax.ShapeDtypeStruct((2, 64, 64, 3), jnp.float32)
        jax.eval_shape(init, jax.random.key(0), image)
    return found


@pytest.mark.parametrize("case", CASES)
def test_dropout_of_each_source(case):
    name, options, want = CASES[case]
    assert dropouts(create_model(name, 3, **options)) == want


@pytest.mark.parametrize("key", LIBRARY, ids=lambda key: f"{key[1]}: {key[0]}")
def test_dropout_of_imported_networks(key):
    """The options that an import chooses give the library's own dropout."""
    (source,) = (s for s in weights.SOURCES if (s.name, s.library) == key)
    network = source.networks[0]
    keys = [network.aux + "conv.weight"] if network.aux else []
    options = network.options_for(keys) | {"blocks": (1, 1, 1, 1)}
    assert dropouts(create_model(network.name, 3, **options)) == LIBRARY[key]


@pytest.mark.parametrize("channels", [True, False])
def test_what_is_dropped(channels):
    x = jnp.ones((4, 6, 6, 50))
    layer = Dropout(0.2, channels)
    y = np.asarray(layer.apply({}, x, train=True, rngs={"dropout": jax.random.key(1)}))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.8)}
    share = (y == 0).mean((1, 2))
    assert 0.1 < share.mean() < 0.3
    assert bool(np.isin(share, (0, 1)).all()) == channels
    np.testing.assert_array_equal(layer.apply({}, x, train=False), x)
