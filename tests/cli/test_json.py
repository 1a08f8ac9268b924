"""`--json`: one document on standard output; `--quiet` and `--verbose`."""

import json
import math

import pytest

from jaxseg.cli.main import main
from jaxseg.cli.plan import STDOUT, parse
from jaxseg.cli.verbosity import only_json


def finite(value):
    """Whether a JSON value has no NaN and no infinite number."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@pytest.fixture(scope="module")
def evaluated(trained, data_dir, tmp_path_factory):
    """The words of an evaluation, and the file that it writes with `--output`."""
    path = tmp_path_factory.mktemp("json") / "scores.json"
    words = ["eval", str(trained), "--data.prepared-dir", str(data_dir)]
    return [*words, "--devices", "1", "-o", str(path)], path


def test_eval_prints_the_content_of_its_file(evaluated, capsys):
    words, path = evaluated
    assert main([*words, "--json", "--verbose"]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document == json.loads(path.read_text()) and finite(document)
    assert document["split"] == "validation[:5]" and len(document["confusion"]) > 1
    assert "mean IoU" in printed.err and "jaxseg: exit status 0 after" in printed.err


def test_quiet_leaves_the_scores(evaluated, capsys):
    words, path = evaluated
    assert main(["--quiet", *words]) == 0
    printed = capsys.readouterr()
    assert "mean IoU" in printed.out and str(path) not in printed.out
    assert printed.err == ""


def test_lab_prints_its_result(tmp_path, capsys):
    words = ["lab", "rates", "1,2,5", "--json", "--out", str(tmp_path)]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "result.json").read_text())
    assert finite(document) and document[
        "command"
    ] == "jaxseg lab rates 1,2,5 --json " + (f"--out {tmp_path}")


@pytest.mark.parametrize("which", [[], ["--backbones"], ["--families"]])
def test_models_prints_a_list(which, capsys):
    assert main(["models", "--json", *which, "net"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert finite(rows) and all("net" in row["name"] for row in rows)


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["--json"], STDOUT),
        (["--json", "--topology", "cpu:1"], STDOUT),
        (["--json", "all.jsonl"], "all.jsonl"),
        ([], None),
    ],
)
def test_plan_takes_a_file_or_standard_output(words, file):
    assert parse(words).json == file


def test_a_document_has_no_nan(capsys):
    with only_json() as write:
        print("a message")
        write({"a": math.nan, "b": (1, math.inf)})
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"a": None, "b": [1, None]}
    assert printed.err == "a message\n"


@pytest.mark.parametrize("word, shown", [("--quiet", False), ("--verbose", True)])
def test_report_obeys_both_options(trained, tmp_path, word, shown, capsys):
    page = tmp_path / "page.html"
    words = ["report", str(trained), "--images", "0", "-o", str(page)]
    assert main([*words, word]) == 0
    printed = capsys.readouterr()
    assert page.exists()
    assert (f"report: {page}" in printed.out) == shown
    assert ("jaxseg: exit status 0" in printed.err) == shown
