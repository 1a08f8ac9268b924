"""What commands load: neither torch nor tensorflow, and predict no training code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
CODE = """
import sys
from jaxseg.cli.main import main
unwanted, *given = sys.argv[1:]
status = main(given)
heavy = unwanted.split(",")
print("loaded", [name for name in heavy if name in sys.modules])
sys.exit(status)
"""
FRAMEWORKS = ("torch", "tensorflow", "tensorboardX", "matplotlib")
DATA = ("augment", "datasets", "elastic", "layouts", "mix", "transforms")
TRAINING = (
    *("optax", "grain", "scipy", "tensorflow_datasets"),
    *("jaxseg.training", "jaxseg.losses"),
    *(f"jaxseg.data.{name}" for name in DATA),
)


def lean(*given, unwanted=FRAMEWORKS):
    """Asserts that a command succeeds without loading modules."""
    run = subprocess.run(
        [sys.executable, "-c", CODE, ",".join(unwanted), *given],
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "loaded []"


def test_a_prediction_loads_no_other_framework_and_no_training_code(tmp_path):
    image = GOLDEN / "photos" / "validation" / "images" / "scene1.png"
    where = (f"--workdir={GOLDEN / 'reseg'}", f"--output={tmp_path}")
    lean("predict", image, *where, unwanted=FRAMEWORKS + TRAINING)
    assert (tmp_path / "scene1.png").is_file()


@pytest.mark.slow
def test_a_training_run_loads_no_other_framework(tmp_path):
    """Only the report at its end draws charts."""
    data = ("--data.name=folder", f"--data.raw-dir={GOLDEN / 'photos'}")
    small = ("--model.name=unet", "--model.options.width=4", "--model.options.depth=1")
    where = (
        f"--workdir={tmp_path / 'run'}",
        f"--data.prepared-dir={tmp_path / 'data'}",
    )
    size = ("--data.crop", "16", "24", "--train.batch-size=4", "--train.steps=1")
    more = ("--devices=1", "--train.report-images=0")
    lean("train", *where, *data, *small, *size, *more)
    assert list((tmp_path / "run").glob("events.out.tfevents.*"))
