"""Runs the service in a process until a signal stops it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import errno
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn

from jaxseg.config import Config
from jaxseg.data import DatasetSpec
from jaxseg.runs.network import load_network
from jaxseg.serve.app import Service, create_app
from jaxseg.serve.metrics import Metrics
from jaxseg.serve.options import ServeOptions
from jaxseg.serve.pipeline import Pipeline
from jaxseg.serve.served import Programs, ServedNetwork
from jaxseg.serve.slots import Slots

BACKLOG = 2048  # As in uvicorn. Bursts of connections wait instead of failing.
CONNECTIONS = 1024  # Further connections get the status 503.
ENCODERS = max(2, min(4, os.cpu_count() or 1))


def bound_socket(options: ServeOptions) -> socket.socket:
    """Returns a socket that is bound to the host and the port of the service.

    The command calls this function before it loads the network, so that an address that
    is in use is reported at once.

    Args:
      options: The options of the service.

    Raises:
      ValueError: If the host is unknown, or the port is in use or not allowed.
    """
    with contextlib.ExitStack() as opened:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                options.host, options.port, type=socket.SOCK_STREAM
            )[0]
            found = opened.enter_context(socket.socket(family, kind, protocol))
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
            found.listen(BACKLOG)
        except OSError as error:
            raise _unusable(options, error) from error
        opened.pop_all()
    return found


def _unusable(options: ServeOptions, error: OSError) -> ValueError:
    reason = (error.strerror or str(error)).lower()
    wrong_host = isinstance(error, socket.gaierror) or error.errno in (
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
    )
    if wrong_host:
        return ValueError(
            f"host={options.host!r} is invalid: expected an address of this machine "
            f"({reason}). Use 127.0.0.1 or 0.0.0.0."
        )
    return ValueError(
        f"port={options.port} is invalid: expected a free port on {options.host} "
        f"({reason}). Choose another --port; --port 0 chooses a free one."
    )


def load(
    workdir: Path,
    config: Config,
    spec: DatasetSpec,
    options: ServeOptions,
    *,
    checkpoint: str = "best",
    verify: bool = True,
) -> ServedNetwork:
    """Loads the network of a run for the service.

    Args:
      workdir: The run directory.
      config: The configuration of the run.
      spec: The classes of the run.
      options: The options of the service.
      checkpoint: "best", "latest", or the number of a saved step.
      verify: Whether to compare the weights with the digest stored with them.

    Raises:
      ValueError: If the checkpoint cannot be used.
    """
    loaded = load_network(workdir, config, spec, checkpoint=checkpoint, verify=verify)
    programs = Programs(options.max_programs)
    return ServedNetwork(config, spec, loaded, options, Metrics(), programs)


def serve(
    network: ServedNetwork, listening: socket.socket, report: Callable[[str], None]
) -> int:
    """Answers requests until a signal arrives, and then finishes the accepted ones.

    Args:
      network: The network.
      listening: The socket that `bound_socket` has returned.
      report: A function that takes a line of text and shows it to the user.

    Returns:
      The exit status of the command: 128 plus the number of the signal.
    """
    options = network.options
    stop = Stop(Slots(options.max_queue))
    with (
        tempfile.TemporaryDirectory(prefix="jaxseg-serve-") as folder,
        concurrent.futures.ThreadPoolExecutor(1) as cutter,
        contextlib.closing(
            Pipeline(network, max_wait=options.max_wait_ms / 1000, encoders=ENCODERS)
        ) as pipeline,
    ):
        service = Service(network, pipeline, stop.slots, Path(folder), cutter)
        server = Server(
            uvicorn.Config(
                create_app(service),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                loop="asyncio",
                http="h11",
                ws="none",
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=int(2 * options.timeout) + 5,
            )
        )
        with stop.handling(server):
            server.run(sockets=[listening])
        report("stopped; all accepted requests are answered")
    return 128 + (stop.number or signal.SIGTERM)


class Server(uvicorn.Server):
    """A uvicorn server that does not handle signals, because `Stop` handles them.

    `Stop` thus determines the exit status of the command.
    """

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Returns a context manager that, unlike uvicorn's, handles no signals."""
        yield


class Stop:
    """Stops a server on SIGTERM, SIGINT and SIGHUP.

    The first signal makes the server refuse new requests and finish the accepted ones.
    The second one ends it at once.

    Args:
      slots: The object that counts the accepted requests.
    """

    def __init__(self, slots: Slots) -> None:
        self.slots, self.number = slots, 0

    @contextlib.contextmanager
    def handling(self, server: uvicorn.Server) -> Iterator[None]:
        """Returns a context manager that handles signals while its block runs.

        In a thread other than the main thread, it has no effect.

        Args:
          server: The server to stop.
        """
        before = {}

        def handle(number: int, _: FrameType | None) -> None:
            if self.number:  # The second signal: no handler, no threads to wait for.
                os._exit(128 + number)
            self.number, self.slots.draining = number, True
            server.should_exit = True

        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    before[number] = signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
