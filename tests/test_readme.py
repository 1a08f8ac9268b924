"""What the README and two pages of the guide show gives the values that they state."""

import functools
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parent.parent
TINY = ", width=4, blocks=(1, 1, 1, 1), features=8, low=4"


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def test_readme_states_the_values_of_its_atrous_rates():
    code = next(b for b in blocks("README.md") if "gridding_of" in b)
    imports, *lines = [line for line in code.splitlines() if line]
    names = {}
    exec(imports, names)
    found = [eval(line, names) for line in lines]
    assert found[0] == pytest.approx(0.29, abs=0.005)
    assert found[1:] == [True, (1, 3, 9, 27)]


def test_readme_is_short_and_links_pages_that_exist():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    links = re.findall(r"\]\(([^)#]+)", text)
    assert len(links) > 15
    assert not [link for link in links if not (ROOT / link).exists()]


def test_config_block_is_a_config():
    names = {}
    code = blocks("docs/guide/configuration.md")
    exec(next(b for b in code if "config = Config(" in b), names)
    assert names["config"].model.name == "deeplabv3plus_resnet50"
    assert names["config"].data.crop == (360, 480)


@pytest.mark.slow
def test_training_loop_block_lowers_the_loss():
    code = next(b for b in blocks("docs/guide/python.md") if "def step(" in b)
    assert "output_stride=16" in code
    names = {}
    exec(code.replace("output_stride=16", "output_stride=16" + TINY), names)
    random = np.random.default_rng(0)
    image = jnp.asarray(random.normal(size=(2, 65, 64, 3)), jnp.float32)
    label = jnp.asarray(random.integers(0, 21, (2, 65, 64)), jnp.int32)
    state = [names["params"], names["stats"], names["opt_state"]]
    losses = []
    for _ in range(5):
        *state, value = names["step"](*state, image, label)
        losses.append(float(value))
    assert losses[-1] < losses[0]
    assert jax.tree.all(jax.tree.map(lambda x: bool(jnp.isfinite(x).all()), state[0]))


@pytest.fixture
def my_scenes(tmp_path, monkeypatch):
    """A dataset of the name that the guide loads, generated here and stored by tfds."""
    pytest.importorskip("tensorflow")
    tfds = pytest.importorskip("tensorflow_datasets")

    class MyScenes(tfds.core.GeneratorBasedBuilder):
        """Images whose pixels are noise around the color of their class."""

        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            image = tfds.features.Image(shape=(32, 32, 3))
            mask = tfds.features.Image(shape=(32, 32, 1))
            features = tfds.features.FeaturesDict({"image": image, "mask": mask})
            return self.dataset_info_from_configs(features=features)

        def _split_generators(self, dl_manager):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            random = np.random.default_rng(0)
            for key in range(24):
                mask = random.integers(0, 4, (4, 4, 1)).repeat(8, 0).repeat(8, 1)
                noise = random.integers(0, 40, (32, 32, 3))
                image = (60 * mask + noise).astype(np.uint8)
                mask[:key] = 255  # every image has another number of labeled pixels
                yield key, {"image": image, "mask": mask.astype(np.uint8)}

    MyScenes(data_dir=tmp_path).download_and_prepare()
    load = functools.partial(tfds.load, data_dir=tmp_path, shuffle_files=False)
    monkeypatch.setattr(tfds, "load", load)


@pytest.mark.slow
def test_own_loop_gives_equal_losses_under_jit_and_pmap(my_scenes, capsys):
    names, losses = {}, []
    page = blocks("docs/guide/python.md")
    for code in (b for b in page if 'tfds.load("my_scenes"' in b):
        narrow = {
            "num_classes=4": "num_classes=4, width=4, depth=2",
            '"unet", 4': '"unet", 4, width=4, depth=2',
        }
        for old, new in ({"take(100)": "take(3)"} | narrow).items():
            code = code.replace(old, new)
        exec(code, names)
        losses.append([float(line) for line in capsys.readouterr().out.splitlines()])
    under_jit, under_pmap = losses
    assert len(under_jit) == 3 and under_jit[2] < under_jit[0]
    np.testing.assert_allclose(under_pmap, under_jit, rtol=0, atol=1e-5)
