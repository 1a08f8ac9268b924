"""The pipeline alone: rare groups, canceled items, and threads that end."""

import asyncio
import contextlib
import itertools
import json
import threading

import pytest

from jaxseg.serve.app import Service
from jaxseg.serve.pipeline import Pipeline
from jaxseg.serve.slots import Slots


class Doubling:
    """Stages that double numbers in batches of at most four, and list the batches."""

    def __init__(self):
        self.batches = []

    def limit(self, key):
        return 4

    def decode(self, key, item):
        return item

    def run(self, key, inputs):
        self.batches.append(key)
        return [2 * value for value in inputs]

    def encode(self, key, item, output):
        return output


@contextlib.contextmanager
def running(stages):
    with contextlib.closing(Pipeline(stages, max_wait=0, encoders=2)) as pipeline:
        yield pipeline


def test_a_rare_size_does_not_starve():
    """32 clients send one size in a loop. At most the 32 items before B precede it."""
    stages, looping = Doubling(), True
    with running(stages) as pipeline:

        def send(_=None):
            if looping:
                pipeline.submit("A", 1).add_done_callback(send)

        for _ in range(32):
            send()
        while len(stages.batches) < 20:
            threading.Event().wait(0.001)
        try:
            before = len(stages.batches)
            assert pipeline.submit("B", 3).result(20) == 6
        finally:
            looping = False
    # Eight batches with the items before it, and those that were taken already.
    assert stages.batches.index("B") - before <= 14


def test_a_batch_whose_items_are_all_canceled_is_skipped():
    """The item is canceled while the pipeline asks how many items a batch has."""
    stages, futures, calls = Doubling(), [], itertools.count()
    submitted, canceled = threading.Event(), threading.Event()

    def limit(key):
        if next(calls) == 0:
            assert submitted.wait(20)
            assert futures[0].cancel()
            canceled.set()
        return 4

    stages.limit = limit
    with running(stages) as pipeline:
        futures.append(pipeline.submit("A", 1))
        submitted.set()
        assert canceled.wait(20)
        assert pipeline.submit("A", 2).result(20) == 4
        assert pipeline.submit("B", 3).result(20) == 6  # The network is idle again.
        assert pipeline.alive
    assert futures[0].cancelled() and stages.batches == ["A", "B"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("stage", ["limit", "run"])
def test_health_reports_a_thread_that_has_ended(stage, tmp_path):
    stages = Doubling()
    with running(stages) as pipeline:
        service = Service(None, pipeline, Slots(1), tmp_path, None)

        def health():
            answer = asyncio.run(service.health(None))
            return answer.status_code, json.loads(answer.body)["status"]

        assert health() == (200, "ok")

        def end(*arguments):
            raise SystemExit

        setattr(stages, stage, end)
        pipeline.submit("A", 1)
        while pipeline.alive:
            threading.Event().wait(0.001)
        status, text = health()
        assert status == 503 and text.startswith("failed: a thread of the server has")
