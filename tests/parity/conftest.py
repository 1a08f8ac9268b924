"""Fixtures and the printed table of the comparisons with PyTorch libraries."""

import contextlib
import importlib.metadata
import importlib.util
import pathlib
import sys

import jax
import pytest

_LIBRARIES = {"smp": "segmentation_models_pytorch", "mmseg": "mmsegmentation"}
_PEERS = pathlib.Path(__file__).with_name("peers.py")


@pytest.fixture(scope="session")
def peers():
    """The module ``tests/parity/peers.py``; skips where torch is not installed."""
    pytest.importorskip(
        "torch", reason="parity needs torch: pip install jaxseg[parity]"
    )
    if "jaxseg_peers" not in sys.modules:
        spec = importlib.util.spec_from_file_location("jaxseg_peers", _PEERS)
        module = importlib.util.module_from_spec(spec)
        sys.modules["jaxseg_peers"] = module
        spec.loader.exec_module(module)
    return sys.modules["jaxseg_peers"]


@pytest.fixture(autouse=True)
def exact_numerics():
    """Default optimisations and full float32 products, as users run."""
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
    module = sys.modules.get("jaxseg_peers")
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
