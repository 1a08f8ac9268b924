"""The page at `/` in headless Chromium: upload, switch, correct, and an error."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

import jaxseg
from jaxseg.inference.predict_options import PredictOptions
from tests import browser
from tests.serve.conftest import SPEC, drawn, encoded

STATE = "document.getElementById('status').dataset.state"
CHOOSE = """
  (() => {
    const bytes = Uint8Array.from(atob("%s"), (letter) => letter.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], "%s"));
    const input = document.getElementById("file");
    input.files = files.files;
    input.dispatchEvent(new Event("change"));
  })()
"""
BYTES = """
  %s.then((blob) => new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1]);
    reader.readAsDataURL(blob);
  }))
"""


class Page:
    """What a person does with the page."""

    def __init__(self, tab):
        self.tab = tab

    def choose(self, content, name="a.png"):
        self.tab.value("showError(null), show('', 'test')")
        self.tab.value(CHOOSE % (base64.b64encode(content).decode(), name))

    def drop(self, path):
        """Drops a file on the page."""
        files = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.tab.send("Input.dispatchDragEvent", type=kind, x=9, y=9, data=files)

    def download(self, name, path):
        """Clicks on a button, and returns the pixels of the picture that is saved."""
        self.tab.send(
            "Page.setDownloadBehavior",
            behavior="allow",
            downloadPath=str(path.parent),
        )
        self.click(name)
        while not path.is_file():
            self.tab.value("new Promise((done) => setTimeout(done, 20))")
        return np.asarray(Image.open(path))

    def text(self, name):
        return self.tab.value(f"document.getElementById('{name}').textContent")

    def click(self, name):
        self.tab.value(f"document.getElementById('{name}').click()")

    def picture(self, script):
        content = base64.b64decode(self.tab.value(BYTES % script))
        return Image.open(io.BytesIO(content))

    def overlay(self):
        return np.asarray(self.picture("overlayFile()").convert("RGB")).astype(int)

    def press(self, *keys, **more):
        for key in keys:
            for kind in ("rawKeyDown", "keyUp"):
                self.tab.send("Input.dispatchKeyEvent", type=kind, key=key, **more)

    def drag(self, start, end):
        """Moves a pressed mouse between two points of the image, in pixels."""
        scale = "canvas.getBoundingClientRect().width / canvas.width"
        left, top, scale = self.tab.value(
            "canvas.scrollIntoView(), ((r) => [r.left, r.top, "
            f"{scale}])(canvas.getBoundingClientRect())"
        )
        for kind, (x, y) in (
            ("mousePressed", start),
            ("mouseMoved", end),
            ("mouseReleased", end),
        ):
            where = {"x": left + (x + 0.5) * scale, "y": top + (y + 0.5) * scale}
            how = {"button": "left", "buttons": 1, "clickCount": 1}
            self.tab.send("Input.dispatchMouseEvent", type=kind, **where, **how)

    def tool(self, name):
        self.tab.value(f"document.querySelector('[value={name}]').click()")


@pytest.fixture(scope="module")
def page(client, tmp_path_factory):
    browser.program()
    with browser.tab(tmp_path_factory.mktemp("profile")) as tab:
        tab.send("Log.enable")
        tab.send("Page.navigate", url=client.address)
        tab.wait_for(f"document.getElementById('status') && {STATE}", "ready")
        yield Page(tab)


@pytest.fixture(scope="module")
def scene():
    """An image with a red rectangle."""
    pixels = drawn(40, 56)
    pixels[12:28, 15:35] = (250, 20, 20)
    return pixels


@pytest.fixture(scope="module")
def expected(workdir, scene):
    """The labels that `jaxseg predict` gives."""
    run = jaxseg.open_run(workdir)
    return run.make_segmenter(PredictOptions(multiple=32)).predict(scene).labels


@pytest.mark.slow
def test_upload_and_switch(page, scene, expected):
    page.choose(encoded(scene))
    page.tab.wait_for(STATE, "done")
    assert page.text("status") == "a.png: 56 x 40 pixels"
    mask = page.picture("maskFile()")
    np.testing.assert_array_equal(np.asarray(mask), expected)
    assert mask.getpalette()[:9] == [200, 0, 0, 0, 200, 0, 0, 0, 200]
    blend = (scene + np.array(SPEC.palette)[expected]) / 2
    np.testing.assert_allclose(page.overlay(), blend, atol=1)
    hidden = int(np.bincount(expected.ravel()).argmax())
    page.tab.value(f"switches[{hidden}].click()")
    shown = np.where((expected == hidden)[..., None], scene, blend)
    np.testing.assert_allclose(page.overlay(), shown, atol=1)
    page.click("all")
    shares = page.tab.value(
        "[...document.querySelectorAll('.share')].map((e) => e.textContent)"
    )
    counts = 100 * np.bincount(expected.ravel(), minlength=3) / expected.size
    np.testing.assert_allclose([float(s.split()[0]) for s in shares], counts, atol=0.06)
    assert page.tab.value("document.querySelectorAll('#classes b').length") == 0
    assert "favicon" not in str(page.tab.events)  # It would be logged as an error.


@pytest.mark.slow
def test_drop_an_image_and_download_the_results(page, scene, expected, tmp_path):
    (tmp_path / "dropped.png").write_bytes(encoded(scene))
    page.tab.value("show('', 'test')")
    page.drop(tmp_path / "dropped.png")
    page.tab.wait_for(STATE, "done")
    assert page.text("status") == "dropped.png: 56 x 40 pixels"
    mask = page.download("mask", tmp_path / "dropped_mask.png")
    np.testing.assert_array_equal(mask, expected)
    page.tab.wait_for(STATE, "done")
    overlay = page.download("overlay", tmp_path / "dropped_overlay.png")
    np.testing.assert_array_equal(overlay[..., :3], page.overlay())


@pytest.mark.slow
def test_a_mask_of_the_server_has_the_options_of_the_result(page, scene, workdir):
    """The server writes the masks of classes that overlap, here of one plane."""
    page.choose(encoded(scene))
    page.tab.wait_for(STATE, "done")
    page.click("flip")
    page.click("again")
    page.tab.wait_for(STATE, "done")
    page.click("flip")  # It takes effect with the next result only.
    page.tab.value("state.result.planes = 1")
    options = PredictOptions(multiple=32, flip=True)
    flipped = jaxseg.open_run(workdir).make_segmenter(options).predict(scene).labels
    np.testing.assert_array_equal(np.asarray(page.picture("maskFile()")), flipped)
    page.click("undo")
    page.tab.value("state.result.planes = 1")
    plain = np.asarray(page.picture("maskFile()"))
    page.tab.value("state.result.planes = 0")
    assert (plain != flipped).any()


@pytest.mark.slow
def test_correct_by_a_box_and_undo(page, scene, expected):
    page.choose(encoded(scene))
    page.tab.wait_for(STATE, "done")
    page.tab.value("document.getElementById('class').value = 2")
    page.tool("box")
    page.drag((10, 8), (40, 31))
    page.click("refine")
    page.tab.wait_for(STATE, "done")
    assert "is now <b>blue</b>." in page.text("status")
    found = np.asarray(page.picture("maskFile()"))
    assert (found[12:28, 15:35] == 2).mean() > 0.95
    np.testing.assert_array_equal(found[:7], expected[:7])
    page.click("undo")
    np.testing.assert_array_equal(np.asarray(page.picture("maskFile()")), expected)
    assert page.tab.value("state.marks.box") == [10, 8, 41, 32]
    page.click("undo")
    assert page.tab.value("document.getElementById('undo').disabled")


@pytest.mark.slow
def test_the_keyboard_reads_and_draws(page, scene, expected):
    page.choose(encoded(scene))
    page.tab.wait_for(STATE, "done")
    page.tool("look")
    page.tab.value("canvas.focus()")
    page.press("ArrowRight", "ArrowDown")
    x, y = page.tab.value("state.cursor")
    assert (x, y) == (29, 21)
    name = SPEC.classes[expected[y, x]]
    assert page.text("reading").startswith(f"{name}, ")
    assert f"(column {x}, row {y})" in page.text("reading")
    for tool, way in (("object", "ArrowLeft"), ("background", "ArrowUp")):
        page.tool(tool)
        page.press(" ", *[way] * 12, " ")
    kinds = page.tab.value("state.marks.strokes.map((s) => [s.kind, s.points.length])")
    assert kinds == [["object", 13], ["background", 13]]
    page.press("Enter")
    page.tab.wait_for(STATE, "done")
    assert page.text("status").startswith("The object takes ")


@pytest.mark.slow
def test_errors_are_one_line(page, scene):
    for content, words in (
        (b"text", "notes.txt: The file is not an image"),
        (encoded(scene)[:-400], "notes.txt: The file is damaged"),
    ):
        page.choose(content, "notes.txt")
        page.tab.wait_for(STATE, "failed")
        assert words in page.text("error")
        assert not page.tab.value("document.getElementById('error').hidden")
    page.tool("background")
    page.drag((3, 3), (9, 3))
    page.click("refine")
    page.tab.wait_for(STATE, "failed")
    assert page.text("error").startswith("A stroke on the object is missing.")


@pytest.mark.slow
def test_large_images_and_other_formats(page, client):
    large = drawn(200, 300)
    page.choose(encoded(large))
    page.tab.wait_for(STATE, "done")
    assert "reduced from 300 x 200 pixels" in page.text("status")
    width, height = page.tab.value("[state.result.width, state.result.height]")
    assert 19_000 < width * height <= client.service.network.options.max_pixels
    page.choose(encoded(large[:40, :50], "TIFF"), "b.tif")
    page.tab.wait_for(STATE, "done")
    page.click("none")
    np.testing.assert_array_equal(page.overlay(), large[:40, :50])
    page.click("all")


@pytest.mark.slow
def test_a_narrow_window_does_not_scroll_sideways(page):
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.tab.send("Emulation.setDeviceMetricsOverride", **size)
    wide = "document.documentElement.scrollWidth"
    assert page.tab.value(wide) == 360
    names = page.tab.value(
        "[...document.querySelectorAll('button, input, select, canvas[tabindex]')]"
        ".filter((e) => !e.labels?.length && !e.ariaLabel && !e.textContent).length"
    )
    assert names == 0  # Every control has a name for screen readers.
    page.tab.send("Emulation.clearDeviceMetricsOverride")
