"""A Python file that a foreign run directory names is executed only on request."""

import json
import pathlib
import re
import shutil

import pytest

import jaxseg
from jaxseg.cli.main import main
from jaxseg.config import Config, DataConfig
from jaxseg.config.data import MemberConfig
from jaxseg.config.stored_code import marked, permitted, require_named, unmarked
from jaxseg.data.augment.user_pipeline import load_pipeline
from jaxseg.data.external.module import load_module
from jaxseg.runs.directory import read_config

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
IMAGE = GOLDEN / "photos" / "validation" / "images" / "scene1.png"


@pytest.fixture
def foreign(tmp_path):
    """A run whose module writes the file `executed` when it is imported."""
    run = shutil.copytree(GOLDEN / "unet", tmp_path / "run")
    module = tmp_path / "foreign.py"
    module.write_text(f"open({str(tmp_path / 'executed')!r}, 'w').close()\n")
    stored = json.loads((run / "config.json").read_text())
    stored["data"] |= {"name": "tfds:no_such_builder", "module": str(module)}
    (run / "config.json").write_text(json.dumps(stored))
    return run, module, tmp_path / "executed"


def test_no_command_executes_the_module_of_a_run(foreign, capsys, tmp_path):
    run, module, executed = foreign
    remedy = f"If you trust the file, pass --data.module {module}."
    for words in (
        ["eval", str(run)],
        ["calibrate", str(run)],
        ["train", f"--workdir={run}", "--devices=1"],
        ["data", "audit", str(run), str(run)],
    ):
        assert main(words) == 1, words
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and error.endswith(f"{remedy}\n"), words
    assert main(["report", str(run), f"-o={tmp_path / 'a.html'}"]) == 0
    assert "If you trust the file" in (tmp_path / "a.html").read_text()
    words = ["predict", str(IMAGE), f"--workdir={run}", f"-o={tmp_path / 'out'}"]
    assert main(words) == 0 and not executed.exists()
    assert main(["eval", str(run), f"--data.module={module}"]) == 1
    assert "tfds:no_such_builder" in capsys.readouterr().err and executed.exists()


def test_python_executes_a_module_only_if_it_is_named(foreign):
    run, module, executed = foreign
    opened = jaxseg.open_run(run, checkpoint="latest")
    expected = re.escape(f"pass data.module={str(module)!r}.")
    for call in (opened.evaluate, opened.measure):
        with pytest.raises(ValueError, match=expected):
            call()
    assert not executed.exists()
    named = jaxseg.open_run(run, checkpoint="latest", data={"module": str(module)})
    with pytest.raises(ValueError, match="no_such_builder"):
        named.evaluate()
    assert executed.exists()
    assert read_config(run).data.module != str(module)


def test_marks():
    mix = tuple(MemberConfig(data=DataConfig(module=name)) for name in "ab")
    config = Config(data=DataConfig(mix=mix, albumentations="c.py:d"))
    stored = marked(config)
    assert unmarked(stored) == config == unmarked(marked(stored))
    one = permitted(stored.data, ["a"])
    assert [m.data.module == name for m, name in zip(one.mix, "ab", strict=True)] == [
        True,
        False,
    ]
    with pytest.raises(ValueError, match=r"trust the file, pass --data\.module b\."):
        require_named(one)
    require_named(permitted(stored.data, ["a", "b"]))
    with pytest.raises(ValueError, match=r"data\.albumentations='c\.py:d' is invalid"):
        require_named(permitted(stored.data, ["a", "b"]), training=True)
    # Opening the data refuses a mark that no command has refused.
    with pytest.raises(ValueError, match="is stored with the run"):
        load_module(stored.data.mix[0].data.module)
    with pytest.raises(ValueError, match="is stored with the run"):
        load_pipeline(stored.data.albumentations)
    other = permitted(marked(Config(data=DataConfig(module="a"))).data, ["there/a"])
    assert other.module == "there/a"
