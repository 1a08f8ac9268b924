"""Joins the processes of a run and reports when one of them is lost.

`jax.distributed` connects and monitors the processes. When one process dies, JAX stops
the others in one of two ways. On CPU, a process that waits in a collective gets an
error at once. Otherwise, the coordination service of JAX notices after a while that
heartbeats are missing, and the C++ code of JAX calls `abort()`, which prints a stack
trace and ends the process with exit status 134. In both cases, this module prints a
one-line message instead and ends the process with the exit status `LOST`.

A process that fails by itself ends at once, without running its exit hooks, because
these would wait up to five minutes for the other processes. The other processes notice
that its connections are closed.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

import jax
import orbax.checkpoint as ocp

from jaxseg.text import as_message
from jaxseg.training.devices import rendezvous

LOST = 5  # exit status
ADVICE = (
    "start all processes again with the same command to resume from the last checkpoint"
)
SIGNS = (  # Errors of collectives and barriers contain these if a connection broke.
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
_KEPT: list[Any] = []  # Objects that C code points to must not be garbage-collected.
_MEETINGS = itertools.count()  # All processes count in the same order.


def initialize_distributed(
    coordinator: str | None = None,
    processes: int | None = None,
    process_id: int | None = None,
    *,
    heartbeat_timeout: int = 60,
) -> None:
    """Joins the other processes of the run.

    TPU, Slurm and Kubernetes are detected automatically. Elsewhere, pass the arguments
    or set JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID.

    Args:
      coordinator: The host:port of process 0, the same for all processes.
      processes: The number of processes.
      process_id: The index of this process, from 0.
      heartbeat_timeout: The number of seconds without a heartbeat after which a process
        counts as lost.

    Raises:
      ValueError: If an argument is missing or invalid, or if the processes cannot be
        connected; see `rendezvous.wait_for_all`.
    """
    processes = _number("processes", processes, "JAX_NUM_PROCESSES")
    process_id = _number("process_id", process_id, "JAX_PROCESS_ID")
    coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS")
    _check(
        coordinator,
        processes=processes,
        process_id=process_id,
        heartbeat_timeout=heartbeat_timeout,
    )
    if coordinator and processes is not None and process_id is not None:
        rendezvous.wait_for_all(coordinator, processes, process_id)
    try:
        jax.distributed.initialize(
            coordinator_address=coordinator,
            num_processes=processes,
            process_id=process_id,
            heartbeat_timeout_seconds=heartbeat_timeout,
        )
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"coordinator={coordinator!r} is invalid: expected HOST:PORT, because "
            f"neither TPU nor Slurm nor Kubernetes was found ({error}). Add "
            "--coordinator HOST:PORT --processes N --process-id I."
        ) from error
    except jax.errors.JaxRuntimeError as error:
        raise ValueError(
            f"coordinator={coordinator!r} is invalid: expected an address at which all "
            f"processes can connect ({_last_line(error)}). Check the address and the "
            "network between the hosts."
        ) from error
    explain_abort()


def _number(name: str, value: int | None, variable: str) -> int | None:
    text = os.environ.get(variable)
    if value is not None or text is None:
        return value
    if not (text.isascii() and text.isdigit()):
        raise ValueError(
            f"{variable}={text!r} is invalid: expected 0, 1, 2, ... for {name}."
        )
    return int(text)


def _check(
    coordinator: str | None,
    processes: int | None,
    process_id: int | None,
    heartbeat_timeout: int,
) -> None:
    if coordinator is not None and not _is_address(coordinator):
        raise ValueError(
            f"coordinator={coordinator!r} is invalid: expected HOST:PORT, with a port "
            "from 1 to 65535."
        )
    if processes is not None and processes < 1:
        raise ValueError(f"processes={processes} is invalid: expected 1 or more.")
    if process_id is not None and not 0 <= process_id < (processes or sys.maxsize):
        raise ValueError(
            f"process_id={process_id} is invalid: expected 0 to "
            f"{(processes or 0) - 1}, because processes={processes}."
        )
    if heartbeat_timeout < 5:  # Short pauses must not count as a lost process.
        raise ValueError(
            f"heartbeat_timeout={heartbeat_timeout} is invalid: expected at least 5 "
            "seconds."
        )


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    known = port.isascii() and port.isdigit() and len(port) <= 5
    return bool(host) and known and 1 <= int(port) <= 65_535


def barrier(place: str, *, seconds: int = 1800) -> None:
    """Waits until all processes have called this function.

    Collectives on CPU time out after 30 seconds, but preparing data and compiling can
    take much longer on one process than on another. Call this function before the
    first collective.

    Args:
      place: A description of what the processes wait for, used in errors.
      seconds: The timeout.
    """
    if jax.process_count() > 1:
        together = ocp.multihost.get_barrier_sync_fn()
        together(key=f"{place} {next(_MEETINGS)}", timeout_ms=1000 * seconds)


def end_process(error: BaseException) -> NoReturn:
    """Prints an error and ends this process at once, without exit hooks."""
    sys.stdout.flush()
    if is_peer_failure(error):
        _end(_last_line(error))
    if isinstance(error, ValueError | OSError):
        print(f"jaxseg: {as_message(error)}", file=sys.stderr, flush=True)
    else:
        traceback.print_exception(error)
    sys.stderr.flush()
    os._exit(1)


def is_peer_failure(error: BaseException | None) -> bool:
    """Returns whether an error, or one of its causes, says that a process was lost."""
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
    """Ends the process by system calls only, because the runtime may be broken."""
    who = f"process {jax.process_index()} of {jax.process_count()}"
    text = f"jaxseg: {who}: another process of this run was lost ({why}); {ADVICE}"
    os.write(2, f"{as_message(text)}\n".encode())
    os._exit(LOST)


def explain_abort() -> None:
    """Makes `abort()` print a one-line message and end the process.

    JAX calls `abort()` when a process is lost, and offers no hook for this case.
    """

    @ctypes.CFUNCTYPE(None, ctypes.c_int)
    def handler(_: int) -> None:
        _end("the runtime stopped; see its messages above")

    _KEPT.append(handler)
    install = ctypes.CDLL(None).signal
    install.argtypes = [ctypes.c_int, ctypes.c_void_p]
    install.restype = ctypes.c_void_p
    install(signal.SIGABRT, ctypes.cast(handler, ctypes.c_void_p))
