"""`--smoke` takes the file's small form; `--train.init-from` takes a run's weights."""

from shutil import copytree, rmtree

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.cli import train
from jaxseg.cli.main import main
from jaxseg.config import Config, ModelConfig
from jaxseg.runs.directory import build_model, load_variables, read_config
from jaxseg.runs.pretrained import initialized
from jaxseg.runs.restart import started
from jaxseg.training.optim import optimizers as optim
from jaxseg.training.step.state import create_state

FILE = """
from jaxseg.config import Config, TrainConfig
config = Config(train=TrainConfig(steps=999))
smoke = Config(train=TrainConfig(steps=3))
"""


@pytest.fixture
def file(tmp_path):
    """A configuration file with both forms."""
    path = tmp_path / "two.py"
    path.write_text(FILE)
    return path


def test_smoke_is_the_other_form_and_can_be_changed_too(file):
    assert train.parse([str(file)]).run.train.steps == 999
    assert train.parse([str(file), "--smoke"]).run.train.steps == 3
    changed = train.parse([str(file), "--smoke", "--train.seed", "5"]).run.train
    assert (changed.steps, changed.seed) == (3, 5)
    named = train.parse([str(file), "--variant", "smoke"])
    assert (named.run.train.steps, named.variant) == (3, "smoke")


def test_smoke_has_a_work_directory_of_its_own(file, monkeypatch):
    calls = []
    record = lambda config, workdir, **_: calls.append((config, str(workdir))) or 0
    monkeypatch.setattr(train, "execute", record)
    assert main(["train", str(file)]) == main(["train", str(file), "--smoke"]) == 0
    found = [(config.train.steps, workdir) for config, workdir in calls]
    assert found == [(999, "runs/two"), (3, "runs/two_smoke")]


def test_smoke_needs_a_file_that_defines_it(file, capsys):
    assert main(["train", "--smoke"]) == 1
    assert "--smoke is invalid: expected a config file" in capsys.readouterr().err
    assert main(["train", str(file), "--smoke", "--variant", "config"]) == 1
    assert (
        "--variant='config' is invalid together with --smoke" in capsys.readouterr().err
    )
    file.write_text(FILE.replace("smoke", "smok"))
    assert main(["train", str(file), "--smoke"]) == 1
    error = capsys.readouterr().err
    assert "that defines `smoke = Config(...)`. It defines config, smok." in error


def fresh(**options):
    """A new state of a network like that of the session's small run."""
    config = Config(model=ModelConfig("unet", {"width": 4, "depth": 1, **options}))
    tx, _ = optim.build(config.optim, 10)
    model = build_model(config, 7)
    return create_state(model, tx, seed=9, image_shape=(1, 64, 32, 3), ema=True)


@pytest.fixture(scope="module")
def state():
    """A new state; read only."""
    return fresh()


def test_weights_and_statistics_are_those_of_the_best_checkpoint(trained, state):
    model = build_model(read_config(trained), 7)
    _, theirs = load_variables(trained, model, checkpoint="best")
    ours = initialized(state, trained)
    same = lambda a, b: jax.tree.all(jax.tree.map(np.array_equal, a, b))
    assert same(ours.params, theirs["params"]) and same(ours.ema, theirs["params"])
    assert same(ours.batch_stats, theirs["batch_stats"])
    assert same(ours.opt_state, state.opt_state) and ours.step == 0
    assert jnp.array_equal(
        jax.random.key_data(ours.rng), jax.random.key_data(state.rng)
    )
    assert not same(state.params, theirs["params"])


def test_another_network_is_refused(trained, state):
    with pytest.raises(
        ValueError, match=r"init_from=.*other shape .*Choose a run of the same"
    ):
        initialized(fresh(width=6), trained)
    with pytest.raises(
        ValueError, match=r"init_from='nowhere' is invalid: .* expected a run dir"
    ):
        initialized(state, "nowhere")


def test_a_directory_without_checkpoints_is_refused(trained, state, tmp_path):
    for name in ("config.json", "dataset.json"):
        (tmp_path / name).write_text((trained / name).read_text())
    with pytest.raises(
        ValueError, match=r"init_from=.* expected a checkpoint in .*ckpt"
    ):
        initialized(state, tmp_path)


def test_only_whole_checkpoints_count_as_started(trained, tmp_path):
    assert started(trained) and not started(tmp_path)
    (tmp_path / "ckpt" / "6.orbax-checkpoint-tmp-1").mkdir(parents=True)
    assert not started(tmp_path)


@pytest.mark.slow
def test_a_second_stage_goes_on_without_the_first(tiny, trained, tmp_path):
    """At rate 0 the parameters stay; the first run may be gone after the start."""
    first, second = tmp_path / "first", tmp_path / "second"
    copytree(trained, first)
    more = (
        f"--train.init-from={first}",
        "--optim.learning-rate=0",
        "--data.crop", "64", "64",
        "--train.eval-every=0",
        "--devices=1",
    )  # fmt: skip
    assert main(tiny(second, *more, "--train.steps=1")) == 0
    rmtree(first)
    assert main(tiny(second, *more, "--train.steps=2")) == 0
    model = build_model(read_config(trained), 7)
    _, theirs = load_variables(trained, model)
    _, ours = load_variables(second, model, checkpoint=2)
    jax.tree.map(np.testing.assert_array_equal, ours["params"], theirs["params"])
