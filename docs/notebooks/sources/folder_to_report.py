# %% [markdown]
# # From a folder of images to a report
#
# At the end of this notebook you have a network that finds the membranes between cells,
# its scores, masks for images that it has not seen, and a report on one HTML page. The
# images are drawn here, so nothing is downloaded; with a folder of your own, start at
# the check of the data. The cells take about 46 seconds of CPU time.
# %%
import json
from pathlib import Path

import numpy as np
from IPython.display import Image as Show
from PIL import Image

import jaxseg
from jaxseg.config import Config, DataConfig, ModelConfig, OptimConfig, TrainConfig
from jaxseg.viz import charts

# %% short: counts, steps, width, depth = {"train": 6, "validation": 2}, 2, 4, 2
counts = {"train": 40, "validation": 10}
steps = 240
width, depth = 8, 3


# %% [markdown]
# ## A folder
#
# The folder has one subfolder per split, each with `images` and `masks` whose files
# have equal names. Here it shows cells as an electron microscope does: gray, noisy,
# with dark membranes between the cells and dark spots inside of them, which a network
# must not confuse with membranes. The masks are 0 for membranes and 255 for cells.
# %%
def draw(rng, side=128, cells=18):
    """Returns a gray image uint8 and its mask, both [side, side]."""
    rows, columns = np.mgrid[:side, :side]
    points = rng.uniform(-10, side + 10, (cells, 2))
    distances = np.hypot(
        rows[..., None] - points[:, 0], columns[..., None] - points[:, 1]
    )
    nearest = np.sort(distances, axis=-1)
    membrane = nearest[..., 1] - nearest[..., 0] < 3.5
    brightness = rng.uniform(0.55, 0.8, cells)[distances.argmin(-1)]
    for row, column in rng.uniform(0, side, (12, 2)):
        spot = np.hypot(rows - row, columns - column) < rng.uniform(2, 4)
        brightness = np.where(spot, 0.35, brightness)
    image = np.where(membrane, 0.3, brightness) + rng.normal(0, 0.08, (side, side))
    return (255 * image.clip(0, 1)).astype(np.uint8), np.where(membrane, 0, 255)


rng = np.random.default_rng(0)
for split, count in counts.items():
    for kind in ("images", "masks"):
        Path(f"cells/{split}/{kind}").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image, mask = draw(rng)
        name = f"slice_{number:03}.png"
        Image.fromarray(image).convert("RGB").save(f"cells/{split}/images/{name}")
        Image.fromarray(mask.astype(np.uint8)).save(f"cells/{split}/masks/{name}")

examples = [
    np.asarray(Image.open(f"cells/train/{kind}/slice_00{k}.png").convert("RGB"))
    for k in (0, 1)
    for kind in ("images", "masks")
]
Image.fromarray(np.hstack(examples)).resize((1024, 256))
# %% [markdown]
# ## Check the data
#
# The check reads every file once. It finds files that do not match, values that stand
# for no class, and equal images in two splits. `--data.labels 0/255` says that 0 is the
# first class and 255 the second one.
# %%
# !jaxseg data check cells --data.labels 0/255 --data.classes membrane cell
# %% [markdown]
# ## Train
#
# A configuration is a dataclass. This U-Net is small, so that it trains in a few
# minutes without a GPU. The run directory `run` then contains the configuration, the
# records, the checkpoints and a report. The same call continues a run that was stopped.
# %%
config = Config(
    model=ModelConfig("unet", {"width": width, "depth": depth}),
    data=DataConfig(
        "folder",
        raw_dir="cells",
        prepared_dir="prepared",
        labels="0/255",
        classes=("membrane", "cell"),
        crop=(96, 96),
    ),
    optim=OptimConfig(learning_rate=3e-3),
    train=TrainConfig(
        steps=steps, batch_size=4, eval_every=steps // 2, save_every=steps // 2
    ),
)
trained = jaxseg.train(config, "run")
print("mean IoU", round(float(trained.scores["mean_iou"]), 3))
# %% [markdown]
# Each line of `metrics.jsonl` is a record of one step. The curve of the loss:
# %%
records = [
    json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()
]
points = [(r["step"], r["loss"]) for r in records if "loss" in r]
loss = charts.Lines(
    {"training": charts.Line(*zip(*points, strict=True))},
    x=charts.Axis("step"),
    y=charts.Axis("loss"),
)
Show(charts.png([loss]), width=480)
# %% [markdown]
# ## Scores
#
# The scores of a run do not depend on the batch size. Further scores are requested by
# name; `boundary` measures how close the predicted boundaries are.
# %%
run = jaxseg.open_run("run")
scores = run.evaluate(split="validation", scores=["boundary"])
for name, value in scores.items():
    if isinstance(value, float):
        print(f"{name:24} {value:.3f}")
# %% [markdown]
# ## Predictions
#
# `predict` takes a file or an array. The picture shows an image, its mask and the
# prediction; the spots inside of the cells should not be membranes.
# %%
path = Path("cells/validation/images/slice_000.png")
prediction = run.predict(path)
truth = np.asarray(Image.open(str(path).replace("images", "masks")))
colors = np.array(run.spec.palette, np.uint8)
row = [prediction.image, colors[(truth > 0).astype(int)], prediction.overlay()]
print(
    "share of right pixels", round(float((prediction.labels == (truth > 0)).mean()), 3)
)
Image.fromarray(np.hstack(row)).resize((1152, 384))
# %%
print(*prediction.save("masks", name=path.stem), sep="\n")
# %% [markdown]
# ## Report
#
# `jaxseg.train` has written `run/report.html`: one page with the curves, the scores of
# each class, the confusion matrix, the calibration, the best and the worst images, and
# the cost. `run.report()` writes it again, for example after `jaxseg calibrate`.
# %%
page = run.report()
text = page.read_text()
print(page, f"{len(text) / 1e6:.1f} MB, {text.count('<img')} pictures")
# %% [markdown]
# On the command line, the same steps are `jaxseg data check`, `jaxseg train`, `jaxseg
# eval`, `jaxseg predict` and `jaxseg report`; [A folder of images](../start/folder.md)
# shows them, and [Your own images](../guide/own_images.md) lists the options for other
# masks and images.
