"""Implements `jaxseg calibrate WORKDIR`, which calibrates the probabilities of a run.

It fits a scaling of the logits on labeled pixels of a split (arXiv 1706.04599), and
writes it to calibration.json in the run directory. `jaxseg predict` and `jaxseg eval`
use it with `--calibrated`. The network itself does not change.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import jax
import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.data_options import evaluating
from jaxseg.cli.verbosity import note
from jaxseg.config import Config, DataConfig
from jaxseg.config.stored_code import require_named, with_named_modules
from jaxseg.metrics.calibration import fit_scaling
from jaxseg.ops.logit_scaling import LogitScaling
from jaxseg.ops.output_form import form_of
from jaxseg.runs.bounds import BOUNDS as CONFIGURATION
from jaxseg.runs.calibration_file import write_calibration
from jaxseg.runs.classes import with_classes
from jaxseg.runs.config_file import option_value, overridden, take_options
from jaxseg.runs.default import DEFAULT
from jaxseg.runs.directory import read_config, read_spec
from jaxseg.runs.network import load_network
from jaxseg.runs.network_checks import check_options
from jaxseg.runs.outputs import num_logits
from jaxseg.runs.rules import optional, text, whole
from jaxseg.tasks.calibration import (
    Pixels,
    PixelSample,
    check_calibrated,
    joined,
    logit_network,
    sample_scores,
)
from jaxseg.tasks.evaluation import evaluate_network
from jaxseg.text import as_message, counted

BOUNDS = {
    "split": optional(text()),
    "checkpoint": text(),
    "batch_size": whole(1),
    "pixels": whole(1, 1_000_000),
    "seed": whole(),
    **{
        name: rule
        for name, rule in CONFIGURATION.items()
        if name.startswith("data.") and name != "data.crop"
    },
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Fit a scaling of the logits that calibrates the probabilities of a run.

    Choose a split that the network was not trained on. A network is right more often on
    its training data, so a scaling fitted there would leave it too confident elsewhere.
    """

    workdir: tyro.conf.Positional[str]
    """Run directory, to which calibration.json is written."""
    split: str | None = None
    """Split whose labels are used, such as validation[:50%]. The default is
    data.eval_split."""
    method: Literal["temperature", "vector"] = "temperature"
    """'temperature' fits one factor for all logits, and changes no predicted class.
    'vector' fits a factor and a summand for each logit, and can change predicted
    classes."""
    checkpoint: str = "best"
    """Checkpoint to load: best, latest, or the number of a saved step."""
    digest: bool = True
    """Compare the weights with the digest that was stored with them, and end with an
    error if they differ."""
    pixels: int = 500
    """Largest number of labeled pixels that are drawn from each image."""
    seed: int = 0
    """Seed of the random choice of pixels."""
    batch_size: int = 8
    """Number of images per batch."""
    data: DataConfig = DEFAULT.data


def main(argv: list[str]) -> int:
    """Fits the scaling of the logits and writes its file; the exit status is 0."""
    options, config = parse(argv)
    spec = read_spec(options.workdir)
    check_calibrated(config, spec)
    model, step, variables = load_network(
        options.workdir,
        config,
        spec,
        checkpoint=options.checkpoint,
        verify=options.digest,
    )
    network = logit_network(config, spec, model)
    with evaluating(config.data) as progress:
        found = evaluate_network(
            config,
            spec,
            model,
            variables,
            split=options.split,
            batch_size=options.batch_size,
            observers=(PixelSample(options.pixels, options.seed),),
            network=network,
            progress=progress,
        )
    form = form_of(num_logits(config, spec), spec)
    pixels = joined(found.results[0], form)
    scaling = fit_scaling(*pixels, options.method)
    if jax.process_index() == 0:
        images = counted(found.num_examples, "image")
        print(
            f"{config.model.title} at step {step}, {len(pixels.label):,} pixels of "
            f"{images} of {spec.name} {found.split}"
        )
        about = show(options, scaling, pixels, spec)
        about |= {"split": found.split, "images": found.num_examples}
        path = write_calibration(
            options.workdir, scaling, step=step, variables=variables, about=about
        )
        note(f"calibration: {path}")
    return 0


def show(
    options: Arguments, scaling: LogitScaling, pixels: Pixels, spec: Any
) -> dict[str, Any]:
    """Prints a scaling of logits and its effect on the pixels to which it was fitted.

    Args:
      options: The options of the command.
      scaling: The scaling of the logits that was fitted.
      pixels: The unscaled logits and the labels of these pixels.
      spec: The specification of the dataset, which names the classes.

    Returns:
      A dictionary for calibration.json: "method", "pixels" (their number), "seed" (the
      seed with which they were drawn), and "before" and "after", each of which is a
      dictionary of the scores before or after the scaling.
    """
    if options.method == "temperature":
        print(f"temperature {1 / scaling.weight[0]:.4f}")
    else:
        names = spec.classes[-len(scaling.weight) :]
        for name, weight, bias in zip(names, scaling.weight, scaling.bias, strict=True):
            print(as_message(f"{name}: factor {weight:.4f}, summand {bias:+.4f}"))
    scaled = pixels._replace(logits=jax.device_get(scaling(pixels.logits)))
    scores = {}
    for word, given in (("before", pixels), ("after", scaled)):
        one = sample_scores(given, spec)
        print(
            f"{word:<7} negative log-likelihood {one.log_loss:.4f} nats, expected "
            f"calibration error {one.expected_error:.4f}"
        )
        scores[word] = {
            "log_loss": one.log_loss,
            "expected_error": one.expected_error,
        }
    return {
        "method": options.method,
        "pixels": len(pixels.label),
        "seed": options.seed,
        **scores,
    }


def parse(argv: list[str]) -> tuple[Arguments, Config]:
    """Parses the command line of `jaxseg calibrate`.

    Returns:
      The options, and the configuration of the run with the overridden values.
    """
    network_options, rest = take_options(argv)
    named = bool(rest) and not rest[0].startswith("-")
    base = Config()
    if named:
        base = overridden(read_config(rest[0]), network_options)
        check_options(base, network_options)
    # Without a directory, the parser reports the error or prints its help.
    default = Arguments(workdir=tyro.MISSING, data=base.data)
    options = parsed(
        Arguments, rest, prog="jaxseg calibrate", bounds=BOUNDS, default=default
    )
    if not named:
        raise ValueError(
            f"workdir={options.workdir!r} is invalid after the options: expected the "
            "run directory as the first argument. Write it before the options."
        )
    chosen = option_value(rest, "--data.classes") is not None
    data = with_named_modules(options.data)
    require_named(data)
    data = with_classes(options.workdir, data, named=chosen)
    return options, dataclasses.replace(base, data=data)
