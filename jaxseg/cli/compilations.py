"""Prints which programs JAX compiles, if --verbose is given."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from jaxseg.text import printable

EVENT = "/jax/core/compile/backend_compile_duration"
SHORTEST = 0.05  # seconds; there are many shorter compilations


@contextlib.contextmanager
def reporting() -> Iterator[None]:
    """Returns a context manager that prints each compiled program to standard error.

    Each line states the name of a program and the seconds that JAX took to compile it.
    Programs that took less than 0.05 seconds are not printed. Reading a program from
    the cache counts as compiling it.
    """
    import jax.monitoring

    def listen(event: str, duration: float, **about: Any) -> None:
        if event == EVENT and duration >= SHORTEST:
            name = printable(about.get("fun_name", "a program"))
            line = f"jaxseg: compiled {name} in {duration:.2f} s"
            print(line, file=sys.stderr, flush=True)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
