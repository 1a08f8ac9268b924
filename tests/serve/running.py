"""Runs the service in a thread, and sends requests to it."""

import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import tempfile
import threading
import time
import uuid

import uvicorn

from jaxseg.runs.directory import read_config, read_spec
from jaxseg.serve.app import Service, create_app
from jaxseg.serve.options import ServeOptions
from jaxseg.serve.pipeline import Pipeline
from jaxseg.serve.server import Server, bound_socket, load
from jaxseg.serve.slots import Slots


class Client:
    """Sends requests, each on a connection of its own."""

    def __init__(self, port, service=None):
        self.port, self.service = port, service
        self.address = f"http://127.0.0.1:{port}"

    def send(self, method, path, body=b"", **headers):
        """The status, the headers and the body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path):
        return self.send("GET", path)

    def post(self, path, image):
        return self.send("POST", path, image)

    def post_form(self, path, files, **fields):
        body, kind = form(files, fields)
        return self.send("POST", path, body, **{"Content-Type": kind})

    def error(self, path, image, **fields):
        """The status and the one line of a refused request."""
        status, _, body = self.post(path, image)
        assert "\n" not in json.loads(body)["error"]
        return status, json.loads(body)["error"]


def form(files, fields=()):
    """The body and the type of a form; `files` maps names to (file name, bytes)."""
    border, parts = uuid.uuid4().hex, []
    for name, value in dict(fields).items():
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}')
    bodies = [part.encode() for part in parts]
    for name, (file, content) in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{file}"'
        bodies.append(f"{head}\r\n\r\n".encode() + content)
    start = f"--{border}\r\n".encode()
    body = b"".join(start + part + b"\r\n" for part in bodies)
    return (
        body + f"--{border}--\r\n".encode(),
        f"multipart/form-data; boundary={border}",
    )


@contextlib.contextmanager
def served(workdir, **options):
    """A client of a service for a run."""
    options = ServeOptions(port=0, **options)
    network = load(workdir, read_config(workdir), read_spec(workdir), options)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        cutter = stack.enter_context(concurrent.futures.ThreadPoolExecutor(1))
        pipeline = Pipeline(network, max_wait=options.max_wait_ms / 1000, encoders=2)
        stack.callback(pipeline.close)
        slots = Slots(options.max_queue)
        service = Service(network, pipeline, slots, pathlib.Path(folder), cutter)
        listening = bound_socket(options)
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            create_app(service), log_config=None, lifespan="off", http="h11"
        )
        server = Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        stack.callback(thread.join)
        stack.callback(lambda: setattr(server, "should_exit", True))
        while not server.started:
            time.sleep(0.01)
        yield Client(port, service)
        assert not list(pathlib.Path(folder).iterdir())
