"""The convolution of a doubled map against the sequence of plain operators."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.ops.upsample_conv import doubled_conv


def arrays(height, width, size, channels=5, more=3, features=4):
    random = np.random.default_rng(0)
    draw = lambda *shape: random.normal(size=shape).astype(np.float32)
    skip = draw(2, *size, more) if more else None
    return draw(2, height, width, channels), skip, draw(3, 3, channels + more, features)


@pytest.mark.slow
@pytest.mark.parametrize("more", [3, 0])
@pytest.mark.parametrize("size", [(32, 18), (31, 18), (32, 17)])
def test_value_and_gradients_are_those_of_the_plain_operators(size, more):
    low, skip, kernel = arrays(16, 9, size, more=more)

    def with_gradients(impl, *arrays):
        run = lambda *a: doubled_conv(*a, size=size, impl=impl)
        y, pull = jax.vjp(run, *arrays)
        return y, pull(jnp.cos(y))

    both = jax.jit(lambda *a: [with_gradients(impl, *a) for impl in ("auto", "lax")])
    pairs = zip(*map(jax.tree.leaves, both(low, skip, kernel)), strict=True)
    for found, want in pairs:
        np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-4)


def test_the_doubled_map_is_not_written():
    """Two by two taps where the plain sequence has three by three on a larger map."""
    low, skip, kernel = arrays(16, 16, (32, 32))
    program = lambda impl: str(
        jax.make_jaxpr(lambda *a: doubled_conv(*a, size=(32, 32), impl=impl))(
            low, skip, kernel
        )
    )
    assert "f32[2,32,32,8]" in program("lax")  # joined
    assert "f32[2,32,32,8]" not in program("auto")
    assert "f32[2,2,5,16]" in program("auto")  # the kernel of four phases


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"size": (34, 18)}, "height=34 is invalid"),
        ({"size": (32, 19)}, "width=19 is invalid"),
        ({"skip": (2, 30, 18, 3)}, "skip"),
        ({"kernel": (3, 3, 7, 4)}, "kernel"),
    ],
)
def test_what_does_not_fit_is_named(change, named):
    size = change.get("size", (32, 18))
    low, skip, kernel = arrays(16, 9, (32, 18))
    skip = jnp.zeros(change.get("skip", skip.shape))
    kernel = jnp.zeros(change.get("kernel", kernel.shape))
    with pytest.raises(ValueError, match=named):
        doubled_conv(low, skip, kernel, size=size)
