"""Renders HTML pages from Jinja2 templates that share one base and one stylesheet.

A package stores its templates next to its code, in a folder that is package data. A
template extends `base.html` and fills its blocks:

    {% extends "base.html" %}
    {% from "parts.html" import figure %}
    {% block title %}Scores of {{ run|plain }}{% endblock %}
    {% block content %}
    <div class="table"><table>...</table></div>
    {{ figure(curve, "The loss of the training split.") }}
    {% endblock %}

To render the page, pass the folder, the name of the template and its values:

    folder = importlib.resources.files("jaxseg.report") / "templates"
    html = page.render(folder, "report.html", run=name, curve=charts.lines(...))

The result is one file without references to other files or servers. The blocks of
`base.html` are `title`, `policy` (the content security policy), `style` (further
rules), `heading` (the title by default), `content` and `script`. `style.css` lists the
classes, and `parts.html` has macros for figures, tables and cards. Values are escaped,
and a name that has no value is an error.

Filters beyond those of Jinja2:

- `plain` replaces control characters, so that names from users cannot disturb a page.
- `percent` formats a fraction: 0.1234 becomes "12.34 %".
- `data_uri` embeds the bytes of a PNG, JPEG or SVG file as the address of an image.
- `color` formats a color (red, green, blue), with values from 0 to 255, for a style
  sheet: "#00ff7f".
"""

from __future__ import annotations

import base64
import functools
import importlib.resources
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from typing import Any

from jaxseg.text import as_message

_STARTS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"<svg": "image/svg+xml",
    b"<?xml": "image/svg+xml",
}


def render(template_folder: Traversable, name: str, **values: Any) -> str:
    """Returns an HTML page.

    Args:
      template_folder: The folder of the template, as a `pathlib.Path` or as the result
        of `importlib.resources.files`. Templates that it does not contain, such as
        `base.html`, are taken from `jaxseg/viz/templates`.
      name: The file name of the template.
      **values: The values of the names that the template uses.

    Raises:
      jinja2.UndefinedError: If the template uses a name that has no value.
    """
    import jinja2

    common = importlib.resources.files("jaxseg.viz") / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(functools.partial(_text, template_folder, common)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": as_message,
        "percent": percent,
        "data_uri": data_uri,
        "color": color,
    }
    return environment.get_template(name).render(**values)


def _text(folder: Traversable, common: Traversable, name: str) -> str | None:
    """Returns the text of a template, or None if neither folder contains it."""
    for path in (folder / name, common / name):
        if path.is_file():
            return path.read_text("utf-8")
    return None


def data_uri(content: bytes) -> str:
    """Returns a `data:` address (URI) that contains the bytes of an image file.

    Args:
      content: The bytes of a PNG, JPEG or SVG file.

    Raises:
      ValueError: If the bytes are not the start of such a file.

    >>> data_uri(b"<svg/>")
    'data:image/svg+xml;base64,PHN2Zy8+'
    """
    for start, kind in _STARTS.items():
        if content.startswith(start):
            return f"data:{kind};base64,{base64.b64encode(content).decode()}"
    raise ValueError(
        f"content={content[:12]!r}... is invalid: expected the bytes of a PNG, JPEG or "
        "SVG file."
    )


def percent(share: float) -> str:
    """Formats a fraction as a percentage with two decimals.

    >>> percent(0.1234)
    '12.34 %'
    """
    return f"{100 * share:.2f} %"


def color(rgb: Sequence[int]) -> str:
    """Formats a color for a style sheet.

    >>> color((0, 255, 127))
    '#00ff7f'
    """
    red, green, blue = rgb
    return f"#{red:02x}{green:02x}{blue:02x}"
