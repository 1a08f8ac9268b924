"""`jaxseg train` with the real parts: records, resuming, refusals."""

import contextlib
import dataclasses
import gzip
import io
import json
import pathlib
import re
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.checkpoints.reading import stored_leaves
from jaxseg.cli import train
from jaxseg.cli.main import main
from jaxseg.config import Config
from jaxseg.runs import default
from jaxseg.storage import atomic
from jaxseg.training.run.metric_reader import read_metrics
from tests.cli.conftest import AVERAGED

PMAP = (*AVERAGED, "--train.parallel-backend=pmap")


def arrays(workdir, step):
    """Every stored array of a step, by name."""
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as reader:
        tree = reader.restore((workdir / "ckpt" / str(step) / "state").absolute())
    flat, _ = jax.tree_util.tree_flatten_with_path(tree)
    data = lambda x: (
        jax.random.key_data(x)
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
        else x
    )
    return {jax.tree_util.keystr(path): np.asarray(data(leaf)) for path, leaf in flat}


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].tobytes() == other[name].tobytes(), name


def test_a_run_leaves_its_records(trained):
    config = json.loads((trained / "config.json").read_text())
    options = {"width": 4, "depth": 1}
    model = {"name": "unet", "backbone": None, "options": options, "output": "softmax"}
    assert config["model"] == model
    assert json.loads((trained / "dataset.json").read_text())["name"] == "shapes"
    lines = [(row["kind"], row["step"]) for row in read_metrics(trained)]
    assert lines == [
        ("train", 2), ("eval", 3), ("train", 4), ("train", 6), ("eval", 6)
    ]  # fmt: skip
    last = read_metrics(trained, "train")[-1]
    assert 0 < last["loss"] < 3 and last["images_per_second"] > 0
    assert last["flops_per_second"] > 0 and "mfu" not in last  # a CPU has no peak
    first = read_metrics(trained, "train")[0]
    shape = "image uint8[4,32,48,3], index int32[4], label uint8[4,32,48]"
    assert first["compiled"] == [f"train_step: {shape}, seed uint32[4]"]
    assert [row["programs"] for row in read_metrics(trained, "train")] == [1, 2, 2]
    assert len(read_metrics(trained, "eval")[-1]["iou"]) == 7
    pictures = sorted((trained / "overlays" / "00000006").iterdir())
    assert len(pictures) == 2
    width, height = Image.open(pictures[0]).size
    assert width > 3 * 128 and height >= 96
    assert list(trained.glob("events.out.tfevents.*"))
    best = max(read_metrics(trained, "eval"), key=lambda row: row["mean_iou"])["step"]
    with Checkpoints(trained / "ckpt") as checkpoints:
        assert checkpoints.steps == tuple(sorted({best, 4, 6}))
        stored = stored_leaves(checkpoints.directory / "6")
    assert stored["params/classifier/kernel"] == (1, 1, 4, 7)


@pytest.fixture(scope="module")
def profiled(tiny, tmp_path_factory):
    """The directory of a profiled run in bfloat16, and what it printed."""
    workdir = tmp_path_factory.mktemp("profiled") / "run"
    more = ("--devices=1", "--train.dtype=bfloat16", "--profile", "--train.steps=5")
    every = ("--train.log-every=5", "--train.eval-every=5")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(tiny(workdir, *more, *every)) == 0
    return workdir, printed.getvalue()


@pytest.mark.slow
def test_the_outcome_is_printed(profiled):
    workdir, text = profiled
    for part in ("starting at step 0 of 5", "step 5/5  loss", "mean IoU", "wire"):
        assert part in text
    assert text.startswith(
        "7 classes (the record of dataset 'shapes'): background, disc, box, triangle, "
        "ring, pole, wire\n"
    )
    assert f"best checkpoint: {workdir / 'ckpt' / '5'}" in text
    folder = workdir / "overlays" / "00000005"
    assert f"overlay: {sorted(folder.iterdir())[0]}" in text


@pytest.mark.slow
def test_a_profile_is_written_and_named(profiled):
    workdir, text = profiled
    (trace,) = (workdir / "profile").rglob("perfetto_trace.json.gz")
    assert f"profile: {trace}" in text
    events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    steps = [e["args"] for e in events if e.get("name") == "train_step"]
    assert {a["step_num"] for a in steps if "step_num" in a} == {"4", "5"}


@pytest.mark.parametrize(
    ("words", "steps"),
    [([], 0), (["--profile"], 5), (["--profile", "7"], 7), (["--profile=2"], 2),
     (["--profile", "--devices=1"], 5)],
)  # fmt: skip
def test_profile_takes_a_number_or_none(words, steps):
    assert train.parse(words).profile == steps


def test_other_addresses_than_those_of_buckets_are_refused(capsys):
    assert main(["train", "--workdir=http://host/run"]) == 1
    assert "workdir='http://host/run' is invalid: expected a path" in (
        capsys.readouterr().err
    )


@pytest.mark.slow
def test_stopping_and_going_on_is_exact(tiny, averaged, tmp_path):
    """Cut by the fetch of batch 5; then resumed from the checkpoint of step 4."""
    with pytest.MonkeyPatch.context() as patch:
        import jaxseg.tasks.assembly as module

        record = module.training_of(Config())

        def failing(*args, **kwargs):
            for count, batch in enumerate(record.train_batches(*args, **kwargs)):
                if count == 5:
                    raise OSError("the disk with the images is gone")
                yield batch

        cut = dataclasses.replace(record, train_batches=failing)
        patch.setattr(module, "training_of", lambda config: cut)
        assert main(tiny(tmp_path / "cut", *AVERAGED)) == 1
    with Checkpoints(tmp_path / "cut" / "ckpt") as checkpoints:
        assert checkpoints.latest() == 4
    assert main(tiny(tmp_path / "cut", *AVERAGED)) == 0
    same(arrays(tmp_path / "cut", 6), arrays(averaged, 6))


@pytest.fixture(scope="module")
def pmapped(tiny, tmp_path_factory):
    """The directory of the same run with the other driver; read only."""
    workdir = tmp_path_factory.mktemp("pmapped")
    assert main(tiny(workdir, *PMAP)) == 0
    return workdir


@pytest.mark.slow
def test_pmap_goes_on_exactly(tiny, pmapped, tmp_path):
    """From the checkpoint of step 4, as if the run had ended before the last one."""
    cut = shutil.copytree(pmapped, tmp_path / "cut")
    shutil.rmtree(cut / "ckpt" / "6")
    assert main(tiny(cut, *PMAP)) == 0
    same(arrays(cut, 6), arrays(pmapped, 6))


@pytest.mark.slow
def test_pmap_and_jit_train_alike(averaged, pmapped):
    one, two = (
        [row["loss"] for row in read_metrics(workdir, "train")]
        for workdir in (averaged, pmapped)
    )
    np.testing.assert_allclose(one, two, rtol=1e-4)


@pytest.mark.slow
def test_bfloat16_trains_and_keeps_float32_parameters(profiled):
    workdir, _ = profiled
    config = json.loads((workdir / "config.json").read_text())
    assert config["train"]["dtype"] == "bfloat16"
    found = {
        leaf.dtype for name, leaf in arrays(workdir, 5).items() if "params" in name
    }
    assert found == {np.dtype(np.float32)}


def test_another_configuration_is_refused_and_listed(tiny, trained, tmp_path, capsys):
    workdir = shutil.copytree(trained, tmp_path / "run")
    more = ("--model.options.width=6", "--optim.learning-rate=0.5", "--devices=2")
    assert main(tiny(workdir, *more)) == 1
    message = capsys.readouterr().err
    assert "model.options.width: 4 there, 6 here" in message
    assert "optim.learning_rate: 0.001 there, 0.5 here" in message
    assert "train.steps" not in message


def test_cadence_may_change_and_the_directory_supplies_the_rest(
    trained, tmp_path, capsys
):
    workdir = shutil.copytree(trained, tmp_path / "run")
    arguments = [
        "train", f"--workdir={workdir}", "--train.log-every=1",
        "--train.report-images=0", "--devices=2",
    ]  # fmt: skip
    assert main(arguments) == 0
    assert "resuming at step 6 of 6" in capsys.readouterr().out


def test_a_start_removes_what_killed_ones_left(tiny, trained, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(trained, workdir)

    def names():
        found = {path.relative_to(workdir) for path in workdir.rglob("*")}
        return {path for path in found if "tfevents" not in path.name}

    before, mine = names(), atomic.temporary_name(workdir / "x.png").name
    dead = re.sub(r"_(\d+)-", r"_1\1-", mine)  # a process with another start
    (workdir / dead).touch()
    (workdir / "overlays" / "00000006" / dead).touch()
    (workdir / "ckpt" / "5.orbax-checkpoint-tmp" / "state").mkdir(parents=True)
    (workdir / "ckpt" / ".removed" / "2" / "state").mkdir(parents=True)
    assert main(tiny(workdir, "--devices=2")) == 0
    assert names() == before


def test_the_batch_must_split_over_the_devices(tiny, tmp_path, capsys):
    assert main(tiny(tmp_path, "--devices=3")) == 1
    assert (
        "train.batch_size=4 is invalid: expected a multiple of 3"
        in capsys.readouterr().err
    )
    assert main(tiny(tmp_path, "--devices=9")) == 1
    assert "devices=9 is invalid: expected 1 to 8" in capsys.readouterr().err


@pytest.mark.slow
def test_a_diverging_run_ends_with_status_4(tiny, tmp_path, capsys):
    status = main(
        tiny(tmp_path, "--devices=1", "--optim.name=sgd", "--optim.learning-rate=1e38")
    )
    assert status == 4
    message = capsys.readouterr().err
    assert "not finite at step" in message and "images of the batch: " in message
    assert "last good checkpoint: " in message


def test_no_arguments_mean_the_default_run():
    """README's first command is `jaxseg train`, bare."""
    arguments = train.parse([])
    assert arguments.run == default.DEFAULT and arguments.workdir is None


def test_the_commands_of_the_guide_are_understood():
    root = pathlib.Path(__file__).parents[2] / "experiments/pod"
    text = (root / "README.md").read_text().replace("\\\n", " ")
    found = re.findall(r"(?:jaxseg|jaxseg\.cli\.main) train ([^>;\"'`#\n]*)", text)
    words = {"CONFIG.py": root / "deeplabv3plus_r101.py", "N": "2", "I": "1"}
    lines = [
        [str(words.get(word, word)) for word in line.split()]
        for line in found
        if ".py" in line
    ]
    assert len(lines) >= 3
    for line in lines:
        line[0] = str(root / pathlib.Path(line[0]).name)
        arguments = train.parse(line)
        assert arguments.distributed or arguments.coordinator
        assert arguments.workdir.startswith("/")
