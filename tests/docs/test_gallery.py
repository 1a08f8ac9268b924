"""The gallery agrees with the reports and records of the studies."""

import dataclasses
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.append(str(ROOT / "docs/_ext"))

import gallery_page  # noqa: E402


def test_page_is_current():
    """To update the page, run `python docs/_ext/gallery_page.py`."""
    text = gallery_page.PAGE.read_text(encoding="utf-8")
    assert gallery_page.filled(text) == text


@pytest.mark.parametrize("study", gallery_page.STUDIES, ids=lambda study: study.folder)
def test_figures_are_those_of_the_report(study):
    folder = ROOT / "experiments" / study.folder
    assert (folder / study.picture).is_file()
    report = (folder / "report.md").read_text()
    for figure in study.figures.values():
        form = ".3f" if figure.factor == 100 else figure.form
        stated = dataclasses.replace(figure, factor=1, form=form)
        assert gallery_page.value(study, stated) in report


def test_a_figure_without_records_is_refused():
    study = gallery_page.STUDIES[0]
    with pytest.raises(LookupError, match=r"no record with .*stride_9"):
        gallery_page.value(study, gallery_page.iou("stride_9"))
