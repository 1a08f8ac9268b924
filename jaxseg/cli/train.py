"""`jaxseg train [CONFIG.py] [--workdir DIR] [--optim.learning-rate 0.02 ...]`.

Started again with the same work directory it resumes, exactly. `--smoke` takes the
file's small form; `--train.init-from RUN` starts from the weights of another run.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import Annotated

import jax
import tyro

from jaxseg.cli import default, overlays
from jaxseg.cli.configure import config_name, load_config, overridden, take_options
from jaxseg.cli.progress import reporter
from jaxseg.cli.run import CHECKPOINTS, CONFIG, read_config, write_run
from jaxseg.cli.start import initialised, started
from jaxseg.cli.systems import system_of
from jaxseg.cli.typed import differences, to_dict
from jaxseg.config import Config
from jaxseg.metrics import table
from jaxseg.training import devices
from jaxseg.training.loop import train
from jaxseg.training.stop import Stopped
from jaxseg.training.task import NonFiniteLoss, Result

NON_FINITE = 4  # exit status
FREE = (  # may change between two starts of a run: nothing the arithmetic depends on,
    "train.steps",  # but for the length, which stretches the schedule
    "train.log_every",
    "train.eval_every",
    "train.save_every",
    "train.eval_batch_size",
    "train.keep_latest",
    "train.overlay_count",
    "data.path",
    "data.data_dir",
    "data.cache",
    "data.workers",
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
    distributed: bool = False
    """One of several processes: call jax.distributed.initialize()."""
    run: Annotated[Config, tyro.conf.arg(name="")] = default.DEFAULT


def main(argv: list[str]) -> int:
    """Runs the command; the exit status is that of `jaxseg.cli.main`."""
    arguments = parse(argv)
    if arguments.distributed:
        join_processes()
    name = config_name(arguments.config) if arguments.config else default.NAME
    name += "_smoke" if arguments.smoke else ""
    workdir = Path(arguments.workdir or Path("runs") / name)
    try:
        return execute(arguments.run, workdir, count=arguments.devices)
    except NonFiniteLoss as error:
        print(f"jaxseg: {error}", file=sys.stderr)
        return NON_FINITE
    except Stopped as stopped:
        print(f"{stopped}; start again to go on", file=sys.stderr)
        return stopped.exit_status


def parse(argv: list[str]) -> Arguments:
    """The command line; what it leaves open comes from the file or the defaults.

    Without a file, an explicit `--workdir` that holds a run supplies its configuration.
    """
    options, rest = take_options(argv)
    path = rest[0] if rest and not rest[0].startswith("-") else None
    workdir = _peek(rest, "--workdir")
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
        default=Arguments(run=overridden(base, options)),
        args=rest,
        prog="jaxseg train",
    )
    if arguments.config != path:
        raise ValueError(f"the config file {arguments.config!r} must come first")
    return arguments


def _peek(argv: list[str], name: str) -> str | None:
    for i, token in enumerate(argv):
        if token == name:
            return argv[i + 1] if i + 1 < len(argv) else None
        if token.startswith(f"{name}="):
            return token.removeprefix(f"{name}=")
    return None


def execute(config: Config, workdir: Path, *, count: int | None = None) -> int:
    """Trains in `workdir` on `count` devices and prints the outcome."""
    check_same_run(config, workdir)
    chosen = devices.choose(count)
    devices.check_batch("train.batch_size", config.train.batch_size, chosen)
    system = system_of(config)
    train_source = system.open_source(config.data, config.data.train_split)
    eval_source = system.open_source(config.data, config.data.eval_split)
    driver, state, model = system.assemble(config, train_source, chosen)
    if config.train.init_from is not None and not started(workdir):
        state = initialised(state, config.train.init_from)
    if jax.process_index() == 0:
        write_run(workdir, config, train_source.spec)
        parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))
        print(
            f"{config.model.name}, {parameters:,} parameters, on {len(chosen)} "
            f"{chosen[0].platform} device(s); {len(train_source)} training examples; "
            f"records in {workdir}",
            flush=True,
        )
    task = system.make_task(config, workdir, model, train_source, eval_source)
    with reporter() as shown:
        result = train(
            config, workdir, task, driver=driver, state=state, reporter=shown
        )
    if jax.process_index() == 0:
        print_outcome(result, workdir, train_source.spec.classes)
    return 0


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
    print(table(dict(result.scores), classes))
    steps = sorted((workdir / overlays.FOLDER).glob("*"))
    for picture in sorted(steps[-1].iterdir()) if steps else ():
        print(f"overlay: {picture}")
    if result.best is not None:
        print(f"best checkpoint: {workdir / CHECKPOINTS / str(result.best)}")


def join_processes() -> None:
    """Joins the other processes; on TPU, Slurm and Kubernetes all is detected.

    Elsewhere JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID say who is
    who.
    """
    numbers = {"num_processes": "JAX_NUM_PROCESSES", "process_id": "JAX_PROCESS_ID"}
    given = {k: int(os.environ[v]) for k, v in numbers.items() if v in os.environ}
    address = os.environ.get("JAX_COORDINATOR_ADDRESS")
    jax.distributed.initialize(coordinator_address=address, **given)
