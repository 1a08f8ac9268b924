"""Sets up eight fake devices and cheap compilation, and makes warnings of jaxseg
errors.
"""

import gc
import importlib.metadata
import os
import pathlib

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# For the processes that tests start; most of their time would go into compilation.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ["KERAS_BACKEND"] = "jax"  # Keras reads it once, at its import.
# With the older code generator, and one module for each program, XLA compiles more than
# twice as fast. Tests that start processes pass this on to them. XLA ends the process at
# a flag that it does not know, so that other releases than the checked ones go without.
if importlib.metadata.version("jaxlib").startswith("0.10."):
    FLAGS = (
        "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    )
    os.environ["XLA_FLAGS"] = f"{FLAGS} {os.environ.get('XLA_FLAGS', '')}".strip()

import jax
import numpy as np
import pytest

from tests import records

CACHE = pathlib.Path(
    os.environ.get("JAXSEG_TEST_CACHE", pathlib.Path.home() / ".cache/jaxseg/tests")
)

CHECKOUT = pathlib.Path(__file__).parents[1]
RECORDS = CHECKOUT / "tests" / "results.jsonl"  # of the tables over all names
SLOW_FOLDERS = ("parallel", "parity")  # eight devices; PyTorch libraries

gc.set_threshold(200_000, 20, 50)  # tracing makes many objects: a fifth of its time
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)
jax.config.update("jax_compilation_cache_dir", str(CACHE))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def pytest_addoption(parser):
    parser.addoption(
        "--record",
        metavar="FILE",
        help="append a line of JSON for every table over names that was run; with "
        f"`-m sweep`, the default is {RECORDS.relative_to(CHECKOUT)}",
    )


def pytest_terminal_summary(terminalreporter, config):
    """Writes the records of the tables with `-m sweep` or `--record FILE`."""
    if hasattr(config, "workerinput"):  # The main process has all reports.
        return
    default = RECORDS if config.getoption("markexpr") == "sweep" else None
    if path := config.getoption("--record") or default:
        kinds = ("passed", "failed", "error", "skipped", "")
        reports = [r for kind in kinds for r in terminalreporter.stats.get(kind, ())]
        records.append(path, records.table_lines(reports))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks sweeps and the folders that take long as slow, and runs the longest first.

    If one of these tests ran last, the other workers would wait for it.
    """
    items.sort(key=lambda item: item.path.parent.name != "faults")
    for item in items:
        folder = item.path.parent.name
        if item.get_closest_marker("sweep") or folder in SLOW_FOLDERS:
            item.add_marker("slow")


def fill_variables(model, *input_shapes, seed=0):
    """Variables of the right shapes without running `init`: fast, and never trivial."""
    inputs = [jax.ShapeDtypeStruct(shape, np.float32) for shape in input_shapes]
    key = jax.ShapeDtypeStruct((2,), np.uint32)
    shapes = jax.eval_shape(lambda k, *x: model.init(k, *x, train=False), key, *inputs)
    random = np.random.default_rng(seed)

    def draw(path, leaf):
        name = path[-1].key
        if name == "kernel":
            scale = np.sqrt(2 / max(1, np.prod(leaf.shape[:-1])))
            value = random.normal(0, scale, leaf.shape)
        elif name in ("scale", "var"):
            value = random.uniform(0.7, 1.3, leaf.shape)
        else:
            value = random.normal(0, 0.1, leaf.shape)
        return value.astype(leaf.dtype)

    return jax.tree_util.tree_map_with_path(draw, shapes)


@pytest.fixture(scope="session")
def fill():
    """`fill(model, image_shape, seed=0) -> variables`; more shapes for more inputs."""
    return fill_variables


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory):
    """Where the drawn datasets are prepared, once for all tests and workers.

    Processes that prepare the same data at once find one complete copy.
    """
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "drawn"


@pytest.fixture
def full_optimization():
    """XLA's normal optimizations and exact float32 products, for parity and HLO."""
    jax.config.update("jax_disable_most_optimizations", False)
    try:
        with jax.default_matmul_precision("highest"):
            yield
    finally:
        jax.config.update("jax_disable_most_optimizations", True)
