"""Opens training runs for prediction and evaluation.

The package `jaxseg` imports this module only when one of its functions is first used.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from flax import linen as nn

from jaxseg.config import Config, DataConfig
from jaxseg.config.stored_code import named_modules, with_named_modules
from jaxseg.config.wording import with_python_words
from jaxseg.data.reader import ReadOptions
from jaxseg.data.spec import DatasetSpec
from jaxseg.inference.image_network import ImageNetwork
from jaxseg.inference.prediction import Prediction
from jaxseg.inference.refinement.options import Refinement
from jaxseg.inference.segmenter import PredictOptions, Segmenter
from jaxseg.inference.uncertainty.members import Member
from jaxseg.runs.classes import with_classes
from jaxseg.runs.directory import read_config, read_spec
from jaxseg.runs.network import load_network
from jaxseg.runs.remote.reading import local_run
from jaxseg.runs.renamed import current_fields
from jaxseg.tasks.ensemble import Combination, OpenedRun
from jaxseg.tasks.table import task_of

if TYPE_CHECKING:
    from jaxseg.receipts.measured import Measured


@with_python_words
@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """Represents a training run that is opened for prediction and evaluation.

    Attributes:
      workdir: The run directory.
      config: The configuration of the run.
      spec: The classes, colors and pixel statistics of the dataset of the run.
      model: The network.
      variables: The parameters and normalization statistics of the checkpoint.
      step: The training step of the checkpoint.
    """

    workdir: Path
    config: Config
    spec: DatasetSpec
    model: nn.Module = dataclasses.field(repr=False)
    variables: Any = dataclasses.field(repr=False)
    step: int

    @functools.cached_property
    def segmenter(self) -> Segmenter:
        """Returns a `Segmenter`, which segments images with default options."""
        return self.make_segmenter()

    def make_segmenter(
        self,
        options: PredictOptions | None = None,
        *,
        others: Sequence[Run] = (),
        calibrated: bool = False,
    ) -> Segmenter:
        """Returns a `Segmenter`, which segments images with the given options.

        Args:
          options: How images are segmented, for example in windows or at several
            scales. None selects the default options.
          others: Further runs, whose predictions are averaged with those of this run.
          calibrated: Whether to scale the logits of each run by the scaling that
            `jaxseg calibrate` has fitted for it.

        Raises:
          ValueError: If the network of a run does not take images, if the classes or
            the pixel statistics of the runs differ, or if a calibration is missing.
        """
        for run in (self, *others):
            run._check_images()
        data, options = self.config.data, options or PredictOptions()
        if options.multiple is None:
            options = dataclasses.replace(options, multiple=data.eval_multiple)
        return Segmenter(
            self.model,
            self.variables,
            self.spec,
            scale=data.eval_scale,
            options=options,
            reading=ReadOptions(
                range=None if isinstance(data.range, str) else data.range,
                max_pixels=data.max_pixels,
            ),
            scaling=self._network(options, calibrated).scaling,
            others=[
                Member(run._network(options, calibrated), run.variables)
                for run in others
            ],
        )

    def _network(self, options: PredictOptions, calibrated: bool) -> ImageNetwork:
        opened = OpenedRun(
            self.workdir, self.config, self.spec, self.model, self.step, self.variables
        )
        return opened.network(Combination(calibrated=calibrated), options.dataset)

    def predict(self, image: str | os.PathLike | np.ndarray) -> Prediction:
        """Segments one image with the preprocessing that evaluation uses.

        Args:
          image: The path of an image file, or pixels [H, W, C] as in the training data,
            which are uint8 [H, W, 3] for an 8-bit RGB image.

        Returns:
          A `Prediction`, with `.labels`, `.probabilities`, `.overlay()` and `.save()`.

        Raises:
          ValueError: If the image cannot be read, or the network of the run does not
            take images.
        """
        return self.segmenter.predict(image)

    def evaluate(
        self,
        *,
        split: str | None = None,
        batch_size: int = 8,
        scores: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Computes the scores of the run on a split of its dataset.

        Args:
          split: The split, or a slice such as "train[90%:]"; by default the split that
            was evaluated during training.
          batch_size: The number of images per step. It does not change the scores.
          scores: Further scores to compute, such as "boundary", "trimap", "surface",
            "image", "size", "agreement", "category" and "binary", or "all" for those
            that are defined for the dataset.

        Returns:
          A dictionary from the name of each score to its value: a number, or an array
          [K] with one number for each class.

        Raises:
          ValueError: If a name in `scores` is unknown, or its scores are undefined for
            the dataset.
        """
        from jaxseg.tasks.evaluation import evaluate_network
        from jaxseg.tasks.image_scores.score_set import choose_scores

        chosen = choose_scores(scores, self.config, self.spec)
        found = evaluate_network(
            self.config,
            self.spec,
            self.model,
            self.variables,
            split=split,
            batch_size=batch_size,
            observers=chosen.observers,
        )
        values = found.scores
        for group in chosen.of(found).values():
            values |= group
        return values

    def measure(
        self,
        *,
        split: str | None = None,
        batch_size: int = 8,
        refinement: Refinement | None = None,
        digests: bool = True,
    ) -> Measured:
        """Evaluates the run, and computes a confusion matrix for each image.

        Args:
          split: The split, or a slice such as "train[90%:]"; by default the split that
            was evaluated during training.
          batch_size: The number of images per step. It does not change the counts.
          refinement: The steps that refine each prediction, such as a CRF, or None.
            `.scores` are the scores before these steps, `.refined_scores` those after.
          digests: Whether to compute image digests, which `.write_receipt` needs.

        Returns:
          A `Measured`, with the scores in `.scores` and `.refined_scores`, their
          confidence intervals in `.intervals()`, and the results of each image in
          `.images`. `.write_receipt(path)` writes a file with which `jaxseg verify` can
          repeat the evaluation.

        Raises:
          ValueError: If the refinement does not suit the classes of the run.
        """
        from jaxseg.receipts.making import Subject
        from jaxseg.receipts.measured import measure

        subject = Subject(self.workdir, self.step, self.config, self.spec, refinement)
        return measure(
            subject,
            self.model,
            self.variables,
            split=split,
            batch_size=batch_size,
            digests=digests,
        )

    def report(
        self,
        path: str | os.PathLike | None = None,
        *,
        images: int = 200,
    ) -> Path:
        """Writes an HTML page about the run, as `jaxseg report` does.

        Args:
          path: The HTML file. By default it is report.html in the run directory.
          images: The largest number of validation images on which the network is
            evaluated.

        Returns:
          The path of the HTML file.
        """
        from jaxseg.report.measure import MeasureOptions
        from jaxseg.report.writing import write_report

        data = self.config.data
        places: dict[str, Any] = {"modules": named_modules(data)}
        places |= {"raw_dir": data.raw_dir, "prepared_dir": data.prepared_dir}
        options = MeasureOptions(images, checkpoint=self.step, **places)
        return write_report([self.workdir], path, options=options)

    def _check_images(self) -> None:
        if task_of(self.config).kind == "clouds":
            raise ValueError(
                f"workdir={str(self.workdir)!r} is invalid: expected a run on images, "
                f"but {self.config.model.name} segments point clouds. Use `jaxseg "
                f"predict CLOUD.npz --workdir {shlex.quote(str(self.workdir))} -o DIR`."
            )


@with_python_words
def open_run(
    workdir: str | os.PathLike,
    *,
    checkpoint: str | int = "best",
    model_options: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    verify: bool = True,
) -> Run:
    """Opens a run directory that `jaxseg train` or `jaxseg convert` has written.

    Args:
      workdir: The run directory, such as runs/first or gs://bucket/runs/first.
      checkpoint: "best", "latest" or the number of a saved step.
      model_options: Options of the network that replace those of training, such as
        {"output_stride": 8}. They must not change the shapes of the parameters.
      data: Fields of `jaxseg.config.DataConfig` that replace those of training, such as
        {"raw_dir": "another/folder"}. A module is executed only if it is named here.
      verify: Whether to compare the weights with the digest that was saved with them.

    Returns:
      A `Run`. If training kept a moving average of the parameters, `.variables`
      contains the average.

    Raises:
      ValueError: If the directory is not a run, has no such checkpoint, or is damaged.
    """
    workdir = local_run("workdir", os.fspath(workdir))
    config, spec = read_config(workdir), read_spec(workdir)
    options = {**config.model.options, **(model_options or {})}
    changed = with_named_modules(_replaced(config.data, data or {}))
    config = dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, options=options),
        data=with_classes(workdir, changed, named="classes" in (data or {})),
    )
    model, step, variables = load_network(
        workdir, config, spec, checkpoint=checkpoint, verify=verify
    )
    return Run(
        Path(workdir), config, spec=spec, model=model, variables=variables, step=step
    )


def _replaced(data: DataConfig, changes: Mapping[str, Any]) -> DataConfig:
    changes = current_fields({"data": changes})["data"]
    known = [field.name for field in dataclasses.fields(data)]
    if unknown := sorted(set(changes) - set(known)):
        raise ValueError(
            f"data={unknown} is invalid: expected only names out of {', '.join(known)}."
        )
    return dataclasses.replace(data, **changes)
