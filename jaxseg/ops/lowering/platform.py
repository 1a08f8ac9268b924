"""The kind of device that a program is traced for.

Operators have formulations that are fast on one kind and slow on another; the result is
the same. A step that `training.parallel` binds to a mesh is traced in the context of
that mesh, which names its devices, even if they are only described (`jaxseg plan`).
Without a mesh the default backend decides.
"""

import jax


def platform() -> str:
    """Returns "cpu", "gpu" or "tpu": the mesh's devices, or else the default backend.

    >>> platform() in ("cpu", "gpu", "cuda", "rocm", "tpu")
    True
    """
    device = jax.sharding.get_abstract_mesh().abstract_device
    return jax.default_backend() if device is None else device.platform


def for_tpu() -> bool:
    """Returns whether the program is traced for TPUs."""
    return platform() == "tpu"
