"""Fills the marks `<!-- generated: NAME -->` of the reference during the build."""

import re

from command_help import commands
from configuration_tables import configuration

GENERATED = {"commands": commands, "configuration": configuration}
MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def fill(app, name, source):
    """Replaces the marks of a page; Sphinx calls this before it parses the page."""
    if name.startswith("reference/"):
        source[0] = MARK.sub(lambda match: GENERATED[match[1]](), source[0])


def note_options(app, env, docnames):
    """Reads both pages in every build, because their content comes from the code."""
    docnames += [f"reference/{name}" for name in GENERATED]


def setup(app):
    """Registers the events."""
    app.connect("env-before-read-docs", note_options)
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
