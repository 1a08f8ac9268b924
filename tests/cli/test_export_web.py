"""`jaxseg export --web`: a page that segments images in the browser as predict does."""

import io
import socket

import numpy as np
import pytest
from PIL import Image

import jaxseg
from jaxseg.cli.main import main
from jaxseg.inference.export.web import runtime
from jaxseg.inference.predict_options import PredictOptions
from tests import browser
from tests.cli.test_export import workdir as workdir

DROP = """
  fetch("test.png").then((answer) => answer.blob()).then((blob) => {
    const files = new DataTransfer();
    files.items.add(new File([blob], "test.png", {type: "image/png"}));
    dispatchEvent(new DragEvent("drop", {dataTransfer: files}));
  })
"""
STATE = "document.getElementById('status').dataset.state"


def stand_in(folder):
    """A folder with empty files of the runtime."""
    folder.mkdir()
    for name in runtime.FILES:
        (folder / name).touch()
    return folder


@pytest.fixture(autouse=True)
def packages():
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package)


@pytest.mark.slow
def test_the_browser_gives_the_classes_of_predict(workdir, tmp_path):
    browser.program()
    try:
        socket.create_connection(("registry.npmjs.org", 443), 10).close()
    except OSError as error:
        pytest.skip(f"The npm registry cannot be reached: {error}")
    page = tmp_path / "page"
    assert main(["export", str(workdir), "--web", str(page)]) == 0
    random = np.random.default_rng(0)
    coarse = np.kron(random.integers(0, 200, (10, 14, 3)), np.ones((8, 8, 1)))
    pixels = coarse[:75, :109] + random.integers(0, 56, (75, 109, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(page / "test.png")
    with browser.served(page) as address, browser.tab(tmp_path / "profile") as tab:
        tab.send("Page.navigate", url=f"{address}/index.html")
        tab.wait_for(f"document.getElementById('status') && {STATE}", "ready")
        tab.value(DROP)
        tab.wait_for(STATE, "done")
        mask = Image.open(
            io.BytesIO(tab.download("document.getElementById('mask').href"))
        )
        rows = tab.value("document.getElementById('classes').innerText").splitlines()
    padded = jaxseg.open_run(workdir).make_segmenter(PredictOptions(multiple=32))
    expected = padded.predict(page / "test.png").labels
    assert len(np.unique(expected)) > 1
    assert mask.getpalette()[:9] == [200, 0, 0, 0, 200, 0, 0, 0, 200]
    assert (np.asarray(mask) == expected).mean() >= 0.999
    shares = [float(row.split("\t")[-1].split()[0]) for row in rows]
    counts = np.bincount(expected.ravel(), minlength=3)
    np.testing.assert_allclose(shares, 100 * counts / counts.sum(), atol=0.1)


def test_a_page_is_complete_without_a_network_connection(
    workdir,
    tmp_path,
    capsys,
):
    files, page = stand_in(tmp_path / "dist"), tmp_path / "page"
    command = ["export", str(workdir), "--runtime", str(files), "--size", "32", "32"]
    assert main([*command, "--web", str(page)]) == 0
    assert "0 of the pixels have another class" in capsys.readouterr().out
    html = (page / "index.html").read_text()
    for name in ("style.css", "page.js", "png.js"):
        assert f'"{name}"' in html and (page / name).stat().st_size
    assert {path.name for path in (page / "runtime").iterdir()} == set(runtime.FILES)
    for path in page.glob("*.*"):
        if path.suffix in (".html", ".js", ".css"):
            assert "://" not in path.read_text(), path


@pytest.mark.parametrize(
    "given, message",
    [
        (["--web", "x", "-o", "y.onnx"], "web=x is invalid: expected one of the two"),
        ([], "output=None, web=None is invalid"),
        (["-o", "y.onnx", "--runtime", "x"], "runtime='x' is invalid without --web"),
        (["--web", "."], "web='.' is invalid: expected a new or empty folder"),
        (["--web", "new", "--runtime", "."], "ort.wasm.min.js is missing"),
    ],
)
def test_wrong_options_are_one_line(
    workdir,
    given,
    message,
    tmp_path,
    monkeypatch,
    capsys,
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert main(["export", str(workdir), *given]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_changed_package_is_refused(monkeypatch):
    answer = io.BytesIO(b"other content")
    monkeypatch.setattr("urllib.request.urlopen", lambda url, timeout: answer)
    with pytest.raises(ValueError, match=r"\.tgz is invalid: expected the checksum"):
        runtime.files()
