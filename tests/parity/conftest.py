"""Fixtures and the printed table of the comparisons with PyTorch libraries."""

import contextlib
import importlib
import importlib.metadata
import pathlib
import sys

import jax
import pytest

from tests.parity.selection import DEFAULT, OPTIMIZED

_LIBRARIES = {"smp": "segmentation_models_pytorch", "mmseg": "mmsegmentation"}
_TABLES = (  # title, name of the rows, columns
    (
        "parity with PyTorch",
        "parity",
        ("Largest difference, relative to the largest output",),
    ),
    ("parity in training mode", "training", ("Outputs", "Gradients")),
)
_HERE = pathlib.Path(__file__).parent
_PEERS = "tests.parity.peers"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Slow comparisons that are not selected are sweeps; the selected ones exist."""
    here = [item for item in items if item.path.parent == _HERE]
    names = {f"{item.path.name}::{item.name}": item for item in here}
    for name, item in names.items():
        if item.get_closest_marker("slow") and name not in DEFAULT:
            item.add_marker("sweep")
    files = {item.path.name for item in here}
    selected = DEFAULT.keys() | OPTIMIZED
    wanted = {name for name in selected if name.partition("::")[0] in files}
    whole = not any("::" in argument for argument in config.args)
    if whole and (missing := wanted - names.keys()):
        raise pytest.UsageError(
            f"selection={sorted(missing)} is invalid: no such tests."
        )


@pytest.fixture
def peers(request):
    """The module ``tests/parity/peers.py``; skips where torch is not installed.

    Sweeps compare even and odd sizes, the other tests one size with a side of each kind.
    """
    pytest.importorskip(
        "torch", reason="parity needs torch: pip install jaxseg[parity]"
    )
    module = importlib.import_module(_PEERS)
    swept = request.node.get_closest_marker("sweep")
    module.default_sizes = module.EVEN_AND_ODD if swept else module.SIZES
    return module


@pytest.fixture(autouse=True)
def exact_numerics(request):
    """Full float32 products; in `OPTIMIZED` and in sweeps, programs as users run them.

    Without XLA's optimizations the other programs compile in a third of the time.
    """
    node, name = request.node, "jax_disable_most_optimizations"
    optimized = f"{node.path.name}::{node.name}" in OPTIMIZED
    before = jax.config.read(name)
    jax.config.update(name, not (optimized or node.get_closest_marker("sweep")))
    with jax.default_matmul_precision("highest"):
        yield
    jax.config.update(name, before)


@pytest.fixture(autouse=True)
def recorded(request):
    """The comparisons of a test travel with its report, from other processes too."""
    yield
    module = sys.modules.get(_PEERS)
    if module is not None:
        for name, table in (("parity", module.TABLE), ("training", module.TRAINING)):
            request.node.user_properties += [(name, row) for row in table]
            table.clear()


def pytest_terminal_summary(terminalreporter):
    """Prints the parity tables in Markdown: evaluation, and training mode."""
    reports = [r for group in terminalreporter.stats.values() for r in group]
    properties = [p for r in reports for p in getattr(r, "user_properties", ())]
    for title, name, columns in _TABLES:
        table = sorted({tuple(row) for kind, row in properties if kind == name})
        if table:
            terminalreporter.section(title)
            _print_table(terminalreporter.line, columns, table)


def _print_table(line, columns, table):
    line("| Source | Network |" + "".join(f" {column} |" for column in columns))
    line("|---|---|" + "---|" * len(columns))
    for source, model, *differences in table:
        cells = "".join(f" {value:.1e} |" for value in differences)
        line(f"| {_named(source)} | {model} |{cells}")
    largest = max(max(differences) for _, _, *differences in table)
    line(f"\n{len(table)} comparisons, the largest {largest:.1e}")


def _named(source: str) -> str:
    """The library's name and version."""
    name = _LIBRARIES.get(source, source)
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return f"{name} {importlib.metadata.version(name)}"
    return name
