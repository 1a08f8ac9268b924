"""Defines what is stated by hand about a family: its sources, scores and tests."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Score:
    """Is one published score.

    Attributes:
      network: The network as the source names it.
      data: Dataset, split and protocol.
      value: The score with its unit, such as "77.21 mIoU".
      source: Where the score is published.
    """

    network: str
    data: str
    value: str
    source: str


@dataclasses.dataclass(frozen=True)
class Run:
    """Is a score that was measured here with a small form of a network.

    Attributes:
      experiment: The folder in `experiments` whose `results.jsonl` has the score.
      text: What was trained and on which data.
      where: Pairs of a field and its value, which select the lines of the file.
      field: The field with the score. Several lines are averaged.
    """

    experiment: str
    text: str
    where: tuple[tuple[str, object], ...]
    field: str = "mean_iou"


@dataclasses.dataclass(frozen=True)
class Written:
    """Is a test that compares a network with an independent implementation of it.

    Attributes:
      test: The test, as FILE::FUNCTION below `tests`.
      reference: What the network is compared with.
    """

    test: str
    reference: str


@dataclasses.dataclass(frozen=True)
class Page:
    """Describes the page of one family.

    Attributes:
      title: The title of the page.
      paper: Authors, title, venue or year, and arXiv id.
      modules: The files of `jaxseg/models`, without ".py", whose networks are here.
      drawn: The preset whose picture is shown.
      options: Options of the preset in the picture, as pairs of a name and a value.
      rules: How the modules of the picture are combined to blocks, see
        `trace.trace_blocks`.
      peers: A regular expression for the names of the networks in the table of
        comparisons with other libraries.
      written: Tests that compare with implementations written for the tests.
      tests: Further test files, relative to `tests`.
      scores: Published scores.
      runs: Scores of small networks that were trained here.
    """

    title: str
    paper: str
    modules: tuple[str, ...]
    drawn: str
    options: tuple[tuple[str, object], ...] = ()
    rules: tuple[tuple[str, str], ...] = ()
    peers: str = "(?!)"
    written: tuple[Written, ...] = ()
    tests: tuple[str, ...] = ()
    scores: tuple[Score, ...] = ()
    runs: tuple[Run, ...] = ()
