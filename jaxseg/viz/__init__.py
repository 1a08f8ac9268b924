"""Draws label maps, overlays, charts and pages.

The functions that can be imported from `jaxseg.viz` need only Pillow and NumPy.
`viz.charts` draws with matplotlib, and `viz.page` renders HTML with Jinja2.
"""

from jaxseg.viz._enlarge import enlarge as enlarge
from jaxseg.viz._image_file import save_image as save_image
from jaxseg.viz._overlay import colorize as colorize
from jaxseg.viz._overlay import indexed_png as indexed_png
from jaxseg.viz._overlay import overlay as overlay
from jaxseg.viz._overlay import overlay_present as overlay_present
from jaxseg.viz._panel import legend as legend
from jaxseg.viz._panel import panel as panel
from jaxseg.viz._view import as_rgb as as_rgb
from jaxseg.viz.palettes import CITYSCAPES as CITYSCAPES
from jaxseg.viz.palettes import colormap as colormap
from jaxseg.viz.palettes import distinct as distinct
