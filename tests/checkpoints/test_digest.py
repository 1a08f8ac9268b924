"""Digests of arrays: what changes them, and what must not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from jaxseg.checkpoints import digest

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "scalar": np.float32(3.5),
    "vector": RANDOM.normal(size=7).astype(np.float32),
    "kernel": RANDOM.normal(size=(3, 3, 8, 16)).astype(np.float32),
    "half": RANDOM.normal(size=(4, 6)).astype(jnp.bfloat16),
    "double": RANDOM.normal(size=(2, 3)),
    "integer": RANDOM.integers(-9, 9, (5, 2)).astype(np.int32),
    "bool": RANDOM.integers(0, 2, (6,)).astype(bool),
    "empty": np.zeros((0, 3), np.float32),
    "tall": RANDOM.normal(size=(1 << 17, 3)).astype(np.float32),  # several blocks
}


def one(array):
    (value,) = digest.of_arrays({"x": array}).values()
    return value


def slow(array):
    """The definition, element by element."""
    width = 8 * array.dtype.itemsize
    words = np.ascontiguousarray(array).view(f"uint{width}").reshape(array.shape)
    total = 0
    for index, word in np.ndenumerate(words):
        factor = 1
        for axis, position in enumerate(index):
            factor *= int(digest.odd_factors(axis, position, 1)[0])
        total += int(word) * factor
    return total % 2**64


@pytest.mark.parametrize("name", [name for name in ARRAYS if name != "tall"])
def test_the_sum_is_the_definition(name):
    array = np.asarray(ARRAYS[name])
    assert one(array) == f"{array.dtype}{list(array.shape)} {slow(array):016x}"


def test_blocks_add_up():
    array = ARRAYS["tall"]
    parts = [
        digest.block_sum(array[i : i + 999], [i, 0]) for i in range(0, 1 << 17, 999)
    ]
    assert one(array).endswith(f" {sum(parts) % 2**64:016x}")


@pytest.mark.parametrize("name", [name for name in ARRAYS if name != "empty"])
def test_every_flipped_bit_changes_it(name):
    array = np.array(ARRAYS[name])
    before, flat = one(array), array.reshape(-1).view(np.uint8)
    for _ in range(20):
        place, bit = RANDOM.integers(flat.size), RANDOM.integers(8)
        flat[place] ^= np.uint8(1 << bit)
        assert one(array) != before
        flat[place] ^= np.uint8(1 << bit)
    assert one(array) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[::-1],
        lambda x: x[:, ::-1],
        lambda x: np.roll(x, 1, axis=2),
        lambda x: x.swapaxes(0, 1),
        lambda x: x.reshape(9, 8, 16),
        lambda x: x.view(np.int32),
        lambda x: np.where(np.arange(16) < 4, np.float32(0), x),
    ],
)
def test_moved_or_retyped_elements_change_it(change):
    kernel = ARRAYS["kernel"]
    assert one(change(kernel)) != one(kernel)


@pytest.mark.parametrize(
    "spec", [P(), P("a"), P(None, None, "b"), P("b", None, "a"), P(("a", "b"))]
)
def test_it_does_not_depend_on_the_sharding(spec):
    mesh = jax.make_mesh(
        (4, 2), ("a", "b"), axis_types=(jax.sharding.AxisType.Auto,) * 2
    )
    array = RANDOM.normal(size=(8, 3, 16)).astype(np.float32)
    placed = jax.device_put(array, NamedSharding(mesh, spec))
    assert one(placed) == one(array)


def test_processes_sum_what_each_holds(monkeypatch):
    """Two processes: the first array lies in halves, the second one whole on both."""
    kernel, bias = ARRAYS["kernel"], ARRAYS["vector"]
    mesh = jax.make_mesh((8,), ("a",), axis_types=(jax.sharding.AxisType.Auto,))
    split = jax.device_put(kernel, NamedSharding(mesh, P(None, None, None, "a")))
    whole = jax.device_put(bias, NamedSharding(mesh, P()))
    halves = [
        digest.block_sum(kernel[..., :8], [0] * 4),
        digest.block_sum(kernel[..., 8:], [0, 0, 0, 8]),
    ]
    copies = digest.block_sum(bias, [0])
    other = [divmod(value % 2**64, 2**32) for value in (halves[1], copies)]
    expected = [one(kernel).split()[-1], one(bias).split()[-1]]
    monkeypatch.setattr(digest, "is_whole", lambda array: array is whole)
    monkeypatch.setattr(
        digest.multihost_utils,
        "process_allgather",
        lambda mine: np.stack([mine, np.array(other, np.uint32)]),
    )
    found = digest.over_processes([split, whole], [halves[0], copies])
    assert [f"{value:016x}" for value in found] == expected


def test_names_and_random_keys():
    key = jax.random.key(3)
    found = digest.of_arrays({"params": {"a": np.zeros(2, np.float32)}, "rng": [key]})
    assert list(found) == ["params/a", "rng/0"]
    assert found["params/a"] == "float32[2] 0000000000000000"
    assert found["rng/0"] == one(np.asarray(jax.random.key_data(key)))


def test_json_values_are_equal_before_and_after_the_file():
    value = {"b": (1, 2.5), "a": {"x": None, "1": 0.1 + 0.2}}
    assert digest.of_values(value) == digest.of_values(
        {"a": {"x": None, "1": 0.30000000000000004}, "b": [1, 2.5]}
    )
    assert digest.of_values(value) != digest.of_values(
        {"a": {"x": None, "1": 0.3}, "b": [1, 2.5]}
    )


def test_the_difference_names_the_array():
    stored = {"a": "float32[2] 01", "b": "float32[2] 02"}
    assert digest.difference(stored, {"b": "float32[2] 02"}) == ""
    assert digest.difference(stored, stored | {"b": "float32[2] 03"}) == (
        "b was stored as float32[2] 02 and reads as float32[2] 03"
    )
    assert digest.difference(stored, {"c": "int32[] 00"}).startswith("c was not listed")
