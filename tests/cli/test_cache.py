"""The cache of compiled programs: on by default, bounded, and the user's own wins."""

import os
import subprocess
import sys

import jax
import pytest

from jaxseg.cli import main as command
from jaxseg.runs import compilation_cache as cache


@pytest.fixture
def unset(monkeypatch, tmp_path):
    """JAX without a cache, a home of our own."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(cache.SWITCH, raising=False)
    yield tmp_path
    jax.config.update("jax_compilation_cache_dir", before)


def test_it_is_on_in_the_home_directory(unset):
    folder = unset / ".cache/jaxseg/xla"
    assert cache.enable() == folder and folder.is_dir()
    assert jax.config.jax_compilation_cache_dir == str(folder)


def test_a_directory_of_the_user_is_left_alone(unset, tmp_path):
    mine = str(tmp_path / "mine")
    jax.config.update("jax_compilation_cache_dir", mine)
    assert cache.enable() is None
    assert jax.config.jax_compilation_cache_dir == mine
    assert not (unset / ".cache").exists()


def test_zero_turns_it_off(unset, monkeypatch):
    monkeypatch.setenv(cache.SWITCH, "0")
    assert cache.enable() is None
    assert jax.config.jax_compilation_cache_dir is None


def test_a_home_that_cannot_be_written_is_no_error(unset, monkeypatch):
    (unset / ".cache").write_text("a file where the directory should be")
    assert cache.enable() is None
    assert jax.config.jax_compilation_cache_dir is None


@pytest.mark.parametrize("text", ["many", "-1", "nan", "inf"])
def test_a_bound_that_is_none_is_refused(unset, monkeypatch, text):
    monkeypatch.setenv(cache.SWITCH, text)
    with pytest.raises(ValueError, match=f"JAXSEG_CACHE_GB='{text}' is invalid"):
        cache.enable()


def test_the_longest_unused_go_first(tmp_path):
    for age, name in enumerate(("new", "middle", "old")):
        path = tmp_path / name
        path.write_bytes(bytes(100))
        os.utime(path, (1e9 - age, 1e9 - age))
    assert cache.prune(tmp_path, 250) == 100
    assert {path.name for path in tmp_path.iterdir()} == {"new", "middle"}
    assert cache.prune(tmp_path, 200) == 0


def test_the_flag_reaches_the_command(unset, monkeypatch):
    monkeypatch.setenv(cache.SWITCH, "1")  # restored afterwards
    seen = []
    record = lambda module, argv: seen.append((argv, os.environ[cache.SWITCH])) or 0
    monkeypatch.setattr(command, "run", record)
    assert command.main(["--no-cache", "models", "unet"]) == 0
    assert seen == [(["unet"], "0")]


@pytest.mark.slow
def test_the_second_process_reads_what_the_first_wrote(tmp_path):
    """jaxseg keeps programs that took a second to compile; the test lowers that."""
    code = (
        "import jax, jax.numpy as jnp\n"
        "from jaxseg.runs import compilation_cache as cache\n"
        "assert cache.enable()\n"
        "found = []\n"
        "jax.monitoring.register_event_listener(lambda name, **_: found.append(name))\n"
        "jax.jit(lambda x: jnp.sin(x) @ x)(jnp.ones((8, 8)))\n"
        "print('/jax/compilation_cache/cache_hits' in found)\n"
    )
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    run = lambda: subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    ).stdout.strip()
    assert run() == "False"
    assert run() == "True"
