"""Fills the generated parts of the pages of the families.

A page is written by hand, except for the parts between `<!-- NAME -->` and
`<!-- /NAME -->`.
"""

import pathlib
import re

from family_pages import tables
from family_pages.pages import PAGES
from family_pages.record import Page

FOLDER = pathlib.Path(__file__).parents[2] / "families"


def filled(name: str, text: str) -> str:
    """Returns the text of a page with its generated parts.

    Args:
      name: A name of `PAGES`, or "index".
      text: The present text of the page.

    Raises:
      ValueError: If the page lacks the place of a part.
    """
    for part, content in parts(name).items():
        pattern = rf"(<!-- {part} -->\n).*?(<!-- /{part} -->)"
        found = re.search(pattern, text, re.DOTALL)
        if not found:
            raise ValueError(f"docs/families/{name}.md has no place for {part!r}.")
        new = f"{found[1]}{content}\n{found[2]}"
        text = text[: found.start()] + new + text[found.end() :]
    return text


def parts(name: str) -> dict[str, str]:
    """Returns the generated parts of a page by name."""
    if name == "index":
        return {"families": tables.index_tables()}
    page: Page = PAGES[name]
    return {
        "paper": page.paper,
        "presets": tables.preset_table(page),
        "proofs": tables.proof_list(page),
        "scores": tables.score_tables(page),
        "deviations": tables.deviation_list(page),
    }


def write() -> None:
    """Updates all pages in docs/families."""
    for name in ("index", *PAGES):
        path = FOLDER / f"{name}.md"
        text = path.read_text(encoding="utf-8")
        if (new := filled(name, text)) != text:
            path.write_text(new, encoding="utf-8")
            print(f"docs/families/{name}.md")
