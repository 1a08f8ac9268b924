"""Determines the kind of device that a program is traced for.

Some formulations of an operator are fast on one kind of device and slow on another; all
of them give the same result. A step that `jaxseg.training.devices` binds to a mesh is
traced in the context of that mesh, which names the kind of its devices. `jaxseg plan`
describes devices that need not exist. Without a mesh, the default backend decides.
"""

import jax


def platform() -> str:
    """Returns the kind of device that the current mesh consists of.

    Without a mesh, it is the kind of device of JAX's default backend.

    Returns:
      JAX's name of the platform: "cpu", "tpu", or for GPUs "gpu", "cuda" or "rocm".

    >>> platform() in ("cpu", "gpu", "cuda", "rocm", "tpu")
    True
    """
    device = jax.sharding.get_abstract_mesh().abstract_device
    return jax.default_backend() if device is None else device.platform


def for_tpu() -> bool:
    """Returns whether the program is traced for TPUs."""
    return platform() == "tpu"
