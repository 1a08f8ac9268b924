"""Writes the entries of the page docs/guide/gallery.md.

    python docs/_ext/gallery_page.py

The title and the commands of an entry are those of the report of the study.
The figures in its finding are computed from the records of the study.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import statistics

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "gallery.md"
REASON = "it trains many networks; tests/test_experiments.py checks the configurations"


@dataclasses.dataclass(frozen=True)
class Figure:
    """The mean of a field over the records of a study with certain values.

    Attributes:
      field: The field with the number.
      where: Pairs of a field and its value, which select the records.
      form: The format of the number.
      factor: The number by which the mean is multiplied.
      file: The file of the records.
    """

    field: str
    where: tuple[tuple[str, object], ...]
    form: str = ".3f"
    factor: float = 1
    file: str = "results.jsonl"


@dataclasses.dataclass(frozen=True)
class Study:
    """An entry of the gallery.

    Attributes:
      folder: The folder in `experiments`.
      finding: One sentence, with the names of figures in braces.
      figures: The figures by name.
      picture: The file of the picture in the folder.
    """

    folder: str
    finding: str
    figures: dict[str, Figure]
    picture: str = "results.png"


def iou(name: str) -> Figure:
    """Returns the mean IoU of a configuration of a sweep, averaged over the seeds."""
    return Figure("mean_iou", (("name", name),))


def evaluated(trained: int, stride: int) -> Figure:
    """Returns the mean IoU of networks that are evaluated at another output stride."""
    return Figure("mean_iou", (("trained", trained), ("evaluated", stride)))


def grid(name: str, weights: str, form: str) -> Figure:
    """Returns the power of the checkerboard of period 2 before or after training."""
    where = (("name", name), ("weights", weights))
    return Figure("period_2", where, form, file="grid.jsonl")


def used(name: str, weights: str) -> Figure:
    """Returns the used share of the receptive field, in percent."""
    return Figure("share", (("name", name), ("weights", weights)), ".1f", 100)


STUDIES = (
    Study(
        "output_stride",
        "A larger output stride lowers the mean IoU: it is {a} at stride 8, {b} at 16 "
        "and {c} at 32.",
        {"a": iou("stride_8"), "b": iou("stride_16"), "c": iou("stride_32")},
    ),
    Study(
        "train_eval_stride",
        "It does not help in this setting: networks that were trained at stride 16 "
        "reach a mean IoU of {a} at stride 16 and {b} at stride 8.",
        {"a": evaluated(16, 16), "b": evaluated(16, 8)},
    ),
    Study(
        "hdc_rates",
        "Rates without holes reach a mean IoU of {a}, uniform rates with an equal "
        "field {b}; but five layers of rate 1 and one of rate 13, which leave holes, "
        "reach {c}.",
        {"a": iou("hybrid"), "b": iou("uniform"), "c": iou("one_large")},
    ),
    Study(
        "aspp",
        "Three seeds show no difference on these scenes: the mean IoU is {a} without "
        "parallel rates, {b} with them, and {c} with image pooling in addition.",
        {"a": iou("none"), "b": iou("2_4_6"), "c": iou("2_4_6_pool")},
    ),
    Study(
        "decoder_width",
        "With 48 low-level channels the mean IoU is {a}, without a decoder {b}, and "
        "with 4 channels {c}, with a large spread between the seeds.",
        {"a": iou("low_48"), "b": iou("none"), "c": iou("low_4")},
    ),
    Study(
        "upsampling",
        "The checkerboard of a transposed convolution has {a} times the power of white "
        "noise before training and {b} times after it, that of bilinear upsampling {c} "
        "and {d} times; the accuracies do not differ significantly.",
        {
            "a": grid("transposed", "first", ".0f"),
            "b": grid("transposed", "trained", ".2f"),
            "c": grid("bilinear", "first", ".1f"),
            "d": grid("bilinear", "trained", ".3f"),
        },
        picture="grid.png",
    ),
    Study(
        "effective_field",
        "A small U-Net uses {a} % of the area of its receptive field, a ResNet {b} % "
        "before and {c} % after training.",
        {
            "a": used("bilinear", "trained"),
            "b": used("ones", "first"),
            "c": used("ones", "trained"),
        },
    ),
)


def value(study: Study, figure: Figure) -> str:
    """Returns a figure as it is printed.

    Raises:
      LookupError: If the records do not contain it.
    """
    path = ROOT / "experiments" / study.folder / figure.file
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    found = [r for r in rows if all(r.get(k) == v for k, v in figure.where)]
    if not found:
        raise LookupError(f"{path} has no record with {dict(figure.where)}.")
    mean = statistics.fmean(row[figure.field] for row in found)
    return format(mean * figure.factor, figure.form)


def entry(study: Study) -> str:
    """Returns the section of a study."""
    folder = f"../../experiments/{study.folder}"
    report = (ROOT / "experiments" / study.folder / "report.md").read_text()
    title = report.partition("\n")[0].removeprefix("# ")
    start = report.split("\n\n    ")[1].split("\n\n")[0]
    commands = "\n".join(line.strip() for line in start.splitlines())
    figures = {name: value(study, figure) for name, figure in study.figures.items()}
    return "\n\n".join(
        (
            f"## {title}",
            f"![Results of the study {study.folder}]({folder}/{study.picture})",
            study.finding.format(**figures) + f" [Report]({folder}/report.md)",
            f"<!-- not run: {REASON} -->\n```bash\n{commands}\n```",
        )
    )


def filled(text: str) -> str:
    """Returns the text of the page with its entries."""
    pattern = r"(<!-- studies -->\n).*?(<!-- /studies -->)"
    start, end = re.search(pattern, text, re.DOTALL).groups()
    new = start + "\n\n".join(map(entry, STUDIES)) + "\n" + end
    return re.sub(pattern, lambda _: new, text, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
