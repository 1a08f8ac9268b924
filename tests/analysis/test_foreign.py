"""The measurements of networks that other libraries define.

Every network has two 3x3 layers of rate 2 with equal weights and zero padding, so its
gradients are the path counts of the rates (2, 2) in all libraries.
"""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxseg import analysis

RATES, SIZE = (2, 2), 17
PATHS = np.outer(*[analysis.path_counts(RATES)] * 2).astype(float)
EXPECTED = np.pad(PATHS, 4)
KERNEL = np.ones((3, 3, 1, 1), np.float32)
IMAGES = np.random.default_rng(0).normal(size=(1, SIZE, SIZE, 1)).astype(np.float32)


def layer(x, kernel):
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        window_strides=(1, 1),
        padding="SAME",
        rhs_dilation=(2, 2),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


class NnxNet(nnx.Module):
    """Two layers and a dropout, which must be off in evaluation."""

    def __init__(self):
        rngs = nnx.Rngs(0)
        options = {"kernel_dilation": 2, "use_bias": False, "rngs": rngs}
        self.first = nnx.Conv(1, 1, (3, 3), **options)
        self.second = nnx.Conv(1, 1, (3, 3), **options)
        self.first.kernel[...] = self.second.kernel[...] = jnp.asarray(KERNEL)
        self.dropout = nnx.Dropout(0.9, rngs=rngs)

    def __call__(self, images):
        return {"logits": self.second(self.dropout(self.first(images)))}


def haiku_pair():
    """What `haiku.transform` returns: `apply` takes a key after the parameters."""
    return types.SimpleNamespace(
        init=lambda rng, images: {"w": jnp.ones((3, 3, images.shape[-1], 1))},
        apply=lambda params, rng, images: layer(
            layer(images, params["w"]), params["w"]
        ),
    )


def keras_model():
    keras = pytest.importorskip("keras")
    assert keras.backend.backend() == "jax"
    options = {"dilation_rate": 2, "padding": "same", "use_bias": False}
    options["kernel_initializer"] = "ones"
    layers = [keras.layers.Conv2D(1, 3, **options) for _ in RATES]
    return keras.Sequential([keras.Input((None, None, 1)), *layers])


def torch_network():
    torch = pytest.importorskip("torch")
    layers = [
        torch.nn.Conv2d(1, 1, 3, dilation=2, padding=2, bias=False) for _ in RATES
    ]
    for each in layers:
        torch.nn.init.ones_(each.weight)
    return torch.nn.Sequential(layers[0], torch.nn.Dropout(0.9), layers[1])


MAKERS = {
    "function": lambda: lambda x: (layer(layer(x, KERNEL), KERNEL),),
    "nnx": NnxNet,
    "haiku": haiku_pair,
    "keras": keras_model,
    "torch": torch_network,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_measurements_agree_in_all_libraries(name):
    fn = analysis.image_function(MAKERS[name](), IMAGES)
    np.testing.assert_allclose(
        fn(IMAGES), layer(layer(IMAGES, KERNEL), KERNEL), atol=1e-4
    )
    field = analysis.effective_field(fn, IMAGES)
    np.testing.assert_allclose(field, EXPECTED**2, rtol=1e-5)
    np.testing.assert_array_equal(analysis.support(fn, IMAGES), EXPECTED > 0)
    (shift,) = analysis.shift_consistency(fn, IMAGES, [(1, 1)], size=(15, 15), margin=4)
    assert shift.change < 1e-5
    if name != "torch":
        rows = analysis.reach(
            fn, jax.ShapeDtypeStruct((1, 33, 33, 1), jnp.float32)
        ).rows
        extent = analysis.extent(rows)
        assert (extent.size, extent.touched) == (9, 5)


def test_weights_become_arguments():
    fn = analysis.from_nnx(NnxNet())
    run, weights = analysis.weights_as_arguments(fn, IMAGES)
    np.testing.assert_allclose(run(IMAGES, *weights), fn(IMAGES), rtol=1e-6)
    layers = analysis.layer_costs(run, IMAGES, *weights)
    assert [each.macs for each in layers] == [9 * SIZE**2] * 2


def test_what_is_not_an_image_function_is_refused():
    two = analysis.from_function(lambda x: {"a": x, "b": x})
    with pytest.raises(
        ValueError, match="output=None is invalid: expected one of the keys a, b"
    ):
        two(IMAGES)
    chosen = analysis.from_function(lambda x: {"a": x, "b": 2 * x}, output="b")
    np.testing.assert_array_equal(chosen(IMAGES), 2 * IMAGES)
    with pytest.raises(ValueError, match="sequence of 2"):
        analysis.from_function(lambda x: (x, x))(IMAGES)
    with pytest.raises(ValueError, match=r"four axes, but it has the shape \(1, 17\)"):
        analysis.from_function(lambda x: x[:, :, 0, 0])(IMAGES)
    with pytest.raises(ValueError, match="network of type int is invalid"):
        analysis.image_function(3, IMAGES)
