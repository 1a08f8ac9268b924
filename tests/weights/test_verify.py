"""`convert --verify` where the other library does not work."""

import sys
from unittest import mock

import numpy as np
import pytest

from jaxseg import weights
from jaxseg.weights import verify

pytest.importorskip("torch")
BROKEN = {
    "absent": "",
    "version": "assert False, 'MMCV==2.2.0 is used but incompatible.'",
    "operator": "raise RuntimeError('operator nms\\x1b[31m does not exist\\nmore')",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_library_that_cannot_be_imported_is_explained(tmp_path, monkeypatch, name):
    source = next(row for row in weights.SOURCES if row.name == "UNet")
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "mmseg"
    package.mkdir()
    (package / "__init__.py").write_text(BROKEN[name])
    broken = pytest.raises(ValueError, match="mmseg cannot be imported: ")
    with mock.patch.dict(sys.modules), broken as seen:
        for loaded in [n for n in sys.modules if n.partition(".")[0] == "mmseg"]:
            del sys.modules[loaded]
        verify.difference(
            source,
            source.networks[0],
            {"a": np.zeros(1, np.float32)},
            lambda image: image,
            num_classes=2,
            options={},
        )
    text = str(seen.value)
    assert text.isprintable() and text.endswith("or leave --verify out.")
