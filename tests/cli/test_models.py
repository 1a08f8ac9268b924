"""`jaxseg models`: table, JSON, patterns, counts, papers."""

import functools
import json

import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from jaxseg.analysis.jaxpr.cost import count_cost
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.cli import models
from jaxseg.lab import backbone_row, backbone_table, model_row, model_table
from jaxseg.lab.family_row import stored_families
from jaxseg.lab.family_table import describe_family
from jaxseg.models import FAMILIES, MODELS
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import Conv


class Tiny(nn.Module):
    """A 3x3 convolution, a depthwise one, and an auxiliary head."""

    num_classes: int
    style: BlockConfig

    @nn.compact
    def __call__(self, image, *, train=False):
        if min(image.shape[1:3]) < 8:
            raise ValueError("image is smaller than 8")
        x = Conv(4, 3, bias=False, style=self.style, name="conv")(image)
        x = Conv(4, 3, groups=4, bias=False, style=self.style, name="depthwise")(x)
        aux = Conv(self.num_classes, 1, style=self.style, name="aux_head")(x)
        x = Conv(self.num_classes, 1, bias=False, style=self.style, name="head")(x)
        return {"logits": x, "aux": aux}


def tiny(num_classes, *, style=BlockConfig()):
    """Tiny network (arXiv 1234.56789), after arXiv 0000.00000."""
    return Tiny(num_classes, style)


def nameless(num_classes, *, style=BlockConfig()):
    """A network without a paper."""
    return Tiny(num_classes, style)


@pytest.fixture
def zoo(monkeypatch):
    table = {"tiny": tiny, "tiny50": functools.partial(tiny), "other": nameless}
    stored = lambda: {name: model_table.describe(name, table[name]) for name in table}
    monkeypatch.setattr("jaxseg.models.MODELS", table)
    monkeypatch.setattr(models, "stored_rows", functools.cache(stored))


def test_counts_by_hand(zoo):
    row = model_table.describe("tiny", tiny, size=(16, 24), classes=5)
    macs = 16 * 24 * (9 * 3 * 4 + 9 * 4 + 4 * 5)  # the auxiliary head is not run
    assert row == model_row.Row(
        name="tiny",
        parameters=108 + 36 + 20,
        auxiliary=4 * 5 + 5,
        gflops=2 * macs / 1e9,
        paper="1234.56789",
    )


def test_a_size_that_the_network_refuses_is_noted(zoo, capsys):
    row = model_table.describe("tiny", tiny, size=(4, 4), classes=5)
    assert row.gflops is None
    assert row.parameters == 164
    assert row.note == "image is smaller than 8"
    assert models.main(["tiny50", "--size", "4", "4"]) == 0
    assert "image is smaller than 8" in capsys.readouterr().out


def test_networks_of_other_inputs_are_counted_too():
    class Deep(Tiny):
        @nn.compact
        def __call__(self, image, *, train=False):
            if image.shape[-1] != 4:
                raise ValueError("image needs 4 channels")
            x = Conv(self.num_classes, 1, bias=False, style=self.style, name="c")(image)
            return {"logits": x}

    def deep(num_classes, *, style=BlockConfig()):
        """Of color and depth."""
        return Deep(num_classes, style)

    row = model_table.describe("deep", deep, size=(8, 8), classes=5)
    assert row == model_row.Row("deep", 20, 0, 2 * 64 * 20 / 1e9, None)


def test_one_trace_equals_init_and_apply():
    model = tiny(5)
    key, image = jax.random.key(0), jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
    variables = jax.eval_shape(functools.partial(model.init, train=False), key, image)

    def logits(variables, image):
        return model.apply(variables, image, train=False)["logits"]

    cost, created = model_table.network_cost(model, (8, 8))
    assert created == variables
    assert cost == count_cost(logits, variables, image)


def test_papers():
    assert model_table.paper_id(functools.partial(tiny)) == "1234.56789"
    assert model_table.paper_id(nameless) is None


def test_table_has_a_line_per_model(zoo, capsys):
    assert models.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["name", "parameters"]
    assert [line.split()[0] for line in lines[1:4]] == ["other", "tiny", "tiny50"]
    assert "--model.backbone" in lines[5]
    assert [line.split()[0] for line in lines[8:]] == sorted(FAMILIES)
    assert lines[2].split()[-1] == "1234.56789"


def test_terminal_table(zoo, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert models.main(["--size", "4", "8", "--classes", "7"]) == 0
    out = capsys.readouterr().out
    assert "4 x 8" in out
    assert out.count("image is smaller than 8") == 3


def test_json(zoo, capsys):
    assert models.main(["tiny*", "--json", "--classes", "5", "--size", "8", "8"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["tiny", "tiny50"]
    assert rows[0]["gflops"] == pytest.approx(2 * 64 * 164 / 1e9)
    assert set(rows[0]) == {
        "name",
        "parameters",
        "auxiliary",
        "gflops",
        "paper",
        "note",
    }


def test_patterns(zoo):
    assert models.matching("ny") == ["tiny", "tiny50"]
    assert models.matching("*r") == ["other"]
    with pytest.raises(ValueError, match="such as tiny"):
        models.matching("tinny")


@pytest.mark.slow
def test_nothing_is_compiled(zoo, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("compiled")

    add = jax.jit(lambda x: x + 1)
    add(3.0)
    monkeypatch.setattr("jax._src.compiler.compile_or_get_cached", forbidden)
    # No other test uses this precision, so that no program is taken from a cache.
    with jax.default_matmul_precision("tensorfloat32"):
        with pytest.raises(AssertionError, match="compiled"):
            add(3.0)
        model_table.describe("tiny", tiny)


def test_unet_is_as_counted_by_others():
    # 193.0 G multiply-adds at 512 x 512 for the padded U-Net with 21 classes.
    row = model_table.describe("unet", MODELS["unet"])
    assert row == model_row.stored_rows()["unet"]
    assert row.gflops == pytest.approx(2 * 193.0, rel=1e-3)
    assert row.paper == "1505.04597"


REPRESENTATIVES = ("deeplabv3_mobilenetv2", "point_transformer", "prob_unet")


def test_every_network_and_every_family_is_stored():
    assert model_row.stored_rows().keys() == MODELS.keys()
    assert stored_families() == {name: describe_family(name) for name in FAMILIES}


@pytest.mark.slow
def test_the_stored_table_is_what_counting_gives():
    stored = model_row.stored_rows()
    for name in REPRESENTATIVES:
        assert stored[name] == model_table.describe(name, MODELS[name])


@pytest.mark.sweep
@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_row_of_the_stored_table(name):
    assert model_row.stored_rows()[name] == model_table.describe(name, MODELS[name])


def test_backbones_are_listed(capsys):
    assert models.main(["hrnet_w", "--backbones"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("name", "hrnet_w18", "hrnet_w32", "hrnet_w48")
    ]
    assert "c2:4:18 c3:8:36 c4:16:72 c5:32:144" in lines[1]
    assert models.main(["hrnet_w?8", "--backbones"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["hrnet_w18", "hrnet_w48"]
    with pytest.raises(
        ValueError, match=r"pattern='resnet5x' is invalid.* resnet50"
    ) as e:
        models.main(["resnet5x", "--backbones"])
    assert "\n" not in str(e.value)
    with pytest.raises(ValueError, match=r"pattern='hrnet_w' is invalid.* hrnetv2"):
        models.main(["hrnet_w", "--families"])
    assert models.main(["resnet50", "--backbones", "--json"]) == 0
    row = next(
        r for r in json.loads(capsys.readouterr().out) if r["name"] == "resnet50"
    )
    assert row["parameters"] == 23_508_032  # torchvision's without the classifier
    assert row["levels"][-1] == ["c5", 32, 2048]


def test_pairs_of_one_family_and_of_one_backbone_are_listed(capsys):
    """The names stand under the table if the pattern selects a single row."""
    models.main(["mask2former", "--families"])
    listed = capsys.readouterr().out.partition("backbones of mask2former:")[2]
    assert tuple(listed.split()) == stored_families()["mask2former"].backbones
    models.main(["dinov2_vits14", "--backbones"])
    out = capsys.readouterr().out
    assert "families that take" not in out  # dinov2_vits14_reg fits, too.
    models.main(["mit_b0", "--backbones"])
    listed = capsys.readouterr().out.partition("families that take mit_b0:")[2]
    assert "segformer" in listed.split() and "dpt" not in listed.split()


def test_families_are_listed(capsys):
    assert models.main(["deeplabv3plus", "--families", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["reads"] == {"c2": 4, "c4": 32, "c5": 32}
    assert {"hrnet_w18", "resnet50"} <= set(row["backbones"])
    assert "vitb16" not in row["backbones"]
    assert models.main(["setr*", "--families", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [r["name"] for r in rows] == ["setr_mla", "setr_naive", "setr_pup"]
    with pytest.raises(ValueError, match="--backbones is invalid with --families"):
        models.main(["--families", "--backbones"])


def test_every_backbone_is_stored():
    stored = backbone_row.stored_backbones()
    assert set(stored) == set(BACKBONES)
    for name, backbone in BACKBONES.items():
        levels = {level: stride for level, stride, _ in stored[name].levels}
        assert levels == backbone.strides()
        assert stored[name].output_strides == backbone.output_strides
        assert stored[name].weights == backbone.weights


def test_one_backbone_is_added_to_the_stored_table(tmp_path, monkeypatch):
    text, table = backbone_row.TABLE.read_text(), tmp_path / "table.json"
    rows = [row for row in json.loads(text) if row["name"] != "alexnet"]
    table.write_text(json.dumps([*rows, rows[0] | {"name": "removed"}]))
    for module in (backbone_row, backbone_table):
        monkeypatch.setattr(module, "TABLE", table)
    with pytest.raises(ValueError, match=r"^backbone='alexnett' is invalid: expected"):
        backbone_table.main(["alexnett"])
    backbone_table.main(["alexnet"])
    assert table.read_text() == text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16", "vitti16"])
def test_stored_backbones_are_as_counted(name):
    found = backbone_table.describe_backbone(name, BACKBONES[name])
    assert found == backbone_row.stored_backbones()[name]


@pytest.mark.sweep
def test_all_stored_backbones_are_as_counted():
    for name, backbone in BACKBONES.items():
        found = backbone_table.describe_backbone(name, backbone)
        assert found == backbone_row.stored_backbones()[name]
