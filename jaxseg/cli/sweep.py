"""Implements `jaxseg sweep FILE.py`, which trains many configurations.

FILE.py defines `configs = {"name": Config(...), ...}`. Every configuration is trained
with every seed in its own folder of the work directory. When the command runs again, it
keeps the finished runs and resumes the interrupted ones. results.jsonl gets one line
per run. table.json gets the mean and the standard deviation of the scores over the
seeds. results.png shows the score of every run. FILE.py can define `axis = {"name": x}`
and `axis_label` to set the position of each configuration on the horizontal axis.
Arguments after `--` are passed to every `jaxseg train`.

    jaxseg sweep experiments/aspp/config.py --seeds 0 1 2
    jaxseg sweep experiments/aspp/config.py --variant full -- --data.raw-dir CAMVID
"""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path

import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.verbosity import note
from jaxseg.lab.page import lines
from jaxseg.lab.sweeps.configs import load_configs
from jaxseg.lab.sweeps.execution import LOG, Processes
from jaxseg.lab.sweeps.members import plan
from jaxseg.lab.sweeps.results import Comparison
from jaxseg.lab.sweeps.sweep import run_sweep
from jaxseg.runs.config_file import config_name
from jaxseg.runs.rules import optional, some, text, whole
from jaxseg.storage.places import check_folder
from jaxseg.text import as_message

BOUNDS = {
    "variant": text(),
    "workdir": optional(text()),
    "results_dir": optional(text()),
    "seeds": some(whole()),
    "device_env_var": text(),
    "metric": text(),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Train many configurations with several seeds.

    To resume an interrupted sweep, run the same command again.
    """

    file: tyro.conf.Positional[str]
    """Python file that defines `configs = {"name": Config(...), ...}`."""
    variant: str = "configs"
    """Name of the dictionary of configurations in the file. All configurations of this
    dictionary are trained. Some files of experiments/ define a second one with the
    name full."""
    workdir: str | None = None
    """Folder of the run directories. The default is runs/NAME, or runs/NAME_VARIANT if
    --variant is given. NAME is the name of the file without its suffix, or the name of
    its folder if the file is called config.py."""
    results_dir: str | None = None
    """Second folder to which results.jsonl and results.png are copied."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds with which every configuration is trained."""
    devices: tuple[str, ...] = ("",)
    """Numbers of the devices, such as 0 1. Each device trains one run at a time. By
    default, each run is trained on all devices."""
    device_env_var: str = "CUDA_VISIBLE_DEVICES"
    """Environment variable that tells each training process its device number."""
    metric: str = "mean_iou"
    """Name of the score that the table shows, such as mean_iou."""


def main(argv: list[str]) -> int:
    """Trains the runs that are not finished, and prints the table of scores.

    The exit status is 1 if a run failed, else 0.
    """
    split = argv.index("--") if "--" in argv else len(argv)
    arguments = parsed(Arguments, argv[:split], prog="jaxseg sweep", bounds=BOUNDS)
    name = config_name(arguments.file)
    name += f"_{arguments.variant}" if arguments.variant != "configs" else ""
    folder = Path(arguments.workdir or Path("runs") / name)
    copies = None if arguments.results_dir is None else Path(arguments.results_dir)
    configs, axis = load_configs(arguments.file, arguments.variant)
    runs = plan(configs, arguments.seeds, folder)
    check_folder("workdir", folder)
    if copies is not None:
        check_folder("results_dir", copies)
    table, failed = run_sweep(
        runs,
        folder,
        processes=Processes(
            arguments.devices, arguments.device_env_var, tuple(argv[split + 1 :])
        ),
        comparison=Comparison(
            arguments.metric,
            command=shlex.join(["jaxseg", "sweep", *argv]),
            axis=axis,
            copies=copies,
        ),
        say=note,
    )
    print(lines(table))
    for run in failed:
        line = f"failed: {run.folder}, see {run.folder / LOG}"
        print(as_message(line), file=sys.stderr)
    return 1 if failed else 0
