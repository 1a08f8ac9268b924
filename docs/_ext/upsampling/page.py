"""Writes the table of the page docs/guide/upsampling.md."""

import pathlib
import re

from family_pages.pages import PAGES, presets

from upsampling.networks import KINDS, stored_kinds

PAGE = pathlib.Path(__file__).parents[2] / "guide" / "upsampling.md"


def table() -> str:
    """Returns a table of the networks that use each kind of upsampling.

    A family is named if all of its presets use the kind. Otherwise these are listed.
    """
    found = stored_kinds()
    lines = ["| kind | networks |", "| --- | --- |"]
    for kind, title in KINDS.items():
        cells = []
        for name, page in PAGES.items():
            names = presets(page)
            having = [n for n in names if kind in found.get(n, ())]
            if not having:
                continue
            link = f"[{page.title.partition(' (')[0]}](../families/{name}.md)"
            only = ", ".join(f"`{n}`" for n in having)
            cells.append(link if len(having) == len(names) else f"{link}: {only}")
        lines.append(f"| {title} | {'; '.join(cells)} |")
    return "\n".join(lines)


def filled(text: str) -> str:
    """Returns the text of the page with its table."""
    pattern = r"(<!-- networks -->\n).*?(<!-- /networks -->)"
    start, end = re.search(pattern, text, re.DOTALL).groups()
    new = f"{start}{table()}\n{end}"
    return re.sub(pattern, lambda _: new, text, flags=re.DOTALL)


def write() -> None:
    """Updates the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
