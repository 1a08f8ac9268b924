"""Lists the tasks, each of which trains and applies one kind of network.

Most networks belong to the task of segmentation: they take images and return logits for
each pixel. The other tasks read point clouds or have special loss functions. All
tasks share the training loop, the checkpoints, the scores and the commands.

A `TaskRecord` names the modules of a task. The modules are imported on first use, so
that prediction loads no training code.
"""

from __future__ import annotations

import dataclasses
import importlib
from types import ModuleType
from typing import Literal

from jaxseg.config import Config


@dataclasses.dataclass(frozen=True)
class TaskRecord:
    """Names the networks of a task and the modules that train and apply them.

    Attributes:
      training: The module whose `TRAINING` contains the functions that `train`, `eval`
        and `plan` call, see `jaxseg.tasks.functions.TrainingFunctions`.
      prediction: The module that `predict` uses. Its function `open_files` prepares the
        prediction of files, see `jaxseg.tasks.prediction`. Its constant `OPTIONS`
        contains the options of the command that the task supports. It is None if the
        task supports all.
      networks: The names of the networks. A network that no `TaskRecord` lists belongs
        to the task of segmentation.
      kind: "images" or "clouds", the kind of the examples.
    """

    training: str
    prediction: str = "jaxseg.tasks.predict_images"
    networks: tuple[str, ...] = ()
    kind: Literal["images", "clouds"] = "images"

    def prediction_module(self) -> ModuleType:
        """Imports and returns the module that applies the networks of the task."""
        return importlib.import_module(self.prediction)

    def training_module(self) -> ModuleType:
        """Imports and returns the module that trains the networks of the task."""
        return importlib.import_module(self.training)


SEGMENTATION = TaskRecord(training="jaxseg.tasks.segmentation")
TASKS: dict[str, TaskRecord] = {
    "segmentation": SEGMENTATION,
    "pix2pix": TaskRecord(
        training="jaxseg.tasks.pix2pix",
        networks=("pix2pix_unet256", "pix2pix_unet128"),
    ),
    "prob_unet": TaskRecord(
        training="jaxseg.tasks.prob_unet",
        networks=("prob_unet", "prob_unet_cityscapes"),
    ),
    "point_clouds": TaskRecord(
        training="jaxseg.tasks.point_clouds",
        prediction="jaxseg.tasks.predict_point_clouds",
        networks=("point_transformer",),
        kind="clouds",
    ),
}


def task_of(config: Config) -> TaskRecord:
    """Returns the `TaskRecord` of the task that a configured network belongs to."""
    for task in TASKS.values():
        if config.model.name in task.networks:
            return task
    return SEGMENTATION
