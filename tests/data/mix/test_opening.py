"""Datasets of every origin work together: a folder, a tfds builder, a drawn one."""

import itertools
import textwrap

import numpy as np
import pytest

from jaxseg.config import DataConfig, MemberConfig
from jaxseg.data.mix.batches import mixed_eval_batches, mixed_train_batches
from jaxseg.data.mix.opening import describe_members, open_mixed
from tests.data.test_external import FARM, LABELS


@pytest.fixture
def config(folder_config, drawn_data, tmp_path):
    code = textwrap.dedent(FARM).replace("FarmPlots", "SharedPlots")
    module = tmp_path / "shared_plots.py"
    module.write_text(code.replace("Licensed", "SharedLicensed"))
    plots = DataConfig(
        "tfds:shared_plots",
        module=str(module),
        image="photo",
        label="plots/byte",
        labels=LABELS,
        train_split="spring",
        eval_split="autumn",
    )
    folder = DataConfig("folder", raw_dir=folder_config.raw_dir)
    drawn = DataConfig(
        "shapes",
        prepared_dir=str(drawn_data),  # prepared once for all tests
        train_split="train[:4]",
        eval_split="validation[:2]",
    )
    thin = ("pole -> thin", "wire -> thin")
    rest = ("background -> class_0", "disc -> void", "box -> class_1 | class_2")
    rest += ("triangle -> void", "ring -> void", *thin)
    return DataConfig(
        crop=(8, 8),
        prepared_dir=str(tmp_path / "prepared"),
        mix=(
            MemberConfig("", folder),
            MemberConfig("plots", plots, weight=0.5),
            MemberConfig("drawn", drawn, rest),
        ),
    )


def test_members_of_every_origin_share_batches(config):
    source = open_mixed(config, config.train_split)
    assert source.spec.classes == ("class_0", "class_1", "class_2", "thin")
    assert source.counts == (3, 6, 4)
    assert source.spec.union.merged == ((1, 2),)
    assert source.spec.members[2].scored[-1] == "pole + wire"
    stream = mixed_train_batches(source, config, seed=0, batch_size=8)
    seen = np.concatenate([b["dataset"] for b in itertools.islice(stream, 8)])
    stream.close()
    assert set(seen.tolist()) == {0, 1, 2}
    final = open_mixed(config, config.eval_split)
    batches = list(mixed_eval_batches(final, batch_size=2))
    index = np.concatenate([batch["index"] for batch in batches])
    assert sorted(index[index >= 0]) == list(range(len(final))) == list(range(7))
    assert "plots: 6 training examples, 20.0% of the stream" in "\n".join(
        describe_members(config, source)
    )
