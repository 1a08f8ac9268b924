"""What `jaxseg predict` and `jaxseg models` do not load.

A prediction loads neither torch nor tensorflow nor training code. The list of networks
is printed from stored tables, without JAX. The real sweep of `test_sweep.py` shows for a
training run what the first test shows for a prediction.
"""

import os
import subprocess
import sys
from pathlib import Path

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


def test_a_prediction_loads_no_other_framework_and_no_training_code(tmp_path):
    image = GOLDEN / "photos" / "validation" / "images" / "scene1.png"
    given = ("predict", image, f"--workdir={GOLDEN / 'reseg'}", f"--output={tmp_path}")
    run = subprocess.run(
        [sys.executable, "-c", CODE, ",".join(FRAMEWORKS + TRAINING), *given],
        env=os.environ
        | {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "loaded []"
    assert (tmp_path / "scene1.png").is_file()


def test_the_list_of_networks_loads_no_jax():
    unwanted = "jax,flax,orbax,numpy,jaxseg.models,jaxseg.backbones,jaxseg.weights"
    run = subprocess.run(
        [sys.executable, "-c", CODE, unwanted, "models"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "\nunet  " in run.stdout and "\nfamily  " in run.stdout
    assert run.stdout.splitlines()[-1] == "loaded []"
