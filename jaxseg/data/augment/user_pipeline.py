"""Applies a pipeline of Albumentations that the user's Python file defines.

Only that file imports Albumentations. It can use Albumentations 2 (MIT license, no
longer developed) or its successor AlbumentationsX (AGPL-3.0 or commercial license).
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import os
import pathlib
import runpy
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from jaxseg.config.stored_code import refuse_marked
from jaxseg.data.augment.entry import Drawn, Scene, SceneEntry
from jaxseg.data.augment.resampling import rounded
from jaxseg.text import printable

SHORT = 16  # Arrays with more values are recorded by their shape.


@dataclasses.dataclass(frozen=True, kw_only=True)
class UserPipeline(SceneEntry):
    """Applies a pipeline of Albumentations to an image and its label.

    The pipeline receives uint8 images unchanged, and other images as float32 with the
    value range mapped to [0, 1].

    Attributes:
      where: The option that names the pipeline, for errors.
      pipeline: The pipeline. Every call of `apply` copies it, because calls in several
        threads would otherwise share its random generator.
    """

    name: ClassVar[str] = "albumentations"

    where: str
    pipeline: Any

    def apply(
        self,
        scene: Scene,
        rng: np.random.Generator,
        partner: Callable[[np.random.Generator], Scene],
    ) -> tuple[Scene, Drawn]:
        pipeline = copy.deepcopy(self.pipeline)
        pipeline.set_random_seed(int(rng.integers(2**31)))
        if hasattr(pipeline, "save_applied_params"):
            pipeline.save_applied_params = True
        found = pipeline(image=_passed(scene), mask=scene.label)
        image, label = _stored(found["image"], scene), found["mask"]
        self._check(image, label, scene)
        applied = [
            {"transform": name, **{key: _plain(value) for key, value in drawn.items()}}
            for name, drawn in found.get("applied_transforms", ())
        ]
        changed = dataclasses.replace(scene, image=image, label=label)
        return changed, {"applied": applied}

    def _check(self, image: np.ndarray, label: np.ndarray, scene: Scene) -> None:
        """Raises ValueError unless the result can be a training crop."""
        for name, new, old in (
            ("an image", image, scene.image),
            ("a mask", label, scene.label),
        ):
            if new.shape != old.shape or new.dtype != old.dtype:
                raise ValueError(
                    f"{self.where} is invalid: expected {name} of shape {old.shape} "
                    f"and type {old.dtype}, found {new.shape} and {new.dtype}. Remove "
                    "the transforms that change the size or the type."
                )
        frame = scene.frame
        if frame.multilabel:
            return
        wrong = label[(label >= len(frame.classes)) & (label != frame.void)]
        if len(wrong):
            raise ValueError(
                f"{self.where} is invalid: expected that each mask value is either "
                f"below {len(frame.classes)} (a class) or {frame.void} (void), found "
                f"{wrong[0]}. Set fill_mask={frame.void} in the transforms."
            )


@functools.lru_cache(maxsize=8)
def load_pipeline(text: str) -> UserPipeline:
    """Loads the pipeline that `data.albumentations` names, as a `UserPipeline`.

    Args:
      text: FILE.py:NAME, where NAME is a variable of the Python file.

    Raises:
      ValueError: If the file is missing or fails, or does not define such a pipeline.
    """
    refuse_marked("albumentations", text)
    where = f"data.albumentations={printable(repr(text))}"
    file, _, name = text.rpartition(":")
    path = pathlib.Path(file).expanduser()
    if not file.endswith(".py") or not name.isidentifier():
        raise ValueError(
            f"{where} is invalid: expected FILE.py:NAME, where NAME is the variable "
            "of that file that contains the pipeline."
        )
    if not path.is_file():
        raise ValueError(
            f"{where} is invalid: expected a file that exists. Correct the path."
        )
    # Albumentations would otherwise ask a server for its newest version when imported.
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    try:
        values = runpy.run_path(str(path))
    except ModuleNotFoundError as error:
        raise ValueError(
            f"{where} is invalid: expected the package {error.name} to be installed. "
            f"Install {_package(error.name)}."
        ) from error
    except Exception as error:
        why = printable(f"{type(error).__name__}: {error}".splitlines()[0])
        raise ValueError(
            f"{where} is invalid: expected a file that runs, but it raises "
            f"{why.rstrip('.')}. Correct the file."
        ) from error
    pipeline = values.get(name)
    if not callable(pipeline) or not hasattr(pipeline, "set_random_seed"):
        raise ValueError(
            f"{where} is invalid: expected {name} = albumentations.Compose([...]) in "
            "the file, with Albumentations 2 or later. Define this variable, or update "
            "Albumentations."
        )
    return UserPipeline(where=where, pipeline=pipeline)


def _package(name: str | None) -> str:
    return "jaxseg[albumentations]" if name == "albumentations" else str(name)


def _passed(scene: Scene) -> np.ndarray:
    """Returns the image in a type that Albumentations takes."""
    if scene.image.dtype == np.uint8:
        return scene.image
    low, high = scene.frame.low, scene.frame.high
    return (scene.image.astype(np.float32) - low) / np.float32(high - low)


def _stored(image: np.ndarray, scene: Scene) -> np.ndarray:
    """Returns an image of a pipeline in the stored type and range."""
    if scene.image.dtype == np.uint8 or image.dtype != np.float32:
        return image
    low, high = scene.frame.low, scene.frame.high
    values = np.clip(image, 0, 1) * np.float32(high - low) + np.float32(low)
    return rounded(values, scene.image.dtype)


def _plain(value: Any) -> Any:
    """Returns a drawn parameter as a JSON value."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size <= SHORT else f"array {value.shape}"
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    simple = value is None or isinstance(value, bool | int | float | str)
    return value if simple else printable(repr(value), limit=80)
