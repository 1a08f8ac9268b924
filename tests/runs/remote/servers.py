"""Starts storage servers on this machine, which can be slow or fail.

`python -m tests.runs.remote.servers gs 9000` runs a server until it is interrupted; "s3"
in place of "gs" runs one for s3://. The bucket has the name "bucket".
"""

import contextlib
import dataclasses
import logging
import sys
import threading
import time
from collections.abc import Callable

BUCKET = "bucket"


@dataclasses.dataclass
class Faults:
    """Says what happens to the requests that a server receives.

    Attributes:
      status: Maps the number of requests so far to the status with which the next one
        is refused, or to None if it is answered.
      pause: The seconds before each answer.
      requests: The number of requests so far.
    """

    status: Callable[[int], int | None] = lambda requests: None
    pause: float = 0.0
    requests: int = 0

    def next(self) -> int | None:
        """Counts a request, and returns the status with which it is refused or None."""
        self.requests += 1
        time.sleep(self.pause)
        return self.status(self.requests)


@contextlib.contextmanager
def google_storage(faults: Faults, port: int = 0):
    """Runs the Google-storage emulator in a thread; yields its address.

    The emulator ignores conditions, so that this function adds the one that jaxseg
    uses: an object is created only if it does not exist.
    """
    from gcp_storage_emulator import server
    from gcp_storage_emulator.exceptions import NotFound
    from gcp_storage_emulator.handlers import objects

    logging.getLogger("gcp_storage_emulator").setLevel(logging.CRITICAL)
    for name in ("api", "api.object", "api.bucket"):
        logging.getLogger(name).setLevel(logging.CRITICAL)

    def insert(request, response, storage):
        if request.query.get("ifGenerationMatch") == ["0"]:
            meta = request.data.get("meta", {}) if request.data else {}
            name = meta.get("name") or request.query["name"][0]
            with contextlib.suppress(NotFound):
                storage.get_file_obj(request.params["bucket_name"], name)
                response.status = server.HTTPStatus.PRECONDITION_FAILED
                return
        objects.insert(request, response, storage)

    class Router(server.Router):
        def handle(self, method):
            handler = self._request_handler
            status = faults.next()
            if status is None:
                super().handle(method)
            else:
                server._read_raw_data(handler)
                handler.send_response(status)
                handler.send_header("Content-Length", "0")
                handler.end_headers()

    class Handler(server.RequestHandler):
        do_GET = lambda self: Router(self).handle("GET")
        do_POST = lambda self: Router(self).handle("POST")
        do_PUT = lambda self: Router(self).handle("PUT")
        do_DELETE = lambda self: Router(self).handle("DELETE")
        do_PATCH = lambda self: Router(self).handle("PATCH")

    for _, handlers in server.HANDLERS:
        if handlers.get("POST") is objects.insert:
            handlers["POST"] = insert
    running = server.create_server("localhost", 0, True, default_bucket=BUCKET)
    make = lambda *arguments: Handler(running._storage, *arguments)
    http = server.server.HTTPServer(("localhost", port), make)
    http.handle_error = lambda *connection: None  # a client that was killed
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()


@contextlib.contextmanager
def amazon_storage(faults: Faults, port: int = 0):
    """Runs the S3 server of moto in a thread; yields its address."""
    import boto3
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    application = DomainDispatcherApplication(create_backend_app)

    def faulty(environ, start_response):
        if (status := faults.next()) is None:
            return application(environ, start_response)
        start_response(f"{status} Slow Down", [("Content-Length", "0")])
        return [b""]

    class Quiet(WSGIRequestHandler):
        def log(self, *arguments):
            pass

    http = make_server("localhost", port, faulty, request_handler=Quiet)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://localhost:{http.port}"
    try:
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        client = boto3.client(
            "s3", endpoint_url=endpoint, region_name="us-east-1", **keys
        )
        client.create_bucket(Bucket=BUCKET)
        yield endpoint
    finally:
        http.shutdown()


if __name__ == "__main__":
    start = {"gs": google_storage, "s3": amazon_storage}[sys.argv[1]]
    with start(Faults(), int(sys.argv[2])) as address:
        print(address, flush=True)
        while True:
            time.sleep(60)
