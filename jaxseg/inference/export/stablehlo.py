"""Exports a network to StableHLO, which runs in JAX without the network's Python code.

The exported program contains the weights of the network. `export_network` exports it
for batches of any size. JAX needs the package `flatbuffers` to write and read such
programs.

`write` makes the files of `jaxseg export`. Such a file is a ZIP archive with
`header.json`, which describes the program, and `program`, which `jax.export` reads.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from jaxseg.inference.export.header import read_header, write_header
from jaxseg.inference.export.obstacle import OPEN_SIZE_ERRORS, refused
from jaxseg.inference.export.program import Program
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.predict import ApplyFn
from jaxseg.typing import Size

PLATFORMS = ("cpu", "cuda", "tpu")
# The dates in JAX's change log. The promise of `jax.export` counts from a release, not
# from the day on which a file is written.
RELEASES = {
    "0.10.2": datetime.date(2026, 6, 17),
    "0.11.0": datetime.date(2026, 7, 16),
}
PROGRAM = "program"  # The member of the ZIP archive that contains the program.


def write(program: Program, header: dict[str, Any], path: Path) -> None:
    """Writes a program to a file that can be run with `load`, or without jaxseg.

    Args:
      program: What the file computes.
      header: The description of the program, from `header.describe`.
      path: The file to write.

    Raises:
      ValueError: If the network cannot be traced for images of any size. The message
        names the operation that needs to know the size.
    """
    batch, *size = export.symbolic_shape("b, h, w")
    shape = (program.batch or batch, *(program.size or size), program.channels)
    pixels = jax.ShapeDtypeStruct(shape, program.input_type)
    try:
        blob = _serialized(program, pixels, PLATFORMS)
    except OPEN_SIZE_ERRORS as error:
        if program.size is not None:
            raise
        raise refused(error) from error
    header = {**header, "platforms": list(PLATFORMS), "guarantee": guarantee()}
    with zipfile.ZipFile(path, "w") as archive:
        write_header(archive, header)
        archive.writestr(PROGRAM, blob)


def load(path: Path) -> tuple[Callable[[np.ndarray], np.ndarray], dict[str, Any]]:
    """Opens a file that `write` has written.

    Args:
      path: The file.

    Returns:
      A function from images [B, H, W, C] to classes or probabilities, and the
      header.
    """
    with zipfile.ZipFile(path) as archive:
        run = import_network(archive.read(PROGRAM))
    return lambda images: np.asarray(run(images)), read_header(path)


def export_predictor(
    network: ImageNetwork,
    variables: Any,
    size: Size,
    *,
    output: Literal["labels", "logits"] = "labels",
    platforms: tuple[str, ...] = PLATFORMS,
) -> bytes:
    """Serializes a network together with its preprocessing.

    The file contains the functions that evaluation and prediction use, so it takes
    images as they are stored and returns the labels that `Segmenter` predicts.

    Args:
      network: The network with its preprocessing, such as `Segmenter.network`.
      variables: The parameters and statistics of the network.
      size: The height and width of the images.
      output: What the exported function returns: "labels" for the most probable
        classes, int32 [B, H, W], or "logits" for float32 [B, H, W, K].
      platforms: The platforms on which the file can run, as in `export_network`.

    Returns:
      The content of the file. `import_network` reads it as a function of images,
      uint8 [B, H, W, C].
    """
    function = network.labels if output == "labels" else network.logits
    shape = (*export.symbolic_shape("b"), *size, len(network.spec.mean))
    pixels = jax.ShapeDtypeStruct(shape, jnp.uint8)
    return _serialized(lambda pixels: function(variables, pixels), pixels, platforms)


def export_network(
    apply_fn: ApplyFn,
    size: Size,
    *,
    channels: int = 3,
    platforms: tuple[str, ...] = PLATFORMS,
) -> bytes:
    """Serializes a network for images of a fixed size and batches of any size.

    Args:
      apply_fn: A function from images, float32 [B, H, W, channels], to logits. It
        contains its weights.
      size: The height and width of the images.
      channels: The number of channels of the images.
      platforms: The platforms on which the file can run: any of "cpu", "cuda", "rocm"
        and "tpu".

    Returns:
      The content of the file.
    """
    shape = (*export.symbolic_shape("b"), *size, channels)
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    return _serialized(apply_fn, image, platforms)


def import_network(blob: bytes) -> ApplyFn:
    """Loads a network from the content of a file that `export_network` has written.

    Args:
      blob: The content of the file.

    Returns:
      The network as a function from images to logits. If the file was written by
      `export_predictor` with `output="labels"`, it returns labels instead.
    """
    return jax.jit(export.deserialize(bytearray(blob)).call)


def guarantee() -> dict[str, str | None]:
    """Describes how long JAX promises to read files that this version writes.

    Returns:
      A dictionary for the header of a file: the installed version of JAX ("jax"), its
      date of release ("released"), the date after which a new release of JAX may refuse
      the file ("refused_by_releases_after"), and the promise in words ("rule"). The
      dates are None if the date of release is not known.
    """
    version = importlib.metadata.version("jax")
    released = RELEASES.get(version)
    last = None
    if released is not None:
        year, month = divmod(released.month + 5, 12)
        last = released.replace(year=released.year + year, month=month + 1)
    return {
        "jax": version,
        "released": None if released is None else released.isoformat(),
        "refused_by_releases_after": None if last is None else last.isoformat(),
        "rule": (
            "JAX reads files of versions that were released up to 6 months earlier or "
            "3 weeks later. A later JAX may refuse this file."
        ),
    }


def _serialized(function, images, platforms):
    program = export.export(jax.jit(function), platforms=platforms)(images)
    return bytes(program.serialize())
