"""One program for images of any size gives what the network gives for each size."""

import jax
import numpy as np
import pytest
from jax import export

from jaxseg import create_model
from tests.contract.networks import narrow_model
from tests.contract.rows import ROWS
from tests.tiers import tiered

# What they stand for: the places that compute with sizes.
REPRESENTATIVES = {
    "bayesian_segnet_basic": "unpooling at stored positions",
    "deconvnet": "unpooling, a bottleneck that pads small maps",
    "deeplabv1_vgg16": "average pooling at stride 1, aligned enlargement",
    "fcn32s_alexnet": "a fixed bilinear deconvolution, grouped kernels",
    "hrnet_small_v1": "resizing between four resolutions",
    "prob_unet": "average pooling at stride 2",
    "nonlocal_resnet50": "attention over all pixels",
    "pspnet_resnet50": "adaptive pooling into bins",
    "reseg": "recurrences over rows and columns",
    "setr_naive_vitl16": "embeddings that are resized to the image",
    "spn": "propagation in four directions",
    "unet_valid": "mirrored borders, cropped skip maps",
}


NAMES = [name for name, row in ROWS.items() if row.get("task") != "points"]


@pytest.mark.parametrize("name", tiered(NAMES, REPRESENTATIVES, ["deeplabv1_vgg16"]))
def test_a_program_for_any_size_gives_the_values_of_each_size(name, fill):
    row = ROWS[name]
    model = narrow_model(name) if "narrow" in row else create_model(name, 3)
    channels = row.get("channels", 3)
    shape = (*export.symbolic_shape("b, 32*h, 32*w"), channels)
    image = jax.ShapeDtypeStruct(shape, np.float32)
    if "narrow" not in row:  # Values are those of another row; the sizes are traced.
        variables = jax.eval_shape(
            lambda image: model.init(jax.random.key(0), image, train=False),
            jax.ShapeDtypeStruct((1, 64, 96, channels), np.float32),
        )
        apply = lambda v, x: model.apply(v, x, train=False)["logits"]
        assert jax.eval_shape(apply, variables, image).shape[:3] == shape[:3]
        return
    variables = fill(model, (1, 64, 96, channels))
    function = jax.jit(lambda x: model.apply(variables, x, train=False)["logits"])
    program = export.export(function, platforms=("cpu",))(image)
    x = np.random.default_rng(0).normal(size=(1, 64, 96, channels)).astype(np.float32)
    expected = np.asarray(function(x))
    found = np.asarray(program.call(x))
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
