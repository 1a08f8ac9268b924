"""The direction of imports, and what `import jaxseg` must not load.

No cycle exists between files, and none between folders except between a folder and the
folders inside it: imports from a folder into one that contains it are not counted. Both
rules leave out the imports of `__init__.py` files.
"""

import ast
import importlib
import inspect
import pathlib
import pkgutil
import subprocess
import sys

import jaxseg

PACKAGE = pathlib.Path(jaxseg.__file__).parent
EXPERIMENTS, TESTS = (PACKAGE.parent / name for name in ("experiments", "tests"))
BASE = {"typing", "config", "storage", "text"}
NETWORKS = BASE | {"ops", "nn", "backbones", "heads", "models"}
RUNS = NETWORKS | {"data", "weights", "checkpoints", "runs"}
STUDIES = RUNS | {
    *("losses", "metrics", "training", "tasks"),
    *("analysis", "inference", "viz"),
}
TOOLS = {"audit", "plan", "lab", "bench", "report", "serve", "receipts", "health"}
DOORS = {"_api", "_pretrained", "_train"}  # what `import jaxseg` loads on first use
ALLOWED = {
    "typing": set(),
    "config": BASE,
    "storage": BASE,
    "text": set(),
    "ops": BASE,
    "nn": BASE | {"ops"},
    "backbones": BASE | {"ops", "nn"},
    "heads": BASE | {"ops", "nn"},
    "models": NETWORKS,
    "nnx": NETWORKS,
    "losses": BASE | {"ops"},
    "metrics": BASE | {"ops"},
    "weights": BASE | {"checkpoints"},  # a run directory is one of its formats
    "viz": BASE,
    "checkpoints": BASE,
    "data": BASE,
    "analysis": BASE | {"ops"},
    "inference": BASE | {"ops", "data", "analysis", "metrics", "viz"},
    "training": BASE | {"losses", "metrics", "ops", "checkpoints"},
    "runs": RUNS,
    "tasks": RUNS | {"losses", "metrics", "training", "inference", "viz"},
    **{tool: STUDIES for tool in TOOLS},
    **{door: STUDIES | TOOLS for door in DOORS},
    "cli": STUDIES | TOOLS | DOORS,
}
FILE_LINES, FUNCTION_LINES = 300, 60
TENSORFLOW_FILES = {"data/tf_backend.py", "inference/export/tflite.py"}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_name(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path, modules):
    """Modules of jaxseg that a file imports, the most exact name of each."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name in modules or node.module in modules:
                    yield name if name in modules else node.module


def cycle(graph):
    """One cycle of a graph {node: successors} as a list of nodes, or None."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        path.append(node)
        for successor in sorted(graph.get(node, ())):
            if found := visit(successor):
                return found
        path.pop()
        done.add(node)
        return None

    return next((found for node in sorted(graph) if (found := visit(node))), None)


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


def test_every_folder_and_file_of_the_package_is_in_the_table():
    names = {path.stem for path in PACKAGE.iterdir() if path.name[:2] != "__"}
    assert names - {"py"} <= set(ALLOWED)  # py.typed


def test_experiments_do_not_import_the_command_line():
    wrong = [
        f"{path.relative_to(EXPERIMENTS)}: {name}"
        for path in EXPERIMENTS.rglob("*.py")
        for name in imports(path)
        if name.startswith("jaxseg.cli")
    ]
    assert not wrong, wrong


def test_tests_and_experiments_import_no_private_names():
    private = [
        f"{path.relative_to(PACKAGE.parent)}: {name}"
        for folder in (TESTS, EXPERIMENTS)
        for path in folder.rglob("*.py")
        for name in imports(path)
        if name.startswith("jaxseg.") and "._" in name
    ]
    assert not private, private


def test_no_cycle_of_files_or_folders():
    modules = {module_name(path): path for path in PACKAGE.rglob("*.py")}
    files = {
        # A package's own list of public names is no dependency of its files.
        name: {other for other in imported_modules(path, modules) if other != name}
        for name, path in modules.items()
        if path.name != "__init__.py"
    }
    assert cycle(files) is None, cycle(files)
    folders = {}
    for name, others in files.items():
        own = name.rpartition(".")[0]
        for other in others:
            is_package = modules[other].name == "__init__.py"
            folder = other if is_package else other.rpartition(".")[0]
            # A folder may import files of the folders that contain it.
            if not f"{own}.".startswith(f"{folder}."):
                folders.setdefault(own, set()).add(folder)
    assert cycle(folders) is None, cycle(folders)


def test_a_cycle_is_found():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert cycle({"a": {"b"}, "b": {"c"}, "c": set()}) is None


def test_no_module_shares_its_name_with_what_its_package_exports():
    shadowed = []
    for module in pkgutil.walk_packages([str(PACKAGE)], "jaxseg."):
        if "__main__" in module.name or "_dataset_builder" in module.name:
            continue
        package, _, leaf = module.name.rpartition(".")
        value = getattr(importlib.import_module(package), leaf, None)
        if value is not None and not inspect.ismodule(value):
            shadowed.append(module.name)
    assert not shadowed, shadowed


def test_networks_and_steps_do_not_name_formulations_for_a_compiler():
    """Named operators of `ops` hide them, so that a block reads as its formula."""
    wrong = []
    for folder in ("nn", "heads", "backbones", "models", "training/step"):
        for path in (PACKAGE / folder).rglob("*.py"):
            hidden = ("jaxseg.ops.lowering", "jaxseg.ops.spatial")
            names = [name for name in imports(path) if name.startswith(hidden)]
            names += ["optimization_barrier"] * ("ation_barrier(" in path.read_text())
            wrong += [f"{path.relative_to(PACKAGE)}: {name}" for name in names]
    assert not wrong, wrong


def test_files_and_functions_are_short():
    """Files have at most 300 lines, and functions at most 60, without exception."""
    long = []
    for path in PACKAGE.rglob("*.py"):
        text, here = path.read_text(), path.relative_to(PACKAGE).as_posix()
        if (count := len(text.splitlines())) > FILE_LINES:
            long.append(f"{here}: {count} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count = node.end_lineno - node.lineno + 1
                if count > FUNCTION_LINES:
                    long.append(f"{here}: {node.name} has {count} lines")
    assert not long, long


def test_only_two_files_name_tensorflow():
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(name.split(".")[0] == "tensorflow" for name in imports(path))
    }
    assert users <= TENSORFLOW_FILES


def test_import_and_help_load_no_heavy_library():
    code = (
        "import sys; import jaxseg, jaxseg.viz.charts, jaxseg.viz.page; "
        "from jaxseg.cli.main import main; main(['--help']); "
        "heavy = ('tensorflow', 'torch', 'tensorflow_datasets', 'orbax', 'optax', "
        "'grain', 'tyro', 'matplotlib', 'jinja2'); print({m for m in heavy if m in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"
