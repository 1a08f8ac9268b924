"""Requests that are refused: the status, and a line with the reason."""

import json
import struct
import threading
import time
import zlib

import jax
import numpy as np
import pytest

from tests.serve.conftest import drawn, encoded
from tests.serve.running import served

IMAGE = encoded(drawn(16, 24))
DEEP = encoded(np.full((16, 24), 7, np.uint16))  # a PNG of 16 bits


def bomb(height, width):
    """A PNG whose header claims a size, and whose pixels are never decoded."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    "query, content, status, words",
    [
        ("", b"", 400, "image is missing: expected an image file"),
        ("", b"text", 422, "image: The file is not an image"),
        ("", DEEP, 422, "(here 7 to 7) is not known. Send an image of 8 bits per channel."),
        ("", IMAGE[:-300], 422, "image: The file is damaged"),
        ("", bomb(50_000, 50_000), 413, "50000 x 50000 pixels, expected at most 20000"),
        ("", b"x" * 300_000, 413, "expected at most 200000 bytes"),
        ("scales=2", encoded(drawn(80, 80)), 413, "80 x 80 pixels, expected at most 5000"),
        ("crf=yes", IMAGE, 400, "crf='yes' is invalid: expected true or false."),
        ("crf.iterations=9", IMAGE, 400, "invalid without crf=true"),
        ("crf=1&crf.iterations=51", IMAGE, 400, "a whole number from 0 to 50"),
        ("graphcut=1", encoded(drawn(80, 80)), 413, "larger --max-cut-pixels"),
        ("scales=1,nan", IMAGE, 400, "scales=nan is invalid"),
        ("scales=1,1,1,1,1,1,1,1,1", IMAGE, 400, "at most 8 numbers"),
        ("tta=1&scales=2", IMAGE, 400, "tta=True is invalid with scales"),
        ("anser=overlay", IMAGE, 400, "The field 'anser' is invalid: expected a known name, such as 'answer'"),
        ("answer=label", IMAGE, 400, "such as 'labels'"),
        ("threshold=0.5", IMAGE, 400, "threshold=0.5 is invalid: expected none"),
        ("class_thresholds=grey:0.5", IMAGE, 400, "'grey'"),
        ("class_thresholds=grey", IMAGE, 400, "pairs such as car:0.6"),
    ],
)  # fmt: skip
def test_the_reason_is_one_line(client, query, content, status, words):
    found, line = client.error(f"/predict?{query}", content)
    assert found == status and words in line, line
    assert "/tmp" not in line and "\n" not in line


@pytest.mark.parametrize(
    "files, fields, status, words",
    [
        ({"picture": ("a.png", IMAGE)}, {}, 400, "The file 'picture' is invalid"),
        ({}, {"image": "text"}, 400, "image is missing"),
        ({"image": ("../<b>.png", b"x")}, {}, 422, "<b>.png: The file is not an image"),
        ({"image": ("a", IMAGE), "scribbles": ("s", IMAGE)}, {}, 400, "'scribbles' is invalid"),
    ],
)  # fmt: skip
def test_wrong_forms(client, files, fields, status, words):
    found, _, body = client.post_form("/predict", files, **fields)
    assert found == status and words in json.loads(body)["error"], body


@pytest.mark.parametrize(
    "fields, words",
    [
        ({}, "box is missing"),
        ({"box": "1,2,3"}, "box='1,2,3' is invalid: expected X0,Y0,X1,Y1"),
        ({"box": "0,0,24,16"}, "box smaller than the image"),
        ({"box": "1,1,9,9", "iterations": "100"}, "a whole number from 1 to 20"),
        ({"box": "1,1,9,9", "method": "graphcut"}, "invalid without scribbles"),
    ],
)
def test_wrong_marks(client, fields, words):
    files = {"image": ("a.png", IMAGE)}
    status, _, body = client.post_form("/refine", files, **fields)
    assert status in (400, 422) and words in json.loads(body)["error"], body


def test_a_damaged_form_is_refused(client):
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (
        b"no form",
        b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--",
    ):
        status, _, answer = client.send("POST", "/predict", body, **kind)
        assert status == 400 and "error" in json.loads(answer)


def test_unknown_paths_and_methods_are_one_line(client):
    for method, path, status in (("GET", "/x", 404), ("GET", "/predict", 405)):
        found, _, body = client.send(method, path)
        assert found == status and path in json.loads(body)["error"]


def test_a_full_queue_and_late_requests_are_refused(workdir, monkeypatch):
    """Two slots: one image is in the network, and one waits until it is too late."""
    entered, leave = threading.Event(), threading.Event()
    with served(workdir, max_queue=2, timeout=0.5, max_wait_ms=0) as client:
        run = client.service.network.run

        def slow(key, inputs):
            entered.set()
            assert leave.wait(60)
            return run(key, inputs)

        monkeypatch.setattr(type(client.service.network), "run", lambda _, *a: slow(*a))
        found = {}

        def send(name):
            found[name] = client.post("/predict", IMAGE)

        threads = [threading.Thread(target=send, args=(name,)) for name in "ab"]
        threads[0].start()
        assert entered.wait(60)
        threads[1].start()
        while client.service.slots.used < 2:
            time.sleep(0.01)
        status, headers, body = client.post("/predict", IMAGE)
        assert status == 429 and int(headers["retry-after"]) >= 1
        assert "already has 2 requests" in json.loads(body)["error"]
        for thread in threads:
            thread.join()
        leave.set()
    assert found["a"][0] == 504 and "longer than 0.5 s" in found["a"][2].decode()
    assert found["b"][0] == 503 and found["b"][1]["retry-after"] == "1"


def test_a_failure_of_one_image_leaves_the_others_of_its_batch(client):
    """The image that is cut off has a good header, so that it joins the batch."""
    good, bad = encoded(drawn(20, 20)), encoded(drawn(20, 20))[:-300]
    found = []
    threads = [
        threading.Thread(target=lambda c=c: found.append(client.post("/predict", c)[0]))
        for c in (good, bad, good)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200, 200, 422]


def test_compiled_programs_are_bounded(workdir):
    with served(workdir, max_programs=2) as client:
        for side in (16, 18, 20, 22, 16):
            body = client.post("/predict", encoded(drawn(side, side)))[2]
            assert body.startswith(b"\x89PNG")


def test_the_model_is_described(client, workdir):
    found = json.loads(client.get("/model")[2])
    assert found["network"] == "unet" and found["step"] == 3
    assert found["classes"][1] == {"index": 1, "name": "green", "color": [0, 200, 0]}
    assert found["image"]["mean"] == [0.5, 0.4, 0.3] and found["output"] == "softmax"
    leaves = client.service.network.loaded.variables["params"]
    assert found["parameters"] == sum(np.size(v) for v in jax.tree.leaves(leaves))
    assert {"jaxseg", "jax"} <= set(found["versions"])
    assert found["limits"]["pixels"] == 20_000


def test_health_and_metrics(client):
    assert json.loads(client.get("/healthz")[2]) == {"status": "ok"}
    before = count(client, '{path="/predict",status="422"}')
    client.post("/predict", b"text")
    assert count(client, '{path="/predict",status="422"}') == before + 1


def count(client, labels):
    lines = client.get("/metrics")[2].decode().splitlines()
    start = f"jaxseg_requests_total{labels} "
    return sum(float(x.removeprefix(start)) for x in lines if x.startswith(start))
