"""Sends many requests at once to a server, and counts the answers by kind."""

from __future__ import annotations

import collections
import contextlib
import http.client
import io
import json
import struct
import threading
import time
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image


def drawn(height: int, width: int, seed: int) -> np.ndarray:
    """Returns an image with large regions of different colors, and noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 200, (height // 16 + 1, width // 16 + 1, 3))
    pixels = np.kron(coarse, np.ones((16, 16, 1)))[:height, :width]
    return (pixels + random.integers(0, 56, (height, width, 3))).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """Returns a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def bomb(height: int, width: int) -> bytes:
    """Returns a valid PNG file of one color, whose pixels take much memory."""
    rows = zlib.compressobj(9)
    row = bytes(1 + width * 3)
    data = b"".join(rows.compress(row) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    found = b"\x89PNG\r\n\x1a\n"
    for kind, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")):
        found += struct.pack(">I", len(content)) + kind + content
        found += struct.pack(">I", zlib.crc32(kind + content))
    return found


def form(name: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    """Returns the body and the headers of a form with one file."""
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"'
    body = f"{head}\r\n\r\n".encode() + content + b"\r\n--x--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=x"}


def kinds(max_bytes: int) -> dict[str, list[tuple[bytes, dict[str, str]]]]:
    """Returns requests by kind.

    Args:
      max_bytes: The limit of the server. Huge uploads have four times as many bytes.
    """
    sizes = ((96, 128), (90, 120), (128, 96), (100, 100))
    good = [png(drawn(*size, seed)) for seed, size in enumerate(sizes)]
    return {
        "good": [(image, {}) for image in good] + [form("image", good[0])],
        "not an image": [(b"This is text. " * 50, {}), (b"\xff\xd8\xff" * 99, {})],
        "truncated": [(image[: len(image) // 2], {}) for image in good],
        "wrong field": [form("picture", good[1])],
        "bomb": [(bomb(20_000, 20_000), {})],
        "huge": [(bytes(4 * max_bytes), {})],
    }


class Load:
    """Sends requests from many threads, each with one open connection.

    Args:
      port: The port of the server on this machine.
      clients: The number of threads.
    """

    def __init__(self, port: int, clients: int) -> None:
        self.port, self.clients = port, clients
        self.answers: collections.Counter[tuple[str, int]] = collections.Counter()
        self.reasons: dict[tuple[str, int], str] = {}
        self.seconds: list[float] = []
        self._lock = threading.Lock()

    def send(self, requests: Sequence[tuple[str, bytes, dict[str, str]]]) -> None:
        """Sends all requests and waits for their answers."""
        waiting = iter(requests)

        def work() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
            with contextlib.closing(connection):
                while True:
                    with self._lock:
                        found = next(waiting, None)
                    if found is None:
                        return
                    self._ask(connection, *found)

        threads = [threading.Thread(target=work) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _ask(self, connection, kind: str, body: bytes, headers: dict[str, str]) -> None:
        start, reason = time.monotonic(), ""
        try:
            connection.request("POST", "/predict", body, headers)
            answer = connection.getresponse()
            status, content = answer.status, answer.read()
            if status != 200:
                reason = json.loads(content)["error"]
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            status, reason = 0, f"{type(error).__name__}: {error}"
        with self._lock:
            self.answers[kind, status] += 1
            self.reasons[kind, status] = reason
            if status == 200:
                self.seconds.append(time.monotonic() - start)
