"""Mask2Former, its parts, its loss and its files equal transformers' under random weights."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg import create_model, weights
from jaxseg.analysis.jaxpr.cost import count_parameters
from jaxseg.heads.mask2former import semantic_logits
from jaxseg.losses import mask_classification, weighted_mean
from jaxseg.losses.mask_points import point_keys, uniform_points
from jaxseg.ops.sampling import deformable_attention, sample
from jaxseg.weights.catalog import transformers_mask2former as catalog
from jaxseg.weights.catalog.maps import transformers_mask2former as maps
from jaxseg.weights.translate.convert import convert

CLASSES, POINTS = 5, 30


@dataclasses.dataclass(frozen=True)
class Small:
    """A small network, for both sides."""

    blocks: tuple[int, ...] = (2, 1, 1, 1)
    heads: tuple[int, ...] = (1, 2, 2, 4)
    layers: int = 4
    pixel_layers: int = 2

    @property
    def trunk(self):
        """The fields of transformers' Swin."""
        return {
            "embed_dim": 8,
            "depths": list(self.blocks),
            "num_heads": list(self.heads),
            "window_size": 4,
            "drop_path_rate": 0.0,
        }

    @property
    def config(self):
        """The fields of transformers' decoder."""
        return {
            "feature_size": 64,
            "mask_feature_size": 64,
            "hidden_dim": 64,
            "num_queries": 7,
            "decoder_layers": self.layers + 1,  # It counts the learned queries, too.
            "num_attention_heads": 4,
            "dim_feedforward": 24,
            "encoder_layers": self.pixel_layers,
            "encoder_feedforward_dim": 16,
            "train_num_points": POINTS,
        }

    @property
    def head(self):
        """The options of our head."""
        return {
            "features": 64,
            "queries": 7,
            "layers": self.layers,
            "attention_heads": 4,
            "hidden": 24,
            "pixel_layers": self.pixel_layers,
            "pixel_hidden": 16,
        }

    def model(self):
        """Our network on Swin."""
        return create_model(
            "mask2former_swin_t",
            CLASSES,
            width=8,
            blocks=self.blocks,
            heads=self.heads,
            window=4,
            **self.head,
        )

    def net(self, peers, backbone="swin", fields=None):
        """transformers' network with random weights."""
        assert peers.transformers
        fields = fields or self.trunk
        return peers.randomize(
            wrapped(catalog.build(backbone, fields, CLASSES, **self.config))
        )


SMALLEST = Small((1, 1, 1, 1), (1, 1, 1, 1), layers=1, pixel_layers=1)


def published(net):
    """The state dict under the names of published files."""
    from transformers.core_model_loading import revert_weight_conversion

    return revert_weight_conversion(net, net.state_dict())


def wrapped(net):
    """The network with published names in its state dict."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = net

        def state_dict(self):
            return published(self.inner)

        def forward(self, x):
            return outputs_of(self.inner, x)

    return Net()


def outputs_of(net, x):
    """The outputs of a network of transformers under our names."""
    import torch

    found = net(x, output_auxiliary_logits=True)
    layers = [*found.auxiliary_logits, found]
    classes = torch.stack([layer["class_queries_logits"] for layer in layers], 1)
    masks = torch.stack([layer["masks_queries_logits"] for layer in layers], 1)
    return {
        "extra_query_masks": masks.permute(0, 1, 3, 4, 2),
        "extra_query_classes": classes.permute(0, 3, 1, 2),  # `compare` moves it back
        "logits": catalog.pixel_logits(net, x),
    }


@pytest.mark.slow
@pytest.mark.parametrize("size", ["smallest", "narrow"])
def test_swin(peers, size):
    """The maps of an even and an odd size do not divide into windows."""
    small, sizes = SMALLEST, ((45, 61),)
    if size == "narrow":
        small, sizes = Small(), ((64, 96), (65, 97))
    peers.compare(
        small.model(),
        small.net(peers),
        maps.SWIN,
        sizes=sizes,
        label=f"transformers: Mask2Former Swin, {size}",
    )


@pytest.mark.slow
def test_narrow_resnet(peers):
    fields = {"depths": [1, 1, 1, 1], "hidden_sizes": [32, 64, 128, 256]}
    fields["embedding_size"] = 8
    model = create_model(
        "mask2former_resnet50", CLASSES, blocks=(1, 1, 1, 1), width=8, **Small().head
    )
    peers.compare(
        model,
        Small().net(peers, "resnet", fields),
        maps.RESNET,
        sizes=((64, 96), (65, 97)),
        label="transformers: Mask2Former ResNet, narrow",
    )


@pytest.mark.slow
def test_swin_t(peers):
    """The published size."""
    assert peers.transformers
    fields = dict(catalog.NETWORKS[0].networks[0].peer)
    net = peers.randomize(wrapped(catalog.build("swin", fields, 19)))
    peers.compare(
        create_model("mask2former_swin_t", 19),
        net,
        maps.SWIN,
        sizes=((65, 97),),
        label="transformers: Mask2Former Swin-T",
    )


def test_samples_and_deformable_attention(peers):
    """On random inputs, with points outside of the maps."""
    assert peers.transformers
    import torch
    from transformers.models.mask2former import modeling_mask2former as theirs

    random = np.random.default_rng(0)
    sizes, queries, heads, depth = [(5, 7), (3, 4), (2, 2)], 6, 2, 4
    flat = random.normal(size=(2, 51, heads, depth)).astype(np.float32)
    places = random.uniform(-0.5, 1.5, (2, queries, heads, 3, 5, 2)).astype(np.float32)
    share = random.random((2, queries, heads, 3, 5)).astype(np.float32)
    tensors = (torch.from_numpy(x) for x in (flat, places, share))
    values, locations, attention = tensors
    expected = theirs.multi_scale_deformable_attention(
        values, sizes, locations, attention
    )
    parts = np.split(flat, np.cumsum([h * w for h, w in sizes])[:-1], axis=1)
    levels = [
        x.reshape(2, *size, heads, depth) for x, size in zip(parts, sizes, strict=True)
    ]
    got = deformable_attention(levels, places, share).reshape(2, queries, -1)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    points = places[:, :, 0, 0].reshape(2, -1, 2)
    image = levels[0][..., 0, :]
    found = theirs.sample_point(
        torch.from_numpy(image.transpose(0, 3, 1, 2).copy()),
        torch.from_numpy(points.copy()),
        align_corners=False,
    )
    np.testing.assert_allclose(sample(image, points), found.mT, atol=1e-5)


def test_semantic_map_equals_the_post_processing(peers):
    """transformers enlarges all masks to 384 x 384 pixels."""
    import types

    import torch

    transformers = peers.transformers
    random = np.random.default_rng(0)
    classes = random.normal(size=(1, 7, CLASSES + 1)).astype(np.float32)
    masks = 3 * random.normal(size=(1, 12, 12, 7)).astype(np.float32)
    found = types.SimpleNamespace(
        class_queries_logits=torch.from_numpy(classes),
        masks_queries_logits=torch.from_numpy(masks.transpose(0, 3, 1, 2).copy()),
    )
    processor = transformers.Mask2FormerImageProcessor()
    expected = processor.post_process_semantic_segmentation(found)[0]
    enlarged = jax.image.resize(masks, (1, 384, 384, 7), "linear")
    got = semantic_logits(classes, enlarged).argmax(-1)[0]
    assert len(np.unique(got)) > 2
    np.testing.assert_array_equal(got, expected)


class Points:
    """Gives transformers' loss the random points of ours, in place of `torch.rand`.

    Points of the loss belong to pairs of an image and a class, so that the assignment
    of the last call of the matcher is recorded.
    """

    def __init__(self, net, labels, monkeypatch):
        import torch

        self.torch, self.labels = torch, labels
        self.keys = point_keys(0, jnp.arange(len(labels)), SMALLEST.layers + 1)
        self.layer, self.image, self.pairs = -1, 0, None  # The last layer comes first.
        matcher = net.criterion.matcher
        forward = matcher.forward

        def recorded(*args):
            self.image = 0
            self.pairs = forward(*args)
            return self.pairs

        monkeypatch.setattr(matcher, "forward", recorded)
        monkeypatch.setattr(torch, "rand", self.rand)

    def rand(self, count, points, two, *, device):
        del two, device
        keys = self.keys[self.layer]
        if points == POINTS:  # of the matching, for one image after the other
            found = uniform_points(keys[:, 0], (points,))[self.image][None]
            self.image += 1
            return self.torch.from_numpy(np.array(found))
        kind = 1 if points == 3 * POINTS else 2
        drawn = np.asarray(uniform_points(keys[:, kind], (CLASSES, points)))
        self.layer += kind - 1  # The points without a choice are the last of a layer.
        rows = [
            drawn[image, self.labels[image][target]]
            for image, (_, targets) in enumerate(self.pairs)
            for target in targets
        ]
        assert len(rows) == count
        return self.torch.from_numpy(np.stack(rows))


def draw_label():
    label = np.zeros((2, 64, 64), np.int32)
    label[0, :30, :40], label[0, 40:, 10:] = 3, 1
    label[1, 20:] = 4
    return label


def loss_and_gradients(net, image, label, monkeypatch):
    """transformers' loss and the gradient of each parameter, as a state dict."""
    import torch

    labels = [np.unique(one) for one in label]
    Points(net, labels, monkeypatch)
    found = net(
        torch.from_numpy(image.transpose(0, 3, 1, 2).copy()),
        mask_labels=[
            torch.from_numpy((one[None] == here[:, None, None]).astype(np.float32))
            for one, here in zip(label, labels, strict=True)
        ],
        class_labels=[torch.from_numpy(here.astype(np.int64)) for here in labels],
    )
    found.loss.backward()
    with torch.no_grad():
        for parameter in net.parameters():
            slope = parameter.grad
            parameter.copy_(torch.zeros_like(parameter) if slope is None else slope)
    state = {name: value.numpy() for name, value in published(net).items()}
    return found.loss.item(), state


@pytest.mark.slow
def test_loss_and_gradients_in_training_mode(peers, monkeypatch):
    """With the points of our loss, on the assignment that SciPy finds for each side."""
    from tests.parity import training

    jax.config.update("jax_disable_most_optimizations", True)  # restored by a fixture
    net, model, label = SMALLEST.net(peers), SMALLEST.model(), draw_label()
    image = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype(np.float32)
    variables = peers.import_from(net, model, maps.SWIN)
    variables = jax.tree.map(np.array, variables)

    def loss(params):
        found = model.apply({"params": params}, image, train=True)
        pair = mask_classification(
            found["logits"],
            label,
            query_classes=found["extra_query_classes"],
            query_masks=found["extra_query_masks"],
            points=POINTS,
        )
        return weighted_mean(*pair)

    value, gradient = jax.jit(jax.value_and_grad(loss))(variables["params"])
    net.inner.train()
    expected, state = loss_and_gradients(net.inner, image, label, monkeypatch)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    shapes = jax.eval_shape(
        functools.partial(model.init, train=False), jax.random.key(0), image
    )
    wanted = convert(state, maps.SWIN, shapes)["params"]
    gap = training.gradient_gap(jax.device_get(gradient), wanted)
    relative = abs(float(value) - expected) / expected
    peers.TRAINING.append(
        ("transformers", "Mask2Former Swin and its loss, smallest", relative, gap)
    )


def test_published_files_are_recognized(peers):
    """Most names start with a prefix that is removed from other files."""
    net = SMALLEST.net(peers).inner
    state = {name: value.numpy() for name, value in published(net).items()}
    found = weights.read_into(state, SMALLEST.model())
    assert found.source.name == "Mask2Former on Swin"
    assert not found.report.unused and not found.report.fresh


COUNTED = {"mask2former_resnet50": ("resnet", {})} | {
    network.name: ("swin", dict(network.peer))
    for network in catalog.NETWORKS[0].networks
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTED)
def test_parameters_of_published_sizes(peers, name):
    """Those of the library, without the final norm of Swin, which nothing reads."""
    assert peers.transformers
    import torch

    kind, fields = COUNTED[name]
    with torch.device("meta"):
        net = catalog.build(kind, fields, 19)
    want = sum(
        p.numel() for key, p in net.named_parameters() if "swin.layernorm" not in key
    )
    model = create_model(name, 19)
    image = jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    shapes = jax.eval_shape(
        functools.partial(model.init, train=False), jax.random.key(0), image
    )
    assert count_parameters(shapes["params"]) == want
