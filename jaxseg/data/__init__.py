"""Prepares and reads datasets, and yields batches of augmented examples.

The modules of the public names are imported when a name is first used. A program that
needs only the description of a dataset therefore does not import the input pipelines.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxseg.data.cloud_pipeline import cloud_eval_batches, cloud_train_batches
    from jaxseg.data.clouds import Clouds, open_clouds
    from jaxseg.data.opening import open_source
    from jaxseg.data.pipeline import eval_batches, train_batches
    from jaxseg.data.source import Source, from_builder
    from jaxseg.data.spec import DatasetSpec
    from jaxseg.data.statistics import ClassFrequencies, class_frequencies

_MODULES = {
    "ClassFrequencies": "statistics",
    "Clouds": "clouds",
    "DatasetSpec": "spec",
    "Source": "source",
    "class_frequencies": "statistics",
    "cloud_eval_batches": "cloud_pipeline",
    "cloud_train_batches": "cloud_pipeline",
    "eval_batches": "pipeline",
    "from_builder": "source",
    "open_clouds": "clouds",
    "open_source": "opening",
    "train_batches": "pipeline",
}
__all__ = [
    "ClassFrequencies",
    "Clouds",
    "DatasetSpec",
    "Source",
    "class_frequencies",
    "cloud_eval_batches",
    "cloud_train_batches",
    "eval_batches",
    "from_builder",
    "open_clouds",
    "open_source",
    "train_batches",
]


if not TYPE_CHECKING:  # or a type checker accepts every name

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
