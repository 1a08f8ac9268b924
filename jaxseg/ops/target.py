"""Which kind of device a program is traced for.

Operators have formulations that are fast on one kind and slow on another. A step that
`training.parallel` binds to a mesh is traced in that mesh's context, which names its
devices, even devices that are only described (`jaxseg plan`); elsewhere the default
backend decides. The result is the same in every formulation.
"""

import jax
import jax.numpy as jnp

from jaxseg.typing import Array


def platform() -> str:
    """ "cpu", "gpu" or "tpu": of the mesh in whose context jax traces, or the default.

    >>> platform() in ("cpu", "gpu", "cuda", "rocm", "tpu")
    True
    """
    device = jax.sharding.get_abstract_mesh().abstract_device
    return jax.default_backend() if device is None else device.platform


def for_tpu() -> bool:
    """Whether the program is traced for TPUs."""
    return platform() == "tpu"


def after(x: Array, value: Array) -> Array:
    """x, on a CPU not computed before `value`, any float scalar, is known.

    XLA's CPU backend runs what it can as soon as it can, and the results wait: the
    flipped kernels and transposed maps of the whole backward pass. Barriers are gone
    before it orders operations; a sum with a zero that it cannot foresee is not. With
    several devices `value` would have to reach them all; x is left alone there.
    """
    if platform() != "cpu" or jax.sharding.get_abstract_mesh().size > 1:
        return x
    return x + jnp.where(value > 0, 0.0, -0.0).astype(x.dtype)


@jax.custom_jvp
def kept(x: Array) -> Array:
    """x, written out once on a CPU, for a map that several operators read.

    XLA's CPU backend fuses a chain of normalisations, sums and activations into every
    reader of its end and computes it anew there: the chain of all units of a ResNet
    stage in each unit, and in each tap of an atrous kernel behind it. It does so for
    operations of one map, and not for a selection between two; barriers are gone before
    it fuses.
    """
    return jnp.where(x == x, x, jnp.nan) if platform() == "cpu" else x


@kept.defjvp
def _kept_jvp(primals, tangents):
    return kept(*primals), tangents[0]
