"""Runs of an earlier commit still open, resume, evaluate and predict to the same digits.

`unet` (batch normalization, SGD with momentum, moving average, drawn scenes) and
`reseg` (recurrent, AdamW, the folder `photos`) were trained for four steps at commit
459bb17. expected.json holds what that commit made of them: this file, run as a program
with that commit's package on the path, wrote it.
"""

import hashlib
import json
import os
import pathlib
import shutil
import sys
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from PIL import Image

from jaxseg.cli.main import main
from jaxseg.runs.directory import build_model, load_variables, read_config, read_spec

HERE = pathlib.Path(__file__).parent
PHOTOS = HERE / "photos"
IMAGE = PHOTOS / "validation" / "images" / "scene1.png"
EXPECTED = HERE / "expected.json"
DATA = {"unet": (), "reseg": (f"--data.raw-dir={PHOTOS}",)}  # options of each run
STEP = 4


def parameters(workdir):
    """A digest of every stored array; jaxseg takes no part in it."""
    folder = (workdir / "ckpt" / str(STEP) / "state").absolute()
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        stored = reader.metadata(folder).item_metadata.tree
        args = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), stored)
        tree = reader.restore(folder, args=ocp.args.PyTreeRestore(restore_args=args))
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        array = np.asarray(leaf)
        name = f"{jax.tree_util.keystr(path)} {array.dtype}{array.shape}"
        digest.update(name.encode() + array.tobytes())
    return digest.hexdigest()


def logits(workdir):
    """Every 97th logit of one image."""
    config, spec = read_config(workdir), read_spec(workdir)
    model = build_model(config, spec.num_classes)
    _, variables = load_variables(workdir, model, ema=config.train.ema is not None)
    pixels = np.asarray(Image.open(IMAGE), np.float32) / 255
    image = ((pixels - np.float32(spec.mean)) / np.float32(spec.std))[None]
    values = jax.jit(model.apply)(variables, jnp.asarray(image))["logits"]
    return np.asarray(values).ravel()[::97].tolist()


def evaluated(workdir, scratch):
    """Confusion counts and mean IoU of `jaxseg eval`."""
    output = scratch / "scores.json"
    name = workdir.name
    assert (
        main(["eval", str(workdir), f"--output={output}", "--devices=1", *DATA[name]])
        == 0
    )
    found = json.loads(output.read_text())
    return {"confusion": found["confusion"], "mean_iou": found["mean_iou"]}


def predicted(workdir, scratch):
    """A digest of the classes that `jaxseg predict` writes for one image."""
    command = ["predict", str(IMAGE), f"--workdir={workdir}", f"--output={scratch}"]
    assert main([*command, "--no-overlay"]) == 0
    label = np.asarray(Image.open(scratch / IMAGE.name))
    assert label.shape == (30, 44)
    return hashlib.sha256(label.tobytes()).hexdigest()


def resumed(workdir, scratch):
    """Losses of two more steps in a copy of the run."""
    copy = scratch / workdir.name
    shutil.copytree(workdir, copy)
    more = (f"--train.steps={STEP + 2}", "--devices=1", *DATA[workdir.name])
    lean = ("--train.num-overlays=0", "--train.report-images=0")
    assert main(["train", f"--workdir={copy}", *more, *lean]) == 0
    rows = [
        json.loads(row) for row in (copy / "metrics.jsonl").read_text().splitlines()
    ]
    losses = {row["step"]: row["loss"] for row in rows if row["kind"] == "train"}
    assert sorted(losses) == list(range(1, STEP + 3))
    return [losses[STEP + 1], losses[STEP + 2]]


@pytest.fixture(scope="module")
def expected():
    """What the earlier commit computed."""
    return json.loads(EXPECTED.read_text())


@pytest.fixture(scope="module", autouse=True)
def prepared(drawn_data):
    """One place for the prepared data of both runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXSEG_DATA_DIR", str(drawn_data))
        yield


@pytest.mark.parametrize("name", DATA)
def test_an_earlier_run_opens(name, expected):
    assert parameters(HERE / name) == expected[name]["parameters"]
    np.testing.assert_allclose(
        logits(HERE / name), expected[name]["logits"], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("name", DATA)
def test_an_earlier_run_is_evaluated(name, expected, tmp_path):
    assert evaluated(HERE / name, tmp_path) == expected[name]["evaluated"]


@pytest.mark.parametrize("name", DATA)
def test_an_earlier_run_predicts(name, expected, tmp_path):
    assert predicted(HERE / name, tmp_path) == expected[name]["predicted"]


@pytest.mark.slow
@pytest.mark.parametrize("name", DATA)
def test_an_earlier_run_resumes(name, expected, tmp_path):
    losses = resumed(HERE / name, tmp_path)
    np.testing.assert_allclose(losses, expected[name]["resumed"], rtol=1e-5)


def record():
    """Writes expected.json with the package that is on the path."""
    jax.config.update("jax_num_cpu_devices", 8)
    jax.config.update("jax_disable_most_optimizations", True)
    found = {}
    for name in DATA:
        with tempfile.TemporaryDirectory() as folder:
            scratch = pathlib.Path(folder)
            os.environ["JAXSEG_DATA_DIR"] = folder
            found[name] = {
                "parameters": parameters(HERE / name),
                "logits": logits(HERE / name),
                "evaluated": evaluated(HERE / name, scratch),
                "predicted": predicted(HERE / name, scratch),
                "resumed": resumed(HERE / name, scratch),
            }
    EXPECTED.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(record())
