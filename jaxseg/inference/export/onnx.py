"""Writes ONNX files, and runs them with ONNX Runtime.

JAX traces the network, and `jaxseg.inference.export.onnx_graph` converts each traced
operation to ONNX nodes. Besides JAX, the conversion needs only the package `onnx`.
One file can take images of any size.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export

from jaxseg.inference.export.obstacle import OPEN_SIZE_ERRORS, refused
from jaxseg.inference.export.onnx_graph.convert import converted
from jaxseg.inference.export.onnx_graph.graph import TENSOR_TYPES, Graph
from jaxseg.inference.export.onnx_graph.sizes import is_known
from jaxseg.inference.export.program import Program
from jaxseg.ops.lowering.portable import portable

# ONNX Runtime 1.14 and later read this version, and so do other runtimes since 2023.
OPSET = 18
_IR_VERSION = 8  # The version of ONNX 1.13, which introduced opset 18.
_LARGEST_FILE = 2**31 - 1  # bytes of a message of protocol buffers


def write(program: Program, header: dict[str, Any], path: Path) -> None:
    """Writes a program to an ONNX file, together with its weights.

    Args:
      program: What the file computes.
      header: The description of the program, which becomes the property "jaxseg" of
        the model, as JSON.
      path: The file to write.

    Raises:
      ValueError: If an operation of the network has no counterpart in ONNX, or the
        weights exceed the 2 GB of one file.
    """
    batch, *size = export.symbolic_shape("b, h, w")
    shape = (program.batch or batch, *(program.size or size), program.channels)
    pixels = jax.ShapeDtypeStruct(shape, program.input_type)
    try:
        traced = jax.make_jaxpr(portable(program))(pixels)
    except OPEN_SIZE_ERRORS as error:
        if program.size is not None:
            raise
        raise refused(error) from error
    graph = converted(traced)
    size = sum(array.nbytes for array in graph.constants.values())
    if size > _LARGEST_FILE:
        raise ValueError(
            f"The weights of {size / 1e9:.1f} GB do not fit into an ONNX file, which "
            "holds at most 2 GB. Export to .stablehlo instead."
        )
    described = {**header, "opset": OPSET}
    path.write_bytes(model_of(graph, described).SerializeToString())


def load(path: Path) -> tuple[Callable[[np.ndarray], np.ndarray], dict[str, Any]]:
    """Opens an ONNX file in ONNX Runtime, which runs it on the CPU.

    Args:
      path: The file.

    Returns:
      A function from images [B, H, W, C] to classes or probabilities, and the
      header.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(
        path.read_bytes(), providers=["CPUExecutionProvider"]
    )
    header = json.loads(session.get_modelmeta().custom_metadata_map["jaxseg"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels})[0], header


def model_of(graph: Graph, header: dict[str, Any]) -> Any:
    """Returns a graph as an ONNX model, a `ModelProto` of the package `onnx`.

    Args:
      graph: The nodes and constants.
      header: The description of the program. If it contains a name for the output, the
        output tensor of the model has this name.
    """
    import onnx
    from onnx import helper

    names = [header["output"]["name"]] if "output" in header else []
    renamed = {old[0]: new for old, new in zip(graph.outputs, names, strict=False)}
    proto = _graph_proto(graph, "segmentation", renamed)
    used = _tensors_read(graph)
    proto.initializer.extend(
        onnx.numpy_helper.from_array(array, renamed.get(name, name))
        for name, array in graph.constants.items()
        if name in used
    )
    model = helper.make_model(
        proto,
        producer_name="jaxseg",
        producer_version=str(header.get("versions", {}).get("jaxseg", "")),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
    )
    helper.set_model_props(model, {"jaxseg": json.dumps(header)})
    onnx.checker.check_model(model)
    return model


def _tensors_read(graph):
    """Returns the names of all tensors that nodes read or that are outputs.

    Those of nested graphs are included.
    """
    found = {name for name, _, _ in graph.outputs}
    for node in graph.nodes:
        found.update(node.inputs)
        if "body" in node.attributes:
            found |= _tensors_read(node.attributes["body"])
    return found


def _graph_proto(graph, name, renamed):
    from onnx import helper

    nodes = [
        helper.make_node(
            node.operator,
            [renamed.get(name, name) for name in node.inputs],
            [renamed.get(name, name) for name in node.outputs],
            name=node.outputs[0],  # Messages of runtimes contain this name.
            **{
                key: _graph_proto(value, "body", {}) if key == "body" else value
                for key, value in node.attributes.items()
            },
        )
        for node in graph.nodes
    ]
    inputs, outputs = (
        [_info(renamed.get(name, name), dtype, shape) for name, dtype, shape in tensors]
        for tensors in (graph.inputs, graph.outputs)
    )
    return helper.make_graph(nodes, name, inputs, outputs)


def _info(name, dtype, shape):
    from onnx import helper

    sides = [side if is_known([side]) else str(side) for side in shape]
    return helper.make_tensor_value_info(name, TENSOR_TYPES[dtype.name], sides)
