"""How devices are arranged: axes, processes, evaluation of any batch."""

import types

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from jaxseg.training.devices.backends import JitBackend
from jaxseg.training.devices.mesh import batch_sharding, make_mesh
from jaxseg.training.devices.runner import StepRunner
from jaxseg.training.devices.selection import check_batch


def test_a_pair_divides_columns_too():
    mesh = make_mesh(space=(2, 2))
    assert dict(mesh.shape) == {"batch": 2, "space": 2, "columns": 2}
    assert dict(make_mesh(space=(4, 1)).shape) == {"batch": 2, "space": 4}
    image = np.arange(4 * 6 * 8).reshape(4, 6, 8)
    placed = JitBackend(mesh).put_batch({"image": image, "seed": np.arange(4)})
    assert {s.data.shape for s in placed["image"].addressable_shards} == {(2, 3, 4)}
    assert {s.data.shape for s in placed["seed"].addressable_shards} == {(2,)}
    np.testing.assert_array_equal(placed["image"], image)
    assert batch_sharding(mesh, 1).spec == P("batch")
    with pytest.raises(ValueError, match=r"image.shape\[2\]=7 is invalid"):
        JitBackend(mesh).put_batch({"image": image[:, :, :7]})


@pytest.mark.parametrize("space", [8, 3, (2, 3)])
def test_an_image_stays_in_its_process(space):
    devices = [
        types.SimpleNamespace(process_index=number // 4, id=number)
        for number in range(24)
    ]
    with pytest.raises(ValueError, match=r"a divisor of 4, .* belong to one process"):
        make_mesh(space=space, devices=devices)


def test_batches_are_divided_by_groups_of_devices():
    devices = jax.devices()
    check_batch("train.batch_size", 2, devices, space=4)
    with pytest.raises(ValueError, match=r"train.batch_size=3 is .* of 2, the number"):
        check_batch("train.batch_size", 3, devices, space=(2, 2))
    with pytest.raises(ValueError, match="a multiple of 8, the number of devices"):
        check_batch("train.batch_size", 4, devices)


@pytest.mark.parametrize("space", [1, 4, (2, 4)], ids=str)
def test_evaluation_takes_any_number_of_images(space):
    def count(variables, batch):
        kept = batch["label"] != 255
        return (kept * (batch["image"] + variables)).sum()

    runner = StepRunner(None, count, kind="jit", devices=jax.devices(), space=space)
    random = np.random.default_rng(0)
    image = random.integers(0, 9, (3, 8, 8)).astype(np.int32)
    batch = {"image": image, "label": image, "index": np.arange(3)}
    got = runner.count(runner.place(np.int32(2)), batch)
    assert got == (image + 2).sum()
