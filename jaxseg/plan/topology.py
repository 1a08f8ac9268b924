"""Describes the devices for which a training step is compiled.

They can be those of this computer, CPU devices that JAX simulates, or TPU slices that
this computer does not have.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import re

import jax

from jaxseg.analysis.hlo.roofline import CHIPS, Chip, chip_of, diameter

FORMS = "'local', 'cpu:8' or a TPU such as 'v5e:16x16' (v4, v5e, v5p or v6e)"
# Without these, libtpu queries the cloud about its machine and prints complaints.
QUIET = {
    "TPU_SKIP_MDS_QUERY": "1",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # Safe, because no chip is used.
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
}


@dataclasses.dataclass(frozen=True)
class Slice:
    """Describes the devices for which a training step is compiled.

    Attributes:
      name: The name on the command line, such as "v5e:16x16".
      devices: JAX devices: real ones, or descriptions of TPU devices that need not
        exist on this machine.
      chip: The memory and the peak rates of the chip, or None if they are unknown.
      diameter: Number of links on the path between the two most distant devices.
    """

    name: str
    devices: tuple[jax.Device, ...]
    chip: Chip | None
    diameter: int


def described(name: str) -> Slice:
    """Returns a description of the devices that a name such as "v5e:16x16" stands for.

    Args:
      name: "local", "cpu:N", or a TPU topology such as "v5e:16x16".

    Raises:
      ValueError: If the topology is unknown, or if it is a TPU topology and libtpu is
        not installed.
    """
    kind, _, layout = name.partition(":")
    if name == "local" or kind == "cpu":
        devices = jax.devices() if name == "local" else _cpus(name, layout)
        return Slice(name, tuple(devices), chip_of(devices[0].device_kind), 1)
    chip = CHIPS.get(kind)
    if chip is None or not chip.kinds[0].startswith("TPU") or not layout:
        raise ValueError(f"topology={name!r} is invalid: expected {FORMS}.")
    if importlib.util.find_spec("libtpu") is None:
        raise ValueError(
            f"topology={name!r} is invalid without the TPU compiler: expected libtpu. "
            "Install it with pip install 'jaxseg[plan]'."
        )
    sides = [int(side) for side in re.findall(r"\d+", layout)]
    # The sides of smaller slices are not closed to a ring.
    closed = 4 if len(sides) == 3 else 16
    length = sum(diameter([side], side % closed == 0) for side in sides)
    return Slice(name, _tpus(name, chip), chip, length)


def _cpus(name: str, layout: str) -> list[jax.Device]:
    """Returns simulated CPUs; JAX can add some only before it is initialized."""
    count = int(layout) if layout.isdecimal() else 0
    if count > jax.config.jax_num_cpu_devices:
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", count)
    devices = jax.devices("cpu")
    if not 1 <= count <= len(devices):
        raise ValueError(
            f"topology={name!r} is invalid: expected cpu:1 to cpu:{len(devices)}, "
            "because this process has no more CPU devices."
        )
    return devices[:count]


def _tpus(name: str, chip: Chip) -> tuple[jax.Device, ...]:
    from jax.experimental import topologies

    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    options = {"chip_config_name": chip.config} if chip.config else {}
    try:
        slice_ = topologies.get_topology_desc(name, platform="tpu", **options)
    except jax.errors.JaxRuntimeError as error:
        message = str(error).strip().splitlines()[0]
        raise ValueError(
            f"topology={name!r} is invalid: expected {FORMS}. The compiler "
            f"says: {message}"
        ) from error
    return tuple(slice_.devices)
