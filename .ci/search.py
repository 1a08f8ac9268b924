"""Checks that the search of the built documentation finds the right pages.

    python .ci/search.py docs/_build

It types words that a user would type into the search of the site, in headless Chromium.
One of the expected pages has to be among the first five results.
"""

import json
import pathlib
import sys
import tempfile
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from tests import browser

FIRST = 5
EXPECTED = {
    "ignore index": ("guide/own_images", "start/pytorch", "guide/data"),
    "output stride": ("families/index", "guide/gallery", "start/atrous"),
    "Cityscapes": ("guide/datasets",),
    "resume": ("guide/pods", "guide/command_line", "guide/recipes"),
    "CRF": ("guide/refinement",),
    "checkerboard": ("guide/upsampling",),
    "align_corners": ("guide/upsampling",),
    "class weights": ("guide/recipes", "guide/binary"),
    "fine-tune": ("guide/recipes",),
    "MMSegmentation": ("guide/parity", "guide/weights", "guide/compare"),
    "ONNX": ("guide/export",),
    "TPU": ("guide/pods", "start/pods"),
    "gradient accumulation": ("guide/pods", "guide/recipes"),
    "16-bit": ("guide/images",),
    "GeoTIFF": ("guide/large_images", "guide/images"),
    "binary": ("guide/binary",),
    "augmentation": ("guide/augmentation",),
    "calibration": ("guide/uncertainty",),
    "gridding": ("guide/atrous_findings", "start/atrous", "reference/analysis"),
    "receptive field": ("start/atrous", "reference/analysis", "guide/gallery"),
    "Keras": ("guide/any_callable",),
    "learned rate": ("guide/learned_rates",),
    "U-Net": ("families/unet",),
    "Point Transformer": ("families/point_transformer",),
    "confusion matrix": ("guide/report", "guide/evaluation", "reference/metrics"),
    "exit status": ("guide/command_line",),
    "reproduce": ("guide/reproduce", "reference/commands"),
    "sweep": ("guide/recipes", "guide/gallery", "reference/commands"),
}
RESULTS = """
JSON.stringify([...document.querySelectorAll("ul.search > li > a")].map(
  (link) => new URL(link.href).pathname))
"""
FINISHED = """
/found|did not match/.test(document.querySelector("#search-results p")?.innerText)
"""


def pages(tab: browser.Tab, site: str, words: str) -> list[str]:
    """Returns the pages that the search finds, without repetitions, best first."""
    query = urllib.parse.urlencode({"q": words})
    tab.send("Page.navigate", url=f"{site}/search.html?{query}")
    tab.wait_for(f"location.search === {json.dumps('?' + query)}", True)
    tab.wait_for(FINISHED, True)
    paths = json.loads(tab.value(RESULTS))
    return list(dict.fromkeys(p.strip("/").removesuffix(".html") for p in paths))


def main(folder: str) -> int:
    """Searches for all words, and prints those that miss."""
    missed = 0
    with (
        tempfile.TemporaryDirectory() as profile,
        browser.served(folder) as site,
        browser.tab(profile) as tab,
    ):
        tab.send("Page.enable")
        for words, expected in EXPECTED.items():
            found = pages(tab, site, words)[:FIRST]
            if not set(found) & set(expected):
                missed += 1
                print(f"{words!r} finds {found}: expected one of {expected}.")
    print(f"search: {len(EXPECTED) - missed} of {len(EXPECTED)} words find their page")
    return missed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
