"""A run of several processes: joining them, and what happens when one is lost.

`jax.distributed` finds the others and watches over them. When one dies, jax stops the
rest: on CPU whoever waits in a collective gets an error at once; else the coordination
service misses heartbeats, and C++ code of jax calls `abort()`, which leaves a stack
dump and exit status 134. Here both become one last line and the exit status `LOST`.

Every process that fails ends at once, without the hooks that would wait for the others
(up to five minutes): they see its connections close.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import sys
import traceback
from typing import NoReturn

import jax
import orbax.checkpoint as ocp

from jaxseg.text import as_message
from jaxseg.training.devices import rendezvous

LOST = 5  # exit status
ADVICE = (
    "start all processes again with the same command: the run goes on from its last "
    "checkpoint"
)
SIGNS = (  # of a broken connection, in the messages of collectives and barriers
    "Gloo",
    "NCCL",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "heartbeat",
    "coordination service",
    "Connection reset",
    "Connection closed",
    "Socket closed",
)
_KEPT = []  # what C code holds a pointer to must not be collected
_MEETINGS = itertools.count()  # all processes have the same ones in the same order


def join(
    coordinator: str | None = None,
    processes: int | None = None,
    process_id: int | None = None,
    *,
    heartbeat_timeout: int = 60,
) -> None:
    """Joins the other processes; on TPU, Slurm and Kubernetes all is detected.

    Elsewhere say who is who, here or by JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and
    JAX_PROCESS_ID.

    Args:
      coordinator: host:port of process 0, the same for all.
      processes: how many there are.
      process_id: which of them this is, from 0.
      heartbeat_timeout: seconds without a heartbeat after which a process counts
        as lost.

    Raises:
      ValueError: when something is missing or out of range, or the processes cannot
        meet; see `rendezvous.meet`.
    """
    processes = _number("processes", processes, "JAX_NUM_PROCESSES")
    process_id = _number("process_id", process_id, "JAX_PROCESS_ID")
    coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS")
    _check(coordinator, processes, process_id, heartbeat_timeout)
    if None not in (coordinator, processes, process_id):
        rendezvous.meet(coordinator, processes, process_id)
    try:
        jax.distributed.initialize(
            coordinator_address=coordinator,
            num_processes=processes,
            process_id=process_id,
            heartbeat_timeout_seconds=heartbeat_timeout,
        )
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"no cluster was found ({error}); outside TPU, Slurm and Kubernetes give "
            "--coordinator HOST:PORT --processes N --process-id I"
        ) from error
    except jax.errors.JaxRuntimeError as error:
        raise ValueError(
            f"the processes cannot be connected at {coordinator}: {_last_line(error)}"
        ) from error
    explain_abort()


def _number(name: str, value: int | None, variable: str) -> int | None:
    text = os.environ.get(variable)
    if value is not None or text is None:
        return value
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{variable} is {text!r} ({name}); allowed: 0, 1, 2, ...")
    return int(text)


def _check(
    coordinator: str | None,
    processes: int | None,
    process_id: int | None,
    heartbeat_timeout: int,
) -> None:
    if coordinator is not None and not _is_address(coordinator):
        raise ValueError(
            f"coordinator is {coordinator!r}; allowed: HOST:PORT, with a port from 1 "
            "to 65535"
        )
    if processes is not None and processes < 1:
        raise ValueError(f"processes is {processes}; allowed: 1 or more")
    if process_id is not None and not 0 <= process_id < (processes or sys.maxsize):
        raise ValueError(
            f"process_id is {process_id}; allowed: 0 to {(processes or 0) - 1}, as "
            f"processes is {processes}"
        )
    if heartbeat_timeout < 5:
        raise ValueError(
            f"heartbeat_timeout is {heartbeat_timeout}; allowed: 5 seconds or more"
        )


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    known = port.isascii() and port.isdigit() and len(port) <= 5
    return bool(host) and known and 1 <= int(port) <= 65_535


def meet(place: str, *, seconds: int = 1800) -> None:
    """Waits until all processes are here.

    Collectives on CPU give up after 30 seconds; preparing data and compiling may take
    one process longer than another.
    """
    if jax.process_count() > 1:
        together = ocp.multihost.get_barrier_sync_fn()
        together(key=f"{place} {next(_MEETINGS)}", timeout_ms=1000 * seconds)


def leave(error: BaseException) -> NoReturn:
    """Ends this process of several because of an error, at once and in words."""
    sys.stdout.flush()
    if lost(error):
        _end(_last_line(error))
    if isinstance(error, ValueError | OSError):
        print(f"jaxseg: {as_message(error)}", file=sys.stderr, flush=True)
    else:
        traceback.print_exception(error)
    sys.stderr.flush()
    os._exit(1)


def lost(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that a process was lost."""
    while error is not None:
        kind = jax.errors.JaxRuntimeError | ValueError  # some are wrapped
        if isinstance(error, kind) and any(sign in str(error) for sign in SIGNS):
            return True
        error = error.__cause__
    return False


def _last_line(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).splitlines()[0]


def _end(why: str) -> NoReturn:
    """By system calls alone: it also runs where the runtime has given up."""
    who = f"process {jax.process_index()} of {jax.process_count()}"
    text = f"jaxseg: {who}: another process of this run was lost ({why}); {ADVICE}"
    os.write(2, f"{as_message(text)}\n".encode())
    os._exit(LOST)


def explain_abort() -> None:
    """Lets `abort()` end with our line after jax's own; jax offers no hook for it."""

    @ctypes.CFUNCTYPE(None, ctypes.c_int)
    def handler(_: int) -> None:
        _end("the runtime stopped, its messages are above")

    _KEPT.append(handler)
    install = ctypes.CDLL(None).signal
    install.argtypes = [ctypes.c_int, ctypes.c_void_p]
    install.restype = ctypes.c_void_p
    install(signal.SIGABRT, ctypes.cast(handler, ctypes.c_void_p))
