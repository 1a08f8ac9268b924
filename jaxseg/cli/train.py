"""Implements `jaxseg train [CONFIG.py] [--workdir DIR] [OPTIONS]`.

When the command runs again with the same run directory, it resumes the run and gives
the result of an uninterrupted run. `--variant NAME` selects another configuration of
the file, such as the next stage of a recipe. `--train.init-from RUN` starts from the
weights of another run. `--profile` writes a trace of a few steps to WORKDIR/profile.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from pathlib import Path
from typing import Annotated

import jax
import tyro

from jaxseg._train import Display, train_run
from jaxseg.checkpoints.manager import STRICT, Opening
from jaxseg.cli.arguments import parsed
from jaxseg.cli.data_options import naming_check
from jaxseg.cli.exit_codes import ExitCode
from jaxseg.cli.progress import reporter
from jaxseg.cli.supervisor import supervise
from jaxseg.cli.train_output import print_beginning, print_outcome
from jaxseg.cli.verbosity import is_quiet, is_verbose
from jaxseg.config import Config
from jaxseg.config.stored_code import require_named
from jaxseg.data.datasets.listing import listing
from jaxseg.runs import default
from jaxseg.runs.allocation import keep_freed_memory
from jaxseg.runs.config_file import (
    check_first,
    chosen,
    config_name,
    file_of,
    load_config,
    option_value,
    take_options,
)
from jaxseg.runs.directory import CONFIG, read_config
from jaxseg.runs.remote.reading import newest_step, stored_config
from jaxseg.runs.restart import latest_step
from jaxseg.runs.rules import optional, text, whole
from jaxseg.storage.address import is_address, parse_address
from jaxseg.tasks.checks import check
from jaxseg.text import as_message
from jaxseg.training.devices import processes
from jaxseg.training.run.preemption import Stopped
from jaxseg.training.run.task import NonFiniteLoss

DEFAULT, SMOKE = "config", "smoke"  # names of configurations in a file
TRACED = 5  # the default number of steps of --profile
BOUNDS = {
    "workdir": optional(text()),
    "variant": text(),
    "devices": optional(whole(1)),
    "profile": whole(),
    "coordinator": optional(text()),
    "processes": optional(whole(1)),
    "process_id": optional(whole()),
    "heartbeat_timeout": whole(5),
    "retries": whole(),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Train a network.

    To resume an interrupted run, run the same command with the same --workdir again.

    Network options are given as --model.options.NAME VALUE, such as
    --model.options.output_stride 8 or --model.options.style.norm group.
    """

    config: Annotated[str | None, tyro.conf.Positional] = None
    """Python file that defines `config = Config(...)`. Write it as the first
    argument."""
    workdir: str | None = None
    """Run directory: a path, or an address in a bucket such as gs://bucket/runs/first
    or s3://bucket/runs/first. The default is runs/NAME, where NAME is the name of the
    file or of its folder."""
    variant: str = DEFAULT
    """Name of the configuration in the file, for files that define several, such as the
    stages of a recipe."""
    smoke: tyro.conf.FlagCreatePairsOff[bool] = False
    """Short for --variant smoke: train the configuration `smoke = Config(...)` of the
    file, which is small enough for a CPU."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print what would be trained: the first batch, its statistics, the steps, the
    memory of the compiled step and the devices. No step is trained, and only the
    prepared data are written."""
    devices: int | None = None
    """Number of devices to use. By default all devices are used."""
    profile: int = 0
    """Number of steps to trace for TensorBoard and Perfetto. --profile without a number
    traces 5 steps."""
    distributed: bool = False
    """Join a multi-process run. On TPU, Slurm and Kubernetes, the address of process 0
    and the number of processes are detected automatically.
    """
    coordinator: str | None = None
    """Address HOST:PORT of process 0. It is needed only on clusters that are not
    detected automatically."""
    processes: int | None = None
    """Number of processes. It is needed only on clusters that are not detected
    automatically."""
    process_id: int | None = None
    """Index of this process, from 0. It is needed only on clusters that are not
    detected automatically."""
    heartbeat_timeout: int = 60
    """Number of seconds without a heartbeat after which a process counts as lost."""
    retries: int = 0
    """Restart the training process if it is killed, if the runtime aborts or if another
    process is lost, at most this number of times without a new checkpoint in between.
    By default it is not restarted."""
    digest: bool = True
    """Compare the arrays of a restored checkpoint with the digest that was stored with
    them. A checkpoint whose arrays differ counts as damaged."""
    skip_damaged: tyro.conf.FlagCreatePairsOff[bool] = False
    """If the newest checkpoint is damaged, resume from the newest undamaged one."""
    run: Annotated[Config, tyro.conf.arg(name="")] = default.DEFAULT


def main(argv: list[str]) -> int:
    """Trains a network, and returns an exit status of `jaxseg.cli.exit_codes`."""
    arguments = parse(argv)
    name = config_name(arguments.config) if arguments.config else default.NAME
    variant = SMOKE if arguments.smoke else arguments.variant
    name += "" if variant == DEFAULT else f"_{variant}"
    workdir = place_of(arguments.workdir or f"runs/{name}")
    if arguments.retries and not arguments.dry_run:
        return _supervised(argv, arguments.retries, workdir)
    check(arguments.run)
    given = (arguments.coordinator, arguments.processes, arguments.process_id)
    if arguments.distributed or given != (None, None, None):
        processes.initialize_distributed(
            *given, heartbeat_timeout=arguments.heartbeat_timeout
        )
    if arguments.dry_run:
        from jaxseg.cli.dry_run import show_run

        show_run(arguments.run, workdir, count=arguments.devices)
        return ExitCode.SUCCESS
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
        return ExitCode.NON_FINITE
    except Stopped as stopped:
        print(f"{stopped}; run the same command again to resume", file=sys.stderr)
        return stopped.exit_status
    except Exception as error:
        if jax.process_count() == 1:
            raise
        processes.end_process(error)


def _supervised(argv: list[str], retries: int, workdir: Path | str) -> int:
    """Runs the command in a process that is started again if it is killed."""
    loudness = ["--quiet"] if is_quiet() else ["--verbose"] if is_verbose() else []
    command = [sys.executable, "-m", "jaxseg.cli.main", "train", *argv, "--retries=0"]
    return supervise(
        [*command, *loudness], retries, latest_step=lambda: _reached(workdir)
    )


def _reached(workdir: Path | str) -> int:
    """Returns the step of the newest checkpoint of a run, or 0 if there is none."""
    if isinstance(workdir, str):
        return newest_step(workdir)
    return latest_step(workdir) or 0


def place_of(workdir: str) -> Path | str:
    """Returns the path of a run directory, or its address in a bucket unchanged.

    Raises:
      ValueError: If it is a URL that begins with neither gs:// nor s3://.
    """
    if is_address(workdir):
        parse_address("workdir", workdir)
        return workdir
    if "://" in workdir:
        raise ValueError(
            f"workdir={workdir!r} is invalid: expected a path, or an address of a "
            "bucket that begins with gs:// or s3://."
        )
    return Path(workdir)


def parse(argv: list[str]) -> Arguments:
    """Parses the command line of `jaxseg train` into an `Arguments` object.

    The configuration file supplies the values of the options that the command line does
    not contain. Without a file, the run in `--workdir` supplies them, or the defaults
    if there is no run.
    """
    options, rest = take_options(_numbered(argv))
    path, workdir = file_of(rest), option_value(rest, "--workdir")
    variant = _variant(rest, path)
    if path is not None:
        base = load_config(path, name=variant)
    else:
        base = _stored_config(workdir) or default.DEFAULT
    arguments = parsed(
        Arguments,
        rest,
        prog="jaxseg train",
        bounds=BOUNDS,
        default=Arguments(run=chosen(base, rest, options)),
        listing=listing,
    )
    check_first(arguments.config, path)
    require_named(arguments.run.data, training=True)
    return arguments


def _stored_config(workdir: str | None) -> Config | None:
    """Returns the configuration of an existing run, or None if there is none."""
    if workdir is None:
        return None
    if is_address(workdir):
        return stored_config(workdir)
    return read_config(workdir) if os.path.isfile(Path(workdir) / CONFIG) else None


def _variant(arguments: list[str], path: str | None) -> str:
    """Returns the name of the configuration that the command line selects."""
    given, smoke = option_value(arguments, "--variant"), "--smoke" in arguments
    if smoke and given not in (None, SMOKE):
        raise ValueError(
            f"--variant={given!r} is invalid together with --smoke: expected only "
            "one of these two options, because each selects a configuration of the "
            "file. Leave one of them out."
        )
    if path is None and (smoke or given is not None):
        option = "--smoke" if smoke else f"--variant={given!r}"
        raise ValueError(
            f"{option} is invalid: expected a config file as the first argument, which "
            f"must define `{SMOKE if smoke else given}`."
        )
    return SMOKE if smoke else given or DEFAULT


def _numbered(argv: list[str]) -> list[str]:
    """Adds the default number to `--profile`."""
    if "--profile" not in argv:
        return argv
    after = argv.index("--profile") + 1
    if argv[after : after + 1] and argv[after].lstrip("-").isdigit():
        return argv
    return [*argv[:after], str(TRACED), *argv[after:]]


def execute(
    config: Config,
    workdir: Path | str,
    *,
    count: int | None = None,
    profile: int = 0,
    opening: Opening = STRICT,
) -> int:
    """Trains a configuration, shows the progress and prints the scores.

    Args:
      config: The configuration.
      workdir: The run directory.
      count: The number of devices, or None to use all.
      profile: The number of steps that the profiler of JAX records.
      opening: Whether the checkpoint from which the run resumes is verified, and
        whether an older one replaces a damaged one.

    Returns:
      The exit status 0.
    """
    keep_freed_memory(jax.default_backend())
    shown = Display(reporter, functools.partial(print_beginning, config, workdir))
    with naming_check(config.data):
        trained = train_run(
            config,
            workdir,
            num_devices=count,
            profile=profile,
            opening=opening,
            display=shown,
        )
    if jax.process_index() == 0:
        print_outcome(config, trained)
    return 0
