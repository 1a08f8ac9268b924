"""torchvision's VGG-16 classifiers start FCN, SegNet and DeconvNet."""

import jax
import numpy as np
import pytest

from jaxseg.models.deconvnet import deconvnet
from jaxseg.models.fcn import fcn32s_vgg16
from jaxseg.models.segnet import segnet
from jaxseg.weights.catalog.maps import torchvision_vgg_encoders as maps

LAYOUT = (4, 4, "M", 8, 8, "M", 16, 16, 16, "M", 32, 32, 32, "M", 32, 32, 32, "M")


@pytest.fixture
def classifier(peers):
    """A narrow VGG-16 with torchvision's names, random weights included."""

    def build(batch_norm):
        vgg, nn = peers.torchvision.models.vgg, peers.torch.nn
        net = vgg.VGG(vgg.make_layers(LAYOUT, batch_norm=batch_norm), num_classes=1)
        dense = ((32 * 49, 12), (12, 12), (12, 5))
        for index, (source, target) in zip((0, 3, 6), dense, strict=True):
            net.classifier[index] = nn.Linear(source, target)
        return peers.randomize(net, size=(224, 224))

    return build


def output_of(layer, model, variables, image):
    """The output of one layer; the rest of the network is not compiled."""

    @jax.jit
    def run(variables, image):
        options = {"capture_intermediates": True, "mutable": ["intermediates"]}
        state = model.apply(variables, image, **options)[1]
        return state["intermediates"][layer]["__call__"][0]

    return run(variables, image)


def merged(model, size, imported, fill):
    """Imported arrays, and random ones for what the classifier does not have."""

    def join(old, new):
        if not isinstance(old, dict):
            return new
        return {k: join(v, new[k]) if k in new else v for k, v in old.items()}

    return join(fill(model, (1, *size, 3)), imported)


def test_fcn_reads_the_dense_layers_as_convolutions(peers, classifier, fill):
    """In the padded form the middle cell of a 224x224 image is the classifier's fc7."""
    net, model = classifier(False), fcn32s_vgg16(3, form="same", width=4, fc_width=12)
    imported = peers.import_from(net, model, maps.FCN, allow_missing=("score*",))
    variables = merged(model, (64, 64), imported, fill)
    image = np.random.default_rng(0).normal(size=(1, 224, 224, 3)).astype(np.float32)
    fc7 = output_of("fc7", model, variables, image)[0, 3, 3]
    x = peers.torch.from_numpy(image.transpose(0, 3, 1, 2).copy())
    with peers.torch.no_grad():
        want = net.classifier[:5](net.features(x).flatten(1))[0].numpy()
    assert want.std() > 1e-2
    np.testing.assert_allclose(fc7, want, rtol=1e-4, atol=1e-4)


def test_segnet_and_deconvnet_read_the_convolutions(peers, classifier, fill):
    net = classifier(True)
    image = np.random.default_rng(0).normal(size=(1, 64, 96, 3)).astype(np.float32)
    x = peers.torch.from_numpy(image.transpose(0, 3, 1, 2).copy())
    with peers.torch.no_grad():
        want = net.features[:-1](x).numpy().transpose(0, 2, 3, 1)
    cases = (
        (segnet(3, width=4), maps.SEGNET, ("dec*", "classifier*"), "enc5_3"),
        (
            deconvnet(3, width=4, fc_width=12),
            maps.DECONVNET,
            ("deconv*", "classifier*", "bottleneck/*norm*", "bottleneck/fc6_deconv*"),
            "conv5_3",
        ),
    )
    for model, rules, missing, last in cases:
        imported = peers.import_from(net, model, rules, allow_missing=missing)
        variables = merged(model, (64, 64), imported, fill)
        got = output_of(last, model, variables, image)
        np.testing.assert_allclose(got, want, atol=1e-4 * np.abs(want).max())
        names = {p[0].key for p, _ in jax.tree_util.tree_leaves_with_path(imported)}
        assert names == {"params", "batch_stats"}
