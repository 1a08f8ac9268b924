"""Every configuration under experiments/ can be read, and its network be built."""

import pathlib

import jax
import pytest

from jaxseg.cli.configure import load_config
from jaxseg.cli.run import build_model, variable_shapes
from jaxseg.training import optim

ROOT = pathlib.Path(__file__).parent.parent / "experiments"
FILES = sorted(
    path for path in ROOT.rglob("*.py") if "\nconfig = Config(" in path.read_text()
)
CAMVID = sorted((ROOT / "camvid_scratch").glob("*.py"))
FORMS = [
    (path, name)
    for path in FILES
    for name in ("config", "smoke")
    if f"\n{name} = " in path.read_text()
]


@pytest.mark.parametrize(
    ("path", "name"), FORMS, ids=lambda value: getattr(value, "stem", value)
)
def test_configurations_are_whole(path, name):
    config = load_config(path, name=name)
    build_model(config, 11)
    _, rate = optim.build(config.optim, config.train.steps)
    assert 0 <= rate(config.train.steps - 1) <= config.optim.learning_rate
    assert config.train.steps >= config.train.log_every
    if name == "smoke":
        assert config.train.steps <= 50 < load_config(path).train.steps


def test_each_camvid_recipe_has_a_small_form():
    recipes = [path.stem for path, name in FORMS if name == "smoke" and path in CAMVID]
    assert recipes == ["bayesian_segnet_basic", "fc_densenet", "reseg", "segnet_basic"]


def test_commands_of_the_documentation_name_files_that_exist():
    """`jaxseg train experiments/...` in the files and in the index."""
    texts = [*FILES, *ROOT.rglob("*.md")]
    words = {
        word.rstrip(";")
        for path in texts
        for word in path.read_text().split()
        if word.startswith("experiments/") and word.rstrip(";").endswith(".py")
    }
    assert len(words) >= 4
    assert not [word for word in words if not (ROOT.parent / word).is_file()]


def test_densenet_decays_once_per_epoch_of_367_images():
    config = load_config(ROOT / "camvid_scratch" / "fc_densenet.py")
    _, rate = optim.build(config.optim, config.train.steps)
    assert rate(121) == pytest.approx(1e-3) and rate(122) == pytest.approx(0.995e-3)
    assert config.train.batch_size * config.optim.decay_every == 366


def test_segnet_basic_is_the_published_network():
    config = load_config(ROOT / "camvid_scratch" / "segnet_basic.py")
    shapes = variable_shapes(build_model(config, 11))["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 1_416_587
