"""Peak memory: hand counts of small programs, and XLA's own buffers for networks."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import jaxseg
from jaxseg.analysis.jaxpr.memory import peak_memory
from jaxseg.nn.block_config import BlockConfig

K = 64 * 64 * 4  # bytes of a square matrix
A = jax.ShapeDtypeStruct((64, 64), jnp.float32)


def peak(fn, *args):
    return peak_memory(fn, *args).peak / K


def test_a_chain_of_products_holds_two():
    def fn(a):
        return a @ a @ a @ a @ a

    memory = peak_memory(fn, A)
    assert memory.peak == 2 * K
    assert (memory.arguments, memory.outputs) == (K, K)
    assert [size / K for _, size in memory.held] == [1, 2, 2, 2]


def test_what_is_read_later_is_held_until_then():
    def fn(a):
        first = a @ a
        x = first
        for _ in range(3):
            x = x @ a
        return x + first

    assert peak(fn, A) == 3
    assert peak(lambda a: (a @ a, a @ a @ a, a @ a.T), A) == 4  # results stay


def test_elementwise_work_needs_no_room():
    assert peak(lambda a: jax.nn.relu(2 * (a @ a) + 1), A) == 1
    assert peak(lambda a: jnp.tanh(a) @ a, A) == 2  # an argument is not overwritten
    assert peak(lambda a: (a @ a) * jnp.ones((1, 64)) + jnp.ones(64)[None], A) == 1

    def hard_swish(a):
        x = a @ a
        return x * jax.nn.relu6(x + 3) / 6

    assert peak(hard_swish, A) == 1


def test_views_calls_and_unused_results():
    def fn(a):
        unused = jnp.sin(a @ a @ a)
        kept = jax.jit(lambda b: (b @ b).reshape(-1))(a)
        return {"a": unused, "b": kept.reshape(32, 128)}["b"]

    assert peak(fn, A) == 1


def test_loops_hold_their_state_and_stack():
    def carried(a):
        return lax.scan(lambda c, _: (c @ a @ a, None), a, None, length=9)[0]

    def stacked(a):
        return lax.scan(lambda c, _: (c @ a, c @ a), a, None, length=9)[1]

    assert peak(carried, A) == 3  # the result, and two products within
    assert 9 + 2 <= peak(stacked, A) <= 9 + 3


def test_the_place_has_a_name():
    def fn(a):
        x = a @ a
        with jax.named_scope("wide"):
            y = jnp.concatenate([x, x, x], axis=1) @ jnp.concatenate([x, x, x])
        return y @ x

    memory = peak_memory(fn, A)
    assert memory.at == "wide" and memory.peak == 8 * K


def network(name, options, size):
    model = jaxseg.create_model(name, 5, style=BlockConfig(impl="lax"), **options)
    image = jax.ShapeDtypeStruct(size, jnp.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    init = lambda k, x: model.init(k, x, train=False)
    return model, image, jax.eval_shape(init, key, image)


def compiled(fn, *args):
    """Bytes that XLA sets aside for values and results."""
    found = jax.jit(fn).lower(*args).compile().memory_analysis()
    return found.temp_size_in_bytes + found.output_size_in_bytes


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("unet", {"width": 4, "depth": 3}),
        ("fcn_resnet50", {"width": 8, "blocks": (1, 1, 1, 1)}),
        ("drn_d22", {"width": 4}),
    ],
)
def test_networks_hold_what_the_compiler_sets_aside(name, options, full_optimization):
    model, image, variables = network(name, options, (1, 64, 64, 3))
    fn = lambda x, v: model.apply(v, x, train=False)["logits"]
    found = peak_memory(fn, image, variables)
    assert found.peak == pytest.approx(compiled(fn, image, variables), rel=0.25)


@pytest.mark.slow
def test_a_gradient_holds_the_activations(full_optimization):
    model, image, variables = network("unet", {"width": 4, "depth": 2}, (4, 64, 64, 3))

    def loss(params, statistics, image):
        outputs, _ = model.apply(
            {"params": params, "batch_stats": statistics},
            image,
            train=True,
            mutable=["batch_stats"],
        )
        return (outputs["logits"] ** 2).mean()

    args = variables["params"], variables["batch_stats"], image
    found = peak_memory(jax.grad(loss), *args)
    forward = peak_memory(loss, *args)
    assert found.peak == pytest.approx(compiled(jax.grad(loss), *args), rel=0.25)
    assert found.peak > 2 * forward.peak
