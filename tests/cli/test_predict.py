"""`jaxseg predict`: files in, files out, with a stand-in and with a saved run."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxseg.checkpoints.manager import Checkpoints
from jaxseg.cli import predict
from jaxseg.config import Config, DataConfig, ModelConfig
from jaxseg.data import DatasetSpec
from jaxseg.data.reader import ReadOptions, read_pixels
from jaxseg.inference.crf import Kernels
from jaxseg.inference.crf_refine import refine
from jaxseg.inference.image_batches import Job, batches
from jaxseg.inference.prediction import Prediction
from jaxseg.inference.refinement import fill_holes, remove_small
from jaxseg.inference.segmenter import PredictOptions, Segmenter
from jaxseg.metrics import confusion
from jaxseg.runs import network
from jaxseg.runs.directory import build_model, write_run
from jaxseg.tasks import image_jobs, segmentation
from jaxseg.viz import overlay

SPEC = DatasetSpec(
    name="three",
    classes=("red", "green", "blue"),
    palette=((200, 0, 0), (0, 200, 0), (0, 0, 200)),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
)
CONFIG = Config(
    model=ModelConfig("unet", {"width": 4, "depth": 1}),
    data=DataConfig(eval_scale=0.5),
)


@pytest.fixture
def brightest(monkeypatch):
    """The class of a pixel is its largest channel; no run is read."""

    class Model:
        def apply(self, variables, x, train):
            return {"logits": variables * x}

    monkeypatch.setattr(predict, "read_config", lambda _: Config())
    monkeypatch.setattr(predict, "read_spec", lambda _: SPEC)
    monkeypatch.setattr(network, "build_model", lambda *_: Model())
    monkeypatch.setattr(
        network, "load_variables", lambda *_, **__: (7, np.float32(5.0))
    )


def picture(path, height, width, seed=0, mode="RGB"):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path)
    return np.asarray(Image.open(path).convert("RGB"))


def run(*arguments, output):
    return predict.main([*map(str, arguments), "--workdir", "run", "-o", str(output)])


def indices(path):
    with Image.open(path) as image:
        assert image.mode == "P"
        return np.asarray(image)


MODES = {
    "whole": [],
    "flip": ["--flip"],
    "slide": ["--mode", "slide", "--window", "16", "16"],
    "tile": ["--mode", "tile", "--window", "16", "24", "--batch-size", "3"],
    "exact": ["--mode", "exact", "--window", "16", "24"],
}


@pytest.mark.parametrize("mode", list(MODES))
def test_all_sizes_and_kinds_of_files(tmp_path, brightest, mode, capsys):
    images = {
        "a": picture(tmp_path / "in/a.png", 20, 33),
        "b": picture(tmp_path / "in/b.png", 33, 20, seed=1),
        "c": picture(tmp_path / "in/c.jpg", 17, 40, seed=2),
        "d": picture(tmp_path / "in/d.png", 5, 3, seed=3, mode="P"),
        "e": picture(tmp_path / "in/e.png", 18, 60, seed=4),
        "f": picture(tmp_path / "in/f.png", 18, 61, seed=5),
    }
    out = tmp_path / "out"
    assert run(tmp_path / "in", *MODES[mode], "--batch-size", "2", output=out) == 0
    for name, pixels in images.items():
        label = indices(out / f"{name}.png")
        np.testing.assert_array_equal(label, pixels.argmax(-1))
        blend = np.asarray(Image.open(out / f"{name}_overlay.png"))
        np.testing.assert_array_equal(blend, overlay(pixels, label, SPEC.palette))
    assert len(list(out.glob("*.png"))) == 12
    assert "6 images written" in capsys.readouterr().out


def test_probabilities(tmp_path, brightest):
    pixels = picture(tmp_path / "a.png", 9, 12)
    arguments = [tmp_path / "a.png", "--probabilities", "--no-overlay"]
    more = ["--write", "raw", "geojson", "coco"]
    assert run(*arguments, *more, output=tmp_path / "out") == 0
    names = {"a.png", "a.npz", "a_raw.png", "a.geojson", "a_coco.json"}
    names |= {"predict.jsonl"}
    assert {p.name for p in (tmp_path / "out").iterdir()} == names
    stored = np.load(tmp_path / "out/a.npz")
    expected = jax.nn.softmax(5 * (pixels / 255 - 0.5) / 0.25, axis=-1)
    assert stored["classes"].tolist() == ["red", "green", "blue"]
    assert stored["probabilities"].dtype == np.float16
    np.testing.assert_allclose(stored["probabilities"], expected, atol=1e-3)


@pytest.mark.slow
def test_crf_smooths_and_ignores_the_padding(tmp_path, brightest):
    """Files are what `refine` gives for the unpadded image, with the options given."""
    color = np.array([[130, 110, 90], [90, 115, 135]])[np.arange(26) // 7 % 2]
    noise = np.random.default_rng(6).normal(0, 18, (18, 26, 3))
    pixels = (color[None] + noise).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    given = [
        "--crf",
        "--crf.sigma-rgb",
        "40",
        "--crf.sigma-xy",
        "9",
        "--pad-multiple",
        "8",
    ]
    given += ["--crf.color-weight", "7", "--crf.iterations", "3", "--probabilities"]
    assert run(tmp_path / "a.png", *given, output=tmp_path / "out") == 0
    kernels = Kernels(color_weight=7.0, color_reach=9.0, color_sigma=40.0)
    before = np.asarray(jax.nn.softmax(5 * (pixels / 255 - 0.5) / 0.25, axis=-1))
    expected = refine(before, pixels, kernels, iterations=3)
    stored = np.load(tmp_path / "out/a.npz")["probabilities"]
    np.testing.assert_allclose(stored, expected, atol=2e-3)
    label = indices(tmp_path / "out/a.png")
    assert (label == expected.argmax(-1)).mean() > 0.995
    assert (label != before.argmax(-1)).mean() > 0.1


def test_crf_options_are_checked(tmp_path, brightest):
    picture(tmp_path / "a.png", 9, 12)
    for name in ("sigma-rgb", "position-sigma"):
        with pytest.raises(
            ValueError,
            match=r"^crf\.\w+=0.0 is invalid: expected a finite number above 0",
        ):
            run(
                tmp_path / "a.png", "--crf", f"--crf.{name}", "0", output=tmp_path / "o"
            )


def test_equal_names_do_not_overwrite(tmp_path, brightest):
    first = picture(tmp_path / "a/x.png", 8, 8, seed=1)
    second = picture(tmp_path / "b/x.jpg", 8, 8, seed=2)
    third = picture(tmp_path / "a/x_overlay.png", 8, 8, seed=3)
    out = tmp_path / "out"
    assert run(tmp_path / "a", tmp_path / "b", output=out) == 0
    for name, pixels in {"a_x_png": first, "b_x_jpg": second}.items():
        np.testing.assert_array_equal(indices(out / f"{name}.png"), pixels.argmax(-1))
    np.testing.assert_array_equal(indices(out / "x_overlay.png"), third.argmax(-1))
    assert len(list(out.glob("*.png"))) == 6


def test_images_are_never_replaced(tmp_path, brightest):
    before = picture(tmp_path / "x.png", 8, 8)
    with pytest.raises(ValueError, match="would replace an image"):
        run(tmp_path / "x.png", output=tmp_path)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.png")), before)


def damaged_folder(root: Path) -> Path:
    picture(root / "good.png", 40, 40)
    picture(root / "cut.png", 40, 40)
    data = (root / "cut.png").read_bytes()
    (root / "cut.png").write_bytes(data[: len(data) // 2])  # its header is whole
    (root / "text.png").write_text("no image")
    return root


def test_bad_files_are_named_and_skipped(tmp_path, brightest, capsys):
    folder = damaged_folder(tmp_path / "in")
    out = tmp_path / "out"
    assert run(folder, folder / "gone.png", output=out) == 1
    shown = capsys.readouterr()
    for name in ("cut.png", "text.png", "gone.png"):
        assert name in shown.err
    assert "1 image written" in shown.out
    assert "3 failed" in shown.out
    assert {p.name for p in out.glob("*.png")} == {"good.png", "good_overlay.png"}


@pytest.mark.parametrize("name", ["cut.png", "text.png"])
def test_bad_files_stop_on_demand(tmp_path, brightest, name):
    folder = damaged_folder(tmp_path / "in")
    with pytest.raises(ValueError, match=name):
        run(folder / name, "--on-bad-file", "stop", output=tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], r"images=\(\) is invalid"),
        (["x.png", "--batch-size", "0"], "batch_size"),
        (["x.png", "--pad-multiple", "0"], "multiple"),
        (["{}/*.png"], "is invalid: expected images"),
    ],
)
def test_bad_arguments_are_named(tmp_path, brightest, arguments, message):
    arguments = [argument.format(tmp_path) for argument in arguments]
    with pytest.raises(ValueError, match=message):
        run(*arguments, output=tmp_path / "out")


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_in_the_place_of_the_output_is_refused(tmp_path, brightest, below):
    (tmp_path / "out").write_text("kept")
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"output=.* is a file\. Choose another"):
        run(tmp_path / "a.png", output=tmp_path / "out" / below)
    assert (tmp_path / "out").read_text() == "kept"


def test_names_of_images_do_not_reach_the_terminal_raw(tmp_path, brightest, capsys):
    Image.new("RGB", (8, 8)).save(tmp_path / "a\x1b[31m.png")
    assert run(tmp_path / "a\x1b[31m.png", output=tmp_path / "out") == 0
    shown = capsys.readouterr()
    assert "\\x1b[31m" in shown.out and "\x1b" not in shown.out + shown.err


def test_few_programs_for_many_sizes():
    sizes = [(20, 33), (30, 40), (5, 64), (33, 33), (32, 64)]
    jobs = [Job(Path(f"{i}"), Path(f"{i}"), s) for i, s in enumerate(sizes)]
    padded = Segmenter(None, (), SPEC, options=PredictOptions(multiple=32)).padded_size
    planned = [
        ([job.path.name for job in batch.jobs], batch.rows, batch.size)
        for batch in batches(jobs, rows=2, padded=padded)
    ]
    assert planned == [
        (["0", "1"], 2, (32, 64)),
        (["2", "4"], 2, (32, 64)),
        (["3"], 1, (64, 64)),
    ]
    windows = list(batches(jobs, rows=1, padded=lambda size: size))
    assert [(batch.rows, batch.size) for batch in windows] == [(1, s) for s in sizes]


TURNS = {3: lambda x: x[::-1, ::-1], 6: lambda x: np.rot90(x, -1)}
TURNS |= {7: lambda x: x[::-1, ::-1].swapaxes(0, 1), 8: np.rot90}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_results_have_the_size_of_the_picture_as_shown(
    tmp_path, brightest, name, orientation
):
    pixels = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    how = {"exif": exif, "lossless": True}
    if name.endswith(".tif"):
        how = {"tiffinfo": {274: orientation}}
    Image.fromarray(pixels).save(tmp_path / name, **how)
    shown = TURNS[orientation](pixels)
    assert run(tmp_path / name, "--pad-multiple", "1", output=tmp_path / "out") == 0
    label = indices(tmp_path / "out/a.png")
    np.testing.assert_array_equal(label, shown.argmax(-1))
    blend = np.asarray(Image.open(tmp_path / "out/a_overlay.png"))
    np.testing.assert_array_equal(blend, overlay(shown, label, SPEC.palette))


def wide(path, largest):
    values = np.linspace(0, largest, 20 * 30).astype(np.uint16).reshape(20, 30)
    Image.fromarray(values).save(path)
    return values


def test_wide_pixels_are_read_by_the_range_of_the_run_or_the_line(
    tmp_path, brightest, monkeypatch, capsys
):
    wide(tmp_path / "a.png", 4095)
    seen = []

    def save(found, folder, **_):
        seen.append(found.image)
        return [folder / "a.png"]

    monkeypatch.setattr(Prediction, "save", save)
    assert run(tmp_path / "a.png", output=tmp_path / "out") == 1
    assert "16-bit gray values" in capsys.readouterr().err
    given = ["--data.range", "0", "4095"]
    assert run(tmp_path / "a.png", *given, output=tmp_path / "out") == 0
    trained = Config(data=DataConfig(range=(0, 4095)))
    monkeypatch.setattr(predict, "read_config", lambda _: trained)
    assert run(tmp_path / "a.png", output=tmp_path / "out") == 0
    expected = read_pixels(tmp_path / "a.png", ReadOptions(range=(0, 4095)))
    assert len(seen) == 2 and np.ptp(expected) == 255
    for image in seen:
        np.testing.assert_array_equal(image, expected)


def test_the_limit_is_that_of_the_line(tmp_path, brightest, capsys):
    picture(tmp_path / "a.png", 20, 30)
    small = ["--data.max-pixels", "599"]
    assert run(tmp_path / "a.png", *small, output=tmp_path / "out") == 1
    assert "--data.max-pixels 600" in capsys.readouterr().err
    enough = ["--data.max-pixels", "600"]
    assert run(tmp_path / "a.png", *enough, output=tmp_path / "out") == 0


def test_an_image_that_the_network_fails_on_is_named(
    tmp_path, brightest, monkeypatch, capsys
):
    for name, height in (("a", 8), ("b", 16), ("c", 24)):
        picture(tmp_path / f"in/{name}.png", height, 8)
    segment = Segmenter.segmented

    def limited(self, pixels, **options):
        if pixels.shape[1] == 16:
            raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")
        return segment(self, pixels, **options)

    monkeypatch.setattr(Segmenter, "segmented", limited)
    out = tmp_path / "out"
    assert run(tmp_path / "in", "--pad-multiple", "8", output=out) == 1
    shown = capsys.readouterr()
    assert "b.png: the network failed (RESOURCE_EXHAUSTED" in shown.err
    assert "2 images written" in shown.out
    assert {p.stem for p in out.glob("?.png")} == {"a", "c"}
    with pytest.raises(ValueError, match=r"b\.png"):
        run(
            tmp_path / "in/b.png",
            "--on-bad-file",
            "stop",
            "--pad-multiple",
            "8",
            output=out,
        )


def test_a_file_that_changes_meanwhile_is_named(tmp_path, brightest, monkeypatch):
    picture(tmp_path / "a.png", 20, 30)
    monkeypatch.setattr(image_jobs, "size_of", lambda *_: (30, 20))
    with pytest.raises(ValueError, match=r"a\.png is invalid: .* \(30, 20\)"):
        run(tmp_path / "a.png", "--on-bad-file", "stop", output=tmp_path / "out")


@pytest.fixture
def saved_run(tmp_path, fill):
    """A work directory with two checkpoints; "best" is the earlier one."""
    workdir = tmp_path / "run"
    write_run(workdir, CONFIG, SPEC)
    model = build_model(CONFIG, SPEC.num_classes)
    variables = {}
    with Checkpoints(workdir / "ckpt") as checkpoints:
        for step, score in ((10, 0.9), (20, 0.1)):
            variables[step] = fill(model, (1, 32, 32, 3), seed=step)
            checkpoints.save(
                step, variables[step], meta={}, metrics={"mean_iou": score}
            )
            checkpoints.wait()
    return workdir, model, variables


def test_saved_run_gives_what_evaluation_scores(tmp_path, saved_run):
    workdir, model, variables = saved_run
    pixels = picture(tmp_path / "a.png", 50, 70)
    images = [str(tmp_path / "a.png"), "-o", str(tmp_path / "out")]
    found = {}
    for checkpoint, step, more in (
        ("best", 10, []),
        ("latest", 20, ["--pad-multiple", "32", "--overwrite"]),
    ):
        arguments = ["--workdir", str(workdir), "--checkpoint", checkpoint, *more]
        assert predict.main([*images, *arguments]) == 0
        found[step] = indices(tmp_path / "out/a.png")
        size = (64, 96) if more else (50, 70)
        padded = np.full((1, *size, 3), SPEC.mean_color, np.uint8)
        padded[0, :50, :70] = pixels
        label = np.full((1, *size), 255, np.uint8)
        label[0, :50, :70] = np.arange(70) % 3
        evaluate = jax.jit(segmentation.make_eval_step(CONFIG, model, SPEC))
        matrix = evaluate(variables[step], {"image": padded, "label": label})
        here = confusion(
            jnp.asarray(found[step], jnp.int32)[None], label[:, :50, :70], 3
        )
        np.testing.assert_array_equal(matrix[:3], here[:3])
    assert (found[10] != found[20]).mean() > 0.1


def test_predict_cleans_and_applies_thresholds(tmp_path, brightest):
    pixels = picture(tmp_path / "a.png", 18, 26)
    given = ["--class-thresholds", "red", "0.9", "green", "0.4"]
    given += ["--clean.min-size", "4", "--clean.fill-holes", "3", "--probabilities"]
    assert run(tmp_path / "a.png", *given, output=tmp_path / "out") == 0
    before = np.asarray(jax.nn.softmax(5 * (pixels / 255 - 0.5) / 0.25, axis=-1))
    selected = before > np.array([0.9, 0.4, 0])
    expected = np.where(selected, before, 0).argmax(-1)
    expected = fill_holes(remove_small(expected, 4), 3)
    label = indices(tmp_path / "out/a.png")
    assert (label == expected).mean() > 0.98
    stored = np.load(tmp_path / "out/a.npz")["probabilities"]
    np.testing.assert_allclose(stored, before, atol=2e-3)
    message, out = "^class_thresholds='gren' is invalid", tmp_path / "other"
    with pytest.raises(ValueError, match=message):
        run(tmp_path / "a.png", *["--class-thresholds", "gren", "0.9"], output=out)


def test_an_image_that_is_too_small_does_not_end_the_command(
    tmp_path, saved_run, capsys
):
    workdir, *_ = saved_run
    for name, side in {"a": 1, "b": 20}.items():
        picture(tmp_path / f"in/{name}.png", side, side)
    given = [str(tmp_path / "in"), "--workdir", str(workdir), "-o"]
    for mode, more in {"whole": [], "exact": ["--max-passes", "2"]}.items():
        out = tmp_path / mode
        assert predict.main([*given, str(out), "--mode", mode, *more]) == 1
        assert [path.name for path in out.glob("?.png")] == ["b.png"]
        printed = capsys.readouterr()
        assert "1 image written" in printed.out and "1 failed" in printed.out
        assert "a.png: image size=(1, 1) is invalid: expected sides" in printed.err
    labels = [indices(tmp_path / mode / "b.png") for mode in ("whole", "exact")]
    np.testing.assert_array_equal(*labels)


def test_buckets_pad_to_few_sizes_and_say_what_changes(tmp_path, saved_run, capsys):
    workdir, *_ = saved_run
    for number, size in enumerate([(20, 33), (22, 33), (30, 44), (20, 33)]):
        picture(tmp_path / f"in/{number}.png", *size, seed=number)
    given = ["predict.py", str(tmp_path / "in"), "--workdir", str(workdir)][1:]
    out = ["-o", str(tmp_path / "out")]
    assert predict.main([*given, *out, "--buckets", "2"]) == 0
    text = capsys.readouterr().out
    assert "3 image sizes padded to 2 sizes (22x33, 30x44), which adds 3.9% pi" in text
    assert "Among 1 image also segmented at that size" in text
    assert indices(tmp_path / "out/0.png").shape == (20, 33)
    assert predict.main([*given, "-o", str(tmp_path / "exact")]) == 0
    for name, same in (("0", False), ("1", True), ("2", True)):
        pair = [
            indices(tmp_path / folder / f"{name}.png") for folder in ("out", "exact")
        ]
        assert (pair[0] == pair[1]).all() == same
    for more, message in (
        (["--pad-multiple", "8"], "buckets=2 is invalid with pad_multiple=8"),
        (["--mode", "slide", "--window", "16", "16"], "buckets=2 is invalid with mode"),
    ):
        with pytest.raises(ValueError, match=message):
            predict.main([*given, "-o", str(tmp_path / "o"), "--buckets", "2", *more])
