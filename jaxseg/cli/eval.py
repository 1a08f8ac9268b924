"""Implements `jaxseg eval WORKDIR`, which scores a checkpoint on a split of a dataset.

The predictions are compared with the labels at the full size of the labels. The
confusion matrix contains integer counts, so no rounding depends on the batch size or
the number of devices."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import jax
import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.averaging import DEFAULT as NOT_AVERAGED
from jaxseg.cli.averaging import (
    AveragingOptions,
    directory_first,
    move_further_runs,
    move_runs,
)
from jaxseg.cli.calibration_options import DEFAULT as NOT_CALIBRATED
from jaxseg.cli.calibration_options import CalibrationOptions
from jaxseg.cli.data_options import evaluating
from jaxseg.cli.eval_output import describe, report
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.following import follow
from jaxseg.cli.measuring import DEFAULT as NOT_MEASURED
from jaxseg.cli.measuring import Measuring
from jaxseg.cli.score_options import NONE as NO_FURTHER_SCORES
from jaxseg.cli.score_options import FurtherScores, report_refined
from jaxseg.cli.unused import refuse_unused
from jaxseg.cli.verbosity import note, only_json
from jaxseg.config import Config, DataConfig
from jaxseg.config.stored_code import require_named, with_named_modules
from jaxseg.data.datasets.listing import listing
from jaxseg.receipts.making import Subject
from jaxseg.runs.allocation import keep_freed_memory
from jaxseg.runs.bounds import BOUNDS as CONFIGURATION
from jaxseg.runs.classes import with_classes
from jaxseg.runs.config_file import option_value, overridden, take_options
from jaxseg.runs.default import DEFAULT
from jaxseg.runs.directory import read_config, read_spec
from jaxseg.runs.network import load_network
from jaxseg.runs.network_checks import check_options
from jaxseg.runs.outputs import with_threshold
from jaxseg.runs.rules import number, optional, some, text, whole
from jaxseg.storage.json_file import write_json
from jaxseg.storage.places import check_file
from jaxseg.tasks.ensemble import Combination, OpenedRun, combined
from jaxseg.tasks.evaluation import evaluate_network
from jaxseg.text import printable
from jaxseg.training.devices import selection

BOUNDS = {
    "split": optional(text()),
    "checkpoint": text(),
    "batch_size": whole(1),
    "threshold": optional(number(above=0, below=1)),
    "devices": optional(whole(1)),
    "space": some(whole(1)),
    "output": optional(text()),
    "follow": optional(whole()),
    **{
        name: rule
        for name, rule in CONFIGURATION.items()
        if name
        in ("data.raw_dir", "data.prepared_dir", "data.classes", "data.eval_split")
        or name in ("data.eval_scale", "data.workers", "data.range", "data.max_pixels")
        or name == "data.eval_multiple"
    },
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Compute accuracy, IoU, precision, recall and F1 of a trained network.

    Network options that do not change the parameters may be overridden, such as
    --model.options.output_stride 8.
    """

    workdir: tyro.conf.Positional[str]
    """Run directory. The predictions of several run directories are averaged."""
    split: str | None = None
    """Split to evaluate, such as validation, or a slice of a split, such as
    train[90%:]. The default is data.eval_split."""
    checkpoint: str = "best"
    """Checkpoint to load: best, latest, or the number of a saved step."""
    follow: int | None = None
    """Evaluate each new checkpoint of a run that another job trains, until the last
    step, or until no checkpoint has appeared for this number of seconds. The scores are
    appended to the file that -o names, by default followed.jsonl in the run
    directory."""
    digest: bool = True
    """Compare the weights with the digest that was stored with them, and end with an
    error if they differ."""
    threshold: float | None = None
    """Probability above which a class is present, for a network with
    model.output=sigmoid. The default is the threshold of the dataset, normally 0.5."""
    batch_size: int = 8
    """Number of images per batch."""
    devices: int | None = None
    """Number of devices to use. By default all devices are used."""
    space: int | tuple[int, int] = 1
    """Number of devices over which the rows of an image are sharded. Pass two numbers,
    such as 2 4, to shard the columns as well: 2 groups of rows and 4 of columns."""
    further: Annotated[FurtherScores, tyro.conf.arg(name="")] = NO_FURTHER_SCORES
    output: Annotated[str | None, tyro.conf.arg(aliases=["-o"])] = None
    """JSON file for the scores and the confusion matrix."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the scores and the confusion matrix as JSON to standard output, and all
    messages to standard error."""
    measuring: Annotated[Measuring, tyro.conf.arg(name="")] = NOT_MEASURED
    averaging: Annotated[AveragingOptions, tyro.conf.arg(name="")] = NOT_AVERAGED
    calibrating: Annotated[CalibrationOptions, tyro.conf.arg(name="")] = NOT_CALIBRATED
    data: DataConfig = DEFAULT.data

    @property
    def combination(self) -> Combination:
        """Returns a `Combination`: the runs that are averaged with the first run.

        It also states which checkpoint of each run is loaded, and whether the logits of
        each run are scaled by the calibration that was fitted for it.
        """
        return Combination(
            self.averaging.ensemble,
            calibrated=self.averaging.calibrated,
            checkpoint=self.checkpoint,
            verify=self.digest,
        )


def main(argv: list[str]) -> int:
    """Evaluates a run, and returns an exit status of `jaxseg.cli.exit_codes`."""
    arguments, config = parse(argv)
    if arguments.follow is not None:
        return _follow(arguments, config)
    with only_json(arguments.json) as write:
        content = evaluate(arguments, config)
        if jax.process_index() == 0:
            write(content)
    return ExitCode.SUCCESS


def _follow(arguments: Arguments, config: Config) -> int:
    """Evaluates each new checkpoint until the run has ended."""
    one = lambda step: evaluate(
        dataclasses.replace(arguments, checkpoint=str(step), output=None), config
    )
    follow(
        arguments.workdir,
        one,
        steps=config.train.steps,
        patience=arguments.follow,
        output=arguments.output,
    )
    return ExitCode.SUCCESS


def evaluate(arguments: Arguments, config: Config) -> dict[str, Any]:
    """Evaluates a run, prints the scores and writes the requested files.

    Args:
      arguments: The options of the command.
      config: The configuration of the run with the overridden values.

    Returns:
      A dictionary, which is the content of the JSON file of the scores.
    """
    keep_freed_memory(jax.default_backend())
    chosen = selection.choose(arguments.devices)
    selection.check_space("space", arguments.space, None, chosen)
    spec = with_threshold(config, read_spec(arguments.workdir), arguments.threshold)
    scores = arguments.further.choose(config, spec)
    model, step, variables = load_network(
        arguments.workdir,
        config,
        spec,
        checkpoint=arguments.checkpoint,
        verify=arguments.digest,
    )
    first = OpenedRun(arguments.workdir, config, spec, model, step, variables)
    network, scored = combined(
        first, arguments.combination, arguments.averaging.averaging()
    )
    measuring = arguments.measuring
    meters = measuring.meters(config, spec, scores.of_labels.observers)
    with evaluating(config.data) as progress:
        found = evaluate_network(
            config,
            spec,
            model,
            scored,
            split=arguments.split,
            batch_size=arguments.batch_size,
            chosen=chosen,
            space=arguments.space,
            observers=(*meters, *scores.observers, *arguments.calibrating.meters()),
            network=network,
            progress=progress,
        )
    content: dict[str, Any] = {}
    if jax.process_index() == 0:
        header = describe(config, step, found) | arguments.averaging.record()
        groups = scores.of(found, place=len(meters))
        content = report(header, found, groups)
    if meters:
        subject = Subject(arguments.workdir, step, config, spec)
        content |= measuring.report(subject, variables, found, found.results[0])
    if measuring.is_refined and jax.process_index() == 0:
        content["refined"] |= report_refined(scores, found.spec, found.results[0])
    if arguments.calibrating.calibration and jax.process_index() == 0:
        content |= arguments.calibrating.report(
            arguments.workdir, found.results[-1], found.spec
        )
    if arguments.output is not None and jax.process_index() == 0:
        write_json(Path(arguments.output), content)
        note(f"scores: {arguments.output}")
    return content


def parse(argv: list[str]) -> tuple[Arguments, Config]:
    """Parses the command line of `jaxseg eval`.

    Returns:
      The options, and the configuration of the run with the overridden values.
    """
    options, rest = take_options(argv)
    rest = move_further_runs(directory_first(move_runs(rest)))
    workdir = rest[0] if rest and not rest[0].startswith("-") else None
    base = Config() if workdir is None else overridden(read_config(workdir), options)
    check_options(base, options)
    # Without a directory, the parser reports the error or prints its help.
    default = Arguments(workdir=tyro.MISSING, data=base.data)
    arguments = parsed(
        Arguments,
        rest,
        prog="jaxseg eval",
        bounds=BOUNDS,
        default=default,
        listing=listing,
    )
    if arguments.workdir != workdir:
        word = printable(arguments.workdir)
        raise ValueError(
            f"workdir={word!r} is invalid after the options: expected the run "
            "directory as the first argument. Write it before the options."
        )
    arguments.measuring.check()
    arguments.calibrating.check()
    arguments.averaging.check(options)
    _check_followed(arguments)
    if not (arguments.averaging.ensemble or arguments.averaging.dropout_samples):
        needs = "--ensemble or --dropout-samples"
        refuse_unused(arguments.averaging, ("average",), needs=needs)
    if arguments.measuring.receipt is not None:
        arguments.averaging.refuse("receipt", arguments.measuring.receipt)
    if arguments.output is not None:
        check_file("output", arguments.output)
    named = option_value(rest, "--data.classes") is not None
    data = with_named_modules(arguments.data)
    require_named(data)
    data = with_classes(workdir, data, named=named)
    return arguments, dataclasses.replace(base, data=data)


def _check_followed(arguments: Arguments) -> None:
    """Raises ValueError for options that mean nothing while a run is followed."""
    if arguments.follow is None:
        return
    if arguments.checkpoint != Arguments.checkpoint:
        raise ValueError(
            f"--checkpoint={arguments.checkpoint!r} is invalid with --follow: expected "
            "no checkpoint, because each new one is evaluated. Leave out --checkpoint."
        )
    if arguments.json:
        raise ValueError(
            "--json is invalid with --follow: expected -o FILE, to which one line is "
            "appended for each checkpoint."
        )
