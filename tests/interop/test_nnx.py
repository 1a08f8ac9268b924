"""A jaxseg network inside an nnx program, and inside a bare functional loop."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from flax import nnx

import jaxseg
from jaxseg.nn import ASPP, Dropout

OPTIONS = {"width": 4, "depth": 2}
MODEL = jaxseg.create_model("unet", 3, **OPTIONS)
SHAPE = (2, 16, 20, 3)
TX = optax.adam(1e-2)


def image(seed=0):
    return np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32)


def label():
    return np.random.default_rng(1).integers(0, 3, SHAPE[:3])


def created(**options):
    return jaxseg.nnx.create_model("unet", 3, image_shape=SHAPE, **OPTIONS, **options)


def mean_loss(logits):
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, label())
    return losses.mean()


def update(network, optimizer):
    def loss(network):
        return mean_loss(network(image(), train=True)["logits"])

    value, gradients = nnx.value_and_grad(loss)(network)
    optimizer.update(network, gradients)
    return value


step, tree_step = nnx.jit(update), nnx.jit(update, graph=False)


@jax.jit
def linen_step(params, stats, state):
    """The loss of a step of optax, and what it updates: nothing but `apply`."""

    def loss(params):
        out, new = MODEL.apply(
            {"params": params, "batch_stats": stats},
            image(),
            train=True,
            mutable=["batch_stats"],
        )
        return mean_loss(out["logits"]), new["batch_stats"]

    (value, stats), gradients = jax.value_and_grad(loss, has_aux=True)(params)
    updates, state = TX.update(gradients, state, params)
    return value, optax.apply_updates(params, updates), stats, state


def equal(first, second, **tolerances):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, **tolerances), first, second
    )


@pytest.mark.slow
def test_the_random_streams_and_the_variables_are_those_of_linen():
    key = nnx.Rngs(7).params()
    variables = jax.jit(lambda key: MODEL.init(key, image(), train=False))(key)
    network = created(rngs=nnx.Rngs(7))
    equal(network.variables, variables, rtol=0)
    given = jaxseg.nnx.from_linen(MODEL, variables)
    apply = jax.jit(lambda v, x: MODEL.apply(v, x, train=False)["logits"])
    expected = apply(variables, image())
    forward = nnx.jit(lambda network, image: network(image)["logits"], graph=False)
    for module in (network, given):
        np.testing.assert_allclose(forward(module, image()), expected, atol=1e-6)


@pytest.mark.slow
def test_a_step_of_the_nnx_optimizer_equals_a_step_of_optax(fill):
    variables = fill(MODEL, SHAPE)
    params, stats = variables["params"], variables["batch_stats"]
    network = jaxseg.nnx.from_linen(MODEL, variables)
    optimizer = nnx.Optimizer(network, TX, wrt=nnx.Param)
    state = TX.init(params)
    bound = nnx.jit_partial(update, network, optimizer, graph=False)
    for nnx_step in (lambda: step(network, optimizer), bound):
        value, params, stats, state = linen_step(params, stats, state)
        np.testing.assert_allclose(nnx_step(), value, rtol=1e-6)
    expected = {"params": params, "batch_stats": stats}
    equal(network.variables, expected, atol=1e-6, rtol=0)
    after = jax.device_get(network.variables)
    moved = jax.tree.map(lambda a, b: np.abs(a - b).max(), after, variables)
    assert min(jax.tree.leaves(moved)) > 0  # also every running statistic


@pytest.mark.slow
def test_orbax_restores_a_network_and_its_optimizer(tmp_path):
    def pair():
        network = created(rngs=nnx.Rngs(0))
        return network, nnx.Optimizer(network, TX, wrt=nnx.Param)

    network, optimizer = pair()
    tree_step(network, optimizer)
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "state", nnx.state((network, optimizer)))
    definition, shapes = nnx.split(nnx.eval_shape(pair))  # computes no parameters
    with ocp.StandardCheckpointer() as checkpointer:
        state = checkpointer.restore(tmp_path / "state", shapes)
    restored = nnx.merge(definition, state)
    equal(restored[0].variables, network.variables, rtol=0)
    assert tree_step(*restored) == tree_step(network, optimizer)
    equal(restored[0].variables, network.variables, rtol=0)


def test_dropout_takes_its_stream_only_in_training_or_from_the_call():
    x = jnp.ones((1, 4, 4, 8))
    block = jaxseg.nnx.from_linen(Dropout(0.5), {"params": {}}, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(block(x), x)
    first, second = block(x, train=True), block(x, train=True)
    assert set(np.unique(first)) == {0, 2} and (first != second).any()
    sampled = block(x, rngs=nnx.Rngs(dropout=1))  # Monte Carlo dropout
    np.testing.assert_array_equal(sampled, block(x, rngs=nnx.Rngs(dropout=1)))
    assert (sampled == 0).any()
    without = jaxseg.nnx.from_linen(Dropout(0.5), {"params": {}})
    with pytest.raises(ValueError, match=r"rngs=None is invalid: .* has dropout"):
        without(x, train=True)


def test_variables_without_parameters_are_an_error():
    with pytest.raises(ValueError, match=r"variables=\['cache'\] is invalid"):
        jaxseg.nnx.from_linen(ASPP(4), {"cache": {}})


@pytest.mark.slow
def test_functional_loop_lowers_the_loss(fill):
    """Nothing but `apply`: params in, gradients out."""
    variables = fill(MODEL, SHAPE)
    params, stats = variables["params"], variables["batch_stats"]
    state, losses = TX.init(params), []
    for _ in range(5):
        value, params, stats, state = linen_step(params, stats, state)
        losses.append(float(value))
    assert losses[-1] < losses[0]
