"""Defines the HTTP interface: its paths, limits and answers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import json
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jaxseg.serve.answers import Answer
from jaxseg.serve.cutting import cut, cut_request
from jaxseg.serve.description import describe
from jaxseg.serve.images import check_pixels, checked_size, named
from jaxseg.serve.metrics import Metrics
from jaxseg.serve.page_files import page_routes
from jaxseg.serve.parameters import predict_parameters
from jaxseg.serve.pipeline import Pipeline
from jaxseg.serve.refusal import Refusal
from jaxseg.serve.served import ServedNetwork, Task
from jaxseg.serve.slots import Slots
from jaxseg.serve.upload import Upload, receive_upload

HEADERS = {"X-Content-Type-Options": "nosniff"}


@dataclasses.dataclass(frozen=True, eq=False)
class Service:
    """Contains what the HTTP interface needs to answer requests.

    Attributes:
      network: The network of a run, with the options of the service.
      pipeline: The object that collects images into batches and runs the network on
        them.
      slots: The object that counts the accepted requests.
      folder: The folder in which uploaded files are stored until they are answered.
      cutter: The thread in which graph cuts run.
    """

    network: ServedNetwork
    pipeline: Pipeline
    slots: Slots
    folder: Path
    cutter: concurrent.futures.ThreadPoolExecutor

    @property
    def metrics(self) -> Metrics:
        """Returns the object that counts this server's requests, batches and times."""
        return self.network.metrics

    async def predict(self, request: Request) -> Response:
        """Answers `POST /predict`: the segmentation of an image."""
        return await self._accepted(request, self._predicted, ("image",))

    async def refine(self, request: Request) -> Response:
        """Answers `POST /refine`: the mask of an object that a box or strokes mark."""
        return await self._accepted(request, self._cut_out, ("image", "scribbles"))

    async def model(self, request: Request) -> Response:
        """Answers `GET /model`: a description of the network and the limits."""
        return JSONResponse(await _in_thread(describe, self.network))

    async def health(self, request: Request) -> Response:
        """Answers `GET /healthz`: whether the server accepts and answers requests."""
        state = "ok"
        if self.slots.draining:
            state = "shutting down"
        elif not self.pipeline.alive:
            state = "failed: a thread of the server has ended; restart the server"
        return JSONResponse({"status": state}, 200 if state == "ok" else 503)

    async def values(self, request: Request) -> Response:
        """Answers `GET /metrics`: the server's counters in the format of Prometheus."""
        self.metrics.accepted.set(self.slots.used)
        return Response(self.metrics.text(), media_type=self.metrics.kind)

    async def _accepted(
        self,
        request: Request,
        work: Callable[[Upload, float], Awaitable[Answer]],
        files: tuple[str, ...],
    ) -> Response:
        """Receives an upload in a slot, and answers it within the time limit."""
        start = time.monotonic()
        ends = start + self.network.options.timeout
        with self.slots.one():
            upload = await self._received(request, files)
            try:
                answer = await work(upload, ends)
            except ValueError as error:  # It concerns the image or an option.
                raise Refusal(422, named(upload, error)) from error
            finally:
                upload.remove()
        self.slots.note(time.monotonic() - start)
        return Response(answer.content, media_type=answer.kind)

    async def _received(self, request: Request, files: tuple[str, ...]) -> Upload:
        seconds, size = self.network.options.timeout, self.network.options.max_bytes
        try:
            async with asyncio.timeout(seconds):
                return await receive_upload(
                    request, self.folder, max_bytes=size, files=files
                )
        except TimeoutError as error:
            text = f"The upload took longer than {seconds:g} s. Send it again."
            raise Refusal(408, text) from error

    async def _predicted(self, upload: Upload, ends: float) -> Answer:
        parameters, options = predict_parameters(upload.values), self.network.options
        size = await _in_thread(checked_size, upload, "image", self.network.reading)
        steps = parameters.refinement
        if steps.crf is not None:
            limit = options.max_crf_pixels
            check_pixels(upload, "image", size, limit, "--max-crf-pixels")
        if steps.graphcut is not None:
            limit = options.max_cut_pixels
            check_pixels(upload, "image", size, limit, "--max-cut-pixels")
        factor = max(1.0, max(parameters.view.scales)) ** 2
        check_pixels(
            upload, "image", size, int(options.max_pixels / factor), "--max-pixels"
        )
        task = Task(upload.files["image"], size, parameters)
        try:
            key = await _in_thread(self.network.key, task)
        except ValueError as error:
            raise Refusal(400, str(error)) from error
        return await self._result(self.pipeline.submit(key, task), ends)

    async def _cut_out(self, upload: Upload, ends: float) -> Answer:
        scribbles = upload.files.get("scribbles")
        wanted = cut_request(upload.values, upload.files["image"], scribbles)
        reading, limit = self.network.reading, self.network.options.max_cut_pixels
        for name in upload.files:
            size = await _in_thread(checked_size, upload, name, reading)
            check_pixels(upload, name, size, limit, "--max-cut-pixels")
        work = self.cutter.submit(cut, wanted, reading, self.network.spec)
        return await self._result(work, ends)

    async def _result(self, future: Future, ends: float) -> Answer:
        """Waits for a result. After the time limit, work that has not begun is left."""
        waiting = asyncio.wrap_future(future)
        try:
            left = max(0.0, ends - time.monotonic())
            return await asyncio.wait_for(asyncio.shield(waiting), left)
        except TimeoutError as error:
            seconds = self.network.options.timeout
            waiting.add_done_callback(_seen)
            if future.cancel():
                text = f"The request waited longer than {seconds:g} s. Try again later."
                raise Refusal(503, text, retry_after=max(1, round(seconds))) from error
            raise Refusal(
                504,
                f"The request ran for longer than {seconds:g} s. Send a smaller image, "
                "or start the server with a larger --timeout.",
            ) from error


def _seen(future: asyncio.Future) -> None:
    """Takes the exception of a result that nobody waits for, so that none is logged."""
    if not future.cancelled():
        future.exception()


async def _in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, lambda: function(*arguments))


def create_app(service: Service) -> Starlette:
    """Returns the web application that answers all paths of the HTTP interface.

    Args:
      service: The object whose methods answer the requests.
    """
    handlers = {
        "/predict": (service.predict, "POST"),
        "/refine": (service.refine, "POST"),
        "/model": (service.model, "GET"),
        "/healthz": (service.health, "GET"),
        "/metrics": (service.values, "GET"),
    }
    return Starlette(
        routes=[
            *(
                Route(path, _measured(path, handler, service), methods=[method])
                for path, (handler, method) in handlers.items()
            ),
            *page_routes(service.network),
        ],
        exception_handlers={HTTPException: _http_error},
    )


def _measured(
    path: str, handler: Callable[[Request], Awaitable[Response]], service: Service
) -> Callable[[Request], Awaitable[Response]]:
    """Returns a handler that turns every error into one line, and counts answers."""

    async def answer(request: Request) -> Response:
        start, response = time.monotonic(), Response(status_code=400)
        with contextlib.suppress(ClientDisconnect):  # Nobody reads the answer.
            try:
                response = await handler(request)
            except Refusal as refusal:
                response = refused(refusal)
            except ClientDisconnect:
                raise
            except Exception as error:
                text = f"The server failed ({type(error).__name__}: {error})."
                response = refused(Refusal(500, " ".join(text.split())[:500]))
        response.headers.update(HEADERS)
        seconds = time.monotonic() - start
        service.metrics.answered(path, response.status_code, seconds)
        return response

    return answer


def refused(refusal: Refusal) -> Response:
    """Returns the answer to a request that is refused: a JSON object with `error`."""
    headers = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    content = json.dumps({"error": refusal.reason}) + "\n"
    return Response(content, refusal.status, headers, media_type="application/json")


async def _http_error(request: Request, error: HTTPException) -> Response:
    path = request.url.path[:100]
    text = {
        404: f"The path {path!r} does not exist. GET / shows the page.",
        405: f"The method {request.method} is not allowed for {path!r}.",
    }.get(error.status_code, str(error.detail))
    response = refused(Refusal(error.status_code, text))
    response.headers.update({**HEADERS, **(error.headers or {})})
    return response
