"""SPN, CSPN as networks: what is propagated, what is held."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import create_model
from jaxseg.nn.up_projection import UpConv

TRUNK = {"width": 2, "blocks": (1, 1, 1, 1)}


def draw(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_depth_is_held_where_it_was_measured(fill):
    model = create_model("cspn_depth_resnet50", 1, **TRUNK)
    image = draw((1, 33, 46, 4))
    image[..., 3] = np.where(image[..., 3] > 1.2, image[..., 3], 0)
    known = image[..., 3:] > 0
    assert 10 < known.sum() < 400
    variables = fill(model, image.shape)
    out = jax.jit(model.apply)(variables, image)
    np.testing.assert_array_equal(
        np.asarray(out["logits"])[known], image[..., 3:][known]
    )
    assert np.abs(np.asarray(out["aux"])[known] - image[..., 3:][known]).max() > 0.1
    free = ~known
    assert np.abs(np.asarray(out["logits"] - out["aux"])[free]).max() > 1e-3


@pytest.mark.slow
def test_without_steps_the_first_guess_stays(fill):
    still = create_model("cspn_resnet50", 2, steps=0, **TRUNK)
    image = draw((1, 32, 32, 3))
    variables = fill(still, image.shape)
    out = jax.jit(still.apply)(variables, image)
    np.testing.assert_array_equal(out["logits"], out["aux"])
    moving = create_model("cspn_resnet50", 2, steps=3, absolute=True, **TRUNK)
    moved = jax.jit(moving.apply)(variables, image)
    np.testing.assert_array_equal(moved["aux"], out["aux"])
    assert np.abs(moved["logits"] - moved["aux"]).max() > 1e-3
    assert moved["logits"].max() <= moved["aux"].max() + 1e-5


def test_up_convolution_fills_with_zeros_first():
    x = jnp.ones((1, 2, 2, 1))
    module = UpConv(1)
    variables = module.init(jax.random.key(0), x, (3, 4))
    kernel = np.asarray(variables["params"]["conv"]["kernel"])[..., 0, 0]
    wide = np.zeros((5, 6))
    wide[1:4:2, 1:5:2] = 1
    want = [
        [(wide[i : i + 3, j : j + 3] * kernel).sum() for j in range(4)]
        for i in range(3)
    ]
    np.testing.assert_allclose(
        module.apply(variables, x, (3, 4))[0, :, :, 0], want, atol=1e-6
    )


def test_spn_reads_the_coarse_mask_from_head_or_channels(fill):
    options = {"features": 3, "width": 2}
    given = create_model("spn", 2, coarse="channels", **options)
    made = create_model("spn", 2, **options)
    image = draw((1, 33, 35, 5))
    variables = fill(made, (1, 33, 35, 3))
    out = jax.jit(made.apply)(variables, image[..., :3])
    assert out["aux"].shape == out["logits"].shape == (1, 33, 35, 2)
    params = {k: v for k, v in variables["params"].items() if k != "aux_coarse"}
    apply = jax.jit(given.apply)
    one = apply({"params": params}, image)["logits"]
    two = apply({"params": params}, image + np.float32([0, 0, 0, 1, 0]))["logits"]
    assert one.shape == (1, 33, 35, 2) and np.abs(one - two).max() > 1e-3


def test_errors():
    cases = (
        ("spn", {"coarse": "channels", "width": 2}, 3, "channels"),
        ("spn", {"coarse": "none", "width": 2}, 3, "coarse"),
        ("cspn_depth_resnet50", TRUNK, 3, "4"),
    )
    for name, options, channels, word in cases:
        model = create_model(name, 2, **options)
        image = jax.ShapeDtypeStruct((1, 32, 32, channels), jnp.float32)
        with pytest.raises(ValueError, match=word):
            jax.eval_shape(lambda x, m=model: m.init(jax.random.key(0), x), image)
