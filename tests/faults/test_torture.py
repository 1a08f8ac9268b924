"""The short form of torture.py: six random kills change no bit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_random_kills_change_nothing(environment, tmp_path):
    script = Path(__file__).with_name("torture.py")
    run = subprocess.run(
        [sys.executable, script, "--kills=6", "--steps=24", "--folder", tmp_path],
        env=environment | {"PYTHONPATH": str(script.parents[2])},
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout.splitlines()[-1])
    assert result["kills"] == 6 and result["inside_a_save"] > 0
    assert result["differing"] == [] and result["records_equal"]
    assert result["arrays"] > 50
