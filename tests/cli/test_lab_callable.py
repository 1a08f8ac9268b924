"""`jaxseg lab TOOL --callable FILE.py:NAME`: networks that are not those of jaxseg."""

import json

import pytest

from jaxseg.cli.lab import main
from jaxseg.cli.main import main as command

NETWORKS = """
import jax, jax.numpy as jnp

KERNEL = jnp.ones((3, 3, 2, 2))

def gridded(images):
    for _ in range(2):
        images = jax.lax.conv_general_dilated(
            images, KERNEL, (1, 1), "SAME", rhs_dilation=(2, 2),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
    return images

def network():
    return gridded

class Opaque:
    pass
"""
TORCH = """
import torch

def network():
    torch.manual_seed(0)
    first = torch.nn.Conv2d(2, 3, 3, dilation=2, padding=2)
    return torch.nn.Sequential(first, torch.nn.Conv2d(3, 2, 3, dilation=2, padding=2))
"""


@pytest.fixture
def lab(tmp_path, capsys):
    """`lab(source, tool, *words) -> tables of result.json`."""

    def run(source, tool, *words, name="network"):
        (tmp_path / "mine.py").write_text(source)
        words = (*words, "--callable", f"{tmp_path}/mine.py:{name}", "--channels", "2")
        assert main([tool, *words, "--out", str(tmp_path / "out")]) == 0
        return json.loads((tmp_path / "out/result.json").read_text())["tables"]

    return run


@pytest.mark.slow
def test_field_cost_and_consistency_of_a_function(lab):
    (row,) = lab(NETWORKS, "receptive-field")["Along the rows, in image pixels"]
    assert (row["field"], row["touched"], row["jump"]) == ("9", 5, 1)
    (row,) = lab(
        NETWORKS, "erf", "--size", "17", "17", "--images", "1", name="gridded"
    )["Mean squared gradient"]
    assert row["weights"] == "given"
    assert row["area / field"] == pytest.approx(21 / 81)  # above 4.55 % of 9**2
    rows = lab(NETWORKS, "cost", "--size", "8", "8")["By layer"]
    assert rows[-1]["GFLOP"] == pytest.approx(2 * 2 * 8 * 8 * 9 * 2 * 2 / 1e9)
    words = ("consistency", "--size", "16", "16", "--shifts", "2")
    tables = lab(NETWORKS, *words)
    assert "Backbone features, dense against strided" not in tables
    assert tables["Two crops, the same pixels"][0]["shift"] == 2


@pytest.mark.slow
def test_field_of_a_torch_network(lab):
    pytest.importorskip("torch")
    (row,) = lab(TORCH, "receptive-field")["Along the rows, in image pixels"]
    assert (row["output"], row["field"], row["touched"]) == ("measured", "9", 5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("erf",), "name='' is invalid: expected the name of a network"),
        (("erf", "unet", "--callable", "a:b"), "name='unet' is invalid together with"),
        (("erf", "--callable", "a"), "callable='a' is invalid: expected MODULE:NAME"),
        (("erf", "--callable", "no.py:b"), "FileNotFoundError: there is no file no.py"),
        (("erf", "--callable", "json:dumpz"), "callable='json:dumpz' is invalid"),
    ],
)
def test_errors_are_one_line(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command(["lab", *words]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
