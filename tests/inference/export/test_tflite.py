"""TensorFlow Lite files of networks that normalize a map of one pixel."""

import pytest

import jaxseg
from jaxseg.inference.export.formats import FORMATS
from jaxseg.inference.export.header import describe
from jaxseg.inference.export.program import Program
from jaxseg.inference.export.verification import compare

SPEC = jaxseg.DatasetSpec("two", ("a", "b"), ((0, 0, 0), (128, 0, 0)))
NARROW = {"width": 4, "blocks": (1, 1, 1, 1)}


@pytest.mark.slow
def test_image_pooling_with_normalization_is_converted(fill, tmp_path):
    """TensorFlow would crash at a convolution to one pixel that is then scaled."""
    kind = FORMATS[".tflite"]
    for package in kind.packages:
        pytest.importorskip(package)
    model = jaxseg.create_model(
        "deeplabv3", 2, backbone="resnet18", backbone_options=NARROW, features=8
    )
    variables = fill(model, (1, 64, 64, 3))
    segmenter = jaxseg.Segmenter(model, variables, SPEC)
    program = Program.of(
        segmenter, variables, output="probabilities", size=(64, 64), batch=1
    )
    kind.write(program, describe(program), tmp_path / "network.tflite")
    assert next(compare(segmenter, program, kind, tmp_path / "network.tflite")).passes
