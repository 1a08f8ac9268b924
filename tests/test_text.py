"""Tests that names from foreign files can be printed and do not control a terminal."""

import numpy as np
import pytest

from jaxseg.cli.main import main
from jaxseg.config import OptimConfig
from jaxseg.nn.block_config import BlockConfig
from jaxseg.nn.layers import activation
from jaxseg.ops.resize import resize
from jaxseg.text import printable
from jaxseg.training.optim.learning_rate import schedule
from jaxseg.training.optim.optimizers import build
from jaxseg.weights import ConversionReport, convert, detect


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("backbone.conv1.weight", "backbone.conv1.weight"),
        ("Straße 道路", "Straße 道路"),
        ("wide\u3000space", "wide\u3000space"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b2J", r"\x9b2J"),
        ("a\rb\nc\td\0", r"a\rb\nc\td\x00"),
        ("\ufeffroad", r"\ufeffroad"),
        ("file\u202egnp.exe", r"file\u202egnp.exe"),
        ("half\udc80", r"half\udc80"),
        ("line\u2028end", r"line\u2028end"),
        (7, "7"),
    ],
)
def test_what_is_shown(text, shown):
    assert printable(text) == shown
    printable(text).encode()


def test_long_names_are_cut():
    assert printable("k" * 500) == "k" * 200 + "..."
    assert printable("k" * 200) == "k" * 200


def test_kept_characters():
    assert printable("a\n\x1b\tb", keep="\n") == "a\n\\x1b\\tb"


def test_the_command_line_prints_no_control_characters(tmp_path, capsys):
    """All errors reach the terminal through one function, which escapes them."""
    path = tmp_path / "a\x1b[31m.safetensors"
    path.write_bytes(b"\x00\x01")
    assert main(["convert", str(path), "-o", str(tmp_path / "out")]) == 1
    text = capsys.readouterr().err
    assert r"a\x1b[31m.safetensors" in text and "\x1b" not in text


def test_reports_and_refusals_escape_the_names_of_tensors():
    names = ("head\x1b[2J.weight",)
    report = ConversionReport(origin="jaxseg", tensors=1, parameters=1, dropped=names)
    assert r"head\x1b[2J.weight" in str(report) and "\x1b" not in str(report)
    with pytest.raises(ValueError, match=r"head\\x1b\[2J\.weight"):
        detect(names)
    with pytest.raises(ValueError, match=r"head\\x1b\[2J\.weight"):
        convert({names[0]: np.ones(1)}, (), {"params": {}})


@pytest.mark.parametrize(
    "make, meant",
    [
        (lambda: BlockConfig(norm="bach"), "batch"),
        (lambda: activation("relu7"), "relu6"),
        (lambda: resize(np.zeros((1, 2, 2, 1)), (4, 4), method="nearst"), "nearest"),
        (lambda: build(OptimConfig(name="adamv"), 10), "adamw"),
        (lambda: schedule(OptimConfig(schedule="cosin"), 10), "cosine"),
    ],
)
def test_a_wrong_name_suggests_a_similar_one(make, meant):
    with pytest.raises(ValueError, match=f"Did you mean .*'{meant}'"):
        make()
