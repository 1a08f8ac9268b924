"""The short form of torture.py: six random kills change no bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_random_kills_change_nothing(tmp_path):
    script = Path(__file__).with_name("torture.py")
    run = subprocess.run(
        [sys.executable, script, "--kills=6", "--folder", tmp_path],
        env=os.environ
        | {
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": str(script.parents[2]),
            "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "programs"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        },
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout.splitlines()[-1])
    assert result["kills"] == 6 and result["inside_a_save"] > 0
    assert result["differing"] == [] and result["records_equal"]
    assert result["arrays"] > 50
