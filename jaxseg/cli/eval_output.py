"""Prints the scores of `jaxseg eval`, and collects the content of its JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxseg.cli.verbosity import note
from jaxseg.config import Config
from jaxseg.data.classes import describe_source
from jaxseg.data.normalization import describe_pixels
from jaxseg.metrics import to_json
from jaxseg.tasks.evaluation import Evaluation
from jaxseg.tasks.image_scores.tables import group_tables
from jaxseg.tasks.scoring import matrix_classes, score_tables, scoring
from jaxseg.text import as_message


def describe(config: Config, step: int, found: Evaluation) -> dict[str, Any]:
    """Returns a dictionary that says what was evaluated.

    Its keys are "model", "options", "step", "dataset", "split", "images" (the number of
    images) and "eval_scale".

    Args:
      config: The configuration of the run.
      step: The training step of the checkpoint.
      found: The evaluation.
    """
    return {
        "model": config.model.title,
        "options": config.model.options,
        "step": step,
        "dataset": found.spec.name,
        "split": found.split,
        "images": found.num_examples,
        "eval_scale": config.data.eval_scale,
    }


def report(
    header: dict[str, Any],
    found: Evaluation,
    groups: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Prints the table of scores and returns the content of the JSON file.

    The file does not contain the last row of the confusion matrix, which counts the
    predictions at void pixels, including the padding of the images.

    Args:
      header: A dictionary that says what was evaluated. It has the keys that `describe`
        returns, and becomes the start of the JSON file.
      found: The evaluation.
      groups: The further scores that were requested, as a mapping from the name of a
        group of scores to a mapping from score to value.
    """
    spec, matrix = found.spec, found.total.matrix
    values = scoring(spec)(matrix)
    if source := describe_source(spec):
        note(source)
    if not spec.is_rgb8:
        note(f"images: {describe_pixels(spec)}")
    print(
        f"{header['model']} at step {header['step']}, {header['images']} images of "
        f"{header['dataset']} {header['split']}"
    )
    print(as_message(score_tables(values, spec)))
    for name, value in found.further.items():
        print(f"{name} {value:.4f}")
    if groups:
        print(as_message("\n" + group_tables(groups, matrix_classes(spec))))
    rows = matrix_classes(spec)
    # The rows of overlapping classes are states, such as "no cell" and "cell".
    names = {"classes": rows}
    if spec.multilabel:
        names = {"classes": spec.classes, "states": rows}
    content = header | names | to_json(values)
    content |= {**found.further, "confusion": matrix[:-1]}
    for group in groups.values():
        content |= to_json(dict(group))
    return content
