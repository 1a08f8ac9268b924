"""A run directory with a narrow U-Net, and a service for it."""

import io

import numpy as np
import pytest
from PIL import Image

from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.config import Config, DataConfig, ModelConfig
from jaxseg.data import DatasetSpec
from jaxseg.runs.directory import build_model, write_run
from tests.serve.running import served

SPEC = DatasetSpec(
    name="three",
    classes=("red", "green", "<b>blue</b>"),
    palette=((200, 0, 0), (0, 200, 0), (0, 0, 200)),
    mean=(0.5, 0.4, 0.3),
    std=(0.25, 0.25, 0.25),
)
CONFIG = Config(
    model=ModelConfig("unet", {"width": 4, "depth": 1}), data=DataConfig(crop=(16, 24))
)


@pytest.fixture(scope="session", autouse=True)
def packages():
    for package in ("starlette", "uvicorn", "python_multipart", "prometheus_client"):
        pytest.importorskip(package)


@pytest.fixture(scope="session")
def workdir(tmp_path_factory, fill):
    """A run directory with a narrow U-Net for three classes."""
    folder = tmp_path_factory.mktemp("served")
    write_run(folder, CONFIG, SPEC)
    variables = fill(build_model(CONFIG, SPEC.num_classes), (1, 32, 32, 3))
    with Checkpoints(folder / "ckpt") as checkpoints:
        checkpoints.save(3, variables, meta={}, metrics={"mean_iou": 0.5})
        checkpoints.wait()
    return folder


@pytest.fixture(scope="session")
def client(workdir):
    """A client of a service that pads to multiples of 32 and has small limits."""
    limits = {"max_bytes": 200_000, "max_pixels": 20_000, "max_cut_pixels": 5_000}
    with served(workdir, pad_multiple=32, max_wait_ms=100, **limits) as found:
        yield found


def drawn(height, width, seed=0):
    """An image with large regions of different colors, and noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 200, (height // 8 + 1, width // 8 + 1, 3))
    pixels = np.kron(coarse, np.ones((8, 8, 1)))[:height, :width]
    return (pixels + random.integers(0, 56, (height, width, 3))).astype(np.uint8)


def encoded(pixels, kind="PNG", **options):
    """The bytes of an image file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()
