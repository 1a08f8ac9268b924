"""Gated-SCNN: gated convolution, image gradient, trunk, edge-aware ASPP."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import create_model
from jaxseg.backbones.wide_resnet38 import PreActivationBlock, WideResNet38
from jaxseg.nn.gated_shape import GatedConv, image_gradient

NARROW = {
    "width": 2,
    "features": 4,
    "skip_features": 2,
    "blocks": (1, 1, 1, 1, 1, 1),
}


def draw(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@functools.partial(jax.jit, static_argnums=0)
def compiled(module, variables, *inputs):
    return module.apply(variables, *inputs, train=False)


def run(module, variables, *inputs):
    """The output of a module as a NumPy array, computed by one program."""
    return np.asarray(compiled(module, variables, *inputs))


def gate_variables(shape, regular, seed=0):
    init = functools.partial(GatedConv().init, train=False)
    variables = jax.eval_shape(init, jax.random.key(0), shape, regular)
    random = np.random.default_rng(seed)
    return jax.tree.map(
        lambda x: random.uniform(0.2, 1.0, x.shape).astype(np.float32), variables
    )


def test_gated_convolution_equals_its_equation():
    s, r = draw((2, 3, 4, 5)), draw((2, 3, 4, 1), 1)
    variables = gate_variables(s, r)
    p, stats = variables["params"], variables["batch_stats"]

    def norm(x, name):
        scale = p[name]["scale"] / np.sqrt(stats[name]["var"] + 1e-5)
        return (x - stats[name]["mean"]) * scale + p[name]["bias"]

    x = norm(np.concatenate([s, r], -1), "norm_in")
    x = np.maximum(x @ p["gate1"]["kernel"][0, 0] + p["gate1"]["bias"], 0)
    x = norm(x @ p["gate2"]["kernel"][0, 0] + p["gate2"]["bias"], "norm_gate")
    alpha = 1 / (1 + np.exp(-x))
    want = (s * (1 + alpha)) @ p["conv"]["kernel"][0, 0]
    got = run(GatedConv(), variables, s, r)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_gate_range():
    """Identity W: silent gate 1.5 s; any gate between s and 2 s for s >= 0."""
    s, r = np.abs(draw((1, 3, 4, 5))), draw((1, 3, 4, 1), 1)
    variables = gate_variables(s, r)
    variables["params"]["conv"]["kernel"] = np.eye(5, dtype=np.float32)[None, None]
    out = run(GatedConv(), variables, s, r)
    assert (out >= s - 1e-6).all() and (out <= 2 * s + 1e-6).all()
    for name in ("scale", "bias"):
        variables["params"]["norm_gate"][name] *= 0
    np.testing.assert_allclose(run(GatedConv(), variables, s, r), 1.5 * s, rtol=1e-5)


def test_image_gradient_of_a_step_and_of_a_constant():
    gradient = jax.jit(image_gradient)
    np.testing.assert_array_equal(gradient(np.full((1, 4, 6, 3), 7, np.float32)), 0)
    step = np.zeros((1, 4, 6, 3), np.float32)
    step[:, :, 3:] = 2.0
    want = np.zeros((1, 4, 6, 1))
    want[:, :, 2:4] = 1.0
    np.testing.assert_allclose(gradient(step), want, atol=1e-6)


def test_trunk_sizes():
    model = WideResNet38(2, (1,) * 6)
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    pyramid = jax.eval_shape(
        lambda x: model.init_with_output(jax.random.key(0), x)[0], image
    )
    sizes = {k: (v.shape[1], v.shape[3] // 2) for k, v in pyramid.items()}
    assert sizes == {
        "c0": (64, 1),
        "c1": (32, 2),
        "c2": (16, 4),
        "c3": (8, 8),
        "c4": (8, 16),
        "c5": (8, 32),
        "c6": (8, 64),
    }


def test_block_is_pre_activation(fill):
    """Zero last kernel: the input passes, not its ReLU."""
    x = draw((1, 4, 4, 3))
    block = PreActivationBlock((3, 3))
    variables = fill(block, x.shape)
    variables["params"]["conv1"]["kernel"] *= 0
    np.testing.assert_array_equal(run(block, variables, x), x)


def test_edge_logits_and_gradient_channel_act(fill):
    model = create_model("gscnn_wideresnet38", 3, gradient="channel", **NARROW)
    variables = fill(model, (1, 16, 24, 4))
    apply = jax.jit(model.apply)
    image = draw((1, 16, 24, 4))
    one, two = jax.device_get(
        [apply(variables, image + np.float32([0, 0, 0, more])) for more in (0, 2)]
    )
    assert one["edge"].shape == (1, 16, 24, 1) and float(one["edge"].min()) < 0
    np.testing.assert_array_equal(one["edge"], two["edge"])
    assert np.abs(one["logits"] - two["logits"]).max() > 1e-5


def test_errors():
    for options, channels in (({"gradient": "channel"}, 3), ({"gradient": "x"}, 3)):
        model = create_model("gscnn_wideresnet38", 3, **NARROW, **options)
        image = jax.ShapeDtypeStruct((1, 16, 16, channels), jnp.float32)
        with pytest.raises(ValueError, match="gradient"):
            jax.eval_shape(lambda x, m=model: m.init(jax.random.key(0), x), image)
