"""The command: what it lists, what it loads, how it fails."""

import platform
import subprocess
import sys
from importlib import metadata

import pytest

import jaxseg
from jaxseg.cli import main as command


def test_help_lists_every_command(capsys):
    assert command.main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in ("train", "eval", "predict", "models"):
        assert f"\n  {name} " in text


def test_no_command_shows_help_and_fails(capsys):
    assert command.main([]) == 2
    assert "usage:" in capsys.readouterr().out


def test_an_unknown_command_names_the_near_one(capsys):
    assert command.main(["trian"]) == 2
    assert (
        "command='trian' is invalid: expected one of the commands below, such as 'train'"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--quite", "models"], "such as '--quiet'."),
        (["models", "unet", "--quite"], "Did you mean --quiet?"),
        (["eval", "--versoin"], "Did you mean jaxseg --version?"),
        (["models", "unte"], "a whole name, such as unet, "),
        (["models", "xyzzy"], "a part of the name of a network, or a pattern"),
        (["models", "--pretrained", "resnet5O"], "a whole name, such as resnet50, "),
        (["train", "unte.py"], "Did you mean 'unet.py'?"),
        (["eval", "rnu1"], "Did you mean 'run1'?"),
        (["sweep", "unte.py"], "Did you mean 'unet.py'?"),
        (["export", "run1", "-o", "x.onx"], "Did you mean '.onnx'?"),
    ],
)
def test_a_mistyped_word_is_answered_with_a_similar_one(
    words, meant, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "unet.py").touch()
    (tmp_path / "run1").mkdir()
    (tmp_path / "run1" / "config.json").touch()
    try:
        assert command.main(words) != 0
    except SystemExit as end:
        assert end.code == 2
    assert meant in capsys.readouterr().err.splitlines()[0]


def test_the_version_needs_no_jax():
    code = (
        "import sys; from jaxseg.cli.main import main; main(['-V']); "
        "print('jax' in sys.modules, 'flax' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    line, loaded = done.stdout.splitlines()
    assert line.startswith(
        f"jaxseg {jaxseg.__version__} (jax {metadata.version('jax')}"
    )
    assert platform.python_version() in line and loaded == "False False"


def test_an_unknown_choice_lists_the_allowed_ones(capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["train", "--optim.name", "sgdd"])
    assert end.value.code == 2
    assert (
        "--optim.name='sgdd' is invalid: expected one of sgd, adamw, rmsprop, adadelta, "
        "lamb, lars. Did you mean 'sgd'?" in capsys.readouterr().err
    )


def test_shared_options_stand_before_or_after_the_command():
    words = ["--no-cache", "-q", "sweep", "f.py", "--verbose", "--", "--quiet"]
    rest, found = command.split(words)
    assert rest == ["sweep", "f.py", "--", "--quiet"]
    assert found == {"--no-cache", "-q", "--verbose"}


def test_quiet_and_verbose_exclude_each_other(capsys):
    assert command.main(["models", "-q", "--verbose"]) == 2
    assert "--quiet is invalid with --verbose" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ValueError("wrong"), OSError(28, "disk full")])
def test_errors_become_one_line(monkeypatch, capsys, error):
    class Module:
        @staticmethod
        def main(argv):
            raise error

    monkeypatch.setattr(command.importlib, "import_module", lambda name: Module)
    assert command.main(["train"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", ["train", "eval"])
def test_each_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as end:
        command.main([name, "--help"])
    assert end.value.code == 0
    assert f"jaxseg {name}" in capsys.readouterr().out


def test_an_unknown_option_names_the_near_one(capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["train", "--trian.steps", "3"])
    assert end.value.code == 2
    assert "--train.steps" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["train", "--workdir", "run"], ["plan", "--topology", "cpu:1"]]
)
def test_a_configuration_file_after_the_options_is_refused(capsys, arguments):
    assert command.main([*arguments, "config.py"]) == 1
    assert "config='config.py' is invalid after the options" in capsys.readouterr().err
