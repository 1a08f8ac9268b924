"""Fixtures and the printed table of the comparisons with PyTorch libraries."""

import contextlib
import importlib
import importlib.metadata
import pathlib
import sys

import jax
import pytest

from tests.parity.selection import DEFAULT

_LIBRARIES = {"smp": "segmentation_models_pytorch", "mmseg": "mmsegmentation"}
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
    wanted = {name for name in DEFAULT if name.partition("::")[0] in files}
    whole = not any("::" in argument for argument in config.args)
    if whole and (missing := wanted - names.keys()):
        raise pytest.UsageError(f"DEFAULT={sorted(missing)} is invalid: no such tests.")


@pytest.fixture(scope="session")
def peers():
    """The module ``tests/parity/peers.py``; skips where torch is not installed."""
    pytest.importorskip(
        "torch", reason="parity needs torch: pip install jaxseg[parity]"
    )
    return importlib.import_module(_PEERS)


@pytest.fixture(autouse=True)
def exact_numerics():
    """Default optimizations and full float32 products, as users run."""
    name = "jax_disable_most_optimizations"
    before = jax.config.read(name)
    jax.config.update(name, False)
    with jax.default_matmul_precision("highest"):
        yield
    jax.config.update(name, before)


@pytest.fixture(autouse=True)
def recorded(request):
    """The comparisons of a test travel with its report, from other processes too."""
    yield
    module = sys.modules.get(_PEERS)
    if module is not None:
        request.node.user_properties += [("parity", row) for row in module.TABLE]
        module.TABLE.clear()


def pytest_terminal_summary(terminalreporter):
    """Prints the parity table in Markdown: source, network, largest difference."""
    reports = [r for group in terminalreporter.stats.values() for r in group]
    properties = [p for r in reports for p in getattr(r, "user_properties", ())]
    table = sorted({tuple(row) for name, row in properties if name == "parity"})
    if not table:
        return
    terminalreporter.section("parity with PyTorch")
    line = terminalreporter.line
    line("| Source | Network | Largest difference, relative to the largest output |")
    line("|---|---|---|")
    for source, model, difference in table:
        line(f"| {_named(source)} | {model} | {difference:.1e} |")
    line(f"\n{len(table)} comparisons, the largest {max(d for *_, d in table):.1e}")


def _named(source: str) -> str:
    """The library's name and version."""
    name = _LIBRARIES.get(source, source)
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return f"{name} {importlib.metadata.version(name)}"
    return name
