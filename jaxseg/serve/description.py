"""Describes the served network as values that JSON can represent."""

from __future__ import annotations

import importlib.metadata
from typing import Any

import jax

from jaxseg.serve.parameters import ANSWERS, View
from jaxseg.serve.served import ServedNetwork

PACKAGES = ("jaxseg", "jax", "jaxlib", "flax", "numpy", "pillow", "starlette")


def describe(served: ServedNetwork) -> dict[str, Any]:
    """Returns the content of the answer to `GET /model`, a dictionary of JSON values.

    It describes the network, its classes, the images that it takes, and the limits.

    Args:
      served: The network.
    """
    spec, config = served.spec, served.config
    leaves = jax.tree.leaves(served.loaded.variables["params"])
    options = served.options
    return {
        "network": config.model.title,
        "model": config.model.name,
        "options": dict(config.model.options),
        "parameters": sum(int(leaf.size) for leaf in leaves),
        "step": served.loaded.step,
        "dataset": spec.name,
        "output": served.segmenter(View()).form.kind,
        "classes": [
            {"index": k, "name": name, "color": list(color)}
            for k, (name, color) in enumerate(
                zip(spec.classes, spec.palette, strict=True)
            )
        ],
        "ignore_index": spec.void,
        "image": {
            "channels": spec.channels,
            "type": spec.image_type,
            "range": list(spec.value_range),
            "mean": list(spec.mean),
            "std": list(spec.std),
            "scale": config.data.eval_scale,
        },
        "answers": list(ANSWERS),
        "limits": {
            "bytes": options.max_bytes,
            "pixels": options.max_pixels,
            "crf_pixels": options.max_crf_pixels,
            "cut_pixels": options.max_cut_pixels,
            "batch": options.max_batch,
            "queue": options.max_queue,
            "seconds": options.timeout,
        },
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
