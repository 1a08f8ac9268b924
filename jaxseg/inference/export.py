"""Export of a network to one StableHLO file that runs without its Python code.

`jax.export` writes the program and the weights it closes over; the batch size stays
open, height and width are fixed (pad or slide with `jaxseg.inference.predict`). JAX
needs the package `flatbuffers` to write and read such files.
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
    """Serializes `image f32 [b, H, W, channels] -> logits` for any batch size b.

    Args:
      apply_fn: image -> logits, with its weights closed over or bound.
      size: (H, W) of the images.
      channels: of the images.
      platforms: where the file is to run; "cpu", "cuda", "rocm", "tpu".
    """
    shape = (*export.symbolic_shape("b"), *size, channels)
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    program = export.export(jax.jit(apply_fn), platforms=platforms)(image)
    return bytes(program.serialize())


def import_network(blob: bytes) -> ApplyFn:
    """The callable `image -> logits` that `export_network` wrote."""
    return jax.jit(export.deserialize(bytearray(blob)).call)
