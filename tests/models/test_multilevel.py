"""The neck for plain transformers: its values, its strides, and imported backbones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from jax import lax

from jaxseg import create_model, weights
from jaxseg.backbones.multilevel import RescalingNeck
from jaxseg.models.families import FAMILIES
from jaxseg.weights.catalog.maps import timm_vit
from jaxseg.weights.translate.convert import to_torch

VIT = {"depth": 4, "width": 16, "heads": 2, "image_size": (32, 32)}
LEVELS = ("c2", "c3", "c4", "c5")


def pair(family, **options):
    options = {"backbone": "vitti16", "backbone_options": VIT} | options
    return create_model(family, 5, neck="multilevel", **options)


def zeros(model, size=(33, 50)):
    image = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), image)
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)


def expected_level(level, x, params):
    """The layers of one level, by matrix products and plain `lax`."""
    y = x @ params[f"lateral_{level}"]["kernel"][0, 0]
    y = y + params[f"lateral_{level}"]["bias"]
    batch, height, width, channels = y.shape
    if level == "c5":  # Means of 2x2 pixels; the last odd row or column is not read.
        rows, columns = height // 2, width // 2
        y = y[:, : 2 * rows, : 2 * columns]
        y = y.reshape(batch, rows, 2, columns, 2, channels).mean((2, 4))
    factor = {"c2": 4, "c3": 2}.get(level, 1)
    size = (batch, factor * y.shape[1], factor * y.shape[2], channels)
    y = jax.image.resize(y, size, "linear", antialias=False)
    layer, dims = params[f"smooth_{level}"], ("NHWC", "HWIO", "NHWC")
    y = lax.conv_general_dilated(
        y, layer["kernel"], (1, 1), ((1, 1), (1, 1)), dimension_numbers=dims
    )
    return y + layer["bias"].reshape(1, 1, 1, -1)


def test_levels_equal_a_plain_computation():
    random = np.random.default_rng(0)
    draw = lambda *shape: random.normal(size=shape).astype(np.float32)
    pyramid = {level: draw(1, 3, 4, 6) for level in LEVELS}
    neck = RescalingNeck(5)
    shapes = jax.eval_shape(neck.init, jax.random.key(0), pyramid)
    params = jax.tree.map(lambda leaf: draw(*leaf.shape), shapes["params"])
    found = jax.jit(neck.apply)({"params": params}, pyramid)
    sizes = {level: x.shape[1:] for level, x in found.items()}
    assert sizes == {
        "c2": (12, 16, 5),
        "c3": (6, 8, 5),
        "c4": (3, 4, 5),
        "c5": (1, 2, 5),
    }
    for level, x in pyramid.items():
        expected = expected_level(level, x, params)
        np.testing.assert_allclose(found[level], expected, atol=1e-4)


@pytest.mark.parametrize(
    ("backbone", "patch"), [("vitti16", 16), ("dinov2_vits14", 14)]
)
def test_strides_and_paths_of_parameters(backbone, patch):
    """The paths of the transformer do not change; images are padded to the patch."""
    options = VIT | {"image_size": (4 * patch, 4 * patch)}
    model = pair("upernet", backbone=backbone, backbone_options=options)
    size = (3 * patch - 5, 4 * patch)
    variables = zeros(model, size)
    image = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
    maps = jax.eval_shape(
        lambda v, x: model.apply(v, x, method=lambda net, x: net.backbone(x)),
        variables,
        image,
    )
    sides = {level: x.shape[1:3] for level, x in maps.items()}
    assert sides == {"c2": (12, 16), "c3": (6, 8), "c4": (3, 4), "c5": (1, 2)}
    assert jax.eval_shape(model.apply, variables, image)["logits"].shape[1:3] == size
    plain = create_model("linear", 5, backbone=backbone, backbone_options=options)
    own, with_neck = (
        set(net["params"]["backbone"]) for net in (zeros(plain), variables)
    )
    assert with_neck == own | {"neck"}


def test_weights_of_the_transformer_are_imported_without_those_of_the_neck():
    plain = create_model("linear", 5, backbone="vitti16", backbone_options=VIT)
    ones = jax.tree.map(np.ones_like, zeros(plain)["params"]["backbone"])
    state = to_torch({"params": ones}, timm_vit.BACKBONE)
    model = pair("linear")
    found = weights.load(state, model, part="backbone")["params"]["backbone"]
    assert found["neck"]["lateral_c2"]["kernel"].shape == (1, 1, 16, 16)
    assert np.ptp(found["neck"]["lateral_c2"]["kernel"]) > 0.1
    imported = flatten_dict({k: v for k, v in found.items() if k != "neck"})
    assert imported.keys() == flatten_dict(ones).keys()
    assert all((x == 1).all() for x in imported.values())


FOUR = [name for name, family in FAMILIES.items() if {*LEVELS} <= {*dict(family.reads)}]


@pytest.mark.sweep
@pytest.mark.parametrize("family", [n for n in FOUR if not FAMILIES[n].equal])
@pytest.mark.parametrize("size", [(65, 97), (64, 96)])
def test_families_that_read_four_levels(family, size):
    if "c1" in dict(FAMILIES[family].reads):
        with pytest.raises(ValueError, match="found no c1"):
            pair(family)
        return
    model = pair(family)
    image = jax.ShapeDtypeStruct((1, *size, 3), jnp.float32)
    outputs, _ = jax.eval_shape(model.init_with_output, jax.random.key(0), image)
    assert outputs["logits"].shape == (1, *size, 5)
