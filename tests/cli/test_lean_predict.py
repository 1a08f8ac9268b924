"""What `jaxseg predict` loads: neither torch nor tensorflow, installed or not."""

import os
import subprocess
import sys
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "golden"
CODE = """
import sys
from jaxseg.cli.main import main
status = main(sys.argv[1:])
heavy = ("torch", "tensorflow", "tensorboardX", "matplotlib")
print("loaded", [name for name in heavy if name in sys.modules])
sys.exit(status)
"""


def test_a_prediction_loads_no_other_framework(tmp_path):
    image = GOLDEN / "photos" / "validation" / "images" / "scene1.png"
    given = ["predict", image, f"--workdir={GOLDEN / 'reseg'}", f"--output={tmp_path}"]
    run = subprocess.run(
        [sys.executable, "-c", CODE, *given],
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "loaded []"
    assert (tmp_path / "scene1.png").is_file()
