"""Every public block of jaxseg.nn runs alone in linen, nnx and bare JAX."""

import functools
import inspect

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxseg.nn
from jaxseg.nn import BlockConfig

pytestmark = pytest.mark.slow
SIZE, WIDTH = (6, 8), 4


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


X = draw(2, *SIZE, WIDTH)
HALF = draw(2, 3, 4, WIDTH, seed=1)
PYRAMID = {"c3": X, "c4": HALF, "c5": HALF[:, :2, :2]}
POSITION = np.random.default_rng(2).integers(0, 4, HALF.shape).astype(np.int8)
BLOCKS = {  # name -> (fields, inputs)
    "ASPP": ({"features": 4, "rates": (1, 2)}, (X,)),
    "BasicBlock": ({"features": 4}, (X,)),
    "BilinearDeconv": ({"stride": 2, "kernel": 4, "crop": 1}, (HALF, SIZE)),
    "Bottleneck": ({"features": 2}, (X,)),
    "ChosenRateConv": ({"features": 3, "choice": jaxseg.nn.RateChoice((1, 2))}, (X,)),
    "ContinuousRateConv": (
        {"features": 3, "choice": jaxseg.nn.ContinuousRate(1.5, 3)},
        (X,),
    ),
    "Conv": ({"features": 3, "rate": 2}, (X,)),
    "ConvNormAct": ({"features": 3}, (X,)),
    "ConvTranspose": ({"features": 3, "kernel": 2, "stride": 2}, (HALF,)),
    "DenseBlock": ({"layers": 2, "growth": 3}, (X,)),
    "Dropout": ({"rate": 0.5}, (X,)),
    "GRU": ({"features": 3}, (X[:, 0],)),
    "ImagePooling": ({"features": 3}, (X,)),
    "InvertedResidual": ({"expanded": 24, "features": 4, "squeeze": 2}, (X,)),
    "JPU": ({"features": 3, "rates": (1, 2)}, (PYRAMID,)),
    "LearnedRateConvNormAct": (
        {"features": 3, "choice": jaxseg.nn.RateChoice((1, 2))},
        (X,),
    ),
    "MaxUnpool": ({}, (HALF, POSITION, SIZE)),
    "Norm": ({}, (X,)),
    "PyramidPooling": ({"features": 4, "bins": (1, 2)}, (X,)),
    "ReNetLayer": ({"features": 3}, (X,)),
    "ResizeConv": ({"features": 3}, (HALF,)),
    "SeparableConv": ({"features": 3, "separable": "plain"}, (X,)),
    "SeparableConvNormAct": ({"features": 3}, (X,)),
    "SqueezeExcite": ({"features": 2}, (X,)),
    "SubPixelConv": ({"features": 3}, (HALF,)),
    "Sweep": ({"features": 3}, (X[:, 0],)),
    "TransitionDown": ({}, (X,)),
    "TransitionUp": ({}, (HALF, X)),
    "Upsample": ({}, (HALF,)),
}


# Blocks that also run operation by operation, each of which is a program of its own.
EAGER = ("ConvNormAct", "Dropout", "MaxUnpool", "SeparableConv")


def make(name, **fields):
    """The block, and a call of it that takes `train` only where the block does."""
    block = getattr(jaxseg.nn, name)(**BLOCKS[name][0], **fields)
    takes_train = "train" in inspect.signature(type(block).__call__).parameters
    return block, {"train": False} if takes_train else {}


def split(name):
    """The arrays of a block's inputs, and a function that puts the sizes back."""
    inputs = BLOCKS[name][1]
    arrays = tuple(x for x in inputs if x is not SIZE)
    return arrays, lambda *xs: (*xs, *((SIZE,) if inputs[-1] is SIZE else ()))


def test_every_public_block_is_here():
    blocks = {
        name
        for name in jaxseg.nn.__all__
        if isinstance(getattr(jaxseg.nn, name), type)
        and issubclass(getattr(jaxseg.nn, name), flax.linen.Module)
    }
    assert blocks == BLOCKS.keys()


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_a_block_runs_alone(name):
    block, flags = make(name)
    arrays, whole = split(name)

    def start(*xs):
        return block.init(jax.random.key(0), *whole(*xs), **flags)

    random = np.random.default_rng(3)
    variables = jax.tree.map(
        lambda leaf: random.uniform(0.2, 1, leaf.shape).astype(leaf.dtype),
        jax.eval_shape(start, *arrays),
    )

    def apply(variables, *xs):
        return block.apply(variables, *whole(*xs), **flags)

    def loss(variables, first):
        outputs = apply(variables, first, *arrays[1:])
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(outputs))

    @jax.jit
    def transformed(variables, *xs):
        one = jax.tree.map(lambda x: x[:, None], xs)  # each example a batch of its own
        mapped = jax.vmap(apply, in_axes=(None, *(0 for _ in xs)))(variables, *one)
        gradients = jax.grad(loss, argnums=(0, 1))(variables, xs[0])
        return apply(variables, *xs), mapped, gradients

    close = functools.partial(np.testing.assert_allclose, atol=1e-5)
    found = jax.device_get(transformed(variables, *arrays))
    outputs, mapped, gradients = found
    jax.tree.map(lambda a, b: close(a[:, 0], b), mapped, outputs)
    if name in EAGER:
        jax.tree.map(close, jax.device_get(apply(variables, *arrays)), outputs)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(gradients[1])) > 0

    def in_nnx():
        module = nnx.bridge.ToNNX(make(name)[0], rngs=nnx.Rngs(0))
        module.lazy_init(*whole(*arrays), **flags)
        return module, module(*whole(*arrays), **flags)

    module, shapes = nnx.eval_shape(in_nnx)
    leaves = jax.tree.leaves(nnx.state(module, (nnx.Param, nnx.BatchStat)))
    assert sum(x.size for x in leaves) == sum(
        x.size for x in jax.tree.leaves(variables)
    )
    assert jax.tree.map(np.shape, shapes) == jax.tree.map(np.shape, outputs)


@pytest.mark.parametrize("name", sorted(BLOCKS))
def test_a_block_computes_in_bfloat16(name):
    if "style" not in getattr(jaxseg.nn, name).__dataclass_fields__:
        style = {}
    else:
        style = {"style": BlockConfig(dtype="bfloat16")}
    block, flags = make(name, **style)
    arrays, whole = split(name)
    narrow = jax.tree.map(
        lambda x: np.asarray(x, jnp.bfloat16) if x.dtype == np.float32 else x, arrays
    )

    @jax.jit
    def both(arrays, narrow):
        variables = block.init(jax.random.key(0), *whole(*arrays), **flags)
        exact = make(name)[0].apply(variables, *whole(*arrays), **flags)
        found = block.apply(variables, *whole(*narrow), **flags)
        return variables, exact, found

    variables, exact, found = jax.device_get(both(arrays, narrow))
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.bfloat16.dtype}
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True):
        scale = np.abs(b).max()
        assert np.abs(np.asarray(a, np.float32) - b).max() < 0.05 * scale
    kinds = {leaf.dtype for leaf in jax.tree.leaves(variables)}
    assert kinds <= {np.dtype(np.float32)}
