"""GRU against a step-by-step loop; sweeps of ReNet against turned maps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.nn.recurrent import GRU, ReNetLayer, Sweep

RANDOM = np.random.default_rng(0)


def drawn(module, x, scale=0.5):
    shapes = jax.eval_shape(lambda x: module.init(jax.random.key(0), x), x)
    draw = lambda leaf: RANDOM.normal(0, scale, leaf.shape).astype(np.float32)
    return jax.tree.map(draw, shapes)


@functools.partial(jax.jit, static_argnums=0)
def compiled(module, variables, x):
    return module.apply(variables, x)


def run(module, variables, x):
    """The output of a module as a NumPy array, computed by one program."""
    return np.asarray(compiled(module, variables, x))


def slow_gru(x, kernel, recurrent, bias):
    """One sequence `[T, C]`, gate by gate."""
    n = len(recurrent)
    sigmoid = lambda a: 1 / (1 + np.exp(-a))
    wr, wu, wc = np.split(kernel, 3, axis=1)
    ur, uu, uc = np.split(recurrent, 3, axis=1)
    br, bu, bc = np.split(bias, 3)
    h, states = np.zeros(n), []
    for row in x.astype(np.float64):
        r = sigmoid(row @ wr + h @ ur + br)
        u = sigmoid(row @ wu + h @ uu + bu)
        c = np.tanh(row @ wc + r * (h @ uc) + bc)
        h = (1 - u) * h + u * c
        states.append(h)
    return np.stack(states)


@pytest.mark.parametrize("reverse", [False, True])
def test_gru_is_the_loop(reverse):
    x = RANDOM.normal(size=(2, 3, 7, 4)).astype(np.float32)
    module = GRU(5, reverse)
    variables = drawn(module, x)
    got = run(module, variables, x)
    step = -1 if reverse else 1
    for i in range(2):
        for j in range(3):
            want = slow_gru(x[i, j, ::step], **variables["params"])[::step]
            np.testing.assert_allclose(got[i, j], want, atol=1e-5)


def test_recurrent_kernels_start_orthogonal():
    init = jax.jit(lambda x: GRU(6).init(jax.random.key(0), x))
    params = init(np.zeros((1, 2, 4), np.float32))["params"]
    for gate in np.split(np.asarray(params["recurrent"]), 3, axis=1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(6), atol=1e-5)


def test_columns_first_is_rows_first_of_the_turned_map():
    x = RANDOM.normal(size=(1, 4, 6, 3)).astype(np.float32)
    rows, columns = ReNetLayer(2, first="rows"), ReNetLayer(2, first="columns")
    variables = drawn(rows, x)["params"]
    turned = {"columns": variables["rows"], "rows": variables["columns"]}
    got = run(columns, {"params": turned}, x)
    want = run(rows, {"params": variables}, x.swapaxes(1, 2)).swapaxes(1, 2)
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.slow
def test_independent_directions_do_not_see_each_other():
    """The backward half reads the input, or the forward states."""
    x = RANDOM.normal(size=(1, 2, 5, 3)).astype(np.float32)
    for reading, coupled in (("independent", False), ("stacked", True)):
        module = Sweep(4, reading)
        variables = drawn(module, x)
        before = run(module, variables, x)
        variables["params"]["forward"]["bias"] += 1
        change = np.abs(run(module, variables, x) - before)
        assert change[..., :4].max() > 0.05
        assert (change[..., 4:].max() > 1e-3) == coupled


@pytest.mark.slow
def test_every_pixel_sees_every_other():
    """A row sweep and a column sweep reach the whole map."""
    x = RANDOM.normal(size=(1, 4, 5, 2)).astype(np.float32)
    module = ReNetLayer(3)
    variables = drawn(module, x)
    corner = lambda x: module.apply(variables, x)[0, 0, 0].sum()
    reach = np.abs(jax.device_get(jax.jit(jax.grad(corner))(x))[0]).max(-1)
    assert (reach > 0).all()


def test_patches_and_errors():
    x = jnp.zeros((1, 6, 8, 3))
    module = ReNetLayer(5, patch=2)
    assert jax.eval_shape(
        lambda x: module.init_with_output(jax.random.key(0), x)[0], x
    ).shape == (1, 3, 4, 10)
    for layer, message in (
        (ReNetLayer(2, patch=4), r"patch=4 is invalid.*\(6, 8\)"),
        (ReNetLayer(2, first="diagonal"), "first='diagonal'"),
        (ReNetLayer(2, reading="both"), "reading='both'"),
    ):
        with pytest.raises(ValueError, match=message):
            layer.init(jax.random.key(0), x)
