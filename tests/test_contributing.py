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
    r"^ *<!-- (?:file: (?P<new>\S+)|(?P<where>after|before) \"(?P<line>[^\n]+)\" in "
    r"(?P<path>\S+)|(?P<run>run)) -->\n"
    r"(?P<indent> *)(?P<fence>`{3,4})(?:python|text|bash)\n(?P<code>.*?)\n *(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
FILES = (
    "tests/cli/test_models.py",
    "tests/contract/test_models.py",
    "tests/data/test_published.py",
    "tests/docs/test_families.py",
    "tests/docs/test_public_names.py",
    "tests/heads/test_score_sum.py",
    "tests/losses/test_masking.py",
    "tests/losses/test_objective.py",
    "tests/losses/test_poly.py",
    "tests/ops/test_blur_pool.py",
    "tests/training/test_gradient.py",
)
NAMES = (
    *("blur", "poly", "score_sum", "streets", "has_a_row", "hold_all_losses"),
    *("stored_table_is", "exactly_one_page", "current and index", "lists_every_page"),
    *("every_family_is_stored", "is_decided"),
)


def apply(block, root):
    """Writes a new file, or inserts the block next to a line that occurs once."""
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
        return path
    path = root / block["path"]
    lines = path.read_text().split("\n")
    assert lines.count(block["line"]) == 1, block["line"]
    place = lines.index(block["line"]) + (block["where"] == "after")
    lines.insert(place, f"\n\n{code}" if code.startswith("def ") else code)
    path.write_text("\n".join(lines))
    return path


def run(command, root, **options):
    """Runs a command in the copy, with the copy in place of the repository."""
    env = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(
        command, cwd=root, env=env, capture_output=True, text=True, **options
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout


@pytest.mark.slow
def test_the_recipes_work(tmp_path):
    for folder in ("jaxseg", "tests", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "_build")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    blocks = [*BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text())]
    commands = [block for block in blocks if block["run"]]
    assert (len(blocks), len(commands)) == (33, 3)
    changed = {apply(block, tmp_path) for block in blocks if not block["run"]}
    for block in commands:
        lines = re.sub("^ *python ", f"{sys.executable} ", block["code"], flags=re.M)
        run(f"set -e\n{lines}", tmp_path, shell=True)
    python = sorted(str(path) for path in changed if path.suffix == ".py")
    if shutil.which("ruff"):
        run(("ruff", "check", *python), tmp_path)
        run(("ruff", "format", "--check", *python), tmp_path)
    words = " or ".join(f"({name})" for name in NAMES)
    out = run((sys.executable, "-m", "pytest", "-q", "-k", words, *FILES), tmp_path)
    assert int(re.search(r"(\d+) passed", out)[1]) >= 20
