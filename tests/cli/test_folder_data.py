"""`jaxseg train` on a folder: what is refused before anything is written."""

import numpy as np
import pytest
from PIL import Image

from jaxseg.cli import train
from jaxseg.cli.main import main
from jaxseg.data import open_source


@pytest.fixture
def raw(tmp_path):
    """Four pairs with 0/255 masks and the lists of three splits."""
    root = tmp_path / "raw"
    mask = np.zeros((16, 16), np.uint8)
    mask[4:9] = 255
    for part, pixels in (("images", np.dstack([mask] * 3)), ("masks", mask)):
        (root / part).mkdir(parents=True)
        for name in "abcd":
            Image.fromarray(pixels).save(root / part / f"{name}.png")
    (root / "train.txt").write_text("a\nb\n")
    (root / "val.txt").write_text("c\n")
    (root / "minival.txt").write_text("d\n")
    return root


def words(raw, tmp_path, *more):
    where = (
        f"--workdir={tmp_path / 'run'}",
        f"--data.prepared-dir={tmp_path / 'data'}",
    )
    return [*where, "--data.name=folder", f"--data.raw-dir={raw}", *more]


def lists(raw):
    """Spoiled text files, and what the one line says of them."""
    return {
        "train.txt": (b"a\nb\xff\n", f"{raw}/train.txt, line 2: byte 0xff is invalid"),
        "val.txt": (b"", f"{raw}/val.txt contains no name"),
        "classes.txt": (
            b"a\n\na\n",
            f"{raw}/classes.txt, line 3: the class name 'a' r",
        ),
        "Classes.txt": (b"cell\n", f"{raw}/Classes.txt contains only the class 'cell'"),
    }


@pytest.mark.parametrize("name", ["train.txt", "val.txt", "classes.txt", "Classes.txt"])
def test_a_spoiled_list_gets_one_line(raw, tmp_path, capsys, name):
    data, message = lists(raw)[name]
    (raw / name).write_bytes(data)
    assert main(["train", *words(raw, tmp_path)]) == 1
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ((), "the mask value 255 is ambiguous"),
        (("0/254",), "the mask value 255 is not in the label map 0:0 254:1"),
        (("0/255", "1:1"), "data.labels='0/255 1:1' is invalid: expected pairs"),
        (("0:0", "0:1"), "such as 0/255, but the mask value 0 is listed twice"),
    ],
)
def test_masks_that_say_nothing_get_one_line(raw, tmp_path, capsys, option, message):
    more = ("--data.labels", *option) if option else ()
    assert main(["train", *words(raw, tmp_path, *more)]) == 1
    text = capsys.readouterr().err
    assert message in text and text.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "option", [("0/255",), ("0:0", "255:1"), ("0:void", "255:0"), ("0:0 255:1",)]
)
def test_the_command_line_takes_a_map(raw, tmp_path, option):
    arguments = train.parse(words(raw, tmp_path, "--data.labels", *option))
    label = open_source(arguments.run.data, "train")[0]["label"]
    assert label[0, 0] == (255 if "0:void" in option else 0)
    assert label[4, 0] == (0 if "0:void" in option else 1)


def test_an_option_names_a_further_list(raw, tmp_path):
    more = ("--data.labels=0/255", "--data.eval-split=minival[:50%]")
    config = train.parse(words(raw, tmp_path, *more)).run.data
    assert sorted(open_source(config, "train").ids) == ["a", "b"]
    assert open_source(config, "minival").ids == ("d",)
    assert open_source(config, "validation").ids == ("c",)
