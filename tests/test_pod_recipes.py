"""The scripts that start runs on clusters, with stubs of the programs they call."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

from jaxseg.cli.train import parse

RECIPES = pathlib.Path(__file__).parents[1] / "experiments" / "pod" / "recipes"


@pytest.fixture
def stub(tmp_path):
    """`stub(name, text)` puts a program before all others on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def write(name, text):
        path = folder / name
        path.write_text(f"#!/bin/bash\ncd {tmp_path}\n{text}\n")
        path.chmod(0o755)

    write.environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    return write


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("name", ["slurm.sh", "tpu_vm.sh"])
def test_the_scripts_parse(name):
    assert subprocess.run(["bash", "-n", RECIPES / name]).returncode == 0


@pytest.mark.parametrize(
    ("status", "restarts", "requeued"),
    [(0, 0, 0), (143, 0, 1), (5, 49, 1), (137, 50, 0), (4, 0, 0), (1, 0, 0)],
)
def test_slurm_puts_the_job_back_only_if_it_was_stopped(
    stub, tmp_path, status, restarts, requeued
):
    stub("srun", f'echo "$@" >> srun.log; exit {status}')
    stub("scontrol", 'echo "$@" >> scontrol.log')
    environment = stub.environment | {"SLURM_JOB_ID": "77"}
    environment |= {"SLURM_RESTART_COUNT": f"{restarts}", "MOST_RESTARTS": "50"}
    command = [RECIPES / "slurm.sh", "a.py", "--workdir", "/share/a b"]
    done = subprocess.run(command, env=environment, capture_output=True)
    assert done.returncode == status
    (called,) = lines(tmp_path / "srun.log")
    expected = "jaxseg train a.py --workdir /share/a b --distributed"
    assert called == f"--kill-on-bad-exit=1 {expected}"
    assert lines(tmp_path / "scontrol.log") == ["requeue 77"] * requeued


def test_a_host_starts_again_until_the_run_has_ended(stub, tmp_path):
    stub("jaxseg", 'echo "$@" >> log; [ $(wc -l < log) -eq 3 ] || exit 5')
    environment = stub.environment | {"PAUSE": "0"}
    done = subprocess.run([RECIPES / "tpu_vm.sh", "a.py"], env=environment)
    assert done.returncode == 0
    assert lines(tmp_path / "log") == ["train a.py --distributed"] * 3


def test_a_signal_to_the_host_script_saves_and_ends_the_run(stub, tmp_path):
    """The stub takes a while to save its checkpoint, as the training does."""
    stub(
        "jaxseg",
        "trap 'sleep 0.2; echo saved >> log; exit 143' TERM\n"
        "echo started >> log\nwhile :; do sleep 0.02; done",
    )
    run = subprocess.Popen([RECIPES / "tpu_vm.sh", "a.py"], env=stub.environment)
    try:
        end = time.monotonic() + 30
        while not lines(tmp_path / "log") and time.monotonic() < end:
            time.sleep(0.02)
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=30) == 143
    finally:
        run.kill()
    assert lines(tmp_path / "log") == ["started", "saved"]


def test_the_pods_of_the_job_set_start_a_valid_command():
    yaml = pytest.importorskip("yaml")
    manifest = yaml.safe_load((RECIPES / "jobset.yaml").read_text())
    (job,) = manifest["spec"]["replicatedJobs"]
    spec = job["template"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    program, command, *words = container["command"]
    assert (program, command) == ("jaxseg", "train")
    arguments = parse(words)
    assert arguments.distributed and arguments.workdir == "/mnt/share/runs/r101"
    chips = int(container["resources"]["limits"]["google.com/tpu"])
    assert chips * spec["completions"] == 16 * 16
    assert spec["completions"] == spec["parallelism"]
    (mounted,) = container["volumeMounts"]
    assert mounted["mountPath"] == "/mnt/share"
