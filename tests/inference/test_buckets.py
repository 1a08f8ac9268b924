"""A few sizes for many images, and what padding to them changes."""

import functools
import itertools

import jax
import numpy as np
import pytest
from flax import linen as nn

from jaxseg.data import DatasetSpec
from jaxseg.inference.buckets import choose_buckets
from jaxseg.inference.padding_effect import padding_effect
from jaxseg.inference.segmenter import Segmenter
from jaxseg.ops.resize import resize

SPEC = DatasetSpec("two", ("ground", "sky"), ((0, 0, 0), (0, 0, 255)))


def pixels(chosen, sizes):
    return sum(int(np.prod(chosen[size])) for size in sizes)


def best(sizes, count):
    """The fewest pixels over all assignments of sizes to groups."""
    found = []
    distinct = sorted(set(sizes))
    for groups in itertools.product(range(count), repeat=len(distinct)):
        members = {}
        for size, group in zip(distinct, groups, strict=True):
            members.setdefault(group, []).append(size)
        corners = {g: tuple(np.max(m, axis=0)) for g, m in members.items()}
        chosen = {s: corners[g] for s, g in zip(distinct, groups, strict=True)}
        found.append(pixels(chosen, sizes))
    return min(found)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_pixels_are_added(count):
    random = np.random.default_rng(0)
    ratios = []
    for _ in range(8):
        sides = random.integers(20, 100, (6, 2)).tolist()
        sizes = [tuple(side) for side in sides for _ in range(random.integers(1, 5))]
        chosen = choose_buckets(sizes, count)
        assert set(chosen) == set(sizes) and len(set(chosen.values())) <= count
        assert all(b[0] >= s[0] and b[1] >= s[1] for s, b in chosen.items())
        ratios.append(pixels(chosen, sizes) / best(sizes, count))
    assert 1 <= np.mean(ratios) < 1.02 and max(ratios) < 1.1


def test_sizes_stay_as_they_are_if_they_are_few():
    sizes = [(10, 20), (20, 10), (10, 20)]
    assert choose_buckets(sizes, 2) == {(10, 20): (10, 20), (20, 10): (20, 10)}
    assert choose_buckets(sizes, 1) == dict.fromkeys(sizes, (20, 20))
    with pytest.raises(ValueError, match="buckets=0 is invalid"):
        choose_buckets(sizes, 0)


class Local(nn.Module):
    """Two convolutions of 5 x 5 pixels; `kind` adds what reaches further."""

    kind: str = "local"

    @nn.compact
    def __call__(self, image, *, train):
        x = nn.relu(nn.Conv(6, (5, 5), name="one")(image))
        logits = nn.Conv(2, (5, 5), name="two")(x)
        if self.kind == "global":
            logits = logits + x.mean((1, 2), keepdims=True)[..., :2]
        if self.kind == "resized":
            halved = nn.Conv(2, (3, 3), strides=2, name="three")(x)
            logits = resize(halved, image.shape[1:3])
        return {"logits": logits}


@pytest.mark.parametrize("kind", ["local", "global", "resized"])
def test_the_band_is_that_of_the_receptive_field(kind, fill):
    image = np.random.default_rng(0).integers(0, 256, (23, 31, 3), np.uint8)
    model = Local(kind)
    variables = fill(model, (1, 32, 32, 3))
    segmenter = Segmenter(model, variables, SPEC)
    padded = (32, 31) if kind == "local" else (32, 40)
    found = padding_effect(segmenter, [image], lambda _: padded)
    assert found.images == 1 and found.share > 0
    assert found.band == ((4, 0) if kind == "local" else None)
    if kind == "local":
        assert "up to 0 pixels from the right border and up to 4" in str(found)
        apply = jax.jit(functools.partial(model.apply, train=False))
        logits = [
            np.asarray(apply(variables, np.float32(x[None] / 255))["logits"][0])[:23]
            for x in (image, np.pad(image, ((0, 9), (0, 0), (0, 0)), mode="edge"))
        ]
        moved = np.abs(logits[0] - logits[1]).max((1, 2)) > 1e-6
        assert moved.tolist() == [False] * 19 + [True] * 4
