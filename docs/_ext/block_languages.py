"""Chooses the highlighting of code that names no language, and marks short code."""

from docutils import nodes

SHORT = 40  # characters; the style sheet keeps such code on one line


def choose_languages(app, document):
    """Marks each block as Python session, as console, as shell or as text."""
    for block in document.findall(nodes.literal_block):
        if block.get("language", "default") in ("default", "none"):
            block["language"] = language(block.astext())
    for code in document.findall(nodes.literal):
        if len(code.astext()) <= SHORT:
            code["classes"].append("short")
    for text in list(document.findall(nodes.Text)):
        if text == " -- ":  # between a parameter and its description
            text.parent.replace(text, nodes.Text(" \N{EN DASH} "))


def language(text):
    """The language of a block, which follows from its first line.

    >>> language("$ jaxseg models"), language(">>> import jaxseg"), language("a  b")
    ('console', 'pycon', 'text')
    """
    first = text.lstrip().split("\n", 1)[0]
    if first.startswith(">>> "):
        return "pycon"
    if first.startswith("$ "):
        return "console"
    commands = ("jaxseg ", "python ", "pip ", ".venv/bin/")
    return "bash" if first.startswith(commands) else "text"


def setup(app):
    """Registers the event."""
    app.connect("doctree-read", choose_languages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
