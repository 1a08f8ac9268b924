"""The page that `jaxseg report` and the end of a training run write."""

import html.parser
import json
import re
import shutil

import pytest

import jaxseg
from jaxseg.cli.main import main
from tests import browser


class Cells(html.parser.HTMLParser):
    """The texts of the cells of each row, by the identifier of the section."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.section, self.cell = {}, None, None
        self.addresses = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.addresses += [given[k] for k in ("src", "href") if k in given]
        if tag == "section":
            self.section = given["id"]
        if tag == "tr":
            self.rows.setdefault(self.section, []).append([])
        self.cell = [] if tag in ("th", "td") else self.cell

    def handle_data(self, data):
        if self.cell is not None:
            self.cell.append(data)

    def handle_endtag(self, tag):
        if tag in ("th", "td"):
            self.rows[self.section][-1].append("".join(self.cell).strip())
            self.cell = None

    def named(self, section, name):
        return next(row[1:] for row in self.rows[section] if row[0] == name)


def card(page, name):
    found = re.search(
        rf'class="name">{name}</span>\s*<span class="value">([^<]*)', page
    )
    return found[1]


@pytest.fixture(scope="module")
def report(trained, tmp_path_factory):
    """The page about all validation images of a run."""
    path = tmp_path_factory.mktemp("report") / "one.html"
    assert main(["report", str(trained), "-o", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def moved(trained, tmp_path_factory):
    """A copy of a run with another learning rate and without its weights."""
    copy = tmp_path_factory.mktemp("runs") / "moved"
    shutil.copytree(trained, copy, ignore=shutil.ignore_patterns("ckpt", "report.html"))
    config = json.loads((copy / "config.json").read_text())
    config["optim"]["learning_rate"] = 0.5
    (copy / "config.json").write_text(json.dumps(config))
    return copy


def percent(value):
    return "-" if value is None else f"{100 * value:.2f}"


def test_numbers_are_those_of_eval(trained, report, tmp_path):
    more = ("--scores", "trimap", "--calibration", "--checkpoint", "best")
    file = tmp_path / "scores.json"
    diagram = ("--calibration-diagram", str(tmp_path / "bins.png"))
    assert main(["eval", str(trained), *more, *diagram, "-o", str(file)]) == 0
    scores, page = json.loads(file.read_text()), report.read_text()
    cells = Cells(page)
    pixels = sum(scores["pixels"])
    for k, name in enumerate(scores["classes"]):
        columns = [percent(scores[key][k]) for key in ("iou", "recall", "precision")]
        share, iou, _, *rest = cells.named("classes", name)
        assert [share, iou, *rest] == [percent(scores["pixels"][k] / pixels), *columns]
    assert card(page, "mean IoU") == f"{percent(scores['mean_iou'])} %"
    assert card(page, "pixel accuracy") == f"{percent(scores['pixel_accuracy'])} %"
    error = scores["calibration"]["expected_error"]
    assert cells.named("calibration", "expected calibration error (ECE)") == [
        f"{error:.4f}"
    ]
    trimap = [scores["trimap_iou"][w - 1] for w in (1, 2, 3, 5, 10, 20, 40)]
    assert cells.rows["boundary"][1][1:] == list(map(percent, trimap))
    counts = re.findall(r'<td[^>]* data-n="(\d+)"', page)
    assert list(map(int, counts)) == [n for row in scores["confusion"] for n in row]
    assert "all 5 images of validation[:5]" in page


def test_page_contains_everything_and_names_no_address(report):
    page = report.read_text()
    cells = Cells(page)
    assert all(one.startswith(("data:", "#")) for one in cells.addresses)
    for name in ("Loss", "Learning rate", "Gradient norm", "Throughput", "Input wait"):
        assert f'<img alt="{name} over the training steps"' in page
    rows = {row[0]: row[1:] for row in cells.rows["cost"]}
    assert {"parameters", "operations per image", "largest memory use"} <= set(rows)
    assert dict(cells.rows["versions"])["jax"]
    assert cells.named("settings", "optim.learning_rate")[0] == "0.001"
    assert page.count('class="shot') == 4  # Two of five images at each end.


def test_training_ends_with_a_report_of_a_bounded_number_of_images(trained):
    page = (trained / "report.html").read_text()
    assert "on the first 3 images of 5;" in page
    assert "--split &#39;validation[:3]&#39;" in page


def test_runs_are_compared_and_missing_weights_are_reported(trained, moved, tmp_path):
    path = tmp_path / "two.html"
    assert main(["report", str(trained), str(moved), "-o", str(path)]) == 0
    page = path.read_text()
    cells = Cells(page)
    differing = [row for row in cells.rows["settings"] if len(row) == 3][:2]
    assert differing[1] == ["optim.learning_rate", "0.001", "0.5"]
    assert "moved: The network could not be evaluated" in page
    # The scores of the copy are those of its records, which the same weights gave.
    iou = cells.named("summary", "mean IoU")
    assert iou[0] == iou[1]
    assert cells.named("classes", "disc")[3] == "0.00"  # The change.


def test_changes_are_left_out_if_the_images_differ(trained, moved, tmp_path):
    """A run without weights has the scores of its records, from another split here."""
    other, path = tmp_path / "other", tmp_path / "two.html"
    shutil.copytree(moved, other)
    config = json.loads((other / "config.json").read_text())
    config["data"]["eval_split"] = "validation[:2]"
    (other / "config.json").write_text(json.dumps(config))
    assert main(["report", str(trained), str(other), "-o", str(path)]) == 0
    page = path.read_text()
    cells = Cells(page)
    assert len(cells.named("summary", "mean IoU")) == 2
    assert len(cells.named("classes", "disc")) == 7  # The frequency and 2 x 3 scores.
    assert not any("change" in cell for row in cells.rows["summary"] for cell in row)
    reason = "because the runs were evaluated on different images."
    assert f"Changes of scores, {reason}" in page
    assert page.count(f"Changes are left out, {reason}") == 2


def test_several_runs_need_a_file(trained, moved, capsys):
    assert main(["report", str(trained), str(moved)]) == 1
    assert "Pass -o FILE" in capsys.readouterr().err
    assert main(["report", str(trained), str(trained), "-o", "x.html"]) == 1
    assert "each run directory once" in capsys.readouterr().err


def test_python_form_writes_the_page_into_the_run_directory(moved, tmp_path, trained):
    path = jaxseg.open_run(trained).report(tmp_path / "run.html", images=2)
    assert "on the first 2 images of 5;" in path.read_text()


@pytest.mark.slow
def test_page_works_in_a_browser(report, tmp_path):
    with browser.tab(tmp_path / "profile") as tab:
        for domain in ("Runtime", "Network", "Log"):
            tab.send(f"{domain}.enable")
        tab.send("Page.navigate", url=report.as_uri())
        tab.wait_for("document.readyState", "complete")
        column = "[...document.querySelectorAll('.classes tbody tr')]"
        values = f"{column}.map(row => Number(row.cells[2].dataset.v))"
        button = "document.querySelectorAll('.classes thead button')[2]"
        original = tab.value(values)
        tab.value(f"{button}.focus()")
        press(tab, "Enter")
        assert tab.value(values) == sorted(original, reverse=True)
        press(tab, "Enter")
        assert tab.value(values) == sorted(original)
        press(tab, "Enter")
        assert tab.value(values) == original
        check_matrix(tab)
        assert wide(tab, 360) <= 360 and wide(tab, 1280) <= 1280
        look = "getComputedStyle(document.body).backgroundColor"
        light = tab.value(look)
        dark = {"name": "prefers-color-scheme", "value": "dark"}
        tab.send("Emulation.setEmulatedMedia", features=[dark])
        assert tab.value(look) != light
        assert_quiet(tab.events, report)


def assert_quiet(events, page):
    """No message was logged, and nothing but the page itself was requested."""
    loud = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    assert [one for one in events if one["method"] in loud] == []
    requests = [one for one in events if one["method"] == "Network.requestWillBeSent"]
    addresses = {one["params"]["request"]["url"] for one in requests}
    assert {one for one in addresses if not one.startswith("data:")} == {page.as_uri()}


def press(tab, key):
    for kind in ("rawKeyDown", "char", "keyUp"):
        tab.send(
            "Input.dispatchKeyEvent",
            type=kind, key=key, code=key, text="\r", windowsVirtualKeyCode=13,
        )  # fmt: skip


def wide(tab, width):
    tab.send(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=800, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    return tab.value("document.documentElement.scrollWidth")


def check_matrix(tab):
    """Sorts the matrix by frequency: rows and columns move, and the diagonal stays."""
    rows = "[...document.querySelectorAll('.matrix tbody tr')]"
    diagonal = f"{rows}.map((row, k) => row.cells[k + 1].classList.contains('own'))"
    tab.value(
        "{const order = document.getElementById('order'); order.value = 'pixels';"
        "order.dispatchEvent(new Event('change'))}"
    )
    pixels = tab.value(f"{rows}.map(row => Number(row.dataset.pixels))")
    assert pixels == sorted(pixels, reverse=True) and len(set(pixels)) > 1
    assert all(tab.value(diagonal))
