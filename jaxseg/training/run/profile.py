"""Records a trace of a few training steps, for TensorBoard or ui.perfetto.dev."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from jaxseg.text import counted

FOLDER = "profile"
WARM_UP = 3  # The first steps include compilation and first transfers.
logger = logging.getLogger(__name__)


class Profile:
    """Records a profiler trace of `steps` training steps for TensorBoard or Perfetto.

    The trace begins after the first `WARM_UP` steps of this process. It is written to
    `plugins/profile/TIME/` under `directory`: `*.xplane.pb` for TensorBoard and
    `perfetto_trace.json.gz` for Perfetto. In a run of several processes, only the
    first one records a trace.

    Args:
      directory: The folder for the trace.
      steps: The number of steps to trace, or 0 for none.
    """

    def __init__(self, directory: str | Path, *, steps: int = 0) -> None:
        if steps < 0:
            raise ValueError(f"profile={steps} is invalid: expected 0 steps or more.")
        self._directory = str(directory)
        self._steps = steps if jax.process_index() == 0 else 0
        self._seen = 0
        self._running = False

    def __enter__(self) -> Profile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._running:
            self._stop()
        elif self._seen <= WARM_UP and self._steps:
            logger.warning(
                "No profile was written, because it begins after step %d and the run "
                "had only %s.",
                WARM_UP,
                counted(self._seen, "step"),
            )

    @contextlib.contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Returns a context manager that marks its block in the trace as a step."""
        with jax.profiler.StepTraceAnnotation("train_step", step_num=number):
            yield
        self._seen += 1

    def after(self, results: Any) -> None:
        """Starts the trace after the warm-up steps, and ends it after `steps` more.

        Call this method after every step. When the trace starts or ends, it first waits
        until the results of the step are computed, so that the trace contains whole
        steps.

        Args:
          results: The arrays that the step computes.
        """
        if self._steps and self._seen in (WARM_UP, WARM_UP + self._steps):
            jax.block_until_ready(results)
            if self._running:
                self._stop()
            else:
                self._start()

    def _start(self) -> None:
        options = jax.profiler.ProfileOptions()
        options.python_tracer_level = 0  # Python calls would hide everything else.
        jax.profiler.start_trace(
            self._directory, create_perfetto_trace=True, profiler_options=options
        )
        self._running = True

    def _stop(self) -> None:
        self._running = False
        jax.profiler.stop_trace()
