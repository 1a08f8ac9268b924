"""`jaxseg train [CONFIG.py] [--workdir DIR] [--optim.learning-rate 0.02 ...]`.

Started again with the same work directory it resumes, exactly. `--smoke` takes the
file's small form; `--train.init-from RUN` starts from the weights of another run;
`--profile` writes a trace of a few steps to WORKDIR/profile.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import jax
import numpy as np
import tyro

from jaxseg.analysis.hlo import utilization as utilisation
from jaxseg.checkpoints.manager import STRICT, Opening
from jaxseg.cli.progress import reporter
from jaxseg.config import Config
from jaxseg.metrics import scores, table
from jaxseg.runs import default
from jaxseg.runs.config_file import chosen, config_name, load_config, peek, take_options
from jaxseg.runs.directory import CHECKPOINTS, CONFIG, read_config, write_run
from jaxseg.runs.pretrained import initialised, started
from jaxseg.runs.serialize import differences, to_dict
from jaxseg.tasks import overlays
from jaxseg.tasks.table import system_of
from jaxseg.training.devices import processes
from jaxseg.training.devices import runner as devices
from jaxseg.training.run.loop import train
from jaxseg.training.run.preemption import Stopped
from jaxseg.training.run.profile import FOLDER as PROFILE
from jaxseg.training.run.task import NonFiniteLoss, Result

NON_FINITE = 4  # exit status
TRACED = 5  # steps of --profile without a number
SCORES = set(scores(np.zeros((2, 1), np.int64)))  # of confusion counts, as in the table
FREE = (  # may change between two starts of a run: nothing the arithmetic depends on,
    "train.steps",  # but for the length, which stretches the schedule
    "train.log_every",
    "train.eval_every",
    "train.save_every",
    "train.eval_batch_size",
    "train.keep_latest",
    "train.overlay_count",
    "train.space",
    "train.shard",
    "data.path",
    "data.data_dir",
    "data.cache",
    "data.workers",
    "data.max_pixels",
)


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
    lost_after: int = 60
    """Seconds without a sign of life that make another process count as lost."""
    digest: bool = True
    """Compare restored arrays with the digest that was saved with them."""
    skip_damaged: tyro.conf.FlagCreatePairsOff[bool] = False
    """If the newest checkpoint is damaged, continue from the newest intact one."""
    run: Annotated[Config, tyro.conf.arg(name="")] = default.DEFAULT


def main(argv: list[str]) -> int:
    """Runs the command; the exit status is that of `jaxseg.cli.main`."""
    arguments = parse(argv)
    given = (arguments.coordinator, arguments.processes, arguments.process_id)
    if arguments.distributed or given != (None, None, None):
        processes.join(*given, lost_after=arguments.lost_after)
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
        print(f"jaxseg: {error}", file=sys.stderr)
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
    elif workdir is not None and (Path(workdir) / CONFIG).is_file():
        base = read_config(workdir)
    else:
        base = default.DEFAULT
    arguments = tyro.cli(
        Arguments,
        default=Arguments(run=chosen(base, rest, options)),
        args=rest,
        prog="jaxseg train",
    )
    if arguments.config != path:
        raise ValueError(f"the config file {arguments.config!r} must come first")
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
    check_same_run(config, workdir)
    chosen = devices.choose(count)
    check_devices(config, chosen)
    system = system_of(config)
    train_source = system.open_source(config.data, config.data.train_split)
    eval_source = system.open_source(config.data, config.data.eval_split)
    driver, state, model = system.assemble(config, train_source, chosen)
    if config.train.init_from is not None and not started(workdir):
        state = initialised(state, config.train.init_from, verify=opening.verify)
    if jax.process_index() == 0:
        write_run(workdir, config, train_source.spec)
        parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))
        print(
            f"{config.model.name}, {parameters:,} parameters, on {len(chosen)} "
            f"{chosen[0].platform} device(s); {len(train_source)} training examples; "
            f"records in {workdir}",
            flush=True,
        )
    task = dataclasses.replace(
        system.make_task(config, workdir, model, train_source, eval_source),
        flops=utilisation.counter(driver, kind=config.train.driver),
        peak=utilisation.peak(chosen),
    )
    processes.meet("before the first step")
    with reporter() as shown:
        result = train(
            config,
            workdir,
            task,
            driver=driver,
            state=state,
            reporter=shown,
            profile=profile,
            opening=opening,
        )
    if jax.process_index() == 0:
        print_outcome(result, workdir, train_source.spec.classes)
    return 0


def check_devices(config: Config, chosen: Sequence[jax.Device]) -> None:
    """Raises ValueError unless batch and crop divide evenly over the devices."""
    space = config.train.space
    devices.check_space("train.space", space, config.data.crop, chosen)
    batch = config.train.batch_size
    devices.check_batch("train.batch_size", batch, chosen, space=space)


def check_same_run(config: Config, workdir: Path) -> None:
    """Raises ValueError when the work directory holds another run, listing why."""
    if not (workdir / CONFIG).is_file():
        return
    lines = [
        line
        for line in differences(to_dict(read_config(workdir)), to_dict(config))
        if not line.startswith(tuple(f"{name}:" for name in FREE))
    ]
    if lines:
        raise ValueError(
            f"{workdir} holds another run; choose another --workdir, or the same "
            f"settings. They differ in {'; '.join(lines)}"
        )


def print_outcome(result: Result, workdir: Path, classes: tuple[str, ...]) -> None:
    """The table of the last scores, and where pictures and checkpoints lie."""
    if sum(result.scores["pixels"]):
        print(table(dict(result.scores), classes))
    for name in sorted(result.scores.keys() - SCORES):
        print(f"{name} {result.scores[name]:.4f}")
    steps = sorted((workdir / overlays.FOLDER).glob("*"))
    for picture in sorted(steps[-1].iterdir()) if steps else ():
        print(f"overlay: {picture}")
    if result.best is not None:
        print(f"best checkpoint: {workdir / CHECKPOINTS / str(result.best)}")
    for trace in sorted((workdir / PROFILE).rglob("perfetto_trace.json.gz"))[-1:]:
        print(f"profile: {trace}")
