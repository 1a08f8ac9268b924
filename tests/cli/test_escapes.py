"""Names from the command line reach the terminal without control characters."""

from pathlib import Path

import numpy as np
import pytest

from jaxseg import DatasetSpec, Trained
from jaxseg.cli import train
from jaxseg.cli.main import main
from jaxseg.config import Config
from jaxseg.metrics import scores
from jaxseg.training.devices import rendezvous

EVIL = "a\x1b[31m\u202eb"
SPEC = DatasetSpec("folder", ("ground", EVIL), ((0, 0, 0), (1, 2, 3)))


def outcome(folder):
    workdir = folder / EVIL
    (workdir / "overlays" / "1").mkdir(parents=True)
    (workdir / "overlays" / "1" / f"{EVIL}.png").touch()
    found = scores(np.ones((3, 2), np.int64))
    config = Config()
    steps = config.train.steps
    train.print_outcome(config, Trained(workdir, found, 1, step=steps, spec=SPEC))


def waiting(folder):
    notice = rendezvous.Notice(f"{EVIL}:1234", 2)
    assert notice.due()


def command(folder):
    assert main([EVIL]) == 2


@pytest.mark.parametrize("show", [outcome, waiting, command])
def test_control_characters_are_escaped(tmp_path: Path, capsys, monkeypatch, show):
    monkeypatch.setattr(rendezvous, "FIRST", 0.0)
    show(tmp_path)
    shown = "".join(capsys.readouterr())
    assert "\\x1b" in shown
    assert all(line.isprintable() for line in shown.split("\n"))
