"""Finds the kinds of upsampling that each network uses, by watching its trace.

Each network is traced without computing anything. A profile function of Python sees the
calls of the operators, with their arguments. Only calls that enlarge a map count.
"""

import inspect
import json
import pathlib
import sys
from types import CodeType, FrameType

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxseg import create_model
from jaxseg.models import MODELS
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.jpu import JPU
from jaxseg.nn.upsample import bilinear_deconv
from jaxseg.ops.points import interpolate
from jaxseg.ops.resize import resize
from jaxseg.ops.shuffle import depth_to_space
from jaxseg.ops.transposed import conv_transpose
from jaxseg.ops.unpool import bed_of_nails, max_unpool, nearest
from jaxseg.ops.upsample_conv import doubled_conv

STORED = pathlib.Path(__file__).with_name("networks.json")
CLASSES = 21
POINTS = ((1, 1024, 3), (1, 1024, 3))
INPUTS = (*(((1, 128, 192, channels),) for channels in (3, 4, 1)), POINTS)
KINDS = {  # The words of the table, in its order.
    "half-pixel": "bilinear, half-pixel centers",
    "aligned": "bilinear, aligned corners",
    "nearest": "nearest neighbor",
    "deconv": "fixed bilinear deconvolution",
    "transposed": "learned transposed convolution",
    "unpool": "unpooling by indices",
    "nails": "zeros between the pixels, then a convolution",
    "shuffle": "sub-pixel convolution (depth to space)",
    "jpu": "joint pyramid upsampling",
    "points": "three nearest points",
}
CALLS: dict[CodeType, str] = {
    conv_transpose.__code__: "transposed",
    bilinear_deconv.__code__: "deconv",
    max_unpool.__code__: "unpool",
    bed_of_nails.__code__: "nails",
    nearest.__code__: "nearest",
    doubled_conv.__code__: "nearest",
    depth_to_space.__code__: "shuffle",
    interpolate.__code__: "points",
}
INSIDE = {conv_transpose.__code__, doubled_conv.__code__}  # They call other operators.


def kinds(name: str) -> list[str]:
    """Returns the kinds of upsampling of a network, as keys of `KINDS`.

    Args:
      name: A name of `jaxseg.list_models()`.
    """
    found: set[str] = set()
    model = create_model(name, CLASSES, style=BlockConfig(impl="lax"))

    def watch(frame: FrameType, event: str, _) -> None:
        if event == "call":
            found.update(_kind(frame))

    sys.setprofile(watch)
    try:
        _trace(model)
    finally:
        sys.setprofile(None)
    return [kind for kind in KINDS if kind in found]


def stored_kinds() -> dict[str, list[str]]:
    """Returns the kinds of every network from `networks.json`."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def write(names: list[str]) -> None:
    """Updates `networks.json` for some networks, and for all that it lacks."""
    stored = stored_kinds()
    new = {name for name in MODELS if name not in stored} | set(names)
    rows = {n: kinds(n) if n in new else stored[n] for n in sorted(MODELS)}
    lines = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items())
    STORED.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def _trace(model: nn.Module) -> None:
    key, refused = jax.eval_shape(lambda: jax.random.key(0)), None
    for shapes in INPUTS:
        inputs = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
        try:
            jax.eval_shape(
                lambda k, *xs: model.init_with_output(k, *xs, train=False), key, *inputs
            )
            return
        except (TypeError, ValueError) as error:
            refused = refused or error
    raise refused


def _kind(frame: FrameType) -> set[str]:
    """The kind of upsampling that a call starts, or nothing."""
    code, values = frame.f_code, frame.f_locals
    if code is inspect.unwrap(JPU.__call__).__code__:
        return {"jpu"}
    if _within(frame):
        return set()
    if code is resize.__code__:
        source, target = values["x"].shape[1:3], values["size"]
        if not any(t > s > 1 for s, t in zip(source, target, strict=True)):
            return set()  # A single cell, as after image pooling, is repeated.
        if values["method"] == "nearest":
            return {"nearest"}
        return {"aligned" if values["align_corners"] else "half-pixel"}
    if code is conv_transpose.__code__ and values["stride"] in (1, (1, 1)):
        return set()
    return {CALLS[code]} if code in CALLS else set()


def _within(frame):
    """Whether an operator that is counted itself makes the call."""
    frame = frame.f_back
    for _ in range(6):
        if frame is None:
            return False
        if frame.f_code in INSIDE:
            return True
        frame = frame.f_back
    return False
