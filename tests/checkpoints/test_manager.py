"""Checkpoints: what is kept, what is restored, and how failures are told."""

import errno
import re

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest

from jaxseg.checkpoints import digest, manager
from jaxseg.checkpoints.manager import CheckpointError, Checkpoints
from jaxseg.checkpoints.members import TOGETHER, Members
from jaxseg.checkpoints.steps import resolve, steps_in
from jaxseg.checkpoints.verification import read_arrays

TX = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3))


@flax.struct.dataclass
class State:
    step: jax.Array
    params: dict
    batch_stats: dict
    opt_state: tuple
    ema: dict | None
    rng: jax.Array


def state(value=0, *, features=4, names=("conv",), ema=False):
    params = {
        name: {"kernel": jnp.full((3, 3, 2, features), float(value))} for name in names
    }
    return State(
        step=jnp.int32(value),
        params=params,
        batch_stats={},
        opt_state=TX.init(params),
        ema=jax.tree.map(lambda x: x + 0.5, params) if ema else None,
        rng=jax.random.key(value),
    )


def save_all(directory, rows, **options):
    with Checkpoints(directory, **options) as checkpoints:
        for step, score in rows:
            metrics = None if score is None else {"mean_iou": score}
            checkpoints.save(step, state(step), meta={"step": step}, metrics=metrics)


ROWS = ((1, 0.1), (2, 0.5), (3, 0.3), (4, None), (5, 0.2))


@pytest.mark.parametrize("name", ["9", "\u00b2", "\u0663", "009", "-9", "+9"])
def test_only_filled_folders_with_the_number_of_a_step_are_steps(tmp_path, name):
    save_all(tmp_path, ((3, 0.1),))
    (tmp_path / name).mkdir()
    if name != "9":
        (tmp_path / name / "notes.txt").touch()
    assert (steps_in(tmp_path), resolve(tmp_path, "best")) == ((3,), 3)
    with pytest.raises(ValueError, match=r": latest, best, 3$"):
        resolve(tmp_path, name)
    save_all(tmp_path, ((9, 0.2),))
    assert steps_in(tmp_path) == (3, 9)


def test_a_file_is_no_step(tmp_path):
    save_all(tmp_path, ((3, 0.1),))
    (tmp_path / "9").touch()
    assert (steps_in(tmp_path), resolve(tmp_path, "latest")) == ((3,), 3)


def test_the_latest_and_the_best_are_kept(tmp_path):
    save_all(tmp_path, ROWS, max_to_keep=2)
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.steps == (2, 4, 5)
        assert (checkpoints.latest(), checkpoints.best()) == (5, 2)
        assert checkpoints.metrics(2) == {"mean_iou": 0.5}


def test_steps_that_a_killed_run_left_are_deleted(tmp_path):
    save_all(tmp_path, ROWS, max_to_keep=5)
    with Checkpoints(tmp_path, max_to_keep=1) as checkpoints:
        checkpoints.delete_superfluous()
        assert checkpoints.steps == (2, 5)
    assert steps_in(tmp_path) == (2, 5)


def test_a_step_is_renamed_before_its_files_are_deleted(tmp_path, monkeypatch):
    """A run that is killed while it deletes must not leave a step that is damaged."""
    with monkeypatch.context() as dying:
        dying.setattr(manager.shutil, "rmtree", lambda *_, **__: None)
        save_all(tmp_path, ROWS, max_to_keep=2)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == [".removed", "2", "4", "5"]
        assert sorted(p.name for p in (tmp_path / ".removed").iterdir()) == ["1", "3"]
    (tmp_path / ".removed" / "3" / "digest" / "metadata").unlink()
    (tmp_path / "6.orbax-checkpoint-tmp").mkdir()
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.steps == (2, 4, 5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "4", "5"]


def test_resolve_names_and_steps(tmp_path):
    save_all(tmp_path, ROWS)
    found = [resolve(tmp_path, name) for name in ("latest", "best", "4", 5)]
    assert found == [5, 2, 4, 5]
    with pytest.raises(
        ValueError, match=r"checkpoint='3' is invalid.* latest, best, 2, 4, 5"
    ):
        resolve(tmp_path, "3")
    with pytest.raises(ValueError, match="it contains none"):
        resolve(tmp_path / "empty", "latest")


@pytest.mark.parametrize("rows", [((1, 0.5), (2, 0.5)), ((1, None), (2, None))])
def test_the_best_of_equals_or_of_none_is_the_latest(tmp_path, rows):
    save_all(tmp_path, rows)
    assert resolve(tmp_path, "best") == 2


@pytest.mark.parametrize("written", [Members(alone=True), TOGETHER])
def test_a_process_alone_and_all_together_read_each_other(tmp_path, written):
    """Arrays that were collected from several processes are NumPy arrays."""
    made, read = state(3, ema=True), Members(alone=not written.alone)
    mixed = made.replace(ema=jax.tree.map(np.asarray, made.ema))
    with Checkpoints(tmp_path, members=written) as checkpoints:
        checkpoints.save(3, mixed, meta={"step": 3}, metrics={"mean_iou": 0.5})
    with Checkpoints(tmp_path, members=read) as checkpoints:
        step, restored, meta = checkpoints.restore_newest(state(0, ema=True))
        assert (step, meta, checkpoints.best()) == (3, {"step": 3}, 3)
    assert digest.of_arrays(restored) == digest.of_arrays(made)
    assert restored.rng.dtype == made.rng.dtype


def test_every_array_comes_back(tmp_path):
    save_all(tmp_path, ((3, None),))
    with Checkpoints(tmp_path) as checkpoints:
        restored, meta = checkpoints.restore(3, state(0))
    assert meta == {"step": 3}
    assert type(restored) is State
    raw = lambda tree: jax.tree.map(
        np.asarray, tree.replace(rng=jax.random.key_data(tree.rng))
    )
    jax.tree.map(np.testing.assert_array_equal, raw(restored), raw(state(3)))


@pytest.mark.parametrize(
    ("other", "parts"),
    [
        (
            {"features": 5},
            [r"other shape \(1\): params/conv/kernel is stored as \(3, 3, 2, 4\)"],
        ),
        (
            {"names": ("conv", "more")},
            [r"missing in the checkpoint \(1\): params/more"],
        ),
        (
            {"names": ("head",)},
            [r"missing .*params/head/kernel", r"only in .*params/conv/kernel"],
        ),
        ({"ema": True}, [r"missing in the checkpoint \(1\): ema/conv/kernel"]),
    ],
)
def test_another_model_is_one_error_that_lists_what_differs(
    tmp_path, capfd, other, parts
):
    save_all(tmp_path, ((1, None),))
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(
            ValueError, match="expected the arrays of this model"
        ) as error:
            checkpoints.restore(1, state(0, **other))
        for part in parts:
            assert re.search(part, str(error.value))
        assert "\n" not in str(error.value)
    assert "Traceback" not in capfd.readouterr().err


def test_long_lists_are_cut(tmp_path):
    save_all(tmp_path, ((1, None),))
    many = state(0, names=tuple(f"conv{i}" for i in range(20)))
    with (
        Checkpoints(tmp_path) as checkpoints,
        pytest.raises(ValueError, match=r"\(20\): .*, and 12 more"),
    ):
        checkpoints.restore(1, many)


def test_parts_are_read_without_the_optimizer(tmp_path):
    save_all(tmp_path, ((2, None),))
    shapes = {"params": jax.eval_shape(lambda: state().params)}
    arrays = read_arrays(tmp_path / "2", shapes)
    np.testing.assert_array_equal(arrays["params"]["conv"]["kernel"], np.float32(2))
    shapes = {"params": jax.eval_shape(lambda: state(features=5).params)}
    with pytest.raises(ValueError, match="params/conv/kernel is stored"):
        read_arrays(tmp_path / "2", shapes)


def test_saved_on_eight_devices_read_on_one(tmp_path):
    mesh = jax.make_mesh((8,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, jax.device_put(state(1), everywhere), meta={})
    with Checkpoints(tmp_path) as checkpoints:
        restored, _ = checkpoints.restore(1, state(0))
    kernel = restored.params["conv"]["kernel"]
    assert len(kernel.sharding.device_set) == 1
    np.testing.assert_array_equal(kernel, np.float32(1))


def test_a_step_is_ranked_when_it_is_evaluated_after_it_was_saved(tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(1, state(1), meta={"evaluated": False})
        checkpoints.save(1, state(9), meta={}, metrics=None)  # exists: left alone
        checkpoints.save(
            1, state(1), meta={"evaluated": True}, metrics={"mean_iou": 0.4}
        )
        checkpoints.wait()
        assert checkpoints.best() == 1
        restored, meta = checkpoints.restore(1, state(0))
    assert int(restored.step) == 1 and meta == {"evaluated": True}


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_last_checkpoint_and_says_so(tmp_path, monkeypatch):
    save_all(tmp_path, ((1, 0.5),))
    with (
        pytest.raises(
            CheckpointError, match=r"No space left.*step 1 is the last intact"
        ),
        Checkpoints(tmp_path) as checkpoints,
    ):
        monkeypatch.setattr(ocp.type_handlers.ArrayHandler, "serialize", full_disk)
        checkpoints.save(2, state(2), meta={})
        checkpoints.wait()
    monkeypatch.undo()
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.steps == (1,)
        restored, _ = checkpoints.restore(1, state(0))
    np.testing.assert_array_equal(restored.params["conv"]["kernel"], np.float32(1))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("part", ["_METADATA", "d", "manifest.ocdbt", "meta"])
def test_damaged_files_are_told_in_one_line(tmp_path, part):
    save_all(tmp_path, ((1, None), (2, None)))
    inner = tmp_path / "2" / ("meta" if part == "meta" else "state")
    found = [p for p in inner.rglob("*") if part in p.relative_to(tmp_path).parts]
    for path in found:
        if path.is_file():
            path.write_bytes(path.read_bytes()[:5])
    with Checkpoints(tmp_path) as checkpoints:
        with pytest.raises(ValueError, match=r"2 is damaged \(.*\)") as error:
            checkpoints.restore(2, state(0))
        assert "\n" not in str(error.value) and str(tmp_path / "2") in str(error.value)
        assert int(checkpoints.restore(1, state(0))[0].step) == 1


def test_max_to_keep_is_checked(tmp_path):
    with pytest.raises(ValueError, match="max_to_keep=0 is invalid"):
        Checkpoints(tmp_path, max_to_keep=0)
