"""The notebooks of the documentation are those of their sources, and still run."""

import importlib.util
import pathlib

import pytest

from tests.conftest import CACHE
from tests.tiers import tiered

pytest.importorskip("nbclient")
PATH = pathlib.Path(__file__).parents[2] / "docs" / "notebooks" / "build.py"
SPEC = importlib.util.spec_from_file_location("notebooks", PATH)
notebooks = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(notebooks)
# One notebook shows that a form is made and executed. The pages of the documentation,
# whose blocks test_code_blocks.py runs, use the functions of the others.
USUAL = ("atrous_laboratory",)
KILOBYTES = 300  # the largest size of a notebook with its outputs
CHEAP = {  # as in tests/conftest.py, for the processes of the notebooks
    "JAX_COMPILATION_CACHE_DIR": str(CACHE),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "true",
}


@pytest.mark.parametrize("name", notebooks.names())
def test_a_stored_notebook_has_the_cells_of_its_source_and_their_outputs(name):
    stored = notebooks.stored(name)
    cells = [(cell.cell_type, cell.source) for cell in stored.cells]
    made = [(cell.cell_type, cell.source) for cell in notebooks.made(name).cells]
    assert cells == made, f"Run `python docs/notebooks/build.py {name}`."
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [*range(1, len(code) + 1)]
    assert (PATH.parent / f"{name}.ipynb").stat().st_size <= 1000 * KILOBYTES


@pytest.mark.parametrize("name", tiered(notebooks.names(), USUAL))
def test_the_short_form_of_a_notebook_runs(name, monkeypatch):
    if name.startswith("torchvision"):
        pytest.importorskip("torch")
        if importlib.util.find_spec("torchvision") is None:
            pytest.skip("torchvision is not installed.")
    for variable, value in CHEAP.items():
        monkeypatch.setenv(variable, value)
    notebook = notebooks.executed(notebooks.made(name, short=True))
    assert any(cell.get("outputs") for cell in notebook.cells)
