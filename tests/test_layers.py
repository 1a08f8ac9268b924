"""The direction of imports, and what `import jaxseg` must not load."""

import ast
import pathlib
import subprocess
import sys

import jaxseg

PACKAGE = pathlib.Path(jaxseg.__file__).parent
BASE = {"typing", "tree", "config"}
ALLOWED = {
    "ops": BASE,
    "nn": BASE | {"ops"},
    "losses": BASE | {"ops"},
    "metrics": BASE | {"ops"},
    "backbones": BASE | {"ops", "nn"},
    "heads": BASE | {"ops", "nn"},
    "models": BASE | {"ops", "nn", "backbones", "heads"},
    "data": BASE,
    "viz": BASE,
    "weights": BASE,
    "inference": BASE | {"ops"},
    "analysis": BASE | {"ops", "training"},
    "checkpoints": BASE,
    "training": BASE | {"metrics", "ops", "losses", "checkpoints"},
}
TENSORFLOW_FILES = {"data/tf_backend.py"}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_follow_the_layers():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        here = path.relative_to(PACKAGE)
        layer = here.parts[0].removesuffix(".py")
        for name in imports(path):
            parts = name.split(".")
            if parts[0] in ("tests", "experiments"):
                wrong.append(f"{here}: {name}")
            if parts[0] != "jaxseg" or len(parts) == 1 or layer not in ALLOWED:
                continue
            if parts[1] in ALLOWED and parts[1] not in ALLOWED[layer] | {layer}:
                wrong.append(f"{here}: {name}")
    assert not wrong, wrong


def test_only_one_file_names_tensorflow():
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == "tensorflow" for name in imports(path))
    }
    assert users <= TENSORFLOW_FILES


def test_import_loads_neither_tensorflow_nor_torch():
    code = (
        "import jax, sys, time; start = time.perf_counter(); import jaxseg; "
        "print({m for m in ('tensorflow', 'torch') if m in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
