"""JSON files of a run: read in every announced encoding, or refused by name."""

import json

import numpy as np
import pytest

from jaxseg.config import Config, DataConfig
from jaxseg.data.datasets import DATASETS
from jaxseg.data.spec import DatasetSpec
from jaxseg.runs.directory import read_config, read_spec, write_run
from jaxseg.weights.translate.model_card import Card, Normalization, read_card

NAME = "Fläche"
CONFIG = Config(data=DataConfig("folder", raw_dir=f"/data/{NAME}"))
SPEC = DatasetSpec(
    "folder", ("a", NAME), ((0, 0, 0), (1, 2, 3)), labels=((0, "void"), (1, 0), (2, 1))
)
CARD = Card(
    "unet", 2, {}, NAME, "", "timm", "none", Normalization(), ("a", NAME), note="-"
)
READERS = {
    "config.json": (read_config, CONFIG),
    "dataset.json": (read_spec, SPEC),
    "card.json": (read_card, CARD),
}


@pytest.fixture
def run(tmp_path):
    write_run(tmp_path, CONFIG, SPEC)
    CARD.write(tmp_path)
    return tmp_path


def rewrite(run, name, encoding):
    text = json.dumps(json.loads((run / name).read_text()), ensure_ascii=False)
    assert NAME in text
    (run / name).write_bytes(text.encode(encoding))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_announced_encodings_are_read(run, name, encoding):
    rewrite(run, name, encoding)
    read, expected = READERS[name]
    assert read(run) == expected


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16-le"])
def test_other_encodings_are_refused_by_file_and_line(run, name, encoding):
    rewrite(run, name, encoding)
    with pytest.raises(ValueError, match=rf"{name}, line 1: byte 0x.. is invalid in U"):
        READERS[name][0](run)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "3", "null", "{", '"a"', "{}", '{"name": "x"}'),
        *('{"classes": NAN}', "[" * 50, "[" * 100_000, '{"name":' * 100_000),
    ],
)
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_record_is_refused_by_file(run, name, text):
    (run / name).write_text(text)
    if (name, text) == ("config.json", "{}"):
        assert read_config(run) == Config()  # absent fields take their defaults
        return
    with pytest.raises(ValueError, match=name):
        READERS[name][0](run)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 3), ("classes", "ab"), ("classes", [1, 2]), ("palette", [[0, 0], [1]]),
        ("palette", [[0, 0, 256], [0, 0, 0]]), ("void", "255"), ("void", True),
        ("mean", [None]), ("std", "abc"), ("labels", [[0]]), ("labels", [[0, "x"]]),
        ("labels", [[0, 0, 0]]), ("labels", {"0": 0}), ("origin", None),
    ],
)  # fmt: skip
def test_a_field_of_another_form_is_named(field, value):
    fields = json.loads(SPEC.to_json()) | {field: value}
    with pytest.raises(ValueError, match=f"the field '{field}' has the invalid value"):
        DatasetSpec.from_json(json.dumps(fields))


def test_records_of_earlier_versions_are_read():
    fields = json.loads(DATASETS["shapes"].spec.to_json())
    assert fields.pop("labels") == [] and fields.pop("origin") == ""
    assert DatasetSpec.from_json(json.dumps(fields)) == DATASETS["shapes"].spec


def test_mutated_records_are_read_or_refused_by_name(run):
    """Seed 16; 300 mutations of each of the two files, one to three bytes each."""
    random = np.random.default_rng(16)
    for name in ("dataset.json", "config.json"):
        read, expected = READERS[name]
        whole, refused = (run / name).read_bytes(), 0
        for _ in range(300):
            data = bytearray(whole)
            for place in random.integers(len(data), size=random.integers(1, 4)):
                data[place] = random.integers(256)
            (run / name).write_bytes(data)
            try:
                assert isinstance(read(run), type(expected))
            except ValueError as error:
                refused += 1
                assert name in str(error) and "\n" not in str(error), str(error)
                assert type(error) is ValueError
        assert 100 < refused < 300
