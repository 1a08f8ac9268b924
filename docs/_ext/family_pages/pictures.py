"""Draws the picture of the architecture of each family.

python docs/_ext/family_pages pictures [NAME ...]
"""

import pathlib
import sys

from family_pages.drawing import draw
from family_pages.pages import PAGES
from family_pages.trace import trace_blocks
from jaxseg import create_model
from jaxseg.nn.block_config import BlockConfig

FOLDER = pathlib.Path(__file__).parents[2] / "families" / "pictures"
CLASSES = 21
RULES = (  # Names of blocks for networks of a backbone and a head.
    (r"(?:head|backbone|context|shape|neck|generator|trunk|decoder|encoder)$", ""),
    (r"(?:unet|prior)(?:/encoder)?$", ""),
    (r"(?:transition|fuse)\w*$", ""),
    (r"backbone/(?:transition|stage\d_\d+/fuse|stage\d_\d+$)", ""),
    (r"backbone/stage(\d)_\d+/branch(\d)", r"backbone/stage\1:\2"),
    (r"backbone/(stem|conv|layer|level|block)(\d*).*", r"backbone/\1\2"),
    (r"head/(?:aspp|jpu|scores|head)$", ""),
    (r"head/(fuse|encoding)\w*", r"head/\1"),
    (r"head/(?:(?:aspp|jpu|scores|head)/)?([A-Za-z]\w*)", r"head/\1"),
    (r"((?:context|neck|aspp)/\w+)", r"\1"),
    (r"([A-Za-z]\w*?)(?:_\d+)?(?:/|$)", r"\1"),
)


def picture(name: str) -> str:
    """Returns the picture of a page as SVG.

    Args:
      name: A name of `PAGES`.
    """
    page = PAGES[name]
    preset, _, backbone = page.drawn.partition("@")
    options = dict(page.options) | ({"backbone": backbone} if backbone else {})
    style = BlockConfig(impl="lax")
    model = create_model(preset, CLASSES, style=style, **options)
    shown = f"{preset} on {backbone}" if backbone else preset
    return draw(trace_blocks(model, page.rules + RULES), f"The blocks of {shown}")


def write(names: list[str]) -> None:
    """Draws the pictures of some pages, or of all."""
    FOLDER.mkdir(exist_ok=True)
    for name in names or [name for name in PAGES if PAGES[name].drawn]:
        try:
            text = picture(name)
        except Exception as error:
            print(name, repr(error)[:300], file=sys.stderr)
            continue
        (FOLDER / f"{name}.svg").write_text(text, encoding="utf-8")
        print(name, len(text), flush=True)
