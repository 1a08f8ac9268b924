"""`jaxseg train [CONFIG.py] [--workdir DIR] [--optim.learning-rate 0.02 ...]`.

Started again with the same work directory it resumes, exactly. `--smoke` takes the
file's small form; `--train.init-from RUN` starts from the weights of another run;
`--profile` writes a trace of a few steps to WORKDIR/profile.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from pathlib import Path
from typing import Annotated

import jax
import numpy as np
import tyro

from jaxseg._train import Display, Trained, train_run
from jaxseg.checkpoints.manager import STRICT, Opening
from jaxseg.cli.arguments import parsed
from jaxseg.cli.progress import reporter
from jaxseg.config import Config
from jaxseg.data.classes import describe_classes
from jaxseg.data.datasets.listing import listing
from jaxseg.metrics import scores, table
from jaxseg.runs import default
from jaxseg.runs.config_file import chosen, config_name, load_config, peek, take_options
from jaxseg.runs.directory import CHECKPOINTS, CONFIG, read_config
from jaxseg.runs.rules import optional, text, whole
from jaxseg.tasks import overlays
from jaxseg.tasks.checks import check
from jaxseg.tasks.start import Start
from jaxseg.text import as_message, counted, printable
from jaxseg.training.devices import processes
from jaxseg.training.run.preemption import Stopped
from jaxseg.training.run.profile import FOLDER as PROFILE
from jaxseg.training.run.task import NonFiniteLoss

NON_FINITE = 4  # exit status
TRACED = 5  # steps of --profile without a number
SCORES = set(scores(np.zeros((2, 1), np.int64)))  # of confusion counts, as in the table
BOUNDS = {
    "workdir": optional(text()),
    "devices": optional(whole(1)),
    "profile": whole(),
    "coordinator": optional(text()),
    "processes": optional(whole(1)),
    "process_id": optional(whole()),
    "heartbeat_timeout": whole(5),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Train a network; started again with the same work directory it resumes exactly.

    Options of the network: --model.options.NAME VALUE, such as
    --model.options.output_stride 8 or --model.options.style.norm group.
    """

    config: Annotated[str | None, tyro.conf.Positional] = None
    """Python file that defines `config = Config(...)`; first on the line."""
    workdir: str | None = None
    """Where the run is kept; default runs/NAME, NAME from the file or its folder."""
    smoke: tyro.conf.FlagCreatePairsOff[bool] = False
    """Take the file's `smoke = Config(...)`: the same run, small enough for a CPU."""
    devices: int | None = None
    """Use the first N devices; default all."""
    profile: int = 0
    """Trace N steps (5 without a number) for TensorBoard and Perfetto."""
    distributed: bool = False
    """One of several processes, which TPU, Slurm or Kubernetes tells apart."""
    coordinator: str | None = None
    """HOST:PORT of process 0, on other clusters."""
    processes: int | None = None
    """How many processes there are, on other clusters."""
    process_id: int | None = None
    """Which of them this is, from 0, on other clusters."""
    heartbeat_timeout: int = 60
    """Seconds without a sign of life that make another process count as lost."""
    digest: bool = True
    """Compare restored arrays with the digest that was saved with them."""
    skip_damaged: tyro.conf.FlagCreatePairsOff[bool] = False
    """If the newest checkpoint is damaged, continue from the newest intact one."""
    run: Annotated[Config, tyro.conf.arg(name="")] = default.DEFAULT


def main(argv: list[str]) -> int:
    """Runs the command; the exit status is that of `jaxseg.cli.main`."""
    arguments = parse(argv)
    check(arguments.run)
    given = (arguments.coordinator, arguments.processes, arguments.process_id)
    if arguments.distributed or given != (None, None, None):
        processes.join(*given, heartbeat_timeout=arguments.heartbeat_timeout)
    name = config_name(arguments.config) if arguments.config else default.NAME
    name += "_smoke" if arguments.smoke else ""
    workdir = local(arguments.workdir or f"runs/{name}")
    try:
        return execute(
            arguments.run,
            workdir,
            count=arguments.devices,
            profile=arguments.profile,
            opening=Opening(arguments.digest, arguments.skip_damaged),
        )
    except NonFiniteLoss as error:
        print(f"jaxseg: {as_message(error)}", file=sys.stderr)
        return NON_FINITE
    except Stopped as stopped:
        print(f"{stopped}; start again to go on", file=sys.stderr)
        return stopped.exit_status
    except Exception as error:
        if jax.process_count() == 1:
            raise
        processes.leave(error)


def local(workdir: str) -> Path:
    """A work directory as a path; what looks like the address of a bucket is none.

    Raises: ValueError for `gs://...` and the like.
    """
    if "://" in workdir:
        raise ValueError(
            f"workdir is {workdir!r}; allowed: a path in a file system that all "
            "processes share (mount the bucket)"
        )
    return Path(workdir)


def parse(argv: list[str]) -> Arguments:
    """The command line; what it leaves open comes from the file or the defaults.

    Without a file, an explicit `--workdir` that holds a run supplies its configuration.
    """
    options, rest = take_options(_numbered(argv))
    path = rest[0] if rest and not rest[0].startswith("-") else None
    workdir = peek(rest, "--workdir")
    smoke = "--smoke" in rest
    if smoke and path is None:
        raise ValueError("--smoke needs a config file that defines `smoke`")
    if path is not None:
        base = load_config(path, name="smoke" if smoke else "config")
    elif workdir is not None and os.path.isfile(Path(workdir) / CONFIG):
        base = read_config(workdir)
    else:
        base = default.DEFAULT
    arguments = parsed(
        Arguments,
        rest,
        prog="jaxseg train",
        bounds=BOUNDS,
        default=Arguments(run=chosen(base, rest, options)),
        listing=listing,
    )
    if arguments.config != path:
        word = printable(arguments.config)
        raise ValueError(f"the config file {word!r} must come first on the line")
    return arguments


def _numbered(argv: list[str]) -> list[str]:
    """`--profile` without a number gets one."""
    if "--profile" not in argv:
        return argv
    after = argv.index("--profile") + 1
    if argv[after : after + 1] and argv[after].lstrip("-").isdigit():
        return argv
    return [*argv[:after], str(TRACED), *argv[after:]]


def execute(
    config: Config,
    workdir: Path,
    *,
    count: int | None = None,
    profile: int = 0,
    opening: Opening = STRICT,
) -> int:
    """Trains in `workdir` on `count` devices and prints the outcome."""
    shown = Display(reporter, functools.partial(print_beginning, config, workdir))
    trained = train_run(
        config,
        workdir,
        num_devices=count,
        profile=profile,
        opening=opening,
        display=shown,
    )
    if jax.process_index() == 0:
        print_outcome(trained)
    return 0


def print_beginning(
    config: Config, workdir: Path, start: Start, chosen: list[jax.Device]
) -> None:
    """Says what is trained, on what, and where the records are kept."""
    for note in start.notes:
        print(f"jaxseg: {as_message(note)}", file=sys.stderr)
    print(as_message(describe_classes(start.train_source.spec)), flush=True)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(start.state.params))
    devices = counted(len(chosen), f"{chosen[0].platform} device")
    examples = counted(len(start.train_source), "training example")
    line = (
        f"{config.model.title}, {parameters:,} parameters, on {devices}; {examples}; "
        f"records in {workdir}"
    )
    print(as_message(line), flush=True)


def print_outcome(trained: Trained) -> None:
    """Prints the table of the last scores, and where pictures and checkpoints are."""
    workdir, found = trained.workdir, trained.scores
    if sum(found["pixels"]):
        print(as_message(table(found, trained.spec.classes)))
    for name in sorted(found.keys() - SCORES):
        print(f"{name} {found[name]:.4f}")
    steps = sorted((workdir / overlays.FOLDER).glob("*"))
    for picture in sorted(steps[-1].iterdir()) if steps else ():
        print(as_message(f"overlay: {picture}"))
    if trained.best_step is not None:
        best = workdir / CHECKPOINTS / str(trained.best_step)
        print(as_message(f"best checkpoint: {best}"))
    for trace in sorted((workdir / PROFILE).rglob("perfetto_trace.json.gz"))[-1:]:
        print(as_message(f"profile: {trace}"))
