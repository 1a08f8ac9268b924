"""`jaxseg plan`: the very step of `jaxseg train`, and what is said of it."""

import contextlib
import dataclasses
import io
import json
import types

import jax
import numpy as np
import pytest

from jaxseg.analysis.hlo.collective import collectives
from jaxseg.analysis.hlo.program_text import instructions
from jaxseg.analysis.hlo.roofline import CHIPS, GIB
from jaxseg.analysis.jaxpr.cost import jaxpr_cost
from jaxseg.cli import plan
from jaxseg.cli.main import main
from jaxseg.config import (
    Config,
    DataConfig,
    LossConfig,
    ModelConfig,
    OptimConfig,
    TrainConfig,
)
from jaxseg.data.datasets import DATASETS
from jaxseg.data.datasets.lookup import spec_of
from jaxseg.ops.lowering.portable import portable
from jaxseg.plan import compile as plan_compile
from jaxseg.plan import report as plan_report
from jaxseg.plan import topology as plan_topology
from jaxseg.plan.image_pixels import in_title, planned_spec
from jaxseg.plan.program import Program, ProgramMemory
from jaxseg.plan.search import Found, alternatives, in_words, search
from jaxseg.plan.topology import Slice
from jaxseg.runs.config_file import overridden
from jaxseg.tasks.assembly import assemble
from jaxseg.tasks.functions import training_of

TINY = Config(
    model=ModelConfig("unet", {"width": 4, "depth": 1}),
    data=DataConfig("shapes", crop=(32, 48)),
    optim=OptimConfig("sgd", momentum=0.9),
    train=TrainConfig(batch_size=8),
)
WORDS = (
    "--model.name=unet",
    "--model.options.width=4",
    "--model.options.depth=1",
    "--data.crop", "32", "48",
    "--optim.name=sgd",
)  # fmt: skip


@pytest.fixture(scope="module")
def program():
    return plan_compile.compiled(TINY, plan_topology.described("cpu:4"))


def test_one_json_document_is_printed(program, monkeypatch, capsys):
    monkeypatch.setattr(plan, "compiled", lambda *_, **__: program)
    assert main(["plan", *WORDS, "--topology", "cpu:4", "--json"]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document["batch"] == program.batch and document["topology"] == "cpu:4"
    assert document["config"]["model"]["options"] == {"width": 4, "depth": 1}
    assert document["memory"]["arguments"] == program.memory.arguments
    assert "memory per device" in printed.err


def operations(text):
    """A program without the lines of Python that each instruction came from."""
    return [(i.name, i.opcode, i.shapes, i.operands) for i in instructions(text)]


def leaf_bytes(tree):
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


@pytest.mark.slow
def test_it_compiles_the_program_that_training_runs(program):
    source = types.SimpleNamespace(spec=DATASETS["shapes"].spec)
    driver, state, _ = assemble(TINY, source, jax.devices()[:4])
    batch = {
        name: np.zeros(of.shape, of.dtype)
        for name, of in training_of(TINY).batch_shapes(TINY, 8, source.spec).items()
    }
    traced, _, _ = driver.trace(state, batch)
    run = traced.lower().compile()
    assert operations(program.text) == operations(run.as_text())
    new, _ = driver.train(driver.place(state), batch)
    assert int(new.step) == 1
    assert program.parts["params"] == leaf_bytes(state.params)
    assert program.parts["opt_state"] == leaf_bytes(state.opt_state)
    assert program.parts["batch"] == leaf_bytes(batch) / 4


ADVERSARIAL = LossConfig("adversarial", additional=(("l1", 100.0),))
OTHER_TASKS = {
    "prob_unet": (
        ModelConfig("prob_unet", {"widths": (4, 8), "convs": 1}),
        {"data": DataConfig("raters", crop=(16, 16))},
    ),
    "pix2pix": (
        ModelConfig("pix2pix_unet256", {"depth": 2, "width": 4, "dropped": 0}),
        {"data": DataConfig("shapes", crop=(32, 32)), "loss": ADVERSARIAL},
    ),
    "point_transformer": (
        ModelConfig(
            "point_transformer",
            {"widths": (8,), "blocks": (1,), "neighbors": (4,)},
        ),
        {"data": DataConfig("rooms", num_points=32)},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHER_TASKS)
def test_other_tasks_plan_the_step_that_they_train(name):
    """The plain form of each operator is traced, whose operations the plan counts."""
    model, changes = OTHER_TASKS[name]
    plain = {**model.options, "style": {"impl": "lax"}}
    model = dataclasses.replace(model, options=plain)
    config = Config(model=model, train=TrainConfig(batch_size=2), **changes)
    task = training_of(config)
    source = types.SimpleNamespace(spec=task.spec(DATASETS[config.data.name].spec))
    runner, state, _ = assemble(config, source, jax.devices()[:1])
    shapes = task.batch_shapes(config, 2, source.spec)
    traced, *_ = portable(runner.trace)(state, shapes)
    assert plan_compile.step_flops(config) == jaxpr_cost(traced.jaxpr).flops > 0


def test_a_network_of_images_has_no_plan_with_clouds():
    config = overridden(TINY, {"data": {"name": "rooms"}})
    with pytest.raises(ValueError, match=r"data\.name='rooms' is invalid"):
        plan_compile.step_flops(config)


def test_memory_is_the_compilers(program):
    arguments = sum(program.parts.values())
    assert arguments <= program.memory.arguments <= 1.02 * arguments + 4096
    assert program.memory.temporaries > program.parts["batch"]
    assert program.memory.alias > program.parts["params"]  # the state is donated
    assert program.needs() == program.memory.total


def test_gradients_and_statistics_are_the_exchanges(program):
    target = plan_topology.described("cpu:4")
    facts = plan_report.figures(program, target, 8e9)
    assert list(facts["collectives"]) == ["all-reduce"]
    assert facts["collectives"]["all-reduce"]["bytes"] >= program.parts["params"]
    assert facts["sent"] == facts["collectives"]["all-reduce"]["bytes"] * 1.5
    assert facts["flops"] == 2e9
    assert facts["gathered_maps"] == []


@pytest.mark.slow
def test_operations_belong_to_the_network_not_to_its_formulation():
    def counted(**options):
        model = {"options": {"width": 4, "depth": 1, **options}}
        return plan_compile.step_flops(overridden(TINY, {"model": model}), batch=2)

    one = counted()
    again = overridden(TINY, {"train": {"remat": "block", "grad_accum_steps": 2}})
    assert plan_compile.step_flops(again, batch=2) == one
    assert one == counted(style={"impl": "lax"}) == counted(style={"dtype": "bfloat16"})
    assert plan_compile.step_flops(TINY, batch=4) == 2 * one
    forward = first_convolution = 2 * 2 * 32 * 48 * 9 * 3 * 4
    assert one > 3 * forward - first_convolution  # it has no gradient for the image


def test_classes_come_from_the_configuration_without_a_dataset():
    spec = spec_of(DataConfig("folder", classes=("a", "b")))
    assert spec.classes == ("a", "b")
    spec = spec_of(DataConfig("folder", labels="0/255"))
    assert spec.classes == ("background", "object")
    assert spec_of(DataConfig("camvid")).num_classes == 11
    with pytest.raises(ValueError, match=r"data\.classes"):
        spec_of(DataConfig("folder"))


@pytest.mark.parametrize(
    "name", ["v5e", "v9:2x2", "h100:8", "cpu:", "cpu:0", "cpu:99", "anything"]
)
def test_unknown_topologies_are_refused(name):
    with pytest.raises(ValueError, match="topology"):
        plan_topology.described(name)


def test_without_libtpu_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(plan_topology.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"jaxseg\[plan\]"):
        plan_topology.described("v5e:16x16")


def test_programs_of_absent_chips_are_not_kept():
    """JAX would warn at the next plan that it cannot read them."""
    here, absent = jax.devices()[0], types.SimpleNamespace(platform="tpu")
    limit = lambda: jax.config.jax_persistent_cache_min_compile_time_secs
    before, seen = limit(), []
    for device in (here, absent):
        with plan_compile.without_cache(Slice("", (device,), None, 1)):
            seen.append(limit())
    assert (seen, limit()) == ([before, np.inf], before)


def test_uneven_batches_are_refused():
    with pytest.raises(ValueError, match="a multiple of 4"):
        plan_compile.compiled(TINY, plan_topology.described("cpu:4"), batch=6)


# --- search ---


def line(slope, start=1.0, room=15.0, refused=()):
    asked = []

    def attempt(batch):
        asked.append(batch)
        needs = start + slope * batch
        return needs <= room and batch not in refused, needs

    return attempt, asked


def test_the_search_follows_a_line_and_checks_where_it_leads():
    attempt, asked = line(0.25)
    assert search(attempt, 8, 15.0) == Found(56, (8, 16), None)
    assert asked == [8, 16, 56]


def test_the_search_halves_until_it_fits():
    attempt, asked = line(1.0)
    assert search(attempt, 32, 15.0) == Found(14, (4, 8), 16)
    assert asked == [32, 16, 8, 4, 14]


def test_a_refused_check_is_followed_by_a_smaller_one():
    attempt, asked = line(0.25, refused=(56,))
    assert search(attempt, 8, 15.0) == Found(50, (8, 16), 56)
    assert asked == [8, 16, 56, 50]


def test_nothing_fits_or_one_alone_does():
    assert search(line(20.0)[0], 4, 15.0) == Found(0, refused=1)
    assert search(line(10.0)[0], 4, 15.0) == Found(1, refused=2)


def test_the_outcome_in_words():
    words = in_words(Found(56, (8, 16), 60), unit=256, space=1)
    assert "14336 images a step, 56 a device" in words
    assert "2048 and 4096" in words and "15360 do not fit" in words
    assert "0.5 a device" in in_words(Found(1), unit=128, space=2)
    assert in_words(Found(0, refused=1), 256, 1) == "none; 256 images a step do not fit"


def test_alternatives_change_what_the_configuration_has_not():
    rows = alternatives(TINY, 4)
    assert rows["bfloat16"] == {"train": {"dtype": "bfloat16"}}
    assert rows["batch norm per device"]["model"]["options"]["style"] == {
        "batch_groups": 4
    }
    half = overridden(TINY, rows["bfloat16"])
    assert "float32" in alternatives(half, 4) and "bfloat16" not in alternatives(
        half, 4
    )
    grouped = overridden(TINY, {"model": {"options": {"style": {"norm": "group"}}}})
    assert "batch norm per device" not in alternatives(grouped, 4)
    assert "space 2" not in alternatives(TINY, 1)
    assert rows["remat block"] == {"train": {"remat": "block"}}
    assert "remat none" in alternatives(overridden(TINY, rows["remat block"]), 4)


# --- report ---


def test_a_step_that_is_refused_does_not_fit():
    refused = Program(
        64, 1.0, {"params": 4}, refusal="wants 18.50G of 15.75G", wanted=18.5 * GIB
    )
    target = Slice("v5e:2x2", tuple(jax.devices()[:4]), CHIPS["v5e"], 2)
    facts = plan_report.figures(refused, target, 1e12)
    assert facts["fits"] is False and facts["needs"] == 18.5 * GIB
    said = plan_report.text(facts, "title")
    assert "DOES NOT FIT" in said and "wants 18.50G of 15.75G" in said
    assert "does not fit, needs 18.50 GiB" in plan_report.comparison(facts, {})


def test_a_chip_gives_limits_and_a_range():
    program = Program(
        64,
        1.0,
        {"params": 200, "batch": 50},
        memory=ProgramMemory(250, 240, 200, 10 * GIB, 0),
        flops=3e12,
        accessed=1e10,
        text="ENTRY %main (x: bf16[819000000]) -> bf16[819000000] {\n"
        "%x = bf16[819000000,5] parameter(0)\n"
        "%a = f32[1000] all-reduce(%s), replica_groups={}\n"
        "%g = bf16[8,64,64,32] all-gather(%y), replica_groups={}\n"
        "%small = f32[8,1,1,32] all-gather(%y), replica_groups={}\n"
        "%y.remat2 = f32[1] fusion(%x), kind=kLoop\n}\n",
    )
    target = Slice("v5e:2x2", tuple(jax.devices()[:4]), CHIPS["v5e"], 2)
    facts = plan_report.figures(program, target, 4 * 1.97e12)
    assert facts["fits"] is True and facts["needs"] == 10 * GIB + 290
    assert facts["seconds"]["compute"] == pytest.approx(0.01)
    assert facts["seconds"]["memory"] == pytest.approx(0.01, rel=1e-3)
    assert facts["dominant"].startswith("temporaries")
    assert len(facts["gathered_maps"]) == 1
    said = plan_report.text(facts, "title")
    assert "FITS, 63%" in said
    assert facts["rematerialized"] == 1 and "computes 1 operations twice" in said
    assert "gathers a feature map: bf16[8, 64, 64, 32]" in said
    assert "22.2 ms to 40." in said
    assert "largest" not in said
    json.dumps(facts)


def test_the_bytes_that_a_refusal_names():
    assert plan_compile.wanted_bytes("wants 512.5M of 15.75G") == 512.5 * 2**20
    assert plan_compile.wanted_bytes("no numbers") == 0


# --- command ---


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The record of a plan, the file of its program, and what was printed."""
    folder = tmp_path_factory.mktemp("planned")
    file, text = folder / "plans.jsonl", folder / "step.txt"
    arguments = ["plan", "--topology", "cpu:2", "--batch", "4", "--json", str(file)]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main([*arguments, "--program", str(text), *WORDS]) == 0
    (record,) = map(json.loads, file.read_text().splitlines())
    return record, text, said.getvalue()


@pytest.mark.slow
def test_the_command_prints_and_records(planned):
    record, text, said = planned
    assert collectives(text.read_text())
    for part in ("memory per device", "temporaries", "all-reduce", "4 images a step"):
        assert part in said
    assert record["topology"] == "cpu:2" and record["devices"] == 2
    assert record["batch"] == 4 == record["config"]["train"]["batch_size"]
    assert (
        record["needs"]
        == sum(
            record["memory"][name]
            for name in ("arguments", "output", "temporaries", "code")
        )
        - record["memory"]["alias"]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [
        ("bfloat16", "batch norm per device"),
        pytest.param(None, marks=pytest.mark.sweep),  # all of them
    ],
)
def test_alternatives_are_compiled_beside_it(
    planned, tmp_path, capsys, monkeypatch, names
):
    def some(config, devices):
        rows = alternatives(config, devices)
        return {name: rows[name] for name in names or rows}

    monkeypatch.setattr(plan, "alternatives", some)
    file = tmp_path / "plans.jsonl"
    arguments = ["plan", "--topology=cpu:2", "--batch=4", f"--json={file}"]
    assert main([*arguments, "--alternatives", *WORDS]) == 0
    (record,), (alone, *_) = map(json.loads, file.read_text().splitlines()), planned
    assert record["needs"] == alone["needs"] and "alternatives" not in alone
    rows = record["alternatives"]
    apart = rows["batch norm per device"]["collectives"]["all-reduce"]["count"]
    assert apart < record["collectives"]["all-reduce"]["count"]
    said = capsys.readouterr().out
    assert all(name in said for name in ("bfloat16", "as configured", *rows))


def test_pmap_has_no_plan(capsys):
    assert (
        main(["plan", "--topology=cpu:2", "--train.parallel-backend=pmap", *WORDS]) == 1
    )
    assert "pmap" in capsys.readouterr().err


def test_the_config_file_gives_its_classes(tmp_path):
    file = tmp_path / "streets.py"
    file.write_text(
        "from jaxseg.config import *\n"
        'config = Config(data=DataConfig("folder", classes=("a", "b", "c")))\n'
    )
    config = plan_parse([str(file), "--batch", "16"]).run
    assert config.train.batch_size == 16
    assert spec_of(config.data).num_classes == 3
    assert dataclasses.replace(config, train=TrainConfig()).train.batch_size == 8


def plan_parse(argv):
    from jaxseg.cli.plan import parse

    return parse(argv)


# --- the TPU compiler ---

CLASSES = tuple(f"class {k}" for k in range(19))
HRNET = {
    "width": 4,
    "stem": 8,
    "first_blocks": 1,
    "first_features": 4,
    "blocks": 1,
    "modules": (1, 1, 1),
    "features": 16,
    "key_features": 8,
}
NARROW = {
    "small deeplabv3plus": Config(
        model=ModelConfig(
            "deeplabv3plus_resnet50",
            {
                "depth": 18,
                "width": 8,
                "features": 8,
                "low": 8,
                "blocks": (1, 1, 1, 1),
                "rates": (1, 2, 3),
            },
        ),
        data=DataConfig("folder", classes=CLASSES, crop=(33, 33)),
        train=TrainConfig(batch_size=4, dtype="bfloat16"),
    ),
    "deeplabv3plus": Config(
        model=ModelConfig(
            "deeplabv3plus_resnet50",
            {"width": 8, "features": 32, "low": 16, "blocks": (1, 1, 1, 2)},
        ),
        data=DataConfig("folder", classes=CLASSES, crop=(129, 129)),
        train=TrainConfig(batch_size=32, dtype="bfloat16"),
    ),
    "hrnet_ocr": Config(
        model=ModelConfig("ocrnet_hrnet_w18", HRNET),
        data=DataConfig("folder", classes=CLASSES, crop=(128, 256)),
        train=TrainConfig(batch_size=32, dtype="bfloat16"),
    ),
}


@pytest.fixture
def little_effort():
    """The compiler searches less for fast code; it divides arrays before that."""
    jax.config.update("jax_exec_time_optimization_effort", -1.0)
    yield
    jax.config.update("jax_exec_time_optimization_effort", 0.0)


@pytest.mark.slow
@pytest.mark.usefixtures("full_optimization", "little_effort")
@pytest.mark.parametrize(
    ("name", "topology", "chips"),
    [  # the compiler for TPUs takes a minute for each of the larger ones
        ("small deeplabv3plus", "v5e:2x2", 4),
        pytest.param("deeplabv3plus", "v5e:4x4", 16, marks=pytest.mark.sweep),
        pytest.param("deeplabv3plus", "v4:2x2x4", 16, marks=pytest.mark.sweep),
        pytest.param("hrnet_ocr", "v5e:4x4", 16, marks=pytest.mark.sweep),
        pytest.param("hrnet_ocr", "v4:2x2x4", 16, marks=pytest.mark.sweep),
    ],
)
def test_a_described_slice_gathers_no_feature_map(name, topology, chips):
    pytest.importorskip("libtpu", reason="pip install 'jaxseg[plan]'")
    target = plan_topology.described(topology)
    assert len(target.devices) == chips
    program = plan_compile.compiled(NARROW[name], target)
    facts = plan_report.figures(program, target, plan_compile.step_flops(NARROW[name]))
    assert facts["fits"] is True
    assert facts["gathered_maps"] == []
    assert set(facts["collectives"]) <= {"all-reduce", "reduce-scatter", "all-gather"}
    # gradients of bfloat16 kernels are summed before they become float32
    reduced, params = (
        facts["collectives"]["all-reduce"]["bytes"],
        program.parts["params"],
    )
    assert params / 2 < reduced < params
    if name.startswith("small"):  # Its maps are too small for `gathered_maps`.
        assert set(facts["collectives"]) == {"all-reduce"}
        assert reduced < 0.53 * params
    assert 0 < facts["seconds"]["fast"] <= facts["seconds"]["slow"]


def test_the_images_of_a_plan_are_those_of_the_folder(tmp_path):
    """A folder on this computer states them; without it, data.channels does."""
    data = DataConfig("folder", classes=("a", "b"))
    assert planned_spec(data, "images").channels == 3
    assert "assumed" in in_title(data, "images")
    data = dataclasses.replace(data, channels=5)
    assert planned_spec(data, "images").channels == 5
    assert in_title(data, "images") == " with 5 channels of uint8 (data.channels)"
    for split in ("train", "validation"):
        for name, pixels in (
            ("images", np.zeros((8, 8, 4), np.uint16)),
            ("masks", np.zeros((8, 8), np.uint8)),
        ):
            (tmp_path / split / name).mkdir(parents=True)
            np.save(tmp_path / split / name / "a.npy", pixels)
    data = DataConfig("folder", classes=("a", "b"), raw_dir=str(tmp_path))
    spec = planned_spec(data, "images")
    assert (spec.channels, spec.image_type) == (4, "uint16")
    config = dataclasses.replace(TINY, data=dataclasses.replace(data, crop=(16, 16)))
    spec = training_of(config).spec(spec)
    assert training_of(config).batch_shapes(config, 2, spec)["image"].shape[3] == 4


def test_pix2pix_refuses_images_of_four_channels():
    config = Config(
        model=ModelConfig("pix2pix_unet256"),
        data=DataConfig("folder", classes=("a", "b"), channels=4, crop=(32, 32)),
        loss=ADVERSARIAL,
    )
    with pytest.raises(ValueError, match="is invalid for images of 4 channels: "):
        plan_compile.compiled(config, plan_topology.described("cpu:1"), batch=1)
