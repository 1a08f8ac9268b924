"""The completion of commands, options, choices, names and paths in a real bash."""

import contextlib
import io
import shutil
import subprocess

import pytest

from jaxseg.cli.completion import command_tree
from jaxseg.cli.main import COMMANDS, main

COMPLETE = """
source "$1"; shift
for line in "$@"; do
  COMP_WORDS=($line); [[ $line == *" " ]] && COMP_WORDS+=("")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
  _shtab_jaxseg
  echo "${COMPREPLY[@]}"
done
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """The script for bash, and a folder with one file to complete."""
    folder = tmp_path_factory.mktemp("completion")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["completion", "bash"]) == 0
    (folder / "jaxseg.bash").write_text(printed.getvalue())
    (folder / "street.png").touch()
    return folder


def completed(folder, *lines):
    """The words that bash offers at the end of each line."""
    bash = ["bash", "--norc", "-c", COMPLETE, "bash", "jaxseg.bash", *lines]
    done = subprocess.run(
        bash, cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    assert not done.stderr
    return [set(line.split()) for line in done.stdout.splitlines()]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_words(script):
    commands, p, tools, options, choices, names, backbones, datasets, paths = completed(
        script,
        "jaxseg ",
        "jaxseg p",
        "jaxseg data ",
        "jaxseg train --optim.na",
        "jaxseg train --workdir runs/a --optim.name ",
        "jaxseg -q train --model.name deeplabv3_",
        "jaxseg train --dry-run --model.backbone hrnet_w1",
        "jaxseg data where cam",
        "jaxseg predict -o out str",
    )
    assert commands == set(COMMANDS)
    assert p == {"plan", "predict"}
    assert tools == {"check", "show", "audit", "list", "where", "polygons"}
    assert options == {"--optim.name"}
    assert {"adamw", "sgd"} <= choices
    assert "deeplabv3_resnet50" in names
    assert all(name.startswith("deeplabv3_") for name in names)
    assert "hrnet_w18" in backbones
    assert datasets == {"camvid"}
    assert paths == {"street.png"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_a_script(shell, capsys):
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert ("#compdef jaxseg" if shell == "zsh" else "complete -c jaxseg") in text
    assert "deeplabv3_resnet50" in text and "--optim.learning-rate" in text


def test_the_tree_has_every_tool():
    words = command_tree().format_usage()
    assert all(name in words for name in COMMANDS)


def test_an_unknown_shell_is_refused(capsys):
    with pytest.raises(SystemExit) as end:
        main(["completion", "fisch"])
    assert end.value.code == 2
    assert "Did you mean 'fish'?" in capsys.readouterr().err
