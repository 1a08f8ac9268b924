"""Tests published weights: the table, the download, and networks from a name."""

import functools
import hashlib
import http.server
import json
import threading
from collections import Counter

import jax
import numpy as np
import pytest

import jaxseg
from jaxseg import weights
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.cli import models as command
from jaxseg.config import Config, ModelConfig
from jaxseg.models import MODELS
from jaxseg.runs import weights_start
from jaxseg.runs.conversion import convert, dataset_spec, model_card
from jaxseg.runs.directory import build_model
from jaxseg.runs.wanted import Wanted
from jaxseg.training.step.state import TrainState
from jaxseg.weights.catalog.maps import timm_mobilenet_v3
from jaxseg.weights.loading import Taking
from jaxseg.weights.model_variables import variable_shapes
from jaxseg.weights.published import download, table
from jaxseg.weights.published.entry import Entry

NAME = "timm/tf_mobilenetv3_small_100.in1k"
ALL = list(table.entries().values())


def test_the_table():
    """Every entry says what it is, and its network or backbone exists."""
    assert len(ALL) >= 600 and len({entry.url for entry in ALL}) > 0.95 * len(ALL)
    libraries = Counter(entry.library for entry in ALL)
    assert len(libraries) == 5 and libraries["mmsegmentation"] >= 200
    for entry in ALL:
        assert bool(entry.network) != bool(entry.backbone)
        assert entry.network in MODELS or entry.backbone in BACKBONES
        assert entry.license and entry.data and len(entry.mean) == len(entry.std) == 3
        assert all(0 <= value < 1 for value in entry.mean)
        assert all(0 < value <= 1 for value in entry.std)
        assert (entry.score is None) == (not entry.metric) == (not entry.score_source)
        assert not entry.classes or len(entry.classes) == entry.num_classes
        if entry.library == "torchvision":
            assert entry.sha256 and entry.sha256 in entry.file
        elif not entry.url.startswith("hf://"):
            assert entry.url.startswith("https://download.openmmlab.com/")


def test_facts_of_known_entries():
    """The top-1 accuracies and the mIoU are those on the pages of the publishers."""
    entry = table.find("torchvision/resnet50.imagenet1k_v2")
    assert (entry.score, entry.sha256) == (80.858, "11ad3fa6")
    entry = table.find("mmseg/segformer_mit-b0_8xb1-160k_cityscapes-1024x1024")
    assert entry.network == "segformer_b0" and entry.score == 76.54
    assert entry.classes[:2] == ("road", "sidewalk") and entry.num_classes == 19
    entry = table.find("mmseg/deeplabv3plus_r101-d8_4xb2-80k_cityscapes-512x1024")
    assert (entry.network, entry.score) == ("deeplabv3plus_resnet101", 80.97)
    entry = table.find("nvidia/segformer-b2-finetuned-ade-512-512")
    assert entry.network == "segformer_b2" and "not for commercial" in entry.license
    assert table.find("timm/resnet50.a1_in1k").license == "apache-2.0"
    assert table.find(NAME).options == {"epsilon": 1e-3, "same_padding": True}


def test_names_and_patterns():
    assert table.find("timm/absent") is None and table.find(3) is None
    assert {entry.backbone for entry in table.matching("timm/vit_tiny*")} == {"vitti16"}
    with pytest.raises(ValueError, match=r"such as .*timm/resnet50\.a1_in1k"):
        table.matching("timm/resnet50.a1_in1kk")
    with pytest.raises(FileNotFoundError, match=r"timm/resnet50\.a1_in1k"):
        weights.read("timm/resnet50.a1_in1kk")


def test_the_command_lists_them(capsys):
    assert command.main(["torchvision/deeplabv3_*", "--pretrained"]) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.split() == ["name", "network", "data", "score", "license"]
    assert len(lines) == 3 and "66.40 mIoU" in "".join(lines)
    assert command.main(["mmseg/segformer_mit-b2*", "--pretrained", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["network"] for row in rows} == {"segformer_b2"}
    with pytest.raises(ValueError, match="--backbones is invalid with --pretrained"):
        command.main(["--pretrained", "--backbones"])


class Hub(http.server.BaseHTTPRequestHandler):
    """Serves `files` as the hub does: a redirect with the digest, then the content."""

    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path.removeprefix("/cdn"))
        if content is None:
            return self.send_error(404)
        if not self.path.startswith("/cdn"):
            self.send_response(302)
            self.send_header("X-Linked-Etag", f'"{self.server.digest(content)}"')
            self.send_header("X-Repo-Commit", "c0ffee")
            self.send_header("Location", f"/cdn{self.path}")
            return self.end_headers()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) + self.server.missing))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Prints nothing."""


@pytest.fixture
def hub(tmp_path, monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.files, server.missing = [], {}, 0
    server.digest = lambda content: hashlib.sha256(content).hexdigest()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("JAXSEG_WEIGHTS", str(tmp_path / "weights"))
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


CONTENT = bytes(range(256)) * 8
ENTRY = Entry("org/net", "timm", "hf://org/net@main/w.bin", license="apache-2.0")
PATH = "/org/net/resolve/main/w.bin"


def test_a_file_is_downloaded_once(hub, capsys):
    hub.files[PATH] = CONTENT
    path = download.fetch(ENTRY)
    (line,) = capsys.readouterr().err.splitlines()
    assert "org/net" in line and PATH in line and "license: apache-2.0" in line
    with open(path, "rb") as file:
        assert file.read() == CONTENT
    with open(f"{path}.pin.json") as file:
        pin = json.load(file)
    assert pin["commit"] == "c0ffee" and pin["sha256"] == hub.digest(CONTENT)
    assert download.fetch(ENTRY) == path and capsys.readouterr().err == ""
    assert len(hub.asked) == 2  # the redirect and the content, once


def refused(entry=ENTRY):
    """Returns the one line with which a download is refused."""
    with pytest.raises(ValueError) as caught:
        download.fetch(entry)
    message = str(caught.value)
    assert "\n" not in message and entry.name in message
    return message


def test_other_content_is_refused(hub, tmp_path):
    hub.files[PATH] = CONTENT
    stated = Entry(**{**vars(ENTRY), "sha256": "00000000"})
    assert "that of its publisher is 00000000" in refused(stated)
    digest, hub.digest = hub.digest, lambda content: "ab" * 32
    assert "that of the hub is abababab" in refused()
    hub.digest, hub.missing = digest, 5
    assert "Try again" in refused() or "cannot be" in refused()
    assert not list((tmp_path / "weights").rglob("*.bin"))
    hub.missing = 0
    path = download.fetch(ENTRY)
    with open(path, "ab") as file:
        file.write(b"x")
    assert "that of the first download is" in refused()
    (tmp_path / "weights/org/net/w.bin").unlink()
    hub.files[PATH] = CONTENT + b"x"
    assert "that of the first download is" in refused()


def test_a_missing_file_and_a_missing_network(hub, monkeypatch):
    assert "answers 404" in refused()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    message = refused()
    assert "cannot be reached" in message and "path of a local file" in message


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Returns the backbone of `NAME`, random variables, and the file of the hub."""
    entry = table.find(NAME)
    model = BACKBONES[entry.backbone].create(**entry.options)
    draw = np.random.default_rng(0)
    fill = lambda leaf: draw.random(leaf.shape, np.float32).astype(leaf.dtype)
    variables = jax.tree.map(fill, variable_shapes(model))
    nested = {kind: {"backbone": tree} for kind, tree in variables.items()}
    file = tmp_path_factory.mktemp("hub") / "model.safetensors"
    weights.write(file, weights.to_torch(nested, timm_mobilenet_v3.SMALL))
    return variables, file.read_bytes()


def serve(hub, small):
    hub.files["/" + NAME + "/resolve/main/model.safetensors"] = small[1]


@pytest.mark.slow
def test_a_backbone_by_name(hub, small):
    serve(hub, small)
    backbone, variables = jaxseg.load_pretrained(NAME)
    jax.tree.map(np.testing.assert_array_equal, variables, small[0])
    assert (backbone.epsilon, backbone.same_padding) == (1e-3, True)
    _, gray = jaxseg.load_pretrained(NAME, in_channels=1)
    kernel = gray["params"]["stem"]["conv"]["kernel"]
    want = small[0]["params"]["stem"]["conv"]["kernel"].sum(2, keepdims=True)
    np.testing.assert_allclose(kernel, want, rtol=1e-6)


@pytest.mark.slow
def test_a_family_takes_the_backbone_by_name(hub, small):
    serve(hub, small)
    wanted = Wanted("deeplabv3", num_classes=5)
    found = convert(NAME, wanted, Taking())
    config = found.network.config.model
    assert config.backbone == "mobilenetv3_small"
    assert config.options["backbone_options"]["same_padding"] is True
    params = found.imported.variables["params"]
    jax.tree.map(np.testing.assert_array_equal, params["backbone"], small[0]["params"])
    card = model_card(found)
    assert card.license == "apache-2.0" and card.normalization.mean == (0.5,) * 3
    assert dataset_spec(found, card).mean == (0.5, 0.5, 0.5)


@pytest.mark.slow
def test_a_run_starts_from_a_name_or_a_file(hub, small, tmp_path, fill):
    serve(hub, small)
    file = tmp_path / "tf_mobilenetv3.safetensors"
    file.write_bytes(small[1])
    options = {"backbone_options": {"same_padding": True, "epsilon": 1e-3}}
    config = Config(model=ModelConfig("fcn", options, backbone="mobilenetv3_small"))
    model = build_model(config, 4)
    drawn = fill(model, (1, 64, 64, 3))
    fields = {"step": 0, "opt_state": (), "rng": jax.random.key(1)}
    state = TrainState(**fields, **drawn, ema=drawn["params"])
    head = lambda tree: {k: v for k, v in tree.items() if k != "backbone"}
    same = functools.partial(jax.tree.map, np.testing.assert_array_equal)
    for source in (NAME, str(file)):
        assert weights_start.is_weights(source)
        start = weights_start.initialized(state, source, model)
        same(start.params["backbone"], small[0]["params"])
        same(start.batch_stats["backbone"], small[0]["batch_stats"])
        same(head(start.params), head(state.params))
    other = build_model(Config(model=ModelConfig("unet", {"width": 4})), 4)
    with pytest.raises(ValueError, match=r"train\.init_from=.* is invalid: .*backbone"):
        weights_start.initialized(state, NAME, other)


def test_sources_of_a_start(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"")
    assert weights_start.is_weights(tmp_path / "w.pth")
    assert weights_start.is_weights("hf://org/net/w.pth")
    assert not weights_start.is_weights(tmp_path)
    assert not weights_start.is_weights("nowhere")
