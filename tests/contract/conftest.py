"""The rows of all families: what each network of `MODELS` must be."""

import importlib.util
import pathlib

import pytest


def load_rows():
    rows = {}
    for path in sorted((pathlib.Path(__file__).parent / "rows").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"rows_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert not rows.keys() & module.ROWS.keys()
        rows.update(module.ROWS)
    return rows


ROWS = load_rows()


@pytest.fixture
def rows():
    """name -> row, for every network."""
    return ROWS


def pytest_generate_tests(metafunc):
    """Over all networks, those with a tiny variant, and of these the segmenting ones."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", sorted(ROWS))
    if "narrow_name" in metafunc.fixturenames:
        narrow = sorted(name for name, row in ROWS.items() if "narrow" in row)
        metafunc.parametrize("narrow_name", narrow)
    if "segmenting_name" in metafunc.fixturenames:
        tasks = {name: row.get("task", "segmentation") for name, row in ROWS.items()}
        names = [n for n in tasks if "narrow" in ROWS[n] and tasks[n] == "segmentation"]
        metafunc.parametrize("segmenting_name", sorted(names))
