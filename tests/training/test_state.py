"""The train state: arrays only, made in one compiled program."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from jaxseg.training.step.state import create_state


class Net(nn.Module):
    norm: bool = True

    @nn.compact
    def __call__(self, x, *, train=False):
        x = nn.Dense(3, name="dense")(x)
        if self.norm:
            x = nn.BatchNorm(use_running_average=not train, name="norm")(x)
        return {"logits": x}


def make(norm=True, seed=0, ema=False):
    tx = optax.adam(1e-3)
    return create_state(Net(norm), tx, seed=seed, image_shape=(1, 4, 4, 3), ema=ema)


def test_holds_arrays_alone():
    state = make(ema=True)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(state))
    assert state.step == 0 and state.step.dtype == jnp.int32
    assert jax.dtypes.issubdtype(state.rng.dtype, jax.dtypes.prng_key)
    assert jax.tree.structure(state) == jax.tree.structure(make(ema=True, seed=1))


def test_seed_decides_everything():
    one, same, other = make(), make(), make(seed=1)

    def kernel(state):
        return np.asarray(state.params["dense"]["kernel"])

    np.testing.assert_array_equal(kernel(one), kernel(same))
    assert np.abs(kernel(one) - kernel(other)).max() > 0.1
    keys = [jax.random.key_data(s.rng).tolist() for s in (one, same, other)]
    assert keys[0] == keys[1] != keys[2]


def test_variables_use_the_average_where_there_is_one():
    state = make(ema=True)
    assert state.ema["dense"]["kernel"] is not state.params["dense"]["kernel"]
    changed = state.replace(ema=jax.tree.map(lambda x: x + 1, state.ema))
    got = changed.variables()
    expected = state.params["dense"]["kernel"] + 1
    np.testing.assert_array_equal(got["params"]["dense"]["kernel"], expected)
    assert set(got) == {"params", "batch_stats"}
    assert set(make(norm=False).variables()) == {"params"}
    assert make().variables()["params"] is not None


def test_average_starts_at_the_parameters_in_its_own_memory():
    state = make(ema=True)
    kernel, average = state.params["dense"]["kernel"], state.ema["dense"]["kernel"]
    np.testing.assert_array_equal(kernel, average)
    assert kernel.unsafe_buffer_pointer() != average.unsafe_buffer_pointer()
