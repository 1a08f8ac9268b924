"""The recipes of CONTRIBUTING.md, applied in a copy of the repository, work."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

ROOT = pathlib.Path(__file__).parent.parent
BLOCK = re.compile(
    r"^ *<!-- (?:file: (?P<new>\S+)|after \"(?P<line>[^\n]+)\" in (?P<path>\S+)) -->\n"
    r"(?P<indent> *)```(?:python|text)\n(?P<code>.*?)\n *```$",
    re.MULTILINE | re.DOTALL,
)
FILES = (
    "tests/contract/test_models.py",
    "tests/data/test_published.py",
    "tests/heads/test_score_sum.py",
    "tests/losses/test_masking.py",
    "tests/losses/test_objective.py",
    "tests/losses/test_poly.py",
    "tests/ops/test_blur_pool.py",
    "tests/training/test_gradient.py",
)
NAMES = "blur or poly or score_sum or streets or has_a_row or hold_all_losses"


def apply(block, root):
    """Writes a new file, or inserts the block after a line that occurs once."""
    code = (
        textwrap.dedent(block["code"])
        if not block["indent"]
        else "\n".join(
            line.removeprefix(block["indent"]) for line in block["code"].split("\n")
        )
    )
    if block["new"]:
        path = root / block["new"]
        assert not path.exists()
        path.write_text(code + "\n")
        return
    path = root / block["path"]
    lines = path.read_text().split("\n")
    assert lines.count(block["line"]) == 1, block["line"]
    lines.insert(lines.index(block["line"]) + 1, code)
    path.write_text("\n".join(lines))


@pytest.mark.slow
def test_the_recipes_work(tmp_path):
    for folder in ("jaxseg", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    blocks = [*BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text())]
    assert len(blocks) == 22
    for block in blocks:
        apply(block, tmp_path)
    command = (sys.executable, "-m", "pytest", "-q", "-k", NAMES, *FILES)
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 15
