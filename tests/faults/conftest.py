"""One process that forks, and one cache of programs, for all runs that are killed."""

import os

import pytest

from tests.faults.forks import Forks


@pytest.fixture(scope="session")
def environment(drawn_data, tmp_path_factory):
    """Environment of the runs: one place for data and programs."""
    return os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAXSEG_DATA_DIR": str(drawn_data),
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("programs")),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # compiling takes most of the time
    }


@pytest.fixture(scope="session")
def forks(environment, tmp_path_factory):
    """Starts `jaxseg` in processes that do not import it again."""
    server = Forks(environment, tmp_path_factory.mktemp("output"))
    yield server
    server.close()
