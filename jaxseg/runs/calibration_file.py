"""Reads and writes calibration.json, which contains the scaling of a run's logits.

The scaling is fitted to one checkpoint. The file contains the step of this checkpoint
and the digest of its weights, so that the scaling is never applied to other weights.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxseg.checkpoints import digest
from jaxseg.ops.logit_scaling import LogitScaling
from jaxseg.storage.json_file import parse_json, write_json
from jaxseg.storage.text import read_text

NAME = "calibration.json"


def write_calibration(
    workdir: str | Path,
    scaling: LogitScaling,
    *,
    step: int,
    variables: Any,
    about: Mapping[str, Any],
) -> Path:
    """Writes calibration.json with the logit scaling of a checkpoint; returns its path.

    Args:
      workdir: The run directory.
      scaling: The scaling of the logits.
      step: The training step of the checkpoint.
      variables: The variables of the checkpoint.
      about: Further entries of the file, which say how the scaling was fitted, such as
        the method and the split.
    """
    path = Path(workdir) / NAME
    content = {
        "step": step,
        "digest": weights_digest(variables),
        "weight": scaling.weight,
        "bias": scaling.bias,
    }
    write_json(path, content | dict(about))
    return path


def read_calibration(
    workdir: str | Path, *, step: int, variables: Any, num_logits: int
) -> LogitScaling:
    """Returns the logit scaling that `jaxseg calibrate` has fitted to a checkpoint.

    Args:
      workdir: The run directory.
      step: The step of the checkpoint that is used.
      variables: Its variables.
      num_logits: The number of logits of the network.

    Raises:
      ValueError: If there is no valid file, or it was fitted to other weights.
    """
    path = Path(workdir) / NAME
    run = shlex.quote(str(workdir))
    remedy = f"Run `jaxseg calibrate {run} --checkpoint {step}`."
    if not path.is_file():
        raise ValueError(
            f"calibrated=True is invalid: expected {path}, which does not exist. "
            f"{remedy}"
        )
    try:
        found = parse_json(read_text(path))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is invalid: expected JSON, but {error}") from error
    if not isinstance(found, dict) or not _has_numbers(found, num_logits):
        raise ValueError(
            f"{path} is invalid: expected `weight` and `bias`, lists of 1 or "
            f"{num_logits} finite numbers. {remedy}"
        )
    if (found.get("step"), found.get("digest")) != (step, weights_digest(variables)):
        raise ValueError(
            f"{path} is invalid for step {step}: expected a scaling that was fitted "
            f"to these weights, but it was fitted to the weights of step "
            f"{found.get('step')}. {remedy}"
        )
    return LogitScaling(tuple(found["weight"]), tuple(found["bias"]))


def weights_digest(variables: Any) -> str:
    """Returns one digest, as text, of all parameters and statistics of a network."""
    return digest.of_values(digest.of_arrays(variables))


def _has_numbers(found: Mapping[str, Any], count: int) -> bool:
    def fits(values):
        return (
            isinstance(values, list)
            and len(values) in (1, count)
            and all(isinstance(v, int | float) and math.isfinite(v) for v in values)
        )

    return fits(found.get("weight")) and fits(found.get("bias"))
