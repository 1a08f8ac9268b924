"""Compiles a network with IREE to a file that needs neither Python nor JAX.

A `.vmfb` file contains machine code for the kind of CPU on which it was compiled. The
file is also a ZIP archive, to which `header.json` is appended.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxseg.inference.export.header import append_header, read_header
from jaxseg.inference.export.obstacle import reason
from jaxseg.inference.export.program import Program
from jaxseg.ops.lowering.portable import portable


def write(program: Program, header: dict[str, Any], path: Path) -> None:
    """Compiles a program for the CPU of this machine and writes it to a file.

    Args:
      program: What the file computes, for a fixed size and a fixed number of images.
      header: The description of the program, from `header.describe`.
      path: The file to write.

    Raises:
      ValueError: If IREE cannot compile the network.
    """
    import iree.compiler

    shape = (program.batch, *program.size, program.channels)
    pixels = jax.ShapeDtypeStruct(shape, program.input_type)
    function = jax.jit(portable(lambda pixels: program(_as_signed(pixels))))
    module = str(function.lower(pixels).compiler_ir("stablehlo"))
    try:
        code = iree.compiler.compile_str(
            module,
            input_type="stablehlo",
            target_backends=["llvm-cpu"],
            extra_args=["--iree-llvmcpu-target-cpu=generic"],
        )
    except iree.compiler.CompilerToolError as error:
        raise ValueError(f"IREE cannot compile this network: {reason(error)}") from None
    path.write_bytes(code)
    append_header(path, header)


def load(path: Path) -> tuple[Callable[[np.ndarray], np.ndarray], dict[str, Any]]:
    """Opens a file that `write` has written, so that it runs in IREE's runtime.

    Args:
      path: The file.

    Returns:
      A function from images [B, H, W, C] to classes or probabilities, and the
      header.
    """
    import iree.runtime

    header = read_header(path)
    config = iree.runtime.Config("local-task")
    code = iree.runtime.VmModule.copy_buffer(config.vm_instance, path.read_bytes())
    module = iree.runtime.load_vm_module(code, config)

    def run(images: np.ndarray) -> np.ndarray:
        # The host sees memory of the runtime, which the next call writes again.
        return module.main(np.ascontiguousarray(images)).to_host().copy()

    return run, header


def _as_signed(pixels):
    """Converts pixels to int32, because IREE 3.13 reads the uint8 value 200 as -56."""
    if jnp.issubdtype(pixels.dtype, jnp.unsignedinteger):
        return pixels.astype(jnp.int32) & jnp.iinfo(pixels.dtype).max
    return pixels
