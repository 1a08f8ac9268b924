"""Finds known problems in the description of an installation."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from jaxseg.health.facts import Facts

MEBIBYTE = 2**20
SHARED = 256 * MEBIBYTE  # Containers often have only 64 MiB.
OPEN_FILES = 1024  # The usual limit on Linux. Shards and pipes of workers need many.
OLDEST = {"numpy": (2, 0), "scipy": (1, 13)}


@dataclasses.dataclass(frozen=True)
class Problem:
    """A problem of an installation, and how to solve it.

    Attributes:
      problem: A sentence that describes the problem.
      remedy: A sentence that says what to do.
    """

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


def find_problems(facts: Facts) -> list[Problem]:
    """Returns a list of the known problems of an installation, the worst ones first."""
    return [
        *_versions(facts),
        *_devices(facts),
        *_variables(facts),
        *_machine(facts),
    ]


def _versions(facts: Facts) -> Iterator[Problem]:
    jax, jaxlib, flax = (facts.versions.get(n) for n in ("jax", "jaxlib", "flax"))
    if jax and flax and number(jax) >= (0, 11) and number(flax) < (0, 12, 9):
        yield Problem(
            f"jax {jax} does not work with flax {flax}, which cannot be imported.",
            "Run `pip install -U 'flax>=0.12.9'`.",
        )
    if jax and jaxlib and number(jax)[:2] != number(jaxlib)[:2]:
        yield Problem(
            f"jax {jax} does not fit jaxlib {jaxlib}.",
            f"Run `pip install -U jax=={jax} jaxlib=={jax}`.",
        )
    for name, oldest in OLDEST.items():
        found = facts.versions.get(name)
        if found and number(found) < oldest:
            least = ".".join(map(str, oldest))
            yield Problem(
                f"{name} {found} is older than {least}.",
                f"Run `pip install -U '{name}>={least}'`.",
            )
    if facts.import_error:
        yield Problem(
            f"JAX or Flax cannot be imported ({facts.import_error}).",
            "Run `pip install -U jax jaxlib flax` in this environment.",
        )
    for path in facts.shadows:
        yield Problem(
            f"PYTHONPATH contains {path}, which hides the installed package.",
            "Remove its folder from PYTHONPATH, or rename it.",
        )


def _devices(facts: Facts) -> Iterator[Problem]:
    on_gpu = any(device.startswith(("gpu", "cuda")) for device in facts.devices)
    chosen = facts.variables.get("JAX_PLATFORMS", "")
    if facts.nvidia and not on_gpu and not facts.import_error:
        plugin = facts.versions.get("jax-cuda12-plugin")
        plugin = plugin or facts.versions.get("jax-cuda13-plugin")
        if chosen and "cuda" not in chosen and "gpu" not in chosen:
            yield Problem(
                f"JAX_PLATFORMS={chosen} hides the NVIDIA GPU of this machine.",
                "Unset JAX_PLATFORMS.",
            )
        elif not plugin:
            yield Problem(
                "The machine has an NVIDIA GPU, but JAX is installed for CPUs only.",
                "Run `pip install -U 'jaxseg[cuda13]'`.",
            )
        else:
            yield Problem(
                "The machine has an NVIDIA GPU that JAX cannot use.",
                "Run `nvidia-smi`, and update the driver to one that fits CUDA.",
            )
    grows = facts.variables.get("TF_FORCE_GPU_ALLOW_GROWTH", "").lower() == "true"
    if on_gpu and facts.versions.get("tensorflow") and not grows:
        yield Problem(
            "TensorFlow can take all memory of the GPU when it is imported.",
            "Set TF_FORCE_GPU_ALLOW_GROWTH=true, or install tensorflow-cpu.",
        )


def _variables(facts: Facts) -> Iterator[Problem]:
    flags = facts.variables.get("XLA_FLAGS", "")
    if found := re.search(r"host_platform_device_count=(\d+)", flags):
        yield Problem(
            f"XLA_FLAGS divides the CPU into {found[1]} simulated devices.",
            "Unset XLA_FLAGS, unless this is a test of several devices.",
        )
    effects = {
        "JAX_DISABLE_JIT": "runs everything without compilation, which is very slow",
        "JAX_ENABLE_X64": "computes in 64 bits, which jaxseg does not support",
        "JAX_DEBUG_NANS": "checks each result for NaN, which is slow",
    }
    for name, effect in effects.items():
        value = facts.variables.get(name, "")
        if value.lower() not in ("", "0", "false", "off"):
            yield Problem(f"{name}={value} {effect}.", f"Unset {name}.")


def _machine(facts: Facts) -> Iterator[Problem]:
    for name, folder in facts.folders.items():
        if not folder["writable"]:
            remedy = "Change its permissions."
            if name == "prepared data":
                remedy = "Set JAXSEG_DATA_DIR to another folder."
            yield Problem(
                f"The folder {folder['path']} for {name} cannot be written.", remedy
            )
    if facts.shared_memory is not None and facts.shared_memory < SHARED:
        yield Problem(
            f"/dev/shm has only {facts.shared_memory // MEBIBYTE} MiB, which is too "
            "little for data.worker_processes.",
            "Start the container with --shm-size=8g.",
        )
    if 0 <= facts.open_files < OPEN_FILES:
        yield Problem(
            f"A process can open only {facts.open_files} files.",
            "Run `ulimit -n 65536` before jaxseg.",
        )


def number(version: str) -> tuple[int, ...]:
    """Returns the numbers of a version, such as (0, 12, 9) for "0.12.9.dev1"."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
