"""What is read from a checkpoint is what was stored, or it is refused by name."""

import json
import random
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.checkpoints import verification
from jaxseg.checkpoints.compatibility import named_leaves
from jaxseg.checkpoints.finite import check_finite
from jaxseg.checkpoints.manager import Checkpoints, Opening
from jaxseg.checkpoints.reading import DamagedCheckpoint, read_everything
from jaxseg.checkpoints.steps import resolve

FLIPS = 60
SKIP = Opening(skip_damaged=True)


def state(value):
    random_ = np.random.default_rng(value)
    draw = lambda *shape: jnp.asarray(random_.normal(size=shape), jnp.float32)
    params = {"conv": {"kernel": draw(3, 3, 2, 4), "bias": draw(4)}}
    return {
        "step": jnp.int32(value),
        "params": params,
        "batch_stats": {"norm": {"mean": draw(4)}},
        "opt_state": [jax.tree.map(jnp.zeros_like, params), jnp.int32(value)],
        "rng": jax.random.key(value),
    }


def bytes_of(tree):
    raw = lambda x: (
        jax.random.key_data(x)
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)
        else x
    )
    return {name: np.asarray(raw(x)).tobytes() for name, x in named_leaves(tree)}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Three steps, the middle one the best; read only."""
    directory = tmp_path_factory.mktemp("ckpt")
    with Checkpoints(directory, max_to_keep=3) as checkpoints:
        for step, score in ((1, 0.1), (2, 0.4), (3, 0.2)):
            meta = {"step": step, "window": {"loss": [0.1, step / 3]}}
            checkpoints.save(step, state(step), meta=meta, metrics={"mean_iou": score})
    return directory


@pytest.fixture
def copy(saved, tmp_path):
    """A copy of the three steps, to be damaged."""
    return shutil.copytree(saved, tmp_path / "ckpt")


def change_array(folder, name="params.conv.kernel"):
    """Another checkpoint's arrays under this one's digest."""
    with Checkpoints(folder.parent.parent / "other") as other:
        other.save(1, state(9), meta={})
        other.wait()
    shutil.rmtree(folder / "state")
    shutil.copytree(folder.parent.parent / "other" / "1" / "state", folder / "state")


def edit(item, change):
    """Changes a JSON file of a step."""

    def apply(folder):
        (path,) = (
            p for p in (folder / item).iterdir() if p.name != "commit_success.txt"
        )
        values = json.loads(path.read_text())
        change(values)
        path.write_text(json.dumps(values))

    return apply


DAMAGES = {  # what happens to a step, and what is said of it
    "other arrays": (change_array, "was stored as .* and reads as"),
    "an array fewer": (
        edit("digest", lambda d: d["arrays"].update(gone="float32[1] 00")),
        "gone is missing",
    ),
    "an array more": (
        edit("digest", lambda d: d["arrays"].pop("params/conv/kernel")),
        "params/conv/kernel was not listed",
    ),
    "meta": (
        edit("meta", lambda d: d["window"].update(loss=[0, 1])),
        "'meta' differs from its digest",
    ),
    "metrics": (
        edit("metrics", lambda d: d.update(mean_iou=0.9)),
        "'metrics' differs from its digest",
    ),
    "no digest": (
        lambda f: shutil.rmtree(f / "digest"),
        "the digest of the step is missing",
    ),
    "digest cut": (
        lambda f: (f / "digest" / "metadata").write_text('{"arrays": {'),
        "JSONDecodeError",
    ),
    "digest of another form": (
        lambda f: (f / "digest" / "metadata").write_text("[]"),
        "an unknown format",
    ),
    "digest with a list": (
        edit("digest", lambda d: d.update(arrays=[])),
        "an unknown format",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named_and_the_intact_step_too(copy, name):
    damage, text = DAMAGES[name]
    damage(copy / "3")
    with (
        pytest.raises(ValueError, match=text) as error,
        Checkpoints(copy) as checkpoints,
    ):
        checkpoints.restore_newest(state(0))
    message = str(error.value)
    assert message.startswith(f"the checkpoint {copy / '3'} is damaged (")
    assert message.endswith(
        "; step 2 is intact; `jaxseg train --skip-damaged` continues from it"
    )
    assert "\n" not in message


@pytest.mark.parametrize("item", [verification.META, verification.METRICS])
def test_a_step_with_a_changed_record_is_not_intact(copy, item):
    arrays = read_everything(copy / "3")
    verification.check(copy / "3", arrays, all_of_them=True)
    edit(item, lambda values: values.update(more=1))(copy / "3")
    with pytest.raises(DamagedCheckpoint, match=f"'{item}' differs from its digest"):
        verification.check(copy / "3", arrays, all_of_them=True)
    assert verification.newest_intact(copy / "4") == 2


def test_damaged_steps_are_set_aside_when_asked(copy, caplog):
    change_array(copy / "3")
    with Checkpoints(copy, opening=SKIP) as checkpoints:
        step, restored, meta = checkpoints.restore_newest(state(0))
        assert (step, meta["step"]) == (2, 2)
        assert bytes_of(restored) == bytes_of(state(2))
        assert checkpoints.steps == (1, 2)
        checkpoints.save(3, state(5), meta={"step": 3})
    assert "continues from step 2" in caplog.text and str(copy / "3") in caplog.text
    with Checkpoints(copy) as checkpoints:
        assert checkpoints.steps == (2, 3)  # two are kept
        assert bytes_of(checkpoints.restore(3, state(0))[0]) == bytes_of(state(5))
    assert (copy / "damaged-3" / "state").is_dir()


def test_nothing_is_set_aside_when_no_step_is_intact(copy):
    for step in (1, 2, 3):
        shutil.rmtree(copy / str(step) / "state")
    with (
        Checkpoints(copy, opening=SKIP) as checkpoints,
        pytest.raises(ValueError, match=r"no other step is intact\. Restore"),
    ):
        checkpoints.restore_newest(state(0))
    assert {p.name for p in copy.iterdir()} == {"1", "2", "3"}


def test_verification_can_be_skipped(copy):
    change_array(copy / "3")
    with Checkpoints(copy, opening=Opening(verify=False)) as checkpoints:
        restored, _ = checkpoints.restore(3, state(0))
    assert bytes_of(restored) == bytes_of(state(9))


@pytest.mark.parametrize("template", [["params"], ["params", "batch_stats"]])
def test_parts_are_compared_alone(copy, template):
    wanted = {k: v for k, v in state(0).items() if k in template}
    arrays = verification.read_arrays(copy / "3", wanted)
    assert bytes_of(arrays) == bytes_of({k: state(3)[k] for k in template})
    change_array(copy / "3")
    with pytest.raises(DamagedCheckpoint, match=r"was stored as .* and reads as"):
        verification.read_arrays(copy / "3", wanted)
    unverified = verification.read_arrays(copy / "3", wanted, verify=False)
    assert bytes_of(unverified) == bytes_of({k: state(9)[k] for k in template})


def test_a_step_without_a_digest_opens(copy):
    """As runs have them that were made before there were digests."""
    for step in (1, 2, 3):
        shutil.rmtree(copy / str(step) / "digest")
        listed = copy / str(step) / "_CHECKPOINT_METADATA"
        items = json.loads(listed.read_text())
        del items["item_handlers"]["digest"]
        listed.write_text(json.dumps(items))
    assert resolve(copy, "best") == 2
    with Checkpoints(copy) as checkpoints:
        restored, _ = checkpoints.restore(3, state(0))
    assert bytes_of(restored) == bytes_of(state(3))
    shutil.rmtree(copy / "3" / "state" / "d")
    assert verification.newest_intact(copy / "3") == 2


def lower(folder):
    edit("metrics", lambda d: d.update(mean_iou=0.05))(folder)


def cut(folder):
    (folder / "metrics" / "metrics").write_text('{"mean')


@pytest.mark.parametrize("damage", [lower, cut])
def test_a_damaged_ranking_is_refused_and_set_aside_when_asked(copy, damage):
    damage(copy / "2")
    with pytest.raises(DamagedCheckpoint, match="2 is damaged"):
        resolve(copy, "best")
    assert [resolve(copy, which) for which in ("latest", "2")] == [3, 2]
    with pytest.raises(ValueError, match=r"2 is damaged .* step 3 is intact"):
        Checkpoints(copy)
    with Checkpoints(copy, opening=SKIP) as checkpoints:
        assert checkpoints.steps == (1, 3)
        assert checkpoints.best() == 3 == resolve(copy, "best")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_flipped_bits_are_refused_or_change_nothing(saved, tmp_path):
    """One flip at a time in the files of a step, half of them in those of the arrays."""
    dice = random.Random(16)
    folder = tmp_path / "3"
    shutil.copytree(saved / "3", folder)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    values = [p for p in files if p.parent.name == "d"]
    expected, read = bytes_of(state(3)), []
    for number in range(FLIPS):
        path = dice.choice(values if number % 2 else files)
        data = path.read_bytes()
        place, bit = dice.randrange(len(data)), 1 << dice.randrange(8)
        path.write_bytes(data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :])
        try:
            with Checkpoints(tmp_path) as checkpoints:
                restored, meta = checkpoints.restore(3, state(0))
        except ValueError as error:
            assert str(folder) in str(error) and "\n" not in str(error), path
        else:
            assert bytes_of(restored) == expected, path
            assert meta == {"step": 3, "window": {"loss": [0.1, 1.0]}}, path
            read.append(path)
        path.write_bytes(data)
    assert 0 < len(read) < FLIPS


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, jnp.bfloat16])
def test_values_that_are_no_numbers_are_refused_by_name(value, dtype):
    arrays = {
        "params": {"a": np.ones(3, dtype), "b": {"kernel": np.ones((2, 2), dtype)}}
    }
    arrays["params"]["count"] = np.array([7])
    check_finite(arrays, "run")
    arrays["params"]["b"]["kernel"][1, 0] = value
    with pytest.raises(ValueError, match="run: 1 value of params/b/kernel is NaN or"):
        check_finite(arrays, "run")
    arrays["params"]["a"][:] = value
    with pytest.raises(
        ValueError, match=r"3 values of params/a \(and 1 more parameter"
    ):
        check_finite(arrays, "run")


def test_large_arrays_are_read_whole(tmp_path):
    arrays = {"params": {"kernel": np.arange(5000, dtype=np.float32).reshape(50, 100)}}
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(0, arrays, meta={})
    assert bytes_of(read_everything(tmp_path / "0")) == bytes_of(arrays)
