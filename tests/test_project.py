"""The files that describe the project agree with each other."""

import pathlib
import re
import runpy
import tomllib

import pytest
import yaml

import jaxseg

ROOT = pathlib.Path(__file__).parent.parent
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))


def test_the_citation_has_the_required_fields_and_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= {*citation}
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software" and citation["license"] == "Apache-2.0"
    assert all("name" in author for author in citation["authors"])
    assert citation["version"] == jaxseg.__version__


def test_the_version_is_in_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    attribute = project["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert attribute == "jaxseg.__version__"


def test_the_changelog_describes_the_version():
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert versions[:2] == ["Unreleased", jaxseg.__version__]
    section = text.split(f"## [{jaxseg.__version__}]")[1].split("\n## [")[0]
    assert "### Added" in section and len(section) > 500


def test_the_license_is_the_one_that_the_package_names():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_the_issue_forms_have_the_fields_that_github_requires(path):
    form = yaml.safe_load(path.read_text())
    if path.stem == "config":
        assert form == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} <= {*form}
    names = [field["id"] for field in form["body"]]
    assert len(names) == len({*names}) >= 3
    kinds = {"textarea", "input", "dropdown", "checkboxes"}
    assert all(field["type"] in kinds for field in form["body"])
    assert all(field["attributes"]["label"] for field in form["body"])


def test_the_workflow_runs_scripts_that_exist():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    lines = [step["run"].split() for step in steps if "run" in step]
    scripts = [word for line in lines for word in line if word.startswith(".ci/")]
    assert len(scripts) == 2 and all((ROOT / script).is_file() for script in scripts)


def test_the_workflow_uploads_the_archives_and_the_site():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    steps = workflow["jobs"]["package"]["steps"]
    assert "python3 .ci/release.py --output dist" in [s.get("run") for s in steps]
    uploads = [s["with"] for s in steps if "upload-artifact" in s.get("uses", "")]
    paths = {upload["name"]: upload["path"].split() for upload in uploads}
    assert paths == {"dist": ["dist/*.whl", "dist/*.tar.gz"], "site": ["dist/site"]}


def test_the_release_keeps_the_site_next_to_the_archives(tmp_path):
    build_docs = runpy.run_path(str(ROOT / ".ci/release.py"))["build_docs"]

    def run(*command, **_):
        """Writes what Sphinx writes, to the folder that is its last argument."""
        if command[0].name == "sphinx-build":
            command[-1].mkdir()
            (command[-1] / "index.html").touch()

    build_docs.__globals__["run"] = run
    wheel = tmp_path / "dist" / "jaxseg.whl"
    wheel.parent.mkdir()
    assert build_docs(tmp_path / "bin", wheel, tmp_path / "work") == 1
    assert [*wheel.parent.rglob("*.html")] == [tmp_path / "dist/site/index.html"]
