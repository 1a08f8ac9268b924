"""Implements `jaxseg serve WORKDIR`, an HTTP service that segments images."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Annotated

import jax
import tyro

from jaxseg.cli.arguments import parsed
from jaxseg.cli.stopping import raising_signals
from jaxseg.cli.verbosity import note
from jaxseg.runs.allocation import keep_freed_memory
from jaxseg.runs.config_file import overridden, take_options
from jaxseg.runs.directory import read_config, read_spec
from jaxseg.runs.network_checks import check_options
from jaxseg.runs.rules import text
from jaxseg.serve.options import ServeOptions
from jaxseg.tasks.samples import check_request
from jaxseg.tasks.table import task_of

OPTIONS = ServeOptions()
BOUNDS = {"checkpoint": text()}
PACKAGES = {  # module -> name of the package
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "python_multipart": "python-multipart",
    "prometheus_client": "prometheus_client",
}


@dataclasses.dataclass(frozen=True)
class Arguments:
    """Serve a trained network over HTTP, with a page that segments images.

    POST /predict segments an image, and GET / returns the page. Network
    options that do not change the parameters may be overridden, such as
    --model.options.output_stride 8.
    """

    workdir: tyro.conf.Positional[Path]
    """Run directory that `jaxseg train` or `jaxseg convert` has written."""
    checkpoint: str = "best"
    """Checkpoint to load: best, latest, or the number of a saved step."""
    digest: bool = True
    """Compare the weights with the digest that was stored with them, and end with an
    error if they differ."""
    service: Annotated[ServeOptions, tyro.conf.arg(name="")] = OPTIONS


def main(argv: list[str]) -> int:
    """Serves until a signal arrives, and returns 128 plus the number of the signal."""
    network_options, rest = take_options(argv)
    options = parsed(Arguments, rest, prog="jaxseg serve", bounds=BOUNDS)
    options.service.check()
    require_packages()
    config = overridden(read_config(options.workdir), network_options)
    check_options(config, network_options)
    if task_of(config).kind != "images":
        raise ValueError(
            f"workdir={str(options.workdir)!r} is invalid: expected a network of "
            f"images, but {config.model.name} segments point clouds. Use `jaxseg "
            "predict`."
        )
    check_request(config, samples=0, mode="whole")
    spec = read_spec(options.workdir)

    from jaxseg.serve import server

    with raising_signals():
        listening = server.bound_socket(options.service)
        with listening:
            keep_freed_memory(jax.default_backend())
            network = server.load(
                options.workdir,
                config,
                spec,
                options.service,
                checkpoint=options.checkpoint,
                verify=options.digest,
            )
            note(f"{config.model.title} of step {network.loaded.step}")
            network.warm_up(note)
            host, port = listening.getsockname()[:2]
            host = f"[{host}]" if ":" in host else host
            print(f"serving at http://{host}:{port}", flush=True)
            return server.serve(network, listening, note)


def require_packages() -> None:
    """Raises ValueError if a package of the extra `serve` is not installed."""
    missing = [
        package
        for module, package in PACKAGES.items()
        if importlib.util.find_spec(module) is None
    ]
    if missing:
        raise ValueError(
            f"`jaxseg serve` needs {', '.join(missing)}: expected the extra packages "
            "of the service. Run `pip install 'jaxseg[serve]'`."
        )
