"""Whole networks give the probabilities of `Segmenter` in ONNX Runtime, at any size.

experiments/export has the results of all names.
"""

import pytest

import jaxseg
from jaxseg.inference.export.formats import FORMATS
from jaxseg.inference.export.header import describe
from jaxseg.inference.export.program import Program
from jaxseg.inference.export.verification import compare
from jaxseg.inference.predict_options import PredictOptions
from tests.contract.networks import narrow_model
from tests.contract.representatives import REPRESENTATIVES
from tests.contract.rows import ROWS, SEGMENTING

# Atrous depthwise kernels and resized maps; a scan in both directions.
QUICK = ("deeplabv3plus_mobilenetv2", "spn")
NAMES = [
    pytest.param(name, marks=pytest.mark.slow if name in QUICK else [pytest.mark.sweep])
    for name in REPRESENTATIVES
    if name in SEGMENTING
]


@pytest.mark.parametrize("name", NAMES)
def test_a_network_gives_the_probabilities_of_the_segmenter(name, fill, tmp_path):
    kind = FORMATS[".onnx"]
    for package in kind.packages:
        pytest.importorskip(package)
    channels = ROWS[name].get("channels", 3)
    spec = jaxseg.DatasetSpec(
        "three",
        ("a", "b", "c"),
        ((0, 0, 0), (128, 0, 0), (0, 128, 0)),
        mean=(0.45,) * channels,
        std=(0.25,) * channels,
    )
    model = narrow_model(name)
    variables = fill(model, (1, 64, 96, channels))
    options = PredictOptions(multiple=32)
    segmenter = jaxseg.Segmenter(model, variables, spec, options=options)
    program = Program.of(segmenter, variables, output="probabilities")
    file = tmp_path / "network.onnx"
    kind.write(program, describe(program), file)
    found = next(compare(segmenter, program, kind, file))
    assert found.passes, found
