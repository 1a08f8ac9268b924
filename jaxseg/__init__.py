"""Semantic segmentation in JAX and Flax.

>>> import jaxseg
>>> model = jaxseg.create_model("unet", num_classes=11)

The functions and the packages of jaxseg are imported when they are first used, so that
`import jaxseg` loads nothing else:

    jaxseg.train(config, "runs/mine")
    run = jaxseg.open_run("runs/mine")
    prediction = run.predict("street.jpg")
    scores = run.evaluate(split="validation")
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxseg import backbones as backbones
    from jaxseg import config as config
    from jaxseg import heads as heads
    from jaxseg import models as models
    from jaxseg import nn as nn
    from jaxseg import nnx as nnx
    from jaxseg import ops as ops
    from jaxseg import typing as typing
    from jaxseg._api import Run, open_run
    from jaxseg._pretrained import load_pretrained
    from jaxseg._train import Trained, train
    from jaxseg.data.spec import DatasetSpec
    from jaxseg.inference.prediction import Prediction
    from jaxseg.inference.segmenter import PredictOptions, Segmenter
    from jaxseg.models import create_model, list_models

__version__ = "0.1.0"
_LAZY = {
    "DatasetSpec": "jaxseg.data.spec",
    "PredictOptions": "jaxseg.inference.segmenter",
    "Prediction": "jaxseg.inference.prediction",
    "Run": "jaxseg._api",
    "Segmenter": "jaxseg.inference.segmenter",
    "Trained": "jaxseg._train",
    "create_model": "jaxseg.models",
    "list_models": "jaxseg.models",
    "load_pretrained": "jaxseg._pretrained",
    "open_run": "jaxseg._api",
    "train": "jaxseg._train",
}
_PACKAGES = ("backbones", "config", "heads", "models", "nn", "nnx", "ops", "typing")
__all__ = [
    "DatasetSpec",
    "PredictOptions",
    "Prediction",
    "Run",
    "Segmenter",
    "Trained",
    "__version__",
    "create_model",
    "list_models",
    "load_pretrained",
    "open_run",
    "train",
]


if not TYPE_CHECKING:  # or a type checker accepts every name

    def __getattr__(name: str) -> Any:
        if name in _PACKAGES:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
