"""Every configuration under experiments/ can be read, and its network be built."""

import json
import pathlib
import re
import statistics

import jax
import pytest

from jaxseg.lab.sweeps.configs import load_configs
from jaxseg.runs.config_file import load_config
from jaxseg.runs.directory import build_model
from jaxseg.tasks.checks import check
from jaxseg.training.optim import optimizers as optim
from jaxseg.weights.model_variables import variable_shapes

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
SWEEPS = sorted(
    path.parent
    for path in ROOT.rglob("config.py")
    if "\nconfigs = {" in path.read_text()
)


@pytest.mark.parametrize("form", ["configs", "full"])
@pytest.mark.parametrize("folder", SWEEPS, ids=lambda folder: folder.name)
def test_sweeps_have_a_small_and_a_large_form(folder, form):
    configs, axis = load_configs(str(folder / "config.py"), form)
    assert len(configs) >= 3
    for config in configs.values():
        check(config)
        build_model(config, 7)
        assert (config.data.name == "shapes") == (form == "configs")
        assert (config.train.steps <= 400) == (form == "configs")
    assert axis is None or set(configs) <= set(axis[1])


@pytest.mark.parametrize("folder", SWEEPS, ids=lambda folder: folder.name)
def test_reports_say_what_the_records_say(folder):
    """Three seeds of everything; mean and spread of each row as in results.jsonl."""
    lines = (folder / "results.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    report = (folder / "report.md").read_text()
    configs, _ = load_configs(str(folder / "config.py"))
    assert {row["name"] for row in rows} == set(configs)
    for name, config in configs.items():
        found = {row["seed"]: row["mean_iou"] for row in rows if row["name"] == name}
        assert set(found) == {0, 1, 2}
        mean, spread = (
            statistics.fmean(found.values()),
            statistics.stdev(found.values()),
        )
        assert f"\n| {name} | {mean:.3f} | {spread:.3f} |" in report
        assert all(
            row["step"] == config.train.steps for row in rows if row["name"] == name
        )
    for part in ("**Question.**", "**Answer.**", "**Limits.**", "](results.png)"):
        assert part in report
    assert (folder / "results.png").stat().st_size < 100_000


def test_the_index_links_every_report():
    index = (ROOT / "README.md").read_text()
    reports = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("report.md")]
    assert len(reports) >= 4
    assert not [path for path in reports if f"]({path})" not in index]


@pytest.mark.parametrize(
    ("path", "name"), FORMS, ids=lambda value: getattr(value, "stem", value)
)
def test_configurations_are_whole(path, name):
    config = load_config(path, name=name)
    check(config)
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


def test_scripts_that_import_other_experiments_run_as_modules():
    """Only `python -m` in the root finds the package `experiments` after installation."""
    importing = re.compile(r"^(from|import) (experiments|tests)\b", re.MULTILINE)
    scripts = {
        path.relative_to(ROOT.parent).as_posix()
        for path in ROOT.rglob("*.py")
        if importing.search(path.read_text())
    }
    assert "experiments/camvid_transfer/train_hed.py" in scripts
    wrong = [
        (path.name, script)
        for path in (*ROOT.rglob("*.md"), *ROOT.rglob("*.py"))
        for script in scripts
        if f"python {script}" in path.read_text()
    ]
    assert wrong == []
