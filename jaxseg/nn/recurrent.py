"""Recurrent sweeps over maps: GRU and the ReNet layer (arXiv 1505.00393).

A sweep reads every row (or column) of a map as one sequence. One matrix product over
the whole map computes what the input contributes to the gates. Only the hidden state
passes through `lax.scan`.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxseg.nn.block_config import BlockConfig
from jaxseg.ops.shuffle import space_to_depth
from jaxseg.text import one_of
from jaxseg.typing import Array

READINGS = ("independent", "stacked")


class GRU(nn.Module):
    """Runs a gated recurrent unit along the second-to-last axis of [..., T, C].

        r = sigmoid(x Wr + h Ur + br),   u = sigmoid(x Wu + h Uu + bu)
        c = tanh(x Wc + bc + r * (h Uc)),   h <- (1 - u) h + u c

    As in Lasagne, each gate has one bias, and the reset gate acts after the product
    with the hidden state. The kernels hold the gates in the order r, u, c. `reverse`
    reads the sequence from its end.
    """

    features: int
    reverse: bool = False
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [..., T, C] to the hidden states [..., T, features]."""
        n, dtype = self.features, self.style.dtype
        glorot, orthogonal = nn.initializers.glorot_uniform(), _orthogonal_gates
        kernel = self.param("kernel", glorot, (x.shape[-1], 3 * n))
        recurrent = self.param("recurrent", orthogonal, (n, 3 * n)).astype(dtype)
        bias = self.param("bias", nn.initializers.zeros, (3 * n,))
        shape = x.shape[:-1]
        gates = x.reshape(-1, x.shape[-1]).astype(dtype) @ kernel.astype(dtype)
        gates = gates.reshape(-1, shape[-1], 3 * n) + bias.astype(dtype)[None, None]
        steps = jnp.moveaxis(gates, 1, 0)

        def step(h: Array, gate: Array) -> tuple[Array, Array]:
            hidden = h @ recurrent
            both = nn.sigmoid(gate[:, : 2 * n] + hidden[:, : 2 * n])
            reset, update = both[:, :n], both[:, n:]
            candidate = jnp.tanh(gate[:, 2 * n :] + reset * hidden[:, 2 * n :])
            h = h + update * (candidate - h)
            return h, h

        start = jnp.zeros((steps.shape[1], n), steps.dtype)
        _, states = lax.scan(step, start, steps, reverse=self.reverse)
        return jnp.moveaxis(states, 0, 1).reshape(*shape, n)


def _orthogonal_gates(key: Array, shape: tuple[int, int], dtype=jnp.float32) -> Array:
    """Concatenates three orthogonal square matrices."""
    start, n = nn.initializers.orthogonal(), shape[0]
    gates = [start(k, (n, n), dtype) for k in jax.random.split(key, 3)]
    return jnp.concatenate(gates, axis=-1)


class Sweep(nn.Module):
    """Reads each row of a map with two GRUs: left to right and right to left.

    Attributes:
      features: Number of channels of the hidden state of each GRU.
      reading: With "independent", both GRUs read the input, as the paper describes.
        With "stacked", the second one reads the output of the first, as in the released
        code.
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    reading: str = "independent"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H, W, 2 * features]."""
        if self.reading not in READINGS:
            raise ValueError(
                f"reading={self.reading!r} is invalid{one_of(self.reading, READINGS)}"
            )
        ahead = GRU(self.features, False, self.style, name="forward")(x)
        source = ahead if self.reading == "stacked" else x
        back = GRU(self.features, True, self.style, name="backward")(source)
        return jnp.concatenate([ahead, back], axis=-1)


class ReNetLayer(nn.Module):
    """Sweeps over the rows of a map and then over the columns of the result.

    Attributes:
      features: Number of channels of the hidden state of each GRU.
      patch: Side, in pixels, of the square patches. Each patch is one step of a
        sequence.
      first: The axis that is read first: "rows" as in ReSeg's code, or "columns" as in
        the ReNet paper.
      reading: Whether both GRUs of a sweep read its input ("independent"), or the
        second one reads the output of the first ("stacked").
      style: Settings of normalization and dtype, see `BlockConfig`.
    """

    features: int
    patch: int = 1
    first: str = "rows"
    reading: str = "independent"
    style: BlockConfig = BlockConfig()

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Maps [B, H, W, C] to [B, H / patch, W / patch, 2 * features]."""
        if self.first not in ("rows", "columns"):
            raise ValueError(
                f"first={self.first!r} is invalid: expected 'rows' or 'columns'."
            )
        if x.shape[1] % self.patch or x.shape[2] % self.patch:
            raise ValueError(
                f"patch={self.patch} is invalid: expected a divisor of the sides of "
                f"the map, {x.shape[1:3]}. Pad the image to a multiple of the patch."
            )
        if self.patch > 1:
            x = space_to_depth(x, self.patch)
        order = ("rows", "columns") if self.first == "rows" else ("columns", "rows")
        for name in order:
            sweep = Sweep(self.features, self.reading, self.style, name=name)
            turned = name == "columns"
            y = sweep(x.swapaxes(1, 2) if turned else x)
            x = y.swapaxes(1, 2) if turned else y
        return x
