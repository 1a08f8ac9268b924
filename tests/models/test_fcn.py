"""FCN: the offsets align every grid, exactly."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.models.fcn import (
    SKIP_SCALE,
    fcn8s_vgg16,
    fcn16s_vgg16,
    fcn32s_vgg16,
)
from jaxseg.models.fcn32s import fcn32s_alexnet, fcn32s_googlenet
from jaxseg.models.fcn_resnet import fcn_resnet

MAKE = {32: fcn32s_vgg16, 16: fcn16s_vgg16, 8: fcn8s_vgg16}


def center_taps(model, image, channels):
    """Kernels that pass the first channels on: the middle tap, or the mean of two."""
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    shapes = jax.eval_shape(lambda k, x: model.init(k, x), key, image)

    def draw(leaf):
        value = np.zeros(leaf.shape, np.float32)
        if value.ndim == 4:
            taps = [
                slice((k - 1) // 2, k // 2 + 1) for k in leaf.shape[:2]
            ]  # one tap of odd sizes, two of even ones
            share = 1 / np.prod([s.stop - s.start for s in taps])
            for c in range(min(channels, *leaf.shape[2:])):
                value[taps[0], taps[1], c, c] = share
        return value

    return jax.tree.map(draw, shapes)


def ramp(rows, columns):
    """Row and column number (plus one: ReLU passes it) in two of three channels."""
    image = np.zeros((1, rows, columns, 3), np.float32)
    image[..., 0] = np.arange(rows)[:, None] + 1
    image[..., 1] = np.arange(columns)[None, :] + 1
    return image


@pytest.mark.parametrize("form", ["pad100", "same"])
@pytest.mark.parametrize("stride", [32, 16, 8])
def test_coordinates_come_back_where_they_were(form, stride):
    """Max pooling of a ramp takes each window's far edge: 15.5, 7.5 and 3.5 pixels
    beyond the centers of the 1/32, 1/16 and 1/8 cells. All else is offsets; one wrong
    cell would show as 8 pixels or more."""
    image = ramp(190, 213)
    model = MAKE[stride](2, form=form, width=2, fc_width=2)
    variables = center_taps(model, image, 2)
    logits = np.asarray(jax.jit(model.apply)(variables, image)["logits"])
    scores = {32: 1, 16: 2, 8: 3}[stride]
    beyond = {32: 15.5, 16: 15.5 + 7.5, 8: 15.5 + 7.5 + 3.5}[stride]
    want = scores * image[..., :2] + beyond
    inside = (slice(None), slice(64, -64), slice(64, -64))
    np.testing.assert_allclose(logits[inside], want[inside], rtol=1e-5)


def test_alexnet_and_googlenet_coordinates():
    """Response normalization is the identity for so small a ramp."""
    image = ramp(238, 238)
    image[..., 1] = 0
    cases = (
        (fcn32s_alexnet(1, width=1 / 48, fc_width=1), 4 + 8 + 16),
        (fcn32s_googlenet(1, width=1 / 64), 2 + 4 + 8 + 16),
    )
    for model, beyond in cases:
        variables, apply = center_taps(model, image, 1), jax.jit(model.apply)
        for turned in (False, True):
            x = 1e-4 * (image.swapaxes(1, 2) if turned else image)
            logits = np.asarray(apply(variables, x)["logits"]) * 1e4
            want = 1e4 * x[..., :1] + beyond
            inside = (slice(None), slice(64, -80), slice(64, -80))
            np.testing.assert_allclose(logits[inside], want[inside], rtol=1e-4)


@pytest.mark.parametrize("make", [*MAKE.values(), fcn32s_alexnet, fcn32s_googlenet])
def test_any_size(make):
    """The published form covers the image at every size; shapes only."""
    model, key = make(3), jax.ShapeDtypeStruct((2,), np.uint32)
    shapes = [(1, *size, 3) for size in ((64, 64), (47, 190), (360, 480))]
    images = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    variables = jax.eval_shape(lambda k, x: model.init(k, x), key, images[0])
    for image in images:
        outputs = jax.eval_shape(model.apply, variables, image)
        assert outputs["logits"].shape == image.shape


def test_published_sizes():
    """360x480 in the pad-100 form: pools 279x339 ... 18x22 of the released network."""
    model = fcn8s_vgg16(3, width=1, fc_width=1)
    image = jax.ShapeDtypeStruct((1, 360, 480, 3), np.float32)
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    run = lambda k, x: model.init_with_output(
        k, x, capture_intermediates=True, mutable=True
    )
    _, collections = jax.eval_shape(run, key, image)
    pools = collections["intermediates"]["backbone"]["__call__"][0]
    sizes = [pools[f"c{i}"].shape[1:3] for i in range(1, 6)]
    assert sizes == [(279, 339), (140, 170), (70, 85), (35, 43), (18, 22)]


def narrow(stride, **options):
    return MAKE[stride](3, width=2, fc_width=4, **options)


def test_at_once_scales_the_skips(fill):
    x = np.random.default_rng(0).normal(size=(1, 64, 70, 3)).astype(np.float32)
    plain, at_once = narrow(8), narrow(8, at_once=True)
    variables = fill(plain, x.shape)
    scaled = jax.tree.map(np.copy, variables)
    for stride, scale in SKIP_SCALE.items():
        scaled["params"][f"score_{stride}s"]["kernel"] *= scale
    np.testing.assert_allclose(
        jax.jit(at_once.apply)(variables, x)["logits"],
        jax.jit(plain.apply)(scaled, x)["logits"],
        atol=1e-5,
    )


def test_learned_deconvolution_starts_as_the_fixed_one(fill):
    x = np.random.default_rng(0).normal(size=(1, 70, 64, 3)).astype(np.float32)
    fixed, learned = narrow(16), narrow(16, learned="all")
    variables = fill(fixed, x.shape)
    start = fill(learned, x.shape)
    start["params"] = dict(start["params"]) | dict(variables["params"])
    for name in ("upscore", "upscore_16s"):
        kernel = start["params"][name]["deconv"]["kernel"]
        profile = 1 - np.abs(np.arange(len(kernel)) - (len(kernel) - 1) / 2) / (
            len(kernel) / 2
        )
        taps = np.outer(profile, profile)[..., None, None]
        start["params"][name]["deconv"]["kernel"] = np.float32(taps * np.eye(3))
    np.testing.assert_allclose(
        jax.jit(learned.apply)(start, x)["logits"],
        jax.jit(fixed.apply)(variables, x)["logits"],
        atol=1e-4,
    )
    assert "upscore" not in fill(narrow(16, learned="intermediate"), x.shape)["params"]


def test_unknown_options_are_named():
    image = jnp.zeros((1, 64, 64, 3))
    for options, message in (
        ({"form": "valid"}, "form='valid'"),
        ({"learned": True}, "learned=True"),
    ):
        with pytest.raises(ValueError, match=message):
            fcn32s_vgg16(2, **options).apply({}, image)
    with pytest.raises(ValueError, match="at least 47"):
        fcn32s_googlenet(2).apply({}, jnp.zeros((1, 46, 64, 3)))


def test_resnet_form_is_dense_and_has_an_auxiliary_head(fill):
    model = fcn_resnet(3, width=4, blocks=(1, 1, 1, 1))
    variables = fill(model, (1, 64, 64, 3))
    image = np.random.default_rng(0).normal(size=(1, 33, 41, 3)).astype(np.float32)
    options = {"capture_intermediates": True, "mutable": ["intermediates"]}
    apply = jax.jit(lambda v, x: model.apply(v, x, **options))
    outputs, state = apply(variables, image)
    pyramid = state["intermediates"]["backbone"]["__call__"][0]
    assert pyramid["c5"].shape[1:3] == (5, 6)  # stride 8
    assert {k: v.shape for k, v in outputs.items()} == {
        "logits": (1, 33, 41, 3),
        "aux": (1, 33, 41, 3),
    }
    changed = jax.tree.map(lambda x: x, variables)
    changed["params"]["aux_head"] = jax.tree.map(
        lambda x: x + 1, changed["params"]["aux_head"]
    )
    again, _ = apply(changed, image)
    np.testing.assert_array_equal(again["logits"], outputs["logits"])
    assert np.abs(again["aux"] - outputs["aux"]).max() > 0.1
