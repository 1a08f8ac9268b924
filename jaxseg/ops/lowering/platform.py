"""Which kind of device a program is traced for.

Operators have formulations that are fast on one kind and slow on another. A step that
`training.parallel` binds to a mesh is traced in that mesh's context, which names its
devices, even devices that are only described (`jaxseg plan`); elsewhere the default
backend decides. The result is the same in every formulation.
"""

import jax


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
