"""Tests order, restart, processes and padding of training and evaluation batches."""

import dataclasses
import itertools
import threading
import time

import numpy as np
import pytest

from jaxseg.config import DataConfig
from jaxseg.data import Source, eval_batches, rasters, train_batches
from jaxseg.data import shuffle as order
from jaxseg.data.decoder import Decoder
from jaxseg.data.spec import DatasetSpec

CONFIG = DataConfig(crop=(20, 28))


def take(source, count, *, config=CONFIG, seed=7, batch_size=4, **options):
    batches = train_batches(source, config, seed=seed, batch_size=batch_size, **options)
    taken = list(itertools.islice(batches, count))
    batches.close()
    return taken


def assert_same(left, right):
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])


def test_batches_keep_the_contract(small):
    (batch,) = take(small, 1)
    kinds = {key: (value.shape, value.dtype.name) for key, value in batch.items()}
    assert kinds == {
        "image": ((4, 20, 28, 3), "uint8"),
        "label": ((4, 20, 28), "uint8"),
        "seed": ((4,), "uint32"),
        "index": ((4,), "int32"),
    }
    assert set(np.unique(batch["label"])) <= {*range(7), 255}


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_threads_and_cache_change_nothing(small, workers):
    other = Source(small.records, small.spec, workers=workers, cache=False)
    assert_same(take(small, 6), take(other, 6))


@pytest.mark.parametrize("start", [1, 2, 3, 7])
def test_restart_at_any_step(small, start):
    assert_same(take(small, 9)[start:], take(small, 9 - start, start_step=start))


@pytest.mark.parametrize("process_count", [1, 2, 4])
def test_processes_together_equal_one(small, process_count):
    parts = [
        take(small, 6, start_step=1, process_index=k, process_count=process_count)
        for k in range(process_count)
    ]
    joined = [
        {key: np.concatenate([p[key] for p in step]) for key in step[0]}
        for step in zip(*parts, strict=True)
    ]
    assert_same(joined, take(small, 6, start_step=1))


def test_each_epoch_holds_each_example_once_in_a_new_order(small):
    index = np.concatenate([b["index"] for b in take(small, 15, batch_size=4)])
    epochs = index.reshape(6, 10)
    for epoch in epochs:
        assert sorted(epoch) == list(range(10))
    assert len({tuple(epoch) for epoch in epochs}) == 6


def test_batch_larger_than_the_dataset(small):
    (batch,) = take(small, 1, batch_size=25)
    assert np.bincount(batch["index"], minlength=10).tolist() in (
        [[2 + (k in set(batch["index"][20:])) for k in range(10)]]
    )


def test_seeds_differ_by_position_and_run(small):
    one, two = (
        np.concatenate([b["seed"] for b in take(small, 10, seed=seed)])
        for seed in (0, 1)
    )
    assert len(set(one)) == 40 and not set(one) & set(two)
    # Run 1 is not run 0 moved by an epoch.
    assert order.permutation(1, 0, 99).tolist() != order.permutation(0, 1, 99).tolist()


def test_windows_differ_between_epochs(small):
    batches = take(small, 5, batch_size=10)
    zero = [b["image"][b["index"] == 0][0] for b in batches]
    assert len({image.tobytes() for image in zero}) == 5


def test_permutation_is_fair():
    first = [int(order.permutation(0, epoch, 10)[0]) for epoch in range(2000)]
    counts = np.bincount(first, minlength=10)
    assert ((counts - 200) ** 2 / 200).sum() < 21.7  # chi-square, 9 degrees, 1 %


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"batch_size": 6, "process_count": 4},
            "batch_size=6 is invalid: .* multiple of 4",
        ),
        ({"batch_size": 0}, "batch_size=0 is invalid"),
        (
            {"process_index": 2, "process_count": 2},
            "process_index=2 is invalid: expected 0 to 1",
        ),
        ({"seed": -1}, "seed=-1"),
        ({"start_step": -1}, "start_step=-1"),
        ({"config": DataConfig(crop=(0, 8))}, r"data.crop=\(0, 8\)"),
        (
            {"config": DataConfig(scale_range=(2.0, 0.5))},
            r"data.scale_range=\(2.0, 0.5\)",
        ),
        (
            {"config": DataConfig(scale_range=(0.0, 0.5))},
            r"data.scale_range=\(0.0, 0.5\)",
        ),
    ],
)
def test_bad_options_are_refused_at_the_call(small, options, message):
    arguments = {"config": CONFIG, "seed": 0, "batch_size": 4, **options}
    with pytest.raises(ValueError, match=message):
        train_batches(small, **arguments)


def test_an_error_in_a_thread_reaches_the_reader(small):
    class Broken:
        def __len__(self):
            return 10

        def __getitem__(self, index):
            raise OSError(f"disk gone at {index}")

    broken = Source(Broken(), small.spec, workers=2)
    with pytest.raises(OSError, match="disk gone"):
        take(broken, 1)


def test_closing_ends_the_threads(small):
    before = threading.active_count()
    batches = train_batches(small, CONFIG, seed=0, batch_size=4)
    next(batches)
    assert threading.active_count() > before
    batches.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before  # Threads of other tests can end, too.


def mixed(spec, sizes):
    """Opens images of several sizes whose pixel values follow from their number."""
    records = []
    for number, size in enumerate(sizes):
        rng = np.random.default_rng(number)
        image = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
        label = rng.integers(0, 7, size).astype(np.uint8)
        png = [rasters.encode_png(pixels) for pixels in (image, label)]
        records.append({"image": png[0], "label": png[1], "id": b"%d" % number})
    return Source(records, spec)


SIZES = [(24, 32), (33, 20), (32, 32), (20, 30), (64, 64), (1, 1), (32, 33)]


@pytest.mark.parametrize("process_count", [1, 2, 4])
def test_evaluation_shows_every_example_whole_and_once(small, process_count):
    source = mixed(small.spec, SIZES)
    parts = [
        list(
            eval_batches(
                source, batch_size=4, process_index=k, process_count=process_count
            )
        )
        for k in range(process_count)
    ]
    assert len({len(part) for part in parts}) == 1
    seen = []
    for step in zip(*parts, strict=True):
        assert len({batch["image"].shape for batch in step}) == 1
        for batch in step:
            assert len(batch["index"]) == 4 // process_count
            for place, index in enumerate(batch["index"].tolist()):
                assert_padded(
                    source, batch["image"][place], batch["label"][place], index
                )
                seen.append(index)
    assert sorted(i for i in seen if i >= 0) == list(range(len(SIZES)))


def assert_padded(source, image, label, index):
    height, width = source.sizes[index] if index >= 0 else (0, 0)
    if index >= 0:
        assert label.shape == (-(-height // 32) * 32, -(-width // 32) * 32)
        np.testing.assert_array_equal(image[:height, :width], source[index]["image"])
        np.testing.assert_array_equal(label[:height, :width], source[index]["label"])
    outside = np.ones(label.shape, bool)
    outside[:height, :width] = False
    assert (label[outside] == 255).all()
    assert (image[outside] == source.spec.mean_color).all()


def test_evaluation_does_not_depend_on_the_batch_size(small):
    source = mixed(small.spec, SIZES)
    shapes = [
        {
            int(i): image.shape
            for batch in eval_batches(source, batch_size=size)
            for i, image in zip(batch["index"], batch["image"], strict=True)
            if i >= 0
        }
        for size in (1, 3, 8)
    ]
    assert shapes[0] == shapes[1] == shapes[2] and len(shapes[0]) == len(SIZES)


def test_evaluation_refuses_bad_options(small):
    with pytest.raises(ValueError, match="multiple=0 is invalid"):
        eval_batches(small, batch_size=4, multiple=0)
    with pytest.raises(ValueError, match="batch_size=3 is invalid"):
        eval_batches(small, batch_size=3, process_count=2)


def test_images_with_hard_classes_come_twice_per_epoch(small):
    counts = [np.bincount(small.label(i).ravel(), minlength=256) for i in range(10)]
    rare = min(range(1, 7), key=lambda c: abs(sum(n[c] > 0 for n in counts) - 4))
    twice = [i for i, n in enumerate(counts) if n[rare] > 0]
    assert 0 < len(twice) < 10
    name = small.spec.classes[rare]
    config = dataclasses.replace(CONFIG, oversample_classes=(name,))
    assert small.holding((name,)) == tuple(twice)
    length = 10 + len(twice)
    batches = take(small, 2 * length, config=config, batch_size=1)
    index = np.concatenate([batch["index"] for batch in batches])
    for epoch in index.reshape(2, length):
        expected = [1 + (i in twice) for i in range(10)]
        assert np.bincount(epoch, minlength=10).tolist() == expected
    seeds = [int(batch["seed"][0]) for batch in batches]
    assert len(set(seeds)) == len(seeds)
    restarted = take(small, 3, config=config, batch_size=1, start_step=5)
    assert_same(batches[5:8], restarted)


def test_a_wrong_class_to_duplicate_is_named(small):
    config = dataclasses.replace(CONFIG, oversample_classes=("sofa",))
    with pytest.raises(
        ValueError, match=r"data.oversample_classes='sofa' is invalid: expected one of"
    ):
        train_batches(small, config, seed=0, batch_size=1)


def test_examples_of_other_types_are_padded_in_their_own_type():
    spec = DatasetSpec(
        "x", ("a",), ((0, 0, 0),), void=65535, mean=(0.5, 0.25), std=(1, 1),
        image_type="float32", value_range=(-1.0, 1.0),
    )  # fmt: skip
    image = np.full((2, 3, 2), 7.5, np.float32)
    decoder = Decoder(
        image=lambda record: image,
        label=lambda record: np.zeros((2, 3), np.uint16),
        size=lambda record: (2, 3),
    )
    source = Source([{"id": b"one"}], spec, decoder=decoder)
    (batch,) = eval_batches(source, batch_size=1, multiple=4)
    assert (batch["image"].dtype, batch["label"].dtype) == ("float32", "uint16")
    assert (batch["image"][0, :2, :3] == image).all()
    assert (batch["image"][0, 3] == (0.0, -0.5)).all()
    assert (batch["label"][0, 2:] == 65535).all()
