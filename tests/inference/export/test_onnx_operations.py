"""Each operation of a program gives the same numbers in ONNX Runtime as in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax
from jax.core import max_dim, min_dim

from jaxseg.inference.export.onnx import model_of
from jaxseg.inference.export.onnx_graph.convert import converted

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def convolve(x, size=(3, 3), groups=1, **options):
    shape = (*size, x.shape[-1] // groups, 4)
    kernel = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    options = {"window_strides": (1, 1), "padding": "SAME", **options}
    return lax.conv_general_dilated(
        x,
        kernel,
        dimension_numbers=DIMENSIONS,
        feature_group_count=groups,
        **options,
    )


def largest(x, window=3, stride=2, pads=(1, 1), **options):
    return lax.reduce_window(
        x,
        -np.inf,
        lax.max,
        window_dimensions=(1, window, window, 1),
        window_strides=(1, stride, stride, 1),
        padding=((0, 0), pads, pads, (0, 0)),
        **options,
    )


def total(x, window=3):
    return lax.reduce_window(
        x, 0.0, lax.add, (1, window, window, 1), (1, 1, 1, 1), "SAME"
    )


def scanned(x, reverse=False):
    weights = np.linspace(0.5, 1, x.shape[-1]).astype(np.float32)[None, None]

    def step(carry, row):
        carry = jnp.tanh(carry * weights + row)
        return carry, carry + 1

    rows = jnp.moveaxis(x, 1, 0)
    last, every = lax.scan(step, jnp.zeros_like(rows[0]), rows, reverse=reverse)
    return every + last[None]


def at_points(x):
    rows = jnp.array([[0, 2], [3, 1]])
    return jax.vmap(lambda map, row: map[row, jnp.array([1, 0])])(x, rows)


def moved(x):
    first = jnp.argmax(x.sum((1, 2)), axis=-1)[0]
    return lax.dynamic_slice(x, (0, first, first, 0), (2, 2, 2, 4))


def products(x):
    flat = x.reshape(2, -1, 4)
    scores = jnp.einsum("bnc,bmc->bnm", flat, flat)
    return jnp.einsum("bnm,bmc->bnc", scores, flat), jnp.einsum("bhwc,bhwc->hw", x, x)


def choices(x):
    which = jnp.clip(jnp.round(x * 2).astype(jnp.int32), 0, 2)
    return lax.select_n(which, x, -x, x**3), jnp.where(x != 0.5, 1, which % 2)


def sizes(x):
    """Cuts and pads by sizes that are computed from the shape, and returns some."""
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (0, -height % 4), (0, 0), (0, 0)))
    cut = x[:, : (height + 1) // 2, max_dim(width - 3, 1) :]
    numbers = [height // 3, -height // 3, height % 3, height**2, min_dim(width, 6)]
    return padded, cut, jnp.stack([jnp.int32(number) for number in numbers])


FUNCTIONS = {
    "sizes": sizes,
    "arithmetic": lambda x: jnp.exp(-x) / (1 + jnp.abs(x)) + jnp.sign(x) * x**2,
    "activations": lambda x: jax.nn.gelu(x, approximate=False) + jax.nn.elu(x),
    "logs": lambda x: jnp.log1p(jnp.square(x)) + lax.rsqrt(1 + x * x) + lax.erf(x),
    "soft maximum": lambda x: jax.nn.softmax(x) + jax.nn.sigmoid(x),
    "choices": choices,
    "clipping": lambda x: jnp.clip(x, -0.5, 0.5) + jnp.floor(x) + jnp.ceil(x),
    "comparisons": lambda x: (x > 0) & ~(x < 1) | (x == x.max()),
    "convolution": lambda x: convolve(x, window_strides=(2, 1), rhs_dilation=(2, 3)),
    "grouped convolution": lambda x: convolve(x, groups=2),
    "transposed convolution": lambda x: convolve(
        x, padding=((2, 1), (1, 2)), lhs_dilation=(2, 3)
    ),
    "cropping convolution": lambda x: convolve(x, padding=((-1, 2), (0, -1))),
    "largest in windows": largest,
    "largest with wide borders": lambda x: largest(x, window=2, stride=1, pads=(2, 3)),
    "sum over windows": total,
    "reductions": lambda x: (x.sum(1), x.max((1, 2)), x.min(), (x > 0).any(-1)),
    "positions": lambda x: (x.argmax(-1), x.argmin(1), jnp.cumsum(x, 2)),
    "products": products,
    "rows": lambda x: jnp.take(x, jnp.array([3, 0, 3]), axis=1) + x[:, [1, 1, 0]],
    "points": at_points,
    "window at a position": moved,
    "written rows": lambda x: x.at[:, jnp.array([2, 0])].set(1.0),
    "repeated borders": lambda x: jnp.pad(
        x, ((0, 0), (1, 2), (2, 0), (0, 0)), mode="edge"
    ),
    "borders": lambda x: lax.pad(x, 2.0, ((0, 0, 0), (1, -1, 0), (0, 1, 2), (0, 0, 0))),
    "pieces": lambda x: (
        jnp.concatenate([x[:, 1::2], x[:, ::-1]], 1)
        + jnp.concatenate(jnp.split(x, 2, 3)[::-1], 3)[:, :1]
    ),
    "axes": lambda x: jnp.stack([x.transpose(0, 2, 1, 3).reshape(2, -1)] * 2, 1),
    "range": lambda x: (
        x * jnp.arange(x.shape[2])[None, None, :, None] + jnp.float32(x.shape[1])
    ),
    "scan": scanned,
    "reversed scan": lambda x: scanned(x, reverse=True),
    "integers": lambda x: (x * 9).astype(jnp.int8) // 2 + (x > 0).astype(jnp.uint8),
}
FIXED = {"points", "window at a position", "products", "axes"}


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_operation_gives_the_numbers_of_jax(name):
    fixed, function = name in FIXED, FUNCTIONS[name]
    shape = (2, 4, 5, 4) if fixed else (1, 7, 6, 4)
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    given = shape if fixed else export.symbolic_shape("b, h, w, 4")
    graph = converted(jax.make_jaxpr(function)(jax.ShapeDtypeStruct(given, np.float32)))
    session = runtime.InferenceSession(
        model_of(graph, {}).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    expected = jax.tree.leaves(jax.jit(function)(array))
    for wanted, found in zip(
        expected, session.run(None, {"image": array}), strict=True
    ):
        assert found.dtype == wanted.dtype and found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_an_operation_without_a_counterpart_is_named():
    aval = jax.ShapeDtypeStruct((2, 3), np.float32)
    program = jax.make_jaxpr(lambda x: lax.sort(x))(aval)
    with pytest.raises(ValueError, match="The operation sort of this network has no"):
        converted(program)
