"""Turns relative links to files outside of docs/ into links to the repository.

A page links to a report as `../../experiments/NAME/report.md`, which works where the
repository is shown. The site does not contain these files, so it links to their page in
the repository. A link to a file that does not exist is a warning. A picture outside of
docs/ is copied into the site by Sphinx.
"""

import os
import pathlib
import re

from sphinx.util import logging

LINK = re.compile(r"(?<!!)\[([^\[\]]*)\]\((\.\./[^()\s]*)\)")
FENCE = re.compile(r"^ {0,3}(```+|~~~+|:::+\{code)")
LOGGER = logging.getLogger(__name__)


def resolve_links(app, name, source):
    """Replaces the links of one page; Sphinx calls this before it parses the page."""
    page = pathlib.Path(app.env.doc2path(name))
    docs = pathlib.Path(app.srcdir)

    def replace(match):
        path, _, anchor = match[2].partition("#")
        target = pathlib.Path(os.path.normpath(page.parent / path))
        if target.is_relative_to(docs):
            return match[0]
        if not target.exists():
            LOGGER.warning("no such file: %s", match[2], location=name)
        if not (url := app.config.repository_url):
            return match[1]
        kind = "tree" if target.is_dir() else "blob"
        inside = target.relative_to(docs.parent).as_posix()
        end = f"#{anchor}" if anchor else ""
        return f"[{match[1]}]({url}/{kind}/main/{inside}{end})"

    if page.suffix == ".md":
        source[0] = LINK.sub(replace, source[0])


def setup(app):
    """Registers the event and the option `repository_url`."""
    app.add_config_value("repository_url", "", "env")
    app.connect("source-read", resolve_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
