"""Writes TensorFlow Lite files with TensorFlow, and runs them with LiteRT.

TensorFlow is needed only to write the files. A ZIP archive at the end of the file
contains the header as `header.json`, so that `unzip -p FILE header.json` prints it.
This is where TensorFlow Lite keeps files that belong to a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxseg.inference.export.header import append_header, read_header
from jaxseg.inference.export.program import Program
from jaxseg.ops.lowering.portable import portable

_MOST_CONSTANTS = 128_000_000  # bytes
# A message of the converter ends in the operations that it cannot convert.
_OPERATION = re.compile(r"'?(\w+\.\w+)'? op|operation '(\w+\.\w+)'")


def write(program: Program, header: dict[str, Any], path: Path) -> None:
    """Writes a program for images of one size to a TensorFlow Lite file.

    Args:
      program: What the file computes.
      header: The description of the program, from `header.describe`.
      path: The file to write.

    Raises:
      ValueError: If an operation of the network has no counterpart in TensorFlow Lite.
    """
    path.write_bytes(_converted(program))
    append_header(path, header)


def load(path: Path) -> tuple[Callable[[np.ndarray], np.ndarray], dict[str, Any]]:
    """Opens a TensorFlow Lite file in its runtime LiteRT.

    Args:
      path: The file.

    Returns:
      A function from images [B, H, W, C] to classes or probabilities, and the
      header.
    """
    from ai_edge_litert.interpreter import Interpreter

    header = read_header(path)
    interpreter = Interpreter(model_content=path.read_bytes())
    interpreter.allocate_tensors()
    taken = interpreter.get_input_details()[0]["index"]
    given = interpreter.get_output_details()[0]["index"]

    def run(images: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(taken, images)
        interpreter.invoke()
        return interpreter.get_tensor(given)

    return run, header


def _converted(program):
    """Converts a program and returns the TensorFlow Lite file without the header."""
    import tensorflow as tf

    call, holder = _function(program)
    shape = (program.batch, *program.size, program.channels)
    concrete = tf.function(
        call,
        input_signature=[tf.TensorSpec(shape, program.input_type, name="image")],
        autograph=False,
    ).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)
    try:
        return converter.convert()
    except Exception as error:  # The converter's own class of errors is not public.
        names = sorted({a or b for a, b in _OPERATION.findall(str(error))})
        what = f": {', '.join(names)}" if names else ""
        raise ValueError(
            "TensorFlow cannot convert an operation of this network to TensorFlow "
            f"Lite{what}. Export to .onnx instead."
        ) from error


def _function(program):
    """Converts a program to a TensorFlow function.

    If all weights together are small, they become constants of the function, which the
    converter can simplify. Otherwise they become variables, because constants of a few
    hundred MB damage the graph.

    Returns:
      The function, and the `tf.Module` that holds its variables.
    """
    import tensorflow as tf
    from jax.experimental import jax2tf

    holder = tf.Module()
    leaves, structure = jax.tree.flatten(program.variables)
    if sum(leaf.nbytes for leaf in leaves) <= _MOST_CONSTANTS:
        return jax2tf.convert(portable(program.__call__), with_gradient=False), holder
    holder.weights = [tf.Variable(np.asarray(x), trainable=False) for x in leaves]

    def apply(leaves, pixels):
        return program.apply(jax.tree.unflatten(structure, leaves), pixels)

    function = jax2tf.convert(portable(apply), with_gradient=False)
    return (lambda image: function(list(holder.weights), image)), holder
