"""Writes the generated parts of a page as Markdown."""

import json
import pathlib
import re
import statistics

from family_pages import proofs
from family_pages.deviations import deviations, shared_deviations
from family_pages.pages import GROUPS, PAGES, families, presets
from family_pages.record import Page, Run
from family_pages.strides import stored_strides
from jaxseg.lab.model_row import CLASSES, SIZE, stored_rows
from jaxseg.models import FAMILIES
from tests.contract.rows import ROWS

ROOT = pathlib.Path(__file__).parents[3]


def preset_table(page: Page) -> str:
    """Returns the table of presets and that of heads for any backbone."""
    parts = []
    if names := presets(page):
        rows, strides = stored_rows(), stored_strides()
        cells = [_preset(rows[name], strides.get(name, ())) for name in names]
        head = ("preset", "output stride", "parameters", "auxiliary heads", "GFLOP")
        parts.append(
            f"Parameters and arithmetic are for {CLASSES} classes and one image of "
            f"{SIZE[0]} x {SIZE[1]} pixels (2 FLOP per multiply-add), as `jaxseg "
            "models` prints them. Output strides in parentheses can be selected by "
            "`output_stride`."
        )
        parts.append(table(head, cells))
    if names := families(page):
        cells = [_family(name) for name in names]
        head = ("head for any backbone", "reads", "output stride")
        parts.append(
            "`create_model(HEAD, num_classes, backbone=NAME)` puts these heads on "
            "other backbones; `jaxseg models --backbones` lists their names. The table "
            "shows the coarsest stride of each level that the head accepts."
        )
        parts.append(table(head, cells))
    return "\n\n".join(parts)


def proof_list(page: Page) -> str:
    """Returns what is proven about the networks, and how."""
    parts, (outputs, gradients) = [], proofs.tolerances()
    if rows := proofs.peers(page, "evaluation"):
        parts.append(
            "With imported random weights and random running statistics, the outputs "
            "equal those of other libraries. The table shows the largest difference, "
            "relative to the largest output; a difference above 1e-4 is an error."
        )
        parts.append(table(("library", "network", "difference"), rows))
    if rows := proofs.peers(page, "training"):
        parts.append(
            "In training mode, outputs and gradients agree as well (root mean square "
            "difference of the gradients of a parameter):"
        )
        parts.append(table(("library", "network", "outputs", "gradients"), rows))
    if page.written:
        parts.append(
            "Independent implementations that were written for the tests give the same "
            f"outputs (tolerance {outputs}) and the same gradients with respect to the "
            f"image, where they are compared (tolerance {gradients}), at even and odd "
            "sizes:"
        )
        parts.append("\n".join(_written(test) for test in page.written))
    if names := [name for name in presets(page) if name in ROWS]:
        parts.append("The exact number of parameters of every preset is checked:")
        parts.append(
            table(
                ("preset", "classes", "parameters", "source of the number"),
                [_counted(name) for name in names],
            )
        )
    if page.tests:
        parts.append("Further properties are tested:")
        parts.append("\n".join(f"- {_test(t)}: {proofs.claims(t)}" for t in page.tests))
    return "\n\n".join(parts)


def score_tables(page: Page) -> str:
    """Returns published scores and those that were measured here."""
    parts = []
    if page.scores:
        cells = [(s.network, s.data, s.value, s.source) for s in page.scores]
        parts.append(table(("network", "data", "published score", "source"), cells))
    else:
        parts.append(
            "No comparable score of this network is published, or none could be "
            "checked against its source."
        )
    parts.append(
        "Networks of the published sizes were not trained here: that needs the "
        "datasets, pretrained weights and accelerators."
    )
    if page.runs:
        parts.append("These small forms were trained; their scores are not comparable:")
        cells = [(run.text, measured(run), _experiment(run)) for run in page.runs]
        parts.append(table(("small form and data", "score", "report"), cells))
    return "\n\n".join(parts)


def deviation_list(page: Page) -> str:
    """Returns the deviations from the sources that the code states."""
    found = deviations(page.modules)
    if not found:
        return (
            "The code of these networks states no deviation of its own. [Those that "
            "all networks share](index.md) are listed separately."
        )
    return "\n".join(
        f"- {text} ([{_name(file)}](../../{file}))" for file, text in found
    )


def index_tables() -> str:
    """Returns the tables of all pages, and the deviations that all networks share."""
    parts = []
    for title, names in GROUPS:
        cells = [
            (
                f"[{PAGES[name].title}]({name}.md)",
                _arxiv(PAGES[name].paper),
                str(len(presets(PAGES[name]))),
                ", ".join(f"`{family}`" for family in families(PAGES[name])) or "-",
            )
            for name in names
        ]
        parts.append(f"## {title}")
        parts.append(table(("family", "arXiv", "presets", "heads"), cells))
        parts.append("```{toctree}\n:hidden:\n\n" + "\n".join(names) + "\n```")
    shared = [
        f"- {text} ([{_name(file)}](../../{file}))"
        for file, text in shared_deviations()
    ]
    parts += ["## Deviations that all networks share", "\n".join(shared)]
    return "\n\n".join(parts)


def measured(run: Run) -> str:
    """Returns the mean of the scores of a run in the results of its experiment.

    Raises:
      LookupError: If no line of `results.jsonl` matches.
    """
    path = ROOT / "experiments" / run.experiment / "results.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    found = [line for line in lines if all(line.get(k) == v for k, v in run.where)]
    if not found:
        raise LookupError(f"{path} has no line with {dict(run.where)}.")
    return f"{statistics.fmean(line[run.field] for line in found):.3f}"


def table(head: tuple[str, ...], rows: list) -> str:
    """Returns a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _arxiv(paper):
    found = re.search(r"arXiv (\d{4}\.\d{4,5})", paper)
    return found[1] if found else "-"


def _preset(row, strides):
    gflops = "-" if row.gflops is None else f"{row.gflops:,.2f}"
    note = f" ({row.note})" if row.note else ""
    others = f" ({', '.join(map(str, sorted(strides[1:])))})" if strides[1:] else ""
    stride = f"{strides[0]}{others}" if strides else "-"
    auxiliary = f"{row.auxiliary:,}" if row.auxiliary else "-"
    return f"`{row.name}`", stride, f"{row.parameters:,}", auxiliary, gflops + note


def _family(name):
    family = FAMILIES[name]
    reads = ", ".join(f"{level} at {stride}" for level, stride in family.reads)
    return f"`{name}`", reads, str(family.output_stride)


def _written(test):
    proofs.check_written(test)
    file, _, name = test.test.partition("::")
    return f"- {test.reference} ([{name}](../../tests/{file}))"


def _counted(name):
    row = ROWS[name]
    parameters = f"{row['parameters']:,}"
    left_out = row.get("exclude") and " (without auxiliary parts)"
    source = row["source"] + (left_out or "")
    return f"`{name}`", str(row["classes"]), parameters, source.replace("|", r"\|")


def _test(file):
    return f"[{file}](../../tests/{file})"


def _experiment(run):
    return f"[{run.experiment}](../../experiments/{run.experiment}/report.md)"


def _name(file):
    return file.removeprefix("jaxseg/")
