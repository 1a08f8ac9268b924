"""Tests that text files of users are read alike in every encoding."""

import unicodedata

import numpy as np
import pytest

from jaxseg.data.classes import (
    FILE,
    find_class_list,
    named_classes,
    read_classes,
    same_classes,
)
from jaxseg.data.layouts import folder_pairs
from jaxseg.data.lists import find_lists, split_names
from jaxseg.storage.text import read_lines, read_text

NAMES = ("Fläche", "空", "rail track")
TEXT = "\n".join(NAMES) + "\n"


def write(tmp_path, data, name="classes.txt"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def refusal(read, *arguments):
    """Returns the message of a ValueError, which must be one line of printable text."""
    with pytest.raises(ValueError) as caught:
        read(*arguments)
    message = str(caught.value)
    assert message.isprintable() and type(caught.value) is ValueError
    return message


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_announced_encodings_and_line_ends_read_alike(tmp_path, encoding, end):
    mark = "\ufeff" if encoding.endswith("-be") else ""
    text = f"{mark}{end} {NAMES[0]}\t{end}{end}{NAMES[1]}{end}{NAMES[2]} {end}"
    write(tmp_path, text.encode(encoding))
    assert read_classes(tmp_path / FILE) == NAMES
    assert [line.number for line in read_lines(tmp_path / "classes.txt")] == [2, 4, 5]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (TEXT.encode("utf-16-le"), "line 1: byte 0xe4 is invalid in UTF-8 text (the file may be UTF-16 "
         "without a byte-order mark). Save the file as UTF-8"),
        (b"a\nFl\xe4che\n", "line 2: byte 0xe4 is invalid in UTF-8 text (the file may be Latin-1). Save"),
        (b"a\r\nb\rFl\x80che", "line 3: byte 0x80 is invalid in UTF-8 text"),
        (b"\xff\xfea\0b", "line 1: byte 0x62 is invalid in UTF-16 text"),
        (b"\xff\xfea\0\n\0\0\xd8a\0", "line 2: byte 0x00 is invalid in UTF-16 text"),
        (b"a\nb\0c\n", "line 2: the text contains the control character U+0000 (the file may"),
        (b"a\n\x1b[31mred\n", "line 2: the text contains the control character U+001B"),
        (b"a\x0bb\n", "line 1: the text contains the control character U+000B"),
        ("a\n\u0085b", "line 2: the text contains the control character U+0085"),
        ("\ufeffa\n\ufeffb", "line 2: the text contains the control character U+FEFF"),
        ("a\nbc\u200b\n", "line 2: the class name 'bc\\u200b' contains U+200B: expected"),
        ("a\u2028b\n", "line 1: the class name 'a\\u2028b' contains U+2028"),
        ("a\n\u202ecba\n", "line 2: the class name '\\u202ecba' contains U+202E"),
        ("0\tground\n", "line 1: the class name '0\\tground' contains U+0009"),
        ("a\nb\n\n a\n", "line 4: the class name 'a' repeats line 1"),
        ("e\u0301\n\u00e9\n", "line 2: the class name 'é' repeats line 1"),
        ("# names\nbg\ncell", "line 1: '# names' is a comment: expected a class name"),
        ("1 cell\n0 bg", "the name '1 cell' has the label 0, which is its position"),
        ("1: a\n2: b\n3: c", "the name '1: a' has the label 0"),
        ("0,a\n2,b\n1,c", "the name '2,b' has the label 1"),
        ("id,name\n0,bg\n1,cell", "the name 'id,name' has the label 0"),
        ("0) a\n1) b\nc", "the name 'c' has the label 2"),
        ("", "classes.txt contains no class name: expected one name per line. Add"),
        (" \r\n\ufeff"[:3], "classes.txt contains no class name"),
        ("\n".join(map(str, range(4096))), "4,096 classes: expected at most 4,095"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_file_and_line(tmp_path, data, message):
    path = write(tmp_path, data)
    found = refusal(read_classes, tmp_path / FILE)
    assert found.startswith(str(path))
    assert message in found


@pytest.mark.parametrize(
    "names",
    [
        ("0 bg", "1 cell"),
        ("0: a", "1: b", "2: c"),
        ("7", "3"),
        ("2 lanes", "road", "4 lanes", "roof"),
        ("3d", "2d"),
    ],
)
def test_names_may_contain_numbers(tmp_path, names):
    write(tmp_path, "\n".join(names))
    assert read_classes(tmp_path / FILE) == names


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((" bg", "cell\t"), ("bg", "cell")),
        (("e\u0301", "b"), ("\u00e9", "b")),
        (("\ufeffbg", "b"), "U+FEFF"),
        (("a", "b\x1b[31m"), "U+001B"),
        (("a", " "), "--data.classes contains an empty class name"),
    ],
)
def test_names_of_the_option_are_read_like_those_of_a_file(given, expected):
    if isinstance(expected, tuple):
        assert named_classes(None, given, None) == (expected, "--data.classes")
    else:
        assert expected in refusal(named_classes, None, given, None)


def test_joiners_inside_a_name_are_letters(tmp_path):
    write(tmp_path, "a\u200cb\n")
    assert read_classes(tmp_path / FILE) == ("a\u200cb",)


def test_a_class_list_is_found_in_upper_and_lower_case(tmp_path):
    assert find_class_list(tmp_path) is None
    path = write(tmp_path, "a\n", "Classes.TXT")
    for name in ("._classes.txt", "classes.txt.bak", "labels.txt"):
        write(tmp_path, "b\n", name)
    assert find_class_list(tmp_path) == path
    write(tmp_path, "a\n", FILE)
    assert refusal(find_class_list, tmp_path).endswith(
        "are invalid together: expected one class list. Delete one of them."
    )
    assert find_class_list(tmp_path / "nowhere") is None


def test_folders_and_large_files_are_no_text(tmp_path, monkeypatch):
    (tmp_path / "classes.txt").mkdir()
    assert "is not a regular file" in refusal(read_classes, tmp_path / FILE)
    monkeypatch.setattr("jaxseg.storage.text.LARGEST", 10)
    path = write(tmp_path, b"a" * 11, "long.txt")
    assert "has 11 bytes: expected a text file of at most 10" in refusal(
        read_text, path
    )


def test_names_of_earlier_runs_are_compared_as_they_are_read():
    assert same_classes(("\ufeffbg", "e\u0301"), ("bg", "é"))
    assert not same_classes(("a", "b"), ("b", "a"))
    assert not same_classes(("a", "b"), ("a",))


LISTED = {
    "train.txt": "train", "val.txt": "validation", "valid.txt": "validation",
    "validation.txt": "validation", "test.txt": "test", "Train.TXT": "train",
    "VAL.txt": "validation",
}  # fmt: skip
UNLISTED = (
    "README.txt", "readme.txt", "labels.txt", "classes.txt", "._train.txt",
    ".train.txt", "trainval.txt", "train.txt.bak", "train", "train (1).txt",
    "notes.md", "requirements.txt",
)  # fmt: skip


@pytest.mark.parametrize("name", LISTED)
def test_these_files_are_lists(tmp_path, name):
    assert find_lists(tmp_path) == {}
    path = write(tmp_path, "a\n", name)
    assert find_lists(tmp_path) == {LISTED[name]: path}


@pytest.mark.parametrize("name", UNLISTED)
def test_other_files_are_no_lists(tmp_path, write_pair, name):
    """Other text files are ignored, and all pairs stay in the training split."""
    write_pair(tmp_path, "a")
    write(tmp_path, b"\0\5\x16\7\xff", name)
    assert [pair.name for pair in folder_pairs(tmp_path)["train"]] == ["a"]


def test_an_option_names_further_lists(tmp_path, write_pair):
    for name in "ab":
        write_pair(tmp_path, name)
    write(tmp_path, "a\n", "train.txt")
    write(tmp_path, "b\n", "minival.txt")
    assert sorted(folder_pairs(tmp_path)) == ["train"]
    asked = split_names("train[:90%]", "minival[2:]+train", "")
    assert asked == ("minival", "train")
    found = folder_pairs(tmp_path, asked)
    assert [pair.name for pair in found["minival"]] == ["b"]


def test_two_lists_of_one_split_are_refused(tmp_path):
    one, two = (write(tmp_path, "a\n", name) for name in ("val.txt", "validation.txt"))
    assert refusal(find_lists, tmp_path) == (
        f"{one} and {two} are both lists of the split 'validation': expected one list "
        "per split. Delete one of them."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\na.png\n", "line 2: the name 'a' repeats line 1: expected each image once"),
        ("a\n\nimages/a.PNG\n", "line 3: the name 'a' repeats line 1"),
        (
            "a.png\nx/b.jpg y/c.png\n",
            "line 2: 'x/b.jpg y/c.png' contains files with diff",
        ),
        ("\n\n", "contains no name of an image: expected one name per line. Add"),
        (b"a\n\xff\n", "line 2: byte 0xff is invalid in UTF-8 text (the file may be"),
    ],
)
def test_bad_lists_are_refused_by_file_and_line(tmp_path, write_pair, text, message):
    write_pair(tmp_path, "a")
    path = write(tmp_path, text, "train.txt")
    found = refusal(folder_pairs, tmp_path)
    assert found.startswith(str(path)) and message in found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_are_read_in_every_announced_encoding(tmp_path, write_pair, encoding):
    for name in ("a", "ä"):
        write_pair(tmp_path, name)
    write(tmp_path, "ä.png\r\na\r\n".encode(encoding), "train.txt")
    write(tmp_path, "gone\r\n".encode(encoding), "val.txt")
    pairs = folder_pairs(tmp_path)
    assert [pair.name for pair in pairs["train"]] == ["ä", "a"]
    (missing,) = pairs["validation"]
    assert (missing.name, missing.image) == ("gone", None)
    assert missing.origin == "val.txt, line 1"


def mutated(random, data):
    """Returns a copy with one to four bytes changed, inserted, removed or truncated."""
    data = bytearray(data)
    for _ in range(random.integers(1, 5)):
        place = int(random.integers(len(data) + 1))
        value = int(random.integers(256))
        match random.integers(4):
            case 0:
                data[place : place + 1] = bytes([value])
            case 1:
                data[place:place] = bytes([value])
            case 2:
                del data[place : place + 1]
            case 3:
                del data[max(place, 1) :]
    return bytes(data)


MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"", "utf-8"),
)


def plain_reading(data):
    """Reads names in a second implementation, and returns None for other text."""
    mark, encoding = next(pair for pair in MARKS if data.startswith(pair[0]))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        return None
    names = [name.strip() for name in text.replace("\r", "\n").split("\n")]
    names = [unicodedata.normalize("NFC", name) for name in names if name]
    odd = {unicodedata.category(c) for c in "".join(names)} & {"Cc", "Cf", "Zl", "Zp"}
    stray = any(unicodedata.category(c) == "Cc" and c not in "\t\r\n" for c in text)
    stray |= "\ufeff" in text
    good = names and not odd and not stray and len(set(names)) == len(names)
    return tuple(names) if good else None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_mutated_lists_are_read_rightly_or_refused_by_name(tmp_path, encoding):
    """Draws 200 mutations of each encoding, with seed 16."""
    random = np.random.default_rng(16)
    whole = "Fläche\r\nb\n\nrail track\nwire".encode(encoding)
    read = 0
    for _ in range(200):
        data = mutated(random, whole)
        path = write(tmp_path, data)
        expected = plain_reading(data)
        read += expected is not None
        if expected is None:
            assert refusal(read_classes, tmp_path / FILE).startswith(str(path)), data
        else:
            assert read_classes(tmp_path / FILE) == expected, data
    assert 10 < read < 190
