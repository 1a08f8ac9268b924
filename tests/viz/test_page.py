"""Pages: what users name is escaped, and pictures are embedded."""

import base64
import re

import jinja2
import pytest

from jaxseg.viz import page

TEMPLATE = """{% extends "base.html" %}
{% from "parts.html" import card, figure, swatch, table %}
{% block title %}Scores of {{ run|plain }}{% endblock %}
{% block content %}
{{ card("mean IoU", 0.1234|percent) }}{{ swatch((0, 255, 127)) }}
{{ table(["class", "IoU"], [[run, 3]], "Scores") }}
{{ figure(picture, "The loss of " ~ run) }}
{% endblock %}"""
NAME = "<script>alert(1)</script>\x1b[31m"
PNG = b"\x89PNG\r\n\x1a\nrest"


def test_a_page_escapes_names_and_embeds_pictures(tmp_path):
    (tmp_path / "scores.html").write_text(TEMPLATE)
    html = page.render(tmp_path, "scores.html", run=NAME, picture=PNG)
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 5
    assert "<script" not in html and "\x1b" not in html
    assert "12.34 %" in html and "background: #00ff7f" in html
    assert f"data:image/png;base64,{base64.b64encode(PNG).decode()}" in html
    assert "prefers-color-scheme: dark" in html
    assert '<link rel="icon" href="data:,">' in html  # Browsers ask for no favicon.ico.
    assert not re.findall(r"(?:https?:)?//[a-z]|@import|url\(", html)


def test_a_name_without_value_is_an_error(tmp_path):
    (tmp_path / "scores.html").write_text(TEMPLATE)
    with pytest.raises(jinja2.UndefinedError, match="picture"):
        page.render(tmp_path, "scores.html", run=NAME)
    with pytest.raises(jinja2.TemplateNotFound, match=r"missing\.html"):
        page.render(tmp_path, "missing.html")


def test_only_pictures_are_embedded():
    assert page.data_uri(b"\xff\xd8\xff\xe0").startswith("data:image/jpeg;base64,")
    with pytest.raises(ValueError, match="PNG, JPEG or SVG"):
        page.data_uri(b"GIF89a")
