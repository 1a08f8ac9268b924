"""Implements `jaxseg data audit`, which ranks masks that are probably wrong.

jaxseg data audit RUN RUN ...             uses runs that were trained on folds
jaxseg data audit CONFIG.py --folds 2     trains the folds first
"""

from __future__ import annotations

import dataclasses
import functools
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.data_options import naming_check
from jaxseg.cli.progress_display import counting
from jaxseg.cli.verbosity import note
from jaxseg.config import Config
from jaxseg.config.stored_code import named_modules, permitted, require_named
from jaxseg.runs import default
from jaxseg.runs.config_file import chosen, config_name, load_config, take_options
from jaxseg.runs.rules import invalid, optional, text, whole
from jaxseg.storage import atomic
from jaxseg.storage.json_file import write_json
from jaxseg.storage.places import check_folder
from jaxseg.text import as_message

if TYPE_CHECKING:
    from jaxseg._api import Run
    from jaxseg.audit.ranking.result import Ranking

PAGE, RESULT = "index.html", "audit.json"
LISTED = 10  # Masks that are printed.
BOUNDS = {
    "folds": optional(whole(2, 20)),
    "workdir": optional(text()),
    "devices": optional(whole(1)),
    "checkpoint": text(),
    "shown": whole(1, 1_000),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Rank the masks of the training data by how likely they are to be wrong.

    Each mask is compared with the predictions of networks that were trained without it.
    Pass a configuration file and --folds 2 to train such networks. Or pass the run
    directories of networks that were trained on parts of the same split, such as
    train[:50%] and train[50%:].

    The HTML report shows the worst masks, and the JSON report contains all scores.
    """

    target: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    """Configuration file for --folds, or the run directories of trained networks. Write
    them before all options.
    """
    folds: int | None = None
    """Number of folds into which the training split is divided. One network is trained
    for each fold, on the other folds. It requires a configuration file."""
    workdir: str | None = None
    """Folder of the run directories fold_0, fold_1, ... that --folds trains. The
    default is runs/NAME_audit, where NAME is the name of the file or of its folder. If
    you repeat the command, the training is resumed."""
    devices: int | None = None
    """Number of devices to train on. By default all devices are used."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])] = "data_audit"
    """Directory for the reports index.html and audit.json."""
    checkpoint: str = "best"
    """Checkpoint of the runs to load: best, latest, or the number of a saved step."""
    shown: int = 40
    """Number of masks, the worst ones first, that the HTML report shows."""
    run: Annotated[Config, tyro.conf.arg(name="")] = default.DEFAULT


def main(argv: list[str]) -> int:
    """Ranks the training masks by how likely they are to be wrong, and returns 0."""
    arguments = parse(argv)
    check_folder("output", arguments.output)
    runs = arguments.target
    if arguments.folds is not None:
        runs = train_folds(arguments)
    # Imported here: the help needs no input pipeline.
    from jaxseg._api import open_run
    from jaxseg.audit.ranking.out_of_fold import out_of_fold
    from jaxseg.audit.ranking.page import render
    from jaxseg.audit.ranking.records import to_dict
    from jaxseg.audit.ranking.result import rank

    modules = named_modules(arguments.run.data)
    opened = [
        _permitted(open_run(run, checkpoint=arguments.checkpoint), modules)
        for run in runs
    ]
    with naming_check(opened[0].config.data):
        examples = out_of_fold(opened)
    with counting("example") as progress:
        ranking = rank(examples, progress=progress)
    folder = Path(arguments.output)
    write_json(folder / RESULT, to_dict(ranking))
    page = render(
        ranking,
        examples,
        command=shlex.join(["jaxseg", "data", "audit", *argv]),
        shown=arguments.shown,
    )
    atomic.write_text(folder / PAGE, page)
    print(
        f"The networks confirm {ranking.agreement:.1%} of the pixels away from borders."
    )
    print_ranking(ranking)
    note(f"page: {folder / PAGE}")
    print(as_message(ranking.verdict()))
    return 0


def parse(argv: list[str]) -> Arguments:
    """Parses the command line of `jaxseg data audit` into an `Arguments` object.

    Raises:
      ValueError: If the options contradict the configuration file or the runs.
    """
    options, rest = take_options(argv)
    path = rest[0] if rest and rest[0].endswith(".py") else None
    base = default.DEFAULT if path is None else load_config(path)
    arguments = parsed(
        Arguments,
        rest,
        prog="jaxseg data audit",
        bounds=BOUNDS,
        default=Arguments(run=chosen(base, rest, options)),
    )
    target = arguments.target
    if path is not None and target == (path,):
        if arguments.folds is None:
            raise ValueError(
                "folds=None is invalid: expected a number of folds, because the target "
                "is a configuration file. Pass --folds 2, or the directories of runs."
            )
        return arguments
    if not target or path is not None or any(name.endswith(".py") for name in target):
        expected = "one configuration file, or the directories of two or more runs"
        raise ValueError(invalid("target", " ".join(target), expected))
    if arguments.folds is not None:
        expected = "no number of folds for runs that are trained already"
        raise ValueError(invalid("folds", arguments.folds, expected))
    data = dataclasses.replace(arguments.run.data, module=None)
    if dataclasses.replace(arguments.run, data=data) != default.DEFAULT:
        raise ValueError(
            "target="
            f"{' '.join(target)!r} is invalid with options of training or data: "
            "expected a configuration file, because these options do not apply to "
            "finished runs. Leave them out."
        )
    return arguments


def _permitted(run: Run, modules: tuple[str, ...]) -> Run:
    """Returns a run whose data may execute the modules that the user has named."""
    data = permitted(run.config.data, modules)
    require_named(data)
    return dataclasses.replace(run, config=dataclasses.replace(run.config, data=data))


def train_folds(arguments: Arguments) -> Sequence[str]:
    """Trains one network for each fold, on the examples of all other folds.

    Returns:
      The paths of the run directories, in the order of the folds.
    """
    # Imported here: the help needs no training.
    from jaxseg._train import Display, train_run
    from jaxseg.audit.ranking.folds import fold_configs
    from jaxseg.cli.progress import reporter
    from jaxseg.cli.train_output import print_beginning

    name = config_name(arguments.target[0])
    folder = Path(arguments.workdir or Path("runs") / f"{name}_audit")
    check_folder("workdir", folder)
    workdirs = []
    for fold, config in enumerate(fold_configs(arguments.run, arguments.folds)):
        workdir = folder / f"fold_{fold}"
        shown = Display(reporter, functools.partial(print_beginning, config, workdir))
        with naming_check(config.data):
            train_run(config, workdir, num_devices=arguments.devices, display=shown)
        workdirs.append(str(workdir))
    return workdirs


def print_ranking(ranking: Ranking) -> None:
    """Prints the masks that are most probably wrong, with their scores."""
    for place, index in enumerate(ranking.order[:LISTED], start=1):
        score, name = ranking.scores[index], ranking.names[index]
        reason = ranking.describe(ranking.worst(index))
        print(as_message(f"{place:3d}. {score:6.2f}  {name}: {reason}"))
