"""The page on checkpoints lists the settings that can change when a run resumes."""

import pathlib

from jaxseg.runs.restart import FREE

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "guide" / "checkpoints.md"


def test_the_page_lists_every_setting_that_can_change():
    text = PAGE.read_text()
    assert [name for name in FREE if f"`{name}`" not in text] == []
