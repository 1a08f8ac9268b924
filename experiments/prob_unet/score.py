"""Do samples of a run come as often as the raters draw them? `raters`, mode by mode.

    python experiments/prob_unet/score.py RUN [--checkpoint latest]

Each of 100 samples per validation image counts for the nearest of what can be drawn of
it: nothing, the core, core and rim (where a rater drew it), by the number of differing
pixels, and once more by IoU. (By IoU an answer of one stray pixel is as far from
"nothing" as can be, and no nearer to it than to a lesion that it touches.) Beside the
energy distance of 1, 4, 8 and 16 samples stand those of two imagined models: one that
always answers with the prior's mean, and one that draws from the true frequencies. The
last line is JSON. `--figure FILE.png` draws some images with raters and samples.
"""

from __future__ import annotations

import json
import sys

import jax
import numpy as np
from PIL import Image

import jaxseg
from jaxseg.data import open_source
from jaxseg.data.drawings.raters import COUNTS, MODES
from jaxseg.metrics.ged import energy_distance, iou_distances
from jaxseg.tasks.prob_unet import rater_groups, sampler

SAMPLES = 100
DRAWS = (1, 4, 8, 16)


def main(argv: list[str]) -> None:
    """Scores the run named on the command line on its validation split."""
    figure = argv.pop(argv.index("--figure") + 1) if "--figure" in argv else None
    checkpoint = "best"
    if "--checkpoint" in argv:
        checkpoint = argv.pop(argv.index("--checkpoint") + 1)
    (workdir,) = (name for name in argv if not name.startswith("--"))
    run = jaxseg.open_run(workdir, checkpoint=checkpoint)
    variables = run.variables
    source = open_source(run.config.data, run.config.data.eval_split)
    network = run.segmenter.network
    draw = sampler(network, SAMPLES)
    answer = jax.jit(network.labels)
    cases = []
    for number, members in enumerate(rater_groups(source.ids).values()):
        image = source[members[0]]["image"]
        raters = np.stack([source.label(i) for i in members]).astype(np.int32)
        mean = np.asarray(answer(variables, image[None]))
        cases.append((image, raters, np.asarray(draw(variables, image, number)), mean))
    report(cases, run.step)
    if figure is not None:
        Image.fromarray(picture(cases)).save(figure)


def kind_of(raters: np.ndarray) -> str:
    """Which habit the four labels show."""
    areas = sorted(raters.sum((1, 2)))
    sizes = sorted({int(area) for area in areas})
    if len(sizes) == 1:
        return "sharp"
    return "faint" if sizes[0] == 0 else "bright"


def frequencies(
    raters: np.ndarray, samples: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Share of samples nearest to each mode, by pixels and by IoU; distance by IoU."""
    kind = kind_of(raters)
    by_area = sorted({int(label.sum()): label for label in raters}.items())
    shown = [m for m, n in zip(MODES, COUNTS[kind], strict=True) if n]
    found = dict(zip(shown, (label for _, label in by_area), strict=True))
    found.setdefault("nothing", np.zeros_like(raters[0]))
    names = [mode for mode in MODES if mode in found]
    truth = np.stack([found[name] for name in names])
    distance = np.asarray(iou_distances(samples, truth, classes=(1,)))
    pixels = (samples[:, None] != truth[None]).sum((2, 3))

    def shares(distance):
        nearest = distance.argmin(1)
        found = [(nearest == names.index(m)).mean() if m in names else 0 for m in MODES]
        return np.array(found)

    return shares(pixels), shares(distance), float(distance.min(1).mean())


def ged(samples, raters) -> float:
    """Squared energy distance with the lesion's IoU."""
    return float(energy_distance(samples, raters, classes=(1,))["ged"])


def report(cases, step: int) -> None:
    """Prints the table and the distances."""
    random = np.random.default_rng(0)
    table, gaps = {kind: [] for kind in COUNTS}, []
    for _, raters, samples, _ in cases:
        *shares, gap = frequencies(raters, samples)
        table[kind_of(raters)].append(shares)
        gaps.append(gap)
    drawn = {
        str(n): np.mean([ged(samples[:n], raters) for _, raters, samples, _ in cases])
        for n in DRAWS
    }
    mean = np.mean([ged(answer, raters) for _, raters, _, answer in cases])
    true = np.mean(
        [ged(raters[random.integers(0, 4, 16)], raters) for _, raters, _, _ in cases]
    )
    rows = {}
    print(f"step {step}, {len(cases)} images, {SAMPLES} samples each")
    for kind, shares in table.items():
        (found, by_iou), wanted = np.mean(shares, 0), np.array(COUNTS[kind]) / 4
        rows[kind] = {"raters": wanted.tolist(), "samples": found.round(3).tolist()}
        rows[kind]["samples_by_iou"] = by_iou.round(3).tolist()
        print(
            f"{kind:8}{len(shares):3} images raters {wanted}  samples {found.round(2)}"
            f"  by IoU {by_iou.round(2)}"
        )
    for n, value in drawn.items():
        print(f"GED of {n:>2} samples {value:.4f}")
    print(f"GED of the prior's mean {mean:.4f}, of 16 true draws {true:.4f}")
    print(f"a sample's distance to its mode {np.mean(gaps):.4f}")
    line = {"step": step, "frequencies": rows, "ged": drawn, "ged_of_mean": mean}
    line |= {"ged_of_16_true_draws": true, "distance_to_mode": np.mean(gaps)}
    print(json.dumps(line, default=float))


def picture(cases, count: int = 5) -> np.ndarray:
    """A row per image: the image, four raters, eight samples."""
    kinds = [kind_of(raters) for _, raters, _, _ in cases]
    chosen = [kinds.index("sharp")]
    chosen += [i for i, kind in enumerate(kinds) if kind == "faint"][:2]
    chosen += [i for i, kind in enumerate(kinds) if kind == "bright"][:2]
    rows = []
    for image, raters, samples, _ in (cases[i] for i in chosen[:count]):
        maps = [*raters, *samples[:8]]
        tiles = [np.repeat(255 * m[..., None], 3, -1).astype(np.uint8) for m in maps]
        tiles = [
            np.pad(t, ((2, 2), (2, 2), (0, 0)), constant_values=90)
            for t in (image, *tiles)
        ]
        gap = np.full((tiles[0].shape[0], 8, 3), 255, np.uint8)
        rows.append(np.concatenate([tiles[0], gap, *tiles[1:5], gap, *tiles[5:]], 1))
    return np.concatenate(rows, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
