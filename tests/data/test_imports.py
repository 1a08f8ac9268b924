"""What importing the data layer loads."""

import ast
import pathlib
import subprocess
import sys

import pytest

import jaxseg.data

FOLDER = pathlib.Path(jaxseg.data.__file__).parent


@pytest.mark.slow
def test_neither_tensorflow_nor_torch_is_loaded_in_use(tmp_path):
    code = (
        "import sys, jaxseg.data as data\n"
        "from jaxseg.data import tf_backend\n"
        "from jaxseg.data.builders.drawn import drawn_config\n"
        "from jaxseg.data.datasets import DATASETS\n"
        "from jaxseg.data.prepare import prepare\n"
        "import pathlib\n"
        "from jaxseg.config import DataConfig\n"
        "sizes = dict(size=(16, 16), train=3, validation=2)\n"
        "config = drawn_config(DATASETS['shapes'], **sizes)\n"
        "builder = prepare(config, pathlib.Path(sys.argv[1]))\n"
        "source = data.from_builder(builder, 'train')\n"
        "batches = data.train_batches(source, DataConfig(), seed=0, batch_size=2)\n"
        "print(next(batches)['image'].shape)\n"
        "batches.close()\n"
        "print([m for m in ('tensorflow', 'torch') if m in sys.modules])\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == ["(2, 96, 128, 3)", "[]"]


def test_one_file_imports_tensorflow():
    users = set()
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in getattr(node, "names", [])]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if isinstance(node, ast.Import | ast.ImportFrom) and any(
                name.split(".")[0] == "tensorflow" for name in names
            ):
                users.add(path.name)
    assert users == {"tf_backend.py"}
