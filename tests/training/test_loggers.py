"""Metrics reach Weights & Biases and MLflow, also after a restart."""

import json
from typing import ClassVar

import pytest

from jaxseg.config import Config, TrainConfig
from jaxseg.training.run import loggers as module
from jaxseg.training.run.loggers import IDENTITIES, check_loggers, open_loggers
from jaxseg.training.run.metric_reader import read_metrics
from tests.training.test_loop import Arithmetic, go, kill

CONFIG = Config(train=TrainConfig(steps=7))


class Kept:
    """A logger that keeps what it receives."""

    runs: ClassVar[list] = []

    def __init__(self, workdir, settings, identity):
        self.identity = identity or f"run{len(self.runs)}"
        self.settings, self.sent, self.failed = settings, [], None
        self.runs.append(self)

    def log(self, step, values):
        self.sent.append((step, values))

    def close(self, *, failed):
        self.failed = failed


@pytest.fixture
def runs(monkeypatch):
    monkeypatch.setattr(Kept, "runs", [])
    monkeypatch.setitem(module.LOGGERS, "wandb", Kept)
    return Kept.runs


def test_a_logger_receives_what_the_record_contains(tmp_path, runs):
    with pytest.raises(RuntimeError):
        go(tmp_path, Arithmetic(at=11, act=kill), loggers=("wandb",))
    go(tmp_path, loggers=("wandb",))
    first, second = runs
    assert (first.failed, second.failed) == (True, False)
    assert first.identity == second.identity == "run0"
    assert json.loads((tmp_path / IDENTITIES).read_text()) == {"wandb": "run0"}
    assert first.settings["train"]["steps"] == 12
    # The first run logs up to step 10, and the second one resumes at step 9.
    assert [step for step, _ in first.sent] == [4, 5, 8, 10]
    assert [step for step, _ in second.sent] == [10, 12, 12]
    record = read_metrics(tmp_path, "eval")[-1]
    assert second.sent[-1][1]["eval/mean_iou"] == record["mean_iou"]
    assert "eval/iou" not in second.sent[-1][1]  # A list is not a number.


def test_a_missing_package_is_named_before_anything_is_written(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"Run `pip install 'jaxseg\[mlflow\]'`"):
        check_loggers(("mlflow",))


def test_a_service_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise ConnectionError("no answer\nfrom the server")

    monkeypatch.setitem(module.LOGGERS, "mlflow", refuse)
    with pytest.raises(
        ValueError, match=r"^train\.loggers='mlflow' is invalid: expected a "
    ):
        open_loggers(("mlflow",), tmp_path, CONFIG)
    assert not (tmp_path / IDENTITIES).exists()


def test_wandb(tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    (logger,) = open_loggers(("wandb",), tmp_path, CONFIG)
    logger.log(3, {"train/loss": 0.5})
    assert wandb.run.summary["train/loss"] == 0.5
    assert wandb.run.config["train"]["steps"] == 7
    logger.close(failed=False)
    assert list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))


def test_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    for step in (3, 4):  # The second one continues the run.
        (logger,) = open_loggers(("mlflow",), tmp_path, CONFIG)
        logger.log(step, {"train/loss": 1.5 - step})
        logger.close(failed=step == 3)
    client = mlflow.MlflowClient()
    run = client.get_run(logger.identity)
    assert run.info.status == "FINISHED" and run.data.params["train.steps"] == "7"
    history = client.get_metric_history(logger.identity, "train/loss")
    assert [(point.step, point.value) for point in history] == [(3, -1.5), (4, -2.5)]
