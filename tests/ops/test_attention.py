"""Blockwise attention equals the plain form and needs less memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops import attention
from jaxseg.ops.attention import scores

attend = jax.jit(attention.attend, static_argnames=("scale", "impl", "block"))


def case(count=37, keys=21, heads=2, depth=5, width=7):
    random = np.random.default_rng(0)
    shapes = (count, depth), (keys, depth), (keys, width)
    return [random.normal(size=(2, n, heads, d)).astype(np.float32) for n, d in shapes]


def test_plain_equals_loops():
    query, key, value = case()
    got = np.asarray(attend(query, key, value, scale=0.3, impl="plain"))
    for b, n, h in ((0, 0, 0), (1, 36, 1), (0, 17, 1)):
        logits = 0.3 * key[b, :, h] @ query[b, n, h]
        weights = np.exp(logits - logits.max())
        want = (weights / weights.sum()) @ value[b, :, h]
        np.testing.assert_allclose(got[b, n, h], want, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 8, 37, 100])
def test_block_equals_plain_with_gradient(block):
    parts = case()
    weights = np.random.default_rng(1).normal(size=(2, 37, 2, 7)).astype(np.float32)

    def loss(parts, impl):
        return jnp.sum(attend(*parts, scale=0.4, impl=impl, block=block) * weights)

    run = jax.jit(
        lambda parts: [jax.value_and_grad(loss)(parts, i) for i in ("plain", "block")]
    )
    (plain, wanted), (blocks, got) = run(parts)
    np.testing.assert_allclose(blocks, plain, rtol=1e-5)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_equals_jax_nn():
    query, key, value = case(width=5)
    want = jax.jit(jax.nn.dot_product_attention, static_argnames="scale")(
        query, key, value, scale=0.7
    )
    for impl in ("plain", "block"):
        got = attend(query, key, value, scale=0.7, impl=impl, block=16)
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_rows_sum_to_one_even_for_huge_scores():
    query, key, value = case()
    query = query * np.float32(1e4)
    total = jax.jit(lambda query, key: scores(query, key).sum(-1))(query, key)
    np.testing.assert_allclose(total, 1, atol=1e-5)
    assert np.isfinite(attend(query, key, value)).all()


def test_memory_grows_with_n_not_with_n_squared():
    """Temporary memory of the gradient, one head of 16 channels."""

    def peak(impl, count):
        shape = jax.ShapeDtypeStruct((1, count, 1, 16), jnp.float32)
        loss = lambda *p: jnp.sum(attend(*p, impl=impl) ** 2)
        run = jax.jit(jax.grad(loss, (0, 1, 2)))
        compiled = run.lower(shape, shape, shape).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    small, large = peak("block", 4096), peak("block", 8192)
    assert peak("plain", 4096) >= 4 * 4096**2  # at least one matrix of float32
    assert small < 4 * 4096**2 / 1.5
    assert large < 2.1 * small
    assert peak("auto", 4096) == small


def test_errors():
    with pytest.raises(ValueError, match="impl"):
        attend(*case(), impl="flash")
    with pytest.raises(ValueError, match="block"):
        attend(*case(), impl="block", block=0)
