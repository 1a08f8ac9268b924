"""Tests that foreign objects of training scripts are listed and never created."""

import argparse
import collections
import datetime
import pathlib
import pickle
import subprocess
import sys
import types
import zipfile

import numpy as np
import pytest
from PIL import Image

from jaxseg import create_model, weights
from jaxseg.cli import convert, predict
from jaxseg.weights.catalog.maps import mmseg_deeplab
from jaxseg.weights.formats import pickle_program as pickled
from jaxseg.weights.formats import torch_reader as torchfile
from jaxseg.weights.formats import torch_writer as torchwrite
from jaxseg.weights.formats.opaque import Unread, unread_names
from jaxseg.weights.translate import model_card as card
from jaxseg.weights.translate.state_dict import unwrap

ROOT = pathlib.Path(__file__).parents[2]
STATE = {"w": np.arange(6, dtype=np.float32).reshape(2, 3)}
META = {"dataset_meta": {"classes": ("road", "car"), "palette": [[1, 2, 3], [4, 5, 6]]}}


@pytest.fixture
def history(monkeypatch):
    """Returns a `HistoryBuffer` that pickles under MMEngine's name with its methods."""

    class HistoryBuffer:
        def __init__(self, values):
            self._log_history = np.array(values)
            self._statistics_methods = collections.OrderedDict(
                mean=HistoryBuffer.mean, current=HistoryBuffer.current
            )

        def mean(self):
            """Unused."""

        def current(self):
            """Unused."""

    name = "mmengine.logging.history_buffer"
    module = types.ModuleType(name)
    module.HistoryBuffer = HistoryBuffer
    HistoryBuffer.__module__ = name
    HistoryBuffer.__qualname__ = "HistoryBuffer"
    for method in (HistoryBuffer.mean, HistoryBuffer.current):
        method.__module__ = name
        method.__qualname__ = f"HistoryBuffer.{method.__name__}"
    for part in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, part, types.ModuleType(part))
    monkeypatch.setitem(sys.modules, name, module)
    return HistoryBuffer


def with_tensors(beside, state_dict=STATE):
    """The pickle of a checkpoint: tensors by torch's opcodes, the rest by Python's."""
    rest = pickle.dumps(beside, 2)
    assert rest[:2] == b"\x80\x02" and rest[-1:] == b"."
    state = torchwrite.pickled_state(state_dict)[2:-1]
    return (
        b"\x80\x02" + rest[2:-1] + torchwrite.pickled_text("state_dict") + state + b"s."
    )


def checkpoint(path, beside, state_dict=STATE):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", with_tensors(beside, state_dict))
        for number, array in enumerate(state_dict.values()):
            file.writestr(f"a/data/{number}", array.tobytes())
    return str(path)


def test_a_checkpoint_of_mmengine(tmp_path, history):
    hub = {
        "log_scalars": collections.OrderedDict(loss=history([1.5, 2.5])),
        "runtime_info": {"best": np.float64(3), "epoch": 7},
    }
    program = with_tensors({"meta": META, "message_hub": hub})
    assert b"getattr" in program and b"_reconstruct" in program
    path = checkpoint(tmp_path / "a.pth", {"meta": META, "message_hub": hub})
    found = unwrap(weights.read(path), path)
    state, beside = found.state, found.beside
    assert np.array_equal(state["w"], STATE["w"])
    assert card.classes(beside) == (("road", "car"), ((1, 2, 3), (4, 5, 6)))
    buffer = beside["message_hub"]["log_scalars"]["loss"]
    assert isinstance(buffer, Unread) and not hasattr(buffer, "__dict__")
    assert beside["message_hub"]["runtime_info"]["epoch"] == 7
    assert [name.rpartition(".")[2] for name in unread_names(beside)] == [
        "HistoryBuffer",
        "scalar",
    ]


@pytest.mark.slow
def test_an_mmseg_checkpoint_and_an_image_to_a_mask(tmp_path, history, fill, capsys):
    """Two commands suffice: the configuration's text states stride and multi-grid."""
    narrow = {"width": 8, "blocks": (1, 1, 1, 1), "features": 16}
    options = {"stem": "c", "align_corners": False, **narrow}
    model = create_model("pspnet_resnet50", 2, **options)
    state = weights.to_torch(fill(model, (1, 64, 64, 3)), mmseg_deeplab.MAP_PSPNET)
    trunk = (
        "type='ResNetV1c', strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2), "
        "contract_dilation=True, multi_grid=(1, 2, 4)"
    )
    cfg = f"model = dict(backbone=dict({trunk}), decode_head=dict(type='PSPHead'))"
    beside = {"meta": META | {"cfg": cfg}, "message_hub": {"loss": history([1.0])}}
    path = checkpoint(tmp_path / "psp.pth", beside, state)
    run, masks = tmp_path / "run", tmp_path / "masks"
    arguments = [path, "-o", str(run), "--model.options.width", "8"]
    arguments += ["--model.options.features", "16", "--model.options.blocks", *"1111"]
    assert convert.main(arguments) == 0
    assert "not read    1: mmengine.logging.history_buffer" in capsys.readouterr().out
    written = weights.read_card(run)
    assert written.classes == ("road", "car") and written.palette[1] == (4, 5, 6)
    assert written.options["output_stride"] == 16
    assert written.options["multi_grid"] == [1, 1, 2]
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(tmp_path / "a.png")
    image = str(tmp_path / "a.png")
    assert predict.main([image, "--workdir", str(run), "-o", str(masks)]) == 0
    assert np.asarray(Image.open(masks / "a.png")).shape == (40, 50)


def test_arguments_counters_times_and_paths(tmp_path):
    beside = {
        "args": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("a/b")),
        "scheduler": {"milestones": collections.Counter([3, 3, 5])},
        "time": datetime.datetime(2020, 1, 2),
        "log": collections.defaultdict(list, a=[1]),
        "queue": collections.deque([1, 2]),
        "seen": {1, 2},
    }
    path = checkpoint(tmp_path / "a.pth", beside)
    tree = weights.read(path)
    assert np.array_equal(tree["state_dict"]["w"], STATE["w"])
    assert unread_names(tree) == (
        "__builtin__.set",
        "argparse.Namespace",
        "collections.Counter",
        "collections.defaultdict",
        "collections.deque",
        "datetime.datetime",
    )


def test_a_token_among_the_tensors_is_an_error(tmp_path):
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", pickle.dumps({"w": np.ones(2)}, 2))
    with pytest.raises(ValueError, match=r"'w': <unread numpy\S*\._reconstruct>"):
        unwrap(torchfile.read(str(path)), "a.pth")


BUFFER = b"cmmengine.logging.history_buffer\nHistoryBuffer\n"


@pytest.mark.parametrize(
    "program",
    [
        b"c__builtin__\ngetattr\n(cargparse\nNamespace\nS'__class__'\ntR.",
        b"c__builtin__\ngetattr\n(cargparse\nNamespace\nS'__subclasses__'\ntR.",
        b"c__builtin__\ngetattr\n(c__builtin__\ngetattr\nS'name'\ntR.",
        b"c__builtin__\ngetattr\n(S'text'\nS'upper'\ntR.",
        b"c__builtin__\ngetattr\n(cargparse\nNamespace\ntR.",
        b"cargparse\nNamespace.__init__\n.",
        b"cmmengine.logging.history_buffer\nos\n.",
        b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.",
        b"cnumpy\nload\n(S'a'\ntR.",
    ],
)
def test_tokens_lead_nowhere(program):
    with pytest.raises(ValueError, match="the file refers to"):
        pickled.loads(program, "file")


@pytest.mark.parametrize(
    "program",
    [
        BUFFER + b"}S'full'\nS'x'\nsb.",  # BUILD on the class itself
        BUFFER + b"N}S'full'\nS'x'\ns\x86b.",
        BUFFER + b"S'a'\nI1\ns.",  # an item set on the class
        b"c__builtin__\ngetattr\n}S'name'\nS'x'\nsb.",
    ],
)
def test_tokens_are_closed_to_writing(program):
    with pytest.raises(
        ValueError, match=r"not a readable pickle|the pickle (program )?sets"
    ):
        pickled.loads(program, "file")
    fresh = pickled.loads(BUFFER + b"(tR.", "file")
    assert fresh.full == "mmengine.logging.history_buffer.HistoryBuffer"


@pytest.mark.slow
def test_nothing_is_imported(tmp_path, history):
    """A new interpreter imports neither PyTorch nor a library that the tokens name."""
    path = checkpoint(tmp_path / "a.pth", {"hub": history([1.0])})
    plain = tmp_path / "plain.pth"
    torchwrite.write(str(plain), {"w": np.ones(2, np.float32)})
    program = (
        "import sys; import jaxseg.weights as w; "
        "from jaxseg.weights.formats import torch_reader as reader; "
        f"assert list(w.read({str(plain)!r})) == ['w']; "
        f"tree = reader.read({path!r}); print(tree['hub']); "
        "assert not any(m.startswith(('mmengine', 'torch')) for m in sys.modules)"
    )
    run = [sys.executable, "-c", program]
    result = subprocess.run(run, check=True, cwd=ROOT, capture_output=True, text=True)
    assert "<unread mmengine.logging.history_buffer.HistoryBuffer>" in result.stdout
