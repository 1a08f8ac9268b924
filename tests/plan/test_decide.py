"""A decision for a small network, and what `train` and `plan` do with it."""

import json
import math
import types

import jax
import pytest

from jaxseg.cli import deciding
from jaxseg.cli.main import main
from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig
from jaxseg.plan import decide as module
from jaxseg.plan import fitted as fitted_module
from jaxseg.plan.abstract_step import abstract_step
from jaxseg.plan.compile import compiled
from jaxseg.plan.decide import MARGIN, decide, freedom_of
from jaxseg.plan.estimate import Estimator
from jaxseg.plan.fitted import fitted
from jaxseg.plan.program import Program
from jaxseg.plan.program_cache import ProgramCache
from jaxseg.plan.setting import Freedom, Setting
from jaxseg.plan.topology import described
from jaxseg.runs.byte_size import parse_bytes
from jaxseg.runs.config_file import overridden
from jaxseg.training.devices.mesh import make_mesh, state_shardings

CONFIG = Config(
    model=ModelConfig("unet", {"width": 4, "depth": 1}),
    data=DataConfig("shapes", crop=(64, 96)),
    optim=OptimConfig("sgd", momentum=0.9),
    train=TrainConfig(batch_size=2),
)


@pytest.mark.slow
def test_a_tight_budget_is_met_by_micro_batches(tmp_path):
    """The promise is the memory of the compiled step, also from the cache."""
    changes = {"data": {"crop": (32, 48)}}
    config = overridden(CONFIG, changes)
    target, cache = described("cpu:1"), ProgramCache(tmp_path)
    whole = compiled(config, target, cache=cache).needs()
    memory, asked = int(0.8 * whole / (1 - MARGIN)), []
    found = decide(
        config,
        target,
        memory,
        freedom=Freedom(accumulation=True),
        cache=cache,
        report=lambda setting, needs: asked.append((setting, needs)),
    )
    assert found.chosen.grad_accum_steps == 2
    assert found.promise <= found.room < whole
    assert asked == [(found.chosen, found.promise)]
    stored = compiled(found.chosen.applied(config), target, cache=cache)
    assert (stored.needs(), stored.text) == (found.promise, "")
    verdicts = {row.setting: row.verdict for row in found.alternatives}
    assert verdicts[Setting.of(config.train)] == "too large"
    assert json.loads(json.dumps(found.as_json()))["chosen"]["batch_size"] == 2


def test_the_arguments_of_an_estimate_are_exact():
    """They are those of the shardings of the state, whole and in shards."""
    target = described("cpu:4")
    model = {"options": {"width": 16}}  # Its kernels are large enough to be divided.
    config = overridden(CONFIG, {"model": model, "train": {"batch_size": 4}})
    _, state, _ = abstract_step(config, target.devices, 4)

    def held(shard):
        places = state_shardings(make_mesh(devices=target.devices), state, shard)
        sizes = jax.tree.map(
            lambda x, place: math.prod(place.shard_shape(x.shape)) * x.dtype.itemsize,
            state,
            places,
        )
        return sum(jax.tree.leaves(sizes))

    estimator = Estimator(config, target)
    whole, shards = (
        estimator.estimate(Setting(4, 1, "none", shard, 1, "float32"))
        for shard in ("none", "fsdp")
    )
    batch = 64 * 96 * (3 + 1) + 4  # an image, its label and its index
    assert whole.arguments == pytest.approx(held("none") + batch, abs=8)
    assert shards.arguments == pytest.approx(held("fsdp") + batch, abs=8)
    assert shards.arguments < 0.5 * whole.arguments
    assert shards.seconds > whole.seconds
    assert shards.temporaries > whole.temporaries


def test_micro_batches_are_free_without_batch_normalization():
    assert not freedom_of(CONFIG).accumulation
    style = {"model": {"options": {"style": {"norm": "group", "groups": 2}}}}
    assert freedom_of(overridden(CONFIG, style)).accumulation
    changes = {"train": {"memory_changes": ["accumulation", "dtype"]}}
    assert freedom_of(overridden(CONFIG, changes)) == Freedom(True, True, False)


def test_pmap_is_refused():
    config = overridden(CONFIG, {"train": {"parallel_backend": "pmap"}})
    with pytest.raises(ValueError, match=r"train\.parallel_backend='pmap' is invalid"):
        decide(config, described("cpu:1"), 2**30)


@pytest.fixture
def small(monkeypatch):
    """Programs that need 100 bytes for each image without remat, and 60 with it."""

    def needs(setting):
        each = 100 if setting.remat == "none" else 60
        return types.SimpleNamespace(
            arguments=0.0,
            temporaries=float(each * setting.batch_size),
            seconds=setting.batch_size * (1.0 if setting.remat == "none" else 1.3),
        )

    class Known:
        def __init__(self, config, target):
            pass

        estimate = staticmethod(needs)

    def attempt(config, target, cache=None):
        size = needs(Setting.of(config.train)).temporaries
        return Program(config.train.batch_size, 0.0, {}, wanted=size)

    monkeypatch.setattr(module, "Estimator", Known)
    monkeypatch.setattr(module, "compiled", attempt)


def test_train_takes_the_decision_and_a_resumed_run_keeps_its_batch(
    small, tmp_path, monkeypatch
):
    changes = {"memory": "140B", "memory_changes": ["accumulation", "batch"]}
    config = overridden(CONFIG, {"train": changes})
    chosen, notes = fitted(config, tmp_path, jax.devices()[:1])
    assert (chosen.train.batch_size, chosen.train.remat) == (1, "none")
    assert chosen.train.memory == "140B" and "Chosen: batch 1" in notes[0]
    monkeypatch.setattr(fitted_module, "started", lambda workdir: True)
    monkeypatch.setattr(fitted_module, "read_config", lambda workdir: chosen)
    more = overridden(config, {"train": {"memory": "1KB"}})
    again, _ = fitted(more, tmp_path, jax.devices()[:1])
    assert again.train.batch_size == 1
    same, none = fitted(CONFIG, tmp_path, jax.devices()[:1])
    assert (same, none) == (CONFIG, ())


def test_train_refuses_what_never_fits(small, tmp_path):
    changes = {"memory": "100B", "memory_changes": ["accumulation"]}
    config = overridden(CONFIG, {"train": changes})
    with pytest.raises(ValueError, match=r"train\.memory='100B' is invalid: .* 120 B"):
        fitted(config, tmp_path, jax.devices()[:1])


def test_the_command_prints_the_options(small, capsys, tmp_path):
    words = ["--model.name=unet", "--data.crop", "64", "96", "--train.batch-size=2"]
    file = tmp_path / "plans.jsonl"
    options = ["--decide", "--topology=cpu:1", f"--json={file}"]
    options += ["--train.memory-changes", "accumulation"]
    assert main(["plan", *words, *options, "--train.memory", "140B"]) == 0
    printed = capsys.readouterr().out
    expected = "jaxseg train --model.name=unet --data.crop 64 96 "
    expected += "--train.batch-size 2 --train.remat block"
    assert printed.splitlines()[-1] == expected
    assert "does not fit: needs 200 B" in printed
    (row,) = map(json.loads, file.read_text().splitlines())
    assert row["decision"]["promise"] == 120 and row["command"] == expected
    assert main(["plan", *words, *options, "--train.memory=100B"]) == 3
    assert "No setting fits" in capsys.readouterr().out


def test_the_memory_of_unknown_devices_must_be_given():
    with pytest.raises(ValueError, match=r"train\.memory=None is invalid: expected"):
        deciding.memory_of(CONFIG, described("cpu:1"))


@pytest.mark.parametrize(
    ("text", "size"), [("16GiB", 2**34), ("1.5 GB", 1_500_000_000), ("7B", 7)]
)
def test_sizes_of_memory(text, size):
    assert parse_bytes(text, name="train.memory") == size


@pytest.mark.parametrize("text", ["16", "GiB", "0GiB", "-1GB", "16gib", "1e3GB", ""])
def test_other_sizes_are_refused(text):
    with pytest.raises(ValueError, match=r"train\.memory=.* is invalid: expected"):
        parse_bytes(text, name="train.memory")
