"""One program for images of any size gives what the network gives for each size."""

import jax
import numpy as np
import pytest
from jax import export

from jaxseg import create_model
from tests.contract.networks import narrow_model
from tests.contract.rows import ROWS
from tests.tiers import tiered

# What they stand for: the places that compute with sizes. Operators that do are in
# tests/ops/test_open_size.py, and test_onnx_networks.py has propagation.
REPRESENTATIVES = {
    "bayesian_segnet_basic": "unpooling at stored positions",
    "deeplabv1_vgg16": "average pooling at stride 1, aligned enlargement",
    "fcn32s_alexnet": "a fixed bilinear deconvolution, grouped kernels",
    "reseg": "recurrences over rows and columns",
}


# Further places, where only the sizes are computed.
TRACED = {
    "deconvnet": "a bottleneck that pads small maps",
    "nonlocal_resnet50": "attention over all pixels",
    "prob_unet": "average pooling at stride 2",
    "pspnet_resnet50": "adaptive pooling into bins",
    "setr_naive_vitl16": "embeddings that are resized to the image",
    "unet_valid": "mirrored borders, cropped skip maps",
}
NAMES = [name for name, row in ROWS.items() if row.get("task") != "points"]


def network(name):
    """The network, narrow if there is such a form, and an image of any size."""
    row = ROWS[name]
    model = narrow_model(name) if "narrow" in row else create_model(name, 3)
    shape = (*export.symbolic_shape("b, 32*h, 32*w"), row.get("channels", 3))
    return model, jax.ShapeDtypeStruct(shape, np.float32)


def check_sizes(name):
    """Logits of a symbolic image have its symbolic size."""
    model, image = network(name)
    variables = jax.eval_shape(
        lambda image: model.init(jax.random.key(0), image, train=False),
        jax.ShapeDtypeStruct((1, 64, 96, image.shape[-1]), np.float32),
    )
    apply = lambda v, x: model.apply(v, x, train=False)["logits"]
    assert jax.eval_shape(apply, variables, image).shape[:3] == image.shape[:3]


@pytest.mark.parametrize("name", TRACED)
def test_logits_have_the_size_of_an_image_of_any_size(name):
    check_sizes(name)


@pytest.mark.parametrize("name", tiered(NAMES, REPRESENTATIVES, ["deeplabv1_vgg16"]))
def test_a_program_for_any_size_gives_the_values_of_each_size(name, fill):
    if "narrow" not in ROWS[name]:  # Values are those of another row.
        check_sizes(name)
        return
    model, image = network(name)
    channels = image.shape[-1]
    variables = fill(model, (1, 64, 96, channels))
    function = jax.jit(lambda x: model.apply(variables, x, train=False)["logits"])
    program = export.export(function, platforms=("cpu",))(image)
    x = np.random.default_rng(0).normal(size=(1, 64, 96, channels)).astype(np.float32)
    expected = np.asarray(function(x))
    found = np.asarray(program.call(x))
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
