"""`POST /predict` gives the files of `jaxseg predict`, also for a batch of sizes."""

import base64
import concurrent.futures
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image

import jaxseg
from jaxseg.cli.main import main
from jaxseg.inference.predict_options import PredictOptions
from tests.serve.conftest import drawn, encoded

SIZES = [(30, 40), (32, 40), (25, 61), (32, 64), (40, 30), (8, 9)]


@pytest.fixture(scope="module")
def images():
    """Six images of different sizes; four of them are padded to 32 x 64."""
    return {f"i{k}": encoded(drawn(*size, seed=k)) for k, size in enumerate(SIZES)}


@pytest.fixture(scope="module")
def predicted(images, workdir, tmp_path_factory):
    """`predicted(*options)`: the folder of the files that `jaxseg predict` writes.

    `only` is the name of one image; by default, all images are predicted.
    """
    folder = tmp_path_factory.mktemp("images")
    for name, content in images.items():
        (folder / f"{name}.png").write_bytes(content)

    def predict(*options, only=None):
        out = tmp_path_factory.mktemp("out")
        source = folder / f"{only}.png" if only else folder
        words = ["predict", str(source), "--workdir", str(workdir), "-o", str(out)]
        assert main([*words, "--pad-multiple", "32", *options]) == 0
        return out

    return predict


def all_at_once(client, images, query):
    """The bodies of the answers to requests that arrive at the same time."""
    with concurrent.futures.ThreadPoolExecutor(len(images)) as pool:
        send = lambda content: client.post(f"/predict?{query}", content)
        answers = list(pool.map(send, images.values()))
    assert {status for status, _, _ in answers} == {200}
    return dict(zip(images, (body for _, _, body in answers), strict=True))


def batches(client):
    """The number of batches, and of images in them."""
    lines = client.get("/metrics")[2].decode().splitlines()
    names = ("jaxseg_batch_images_count", "jaxseg_batch_images_sum")
    values = dict(line.rsplit(" ", 1) for line in lines if line.startswith(names))
    return [float(values[name]) for name in names]


def test_files_are_those_of_predict(client, images, predicted):
    folder, before = predicted("--probabilities"), batches(client)
    for query, end in (("", ".png"), ("answer=overlay", "_overlay.png")):
        for name, body in all_at_once(client, images, query).items():
            assert body == (folder / f"{name}{end}").read_bytes()
    count, total = np.subtract(batches(client), before)
    assert total == 12 and count <= 8  # Different sizes shared batches.
    body = client.post("/predict?answer=probabilities", images["i0"])[2]
    found, expected = np.load(io.BytesIO(body)), np.load(folder / "i0.npz")
    np.testing.assert_array_equal(found["classes"], expected["classes"])
    # The batch has another number of images, so that sums are rounded differently.
    np.testing.assert_allclose(
        found["probabilities"], expected["probabilities"], atol=1e-3
    )


@pytest.mark.slow
def test_options_are_those_of_predict(client, images, predicted):
    options = ["--scales", "0.5", "1", "--flip", "--class-thresholds", "green", "0.4"]
    options += ["--clean.min-size", "20", "--no-overlay"]
    query = "scales=0.5,1&flip=true&class_thresholds=green:0.4&clean.min_size=20"
    folder = predicted(*options)
    for name, body in all_at_once(client, images, query).items():
        assert body == (folder / f"{name}.png").read_bytes()


@pytest.mark.slow
def test_a_crf_is_that_of_predict(client, images, predicted):
    options = ["--crf", "--crf.iterations", "2", "--no-overlay"]
    folder = predicted(*options, only="i3")
    body = client.post("/predict?crf=1&crf.iterations=2", images["i3"])[2]
    assert body == (folder / "i3.png").read_bytes()


def test_a_form_gives_the_answer_of_a_body(client, images):
    image = ("photo.png", images["i1"])
    for query, fields in (("", {"answer": "overlay"}), ("?answer=overlay", {})):
        answer = client.post_form(f"/predict{query}", {"image": image}, **fields)
        expected = client.post("/predict?answer=overlay", images["i1"])
        assert answer[0] == 200 and answer[2] == expected[2]
        assert answer[1]["content-type"] == "image/png"


def unpacked(value):
    data = zlib.decompress(base64.b64decode(value["data"]))
    return np.frombuffer(data, value["type"]).reshape(value["shape"])


def test_json_contains_labels_confidence_and_the_image(client, workdir):
    pixels = drawn(30, 40)
    content = encoded(pixels, "TIFF")
    body = client.post("/predict?answer=json&picture=1", content)[2]
    found = json.loads(body)
    run = jaxseg.open_run(workdir)
    expected = run.make_segmenter(PredictOptions(multiple=32)).predict(pixels)
    labels = unpacked(found["labels"])
    np.testing.assert_array_equal(labels, expected.labels)
    top = expected.probabilities.max(-1)
    np.testing.assert_allclose(unpacked(found["confidence"]) / 255, top, atol=0.003)
    np.testing.assert_array_equal(unpacked(found["image"]), pixels)
    shares = np.bincount(labels.ravel(), minlength=3) / labels.size
    np.testing.assert_allclose(found["shares"], shares, atol=1e-5)


def test_an_object_is_that_of_refine(client, tmp_path):
    pixels = drawn(40, 50)
    pixels[12:28, 15:35] = (250, 20, 20)
    strokes = np.zeros_like(pixels)
    strokes[14, 16:34], strokes[5, 5:45] = (255, 0, 0), (0, 0, 255)
    for name, content in (("a", pixels), ("s", strokes)):
        (tmp_path / f"{name}.png").write_bytes(encoded(content))
    marks = ["--box", "10", "8", "40", "32", "--scribbles", str(tmp_path / "s.png")]
    words = ["refine", str(tmp_path / "a.png"), *marks, "-o", str(tmp_path / "out")]
    assert main([*words, "--iterations", "3", "--no-overlay"]) == 0
    files = {"image": ("a.png", encoded(pixels)), "scribbles": ("s", encoded(strokes))}
    status, _, body = client.post_form("/refine", files, box="10,8,40,32")
    assert status == 200 and body == (tmp_path / "out/a.png").read_bytes()
    label = np.asarray(Image.open(io.BytesIO(body)))
    assert (label[12:28, 15:35] == 1).mean() > 0.95
