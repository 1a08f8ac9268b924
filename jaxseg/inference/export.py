"""Exports a network to one StableHLO file that runs without the network's Python code.

The file contains the program and its weights. The batch size is symbolic; height and
width are fixed, so pad images or use windows (`jaxseg.inference.predict`). JAX needs
the package `flatbuffers` to write and read such files.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import export

from jaxseg.inference.predict import ApplyFn

PLATFORMS = ("cpu", "cuda", "tpu")


def export_network(
    apply_fn: ApplyFn,
    size: tuple[int, int],
    *,
    channels: int = 3,
    platforms: tuple[str, ...] = PLATFORMS,
) -> bytes:
    """Serializes a network for images of one size and batches of any size.

    Args:
      apply_fn: A function from images, float32 [B, H, W, channels], to logits. It
        contains its weights.
      size: The height and width of the images.
      channels: The number of channels of the images.
      platforms: The platforms on which the file can run, of "cpu", "cuda", "rocm" and
        "tpu".

    Returns:
      The content of the file.
    """
    shape = (*export.symbolic_shape("b"), *size, channels)
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    program = export.export(jax.jit(apply_fn), platforms=platforms)(image)
    return bytes(program.serialize())


def import_network(blob: bytes) -> ApplyFn:
    """Returns the function from images to logits that `export_network` serialized."""
    return jax.jit(export.deserialize(bytearray(blob)).call)
