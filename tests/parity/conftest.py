"""Fixtures and the printed table of the comparisons with PyTorch libraries."""

import importlib.util
import pathlib
import sys

import jax
import pytest

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


def pytest_terminal_summary(terminalreporter):
    """Prints the parity table: source, model, largest relative difference."""
    module = sys.modules.get("jaxseg_peers")
    if module is None or not module.TABLE:
        return
    terminalreporter.section("parity with PyTorch")
    for source, model, difference in sorted(module.TABLE):
        terminalreporter.line(f"| {source} | {model} | {difference:.1e} |")
