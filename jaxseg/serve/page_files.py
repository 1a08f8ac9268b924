"""Serves the web page at `/`, which segments images, with its style and script."""

from __future__ import annotations

import functools
import importlib.resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jaxseg.serve.served import ServedNetwork
from jaxseg.viz import page

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src "
    "'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SCRIPTS = {  # in the order in which the page loads them -> the package with the file
    "png.js": "jaxseg.inference.export.web",
    "answers.js": "jaxseg.serve",
    "marks.js": "jaxseg.serve",
    "overlay.js": "jaxseg.serve",
    "serve.js": "jaxseg.serve",
}


def page_routes(network: ServedNetwork) -> list[Route]:
    """Returns the routes, one per path, that serve the page and the files it needs.

    Args:
      network: The network, whose name and classes the page shows.
    """
    folder = importlib.resources.files("jaxseg.serve") / "page"
    html = page.render(
        folder,
        "index.html",
        policy=POLICY.partition("; frame-ancestors")[0],  # It is valid in headers only.
        title=network.config.model.title,
        dataset=network.spec.name,
        step=network.loaded.step,
        scripts=list(SCRIPTS),
        classes=list(zip(network.spec.classes, network.spec.palette, strict=True)),
    )
    contents = [("/", "text/html", html.encode())]
    contents += [
        (f"/page/{name}", "text/javascript", _script(package, name))
        for name, package in SCRIPTS.items()
    ]
    return [
        Route(path, functools.partial(_sent, kind=kind, content=content))
        for path, kind, content in contents
    ]


def _script(package: str, name: str) -> bytes:
    return (importlib.resources.files(package) / "page" / name).read_bytes()


async def _sent(request: Request, kind: str, content: bytes) -> Response:
    headers = {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return Response(content, headers=headers, media_type=kind)
