"""Makes those parts of the site that come from the code, during the build.

The marks `<!-- generated: NAME -->` of the reference are filled, and the page for
trying atrous rates is written.
"""

import pathlib
import re

from command_help import commands
from configuration_tables import configuration

from jaxseg.lab.explorer import explorer_page

GENERATED = {"commands": commands, "configuration": configuration}
MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def fill(app, name, source):
    """Replaces the marks of a page; Sphinx calls this before it parses the page."""
    if name.startswith("reference/"):
        source[0] = MARK.sub(lambda match: GENERATED[match[1]](), source[0])


def note_options(app, env, docnames):
    """Reads both pages in every build, because their content comes from the code."""
    docnames += [f"reference/{name}" for name in GENERATED]


def write_explorer(app, error):
    """Writes the page for trying rates; Sphinx calls this after the other pages."""
    if not error:
        target = pathlib.Path(app.outdir) / "explore_rates.html"
        target.write_text(explorer_page(), encoding="utf-8")


def setup(app):
    """Registers the events."""
    app.connect("env-before-read-docs", note_options)
    app.connect("source-read", fill)
    app.connect("build-finished", write_explorer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
