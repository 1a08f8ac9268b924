"""Random option lines: every one is accepted, or refused in one line.

    python tests/faults/option_fuzz.py SEED COUNT        a campaign by hand

A line that is accepted is not run: what the command would do next is replaced.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import pathlib
import random
import sys
import tempfile
import traceback
import typing
from collections import Counter
from unittest import mock

from jaxseg.cli.main import main
from jaxseg.config import Config
from jaxseg.losses.table import LOSSES
from jaxseg.models import MODELS
from jaxseg.runs.directory import build_model
from jaxseg.runs.serialize import from_dict, to_dict

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
RUN = str(GOLDEN / "unet")
IMAGE = str(GOLDEN / "photos" / "validation" / "images" / "scene1.png")
NUMBERS = (
    *("0", "1", "-1", "2", "3", "8", "16", "64", "0.5", "-0.5", "1.5", "1e-9", "1e9"),
    *(
        "nan",
        "-nan",
        "inf",
        "-inf",
        "1e999",
        "1e39",
        "-0",
        "0.0",
        "+1",
        "1_000",
        "0x10",
    ),
    *(
        "2147483647",
        "2147483648",
        "9223372036854775808",
        "9" * 30,
        "9" * 5000,
        "1e-400",
    ),
)
WORDS = (
    *(
        "",
        " ",
        "x",
        "abc",
        "None",
        "none",
        "True",
        "false",
        "()",
        "(1, 2)",
        "[3]",
        "(",
        "[",
    ),
    *(
        "{1, 2}",
        "{1: 2}",
        "{[]: 1}",
        "3j",
        "1,2",
        "*",
        "+",
        "\\",
        "a/.*",
        ".*",
        "(?P<a",
    ),
    *(
        "é",
        "\u202e",
        "\u0000x"[1:],
        "\n",
        "\x1b[31m",
        "..",
        "/",
        "/dev/null",
        "~",
        "%s",
    ),
    *(
        "{}",
        "{0}",
        "'",
        '"',
        "((((" * 200,
        "[" * 2000,
        "5or 6",
        "--",
        "-",
        "-x",
        "a" * 3000,
    ),
)
PLACES = {  # what a command would do with an accepted line, as something that is not run
    "train": "jaxseg.cli.train.execute",
    "plan": "jaxseg.cli.plan.described",
    "eval": "jaxseg.cli.eval.read_spec",
    "predict": "jaxseg.cli.predict.read_spec",
    "refine": "jaxseg.cli.refine.read_rgb",
    "models": "jaxseg.cli.models.find_rows",
    "convert": "jaxseg.cli.convert.convert",
    "sweep": "jaxseg.cli.sweep.load_configs",
}
HEADS = {
    "train": ["train"],
    "plan": ["plan"],
    "eval": ["eval", RUN],
    "predict": ["predict", IMAGE, "-o", "out", "--workdir", RUN],
    "refine": ["refine", IMAGE, "--box", "0", "0", "5", "5"],
    "models": ["models"],
    "convert": ["convert", RUN, "-o", "out"],
    "sweep": ["sweep", "file.py"],
}


class Accepted(Exception):
    """The line was accepted, with what the command was given."""


def fields(kind: type, prefix: str = "") -> list[str]:
    """The options `--data.crop` and so on of a configuration."""
    hints = typing.get_type_hints(kind)
    found = []
    for field in dataclasses.fields(kind):
        name = prefix + field.name.replace("_", "-")
        nested = dataclasses.is_dataclass(hints[field.name])
        found += fields(hints[field.name], f"{name}.") if nested else [f"--{name}"]
    return found


CONFIGURATION = fields(Config)
OWN = {
    "train": ["--devices", "--profile", "--heartbeat-timeout", "--workdir"],
    "plan": ["--batch", "--space", "--topology"],
    "eval": ["--split", "--checkpoint", "--batch-size", "--devices", "--space", "-o"],
    "predict": ["--mode", "--window", "--stride", "--scales", "--samples", "--pad-multiple",
                "--batch-size", "--crf.sigma-xy", "--crf.iterations", "--checkpoint"],
    "refine": ["--gamma", "--components", "--iterations", "--box", "--method"],
    "models": ["--size", "--classes"],
    "convert": ["--num-classes", "--channels", "--component", "--export-names", "--allow-missing"],
    "sweep": ["--seeds", "--metric", "--variant", "--workdir", "--device-env-var"],
}  # fmt: skip


def option(draw: random.Random, command: str) -> list[str]:
    """One random option with random values."""
    kind = draw.random()
    configured = command in ("train", "plan")
    if kind < 0.25 and command != "sweep":
        group = draw.choice(["model.options", "model.options", "loss.options"])
        if group == "loss.options":
            group += "." + draw.choice([*LOSSES, "style", ""])
        names = ("width", "depth", "style", "style.norm", "style.momentum", "dropout",
                 "output-stride", "rates", "aux", "smooth", "gamma", "a", "a.b", "", "x y")  # fmt: skip
        name = f"--{group}.{draw.choice(names)}"
    elif kind < 0.9 and configured:
        name = draw.choice(CONFIGURATION)
    else:
        name = draw.choice(OWN[command])
    values = [
        draw.choice(NUMBERS if draw.random() < 0.6 else WORDS)
        for _ in range(draw.choice((0, 1, 1, 1, 1, 2, 2, 3)))
    ]
    if name == "--model.name" and draw.random() < 0.7:
        values = [draw.choice(sorted(MODELS))]
    if values and draw.random() < 0.2:
        return [f"{name}={values[0]}", *values[1:]]
    return [name, *values]


def line(seed: int) -> list[str]:
    """A random line; equal seeds give equal lines."""
    draw = random.Random(seed)
    command = draw.choice(["train"] * 12 + ["plan"] * 2 + list(HEADS))
    words = list(HEADS[command])
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        words += option(draw, command)
    return words


def outcome(words: list[str]) -> tuple[str, str]:
    """("accepted" | "refused" | what is wrong, details) of a line."""

    def stop(*args, **_):
        raise Accepted(args)

    err = io.StringIO()
    with (
        mock.patch(PLACES[words[0]], stop),
        contextlib.redirect_stderr(err),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        try:
            status = main(words)
        except Accepted as reached:
            return usable(words, reached.args[0])
        except SystemExit as end:
            status = end.code
        except BaseException:
            return "traceback", traceback.format_exc()
    text = err.getvalue()
    if status == 0:
        return "accepted", ""
    if status not in (1, 2) or text.count("\n") != 1 or not text.startswith("jaxseg: "):
        return "not one line", f"status {status}: {text!r}"
    room = 2000 + max(map(len, words))  # the system repeats the name of a file
    return ("refused" if len(text) < room else "too long", text)


def usable(words: list[str], given: tuple) -> tuple[str, str]:
    """Whether an accepted configuration can be stored, read back and built."""
    if words[0] == "train":
        try:
            config = given[0]
            assert from_dict(Config, json.loads(json.dumps(to_dict(config)))) == config
            build_model(config, 3)
        except Exception:
            return "unusable", traceback.format_exc()
    return "accepted", ""


def campaign(first: int, count: int) -> Counter:
    """Tries `count` lines; prints those that are neither accepted nor refused."""
    found = Counter()
    for seed in range(first, first + count):
        words = line(seed)
        kind, details = outcome(words)
        found[kind] += 1
        if kind not in ("accepted", "refused"):
            print(f"seed {seed}: {kind}: {words}\n{details}\n")
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        print(dict(campaign(int(sys.argv[1]), int(sys.argv[2]))))
        print("written:", sorted(path.name for path in pathlib.Path().iterdir()))
