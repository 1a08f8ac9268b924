"""The programs in docs/guide/export.md run where jaxseg cannot be imported, nor mostly JAX."""

import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

import jaxseg
from jaxseg.inference.export.formats import FORMATS
from jaxseg.inference.export.header import describe
from jaxseg.inference.export.program import Program

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "guide" / "export.md"
BLOCKED = "import sys\nfor name in {names}:\n    sys.modules[name] = None\n"
SPEC = jaxseg.DatasetSpec(
    "three", ("red", "green", "blue"), ((200, 0, 0), (0, 200, 0), (0, 0, 200))
)


def block(name):
    """The program of the page that follows a mark."""
    text = PAGE.read_text()
    return re.search(rf"<!-- {name} -->\n```python\n(.*?)```", text, re.DOTALL)[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stablehlo", "onnx", "tflite", "vmfb"])
def test_a_loader_prints_the_shares_of_the_classes(name, fill, tmp_path):
    kind = FORMATS[f".{name}"]
    for package in kind.packages:
        pytest.importorskip(package)
    model = jaxseg.create_model("unet", num_classes=3, width=4, depth=1)
    variables = fill(model, (1, 32, 32, 3))
    segmenter = jaxseg.Segmenter(model, variables, SPEC)
    program = Program.of(segmenter, variables, output="classes", size=(32, 48), batch=1)
    kind.write(program, describe(program), tmp_path / f"network.{name}")
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    np.save(tmp_path / "image.npy", image)
    program = block(name)
    assert len([line for line in program.splitlines() if line]) <= 11
    blocked = ("jaxseg", "flax", "tensorflow", "jax")[: 3 if name == "stablehlo" else 4]
    done = subprocess.run(
        [sys.executable, "-I", "-c", BLOCKED.format(names=blocked) + program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    labels, counts = np.unique(segmenter.predict(image).labels, return_counts=True)
    expected = [
        [SPEC.classes[label], str(count / (32 * 48))]
        for label, count in zip(labels, counts, strict=True)
    ]
    assert [line.split() for line in done.stdout.splitlines()] == expected
