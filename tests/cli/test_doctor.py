"""`jaxseg doctor` finds each problem that it knows, and says what to do."""

import dataclasses
import json

import pytest

from jaxseg.cli.main import main
from jaxseg.health.facts import collect
from jaxseg.health.problems import find_problems
from jaxseg.health.self_test import delay_note

SOUND = {"jax": "0.12.0", "jaxlib": "0.12.0", "flax": "0.12.12", "numpy": "2.4.6"}
PLACE = {"path": "/data", "bytes": 0, "free": 10**9, "writable": True}
CASES = {  # Name: (facts that differ, part of the problem, part of the remedy).
    "flax": ({"versions": {**SOUND, "flax": "0.12.8"}}, "flax 0.12.8", "flax>=0.12.9"),
    "jaxlib": (
        {"versions": {**SOUND, "jaxlib": "0.11.0"}},
        "jaxlib 0.11.0",
        "jaxlib==",
    ),
    "numpy": ({"versions": {**SOUND, "numpy": "1.26.4"}}, "numpy 1.26.4", "numpy>=2.0"),
    "shadow": ({"shadows": ("/x/jax.py",)}, "/x/jax.py", "Remove"),
    "cpu only": ({"nvidia": True}, "CPUs only", "jaxseg[cuda13]"),
    "hidden": (
        {"nvidia": True, "variables": {"JAX_PLATFORMS": "cpu"}},
        "hides the NVIDIA GPU",
        "Unset",
    ),
    "tensorflow": (
        {"devices": ("gpu: H200",), "versions": {**SOUND, "tensorflow": "2.21.0"}},
        "TensorFlow can take all memory",
        "TF_FORCE_GPU_ALLOW_GROWTH",
    ),
    "flags": (
        {"variables": {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}},
        "8 simulated devices",
        "Unset XLA_FLAGS",
    ),
    "slow": ({"variables": {"JAX_DISABLE_JIT": "1"}}, "JAX_DISABLE_JIT=1", "Unset"),
    "folder": (
        {"folders": {"prepared data": {**PLACE, "writable": False}}},
        "/data",
        "JAXSEG_DATA_DIR",
    ),
    "shared memory": ({"shared_memory": 64 * 2**20}, "64 MiB", "--shm-size"),
    "files": ({"open_files": 256}, "256 files", "ulimit"),
}


@pytest.fixture(scope="module")
def sound():
    """The facts about an installation without a problem."""
    return dataclasses.replace(
        collect(),
        versions=SOUND,
        variables={},
        devices=("cpu: cpu",),
        import_error="",
        nvidia=False,
        shadows=(),
        folders={"prepared data": PLACE},
        shared_memory=2**32,
        open_files=2**16,
    )


@pytest.mark.parametrize("name", CASES)
def test_a_known_problem_is_found(sound, name):
    changes, problem, remedy = CASES[name]
    assert find_problems(sound) == []
    (found,) = find_problems(dataclasses.replace(sound, **changes))
    assert problem in found.problem and remedy in found.remedy
    assert "\n" not in str(found)


def test_the_document_is_the_whole_output_and_problems_set_the_status(
    monkeypatch, capsys
):
    monkeypatch.setenv("JAX_DISABLE_JIT", "1")
    assert main(["doctor", "--no-self-test", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert not document["ok"] and document["versions"]["flax"]
    assert "Unset JAX_DISABLE_JIT." in [p["remedy"] for p in document["problems"]]


@pytest.mark.slow
def test_the_self_test_passes(capsys):
    main(["doctor"])
    text = capsys.readouterr().out
    for part in ("convolution and gradient", "training step", "checkpoint", "PNG file"):
        assert f"self-test: {part}: " in text
    assert "failed" not in text


@pytest.mark.parametrize(
    "seconds, cpu, part",
    [(9, 9, ""), (25, 8, "25 s, of which 8 s"), (25, 24, "the cores are slow")],
)
def test_a_slow_self_test_is_explained(seconds, cpu, part):
    text = delay_note(seconds, cpu)
    assert part in text and bool(text) == bool(part)
    assert ("other programs" in text) == (seconds > 10 > cpu)
