"""FC-DenseNet, RefineNet and ReSeg rebuilt from torch's layers: values and gradients.

Each reference is written out from the paper's layer table and reads our parameters by
name; wiring, sizes, positions of maxima and offsets are torch's own. The gradient is
that of a random projection of the logits with respect to the image.
"""

import functools

import jax
import numpy as np
import pytest

from jaxseg.models.fc_densenet import fc_densenet56
from jaxseg.models.refinenet import refinenet_resnet50
from jaxseg.models.reseg import reseg

LAYERS = pytest.importorskip(
    "tests.parity.torch_layers", reason="needs torch: pip install jaxseg[parity]"
)
torch, F, Weights = LAYERS.torch, LAYERS.F, LAYERS.Weights


@pytest.fixture
def check(fill):
    def run(model, reference, size, channels=3):
        shape = (1, 64, 64, channels)
        LAYERS.compare(model, fill(model, shape), reference, size, channels)

    return run


def test_fc_densenet(check):
    layers = (2, 1, 2, 1, 2, 3, 2, 1, 2, 1, 2)

    def dense(net, x, path, count):
        new = []
        for i in range(1, count + 1):
            y = net.norm(x, f"{path}/layer{i}/norm").relu()
            new.append(net.conv(y, f"{path}/layer{i}/conv", 1))
            x = torch.cat([x, new[-1]], 1)
        return x, torch.cat(new, 1)

    def reference(net, x):
        x, skips = net.conv(x, "stem", 1), []
        for i in range(5):
            x, _ = dense(net, x, f"down{i + 1}", layers[i])
            skips.append(x)
            path = f"transition{i + 1}/block"
            x = F.max_pool2d(
                net.conv(net.norm(x, f"{path}/norm").relu(), f"{path}/conv"), 2
            )
        _, new = dense(net, x, "bottleneck", layers[5])
        for i in range(5):
            skip = skips.pop()
            x = net.up(new, f"transition_up{i + 1}/up", 2)
            x = torch.cat([x[:, :, : skip.shape[2], : skip.shape[3]], skip], 1)
            x, new = dense(net, x, f"up{i + 1}", layers[6 + i])
        return net.conv(x, "classifier")

    model = fc_densenet56(3, layers=layers, growth=4, stem=6)
    check(model, reference, (45, 67))


def test_refinenet_head(fill):
    """The decoder alone, on a random pyramid."""
    head = refinenet_resnet50(3, width=2).head

    def units(net, x, path, count):
        for i in range(1, count + 1):
            y = net.conv(x.relu(), f"{path}/unit{i}_conv1", 1)
            x = x + net.conv(y.relu(), f"{path}/unit{i}_conv2", 1)
        return x

    def reference(net, pyramid):
        coarse = None
        for level in (5, 4, 3, 2):
            path = f"refine{level}"
            x = net.conv(pyramid[f"c{level}"], f"{path}/reduce", 1)
            x = units(net, x, f"{path}/adapt", 2)
            if coarse is not None:
                coarse = F.interpolate(
                    coarse, x.shape[2:], mode="bilinear", align_corners=True
                )
                x = net.conv(x, f"{path}/fuse", 1) + coarse
            x = top = x.relu()
            for i in (1, 2, 3, 4):
                top = net.conv(F.max_pool2d(top, 5, 1, 2), f"{path}/pooling/conv{i}", 1)
                x = x + top
            x = units(net, x, f"{path}/output", 3)
            if level > 2:
                coarse = net.conv(x, f"fuse{level}", 1)
        return net.conv(x, "classifier", 1)

    random = np.random.default_rng(0)
    sizes = {2: (33, 41), 3: (17, 21), 4: (9, 11), 5: (5, 6)}
    pyramid = {
        f"c{k}": random.normal(size=(1, *v, 4)).astype(np.float32)
        for k, v in sizes.items()
    }
    shapes = jax.eval_shape(
        lambda p: head.init(jax.random.key(0), p, train=False), pyramid
    )
    draw = lambda leaf: random.normal(0, 0.15, leaf.shape).astype(np.float32)
    variables = jax.tree.map(draw, shapes)
    got = jax.jit(functools.partial(head.apply, train=False))(variables, pyramid)
    maps = {k: torch.from_numpy(v.transpose(0, 3, 1, 2)) for k, v in pyramid.items()}
    want = reference(Weights(variables), maps).permute(0, 2, 3, 1).numpy()
    assert want.std() > 1e-3
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())


def gru(net, x, path, reverse):
    """torch's GRU: gates r, z = 1 - u, n; only the input's bias is used."""
    kernel, recurrent, bias = (
        net.get(path, leaf) for leaf in ("kernel", "recurrent", "bias")
    )
    n = recurrent.shape[0]
    sign = torch.ones(3 * n)
    sign[n : 2 * n] = -1
    layer = torch.nn.GRU(kernel.shape[0], n, batch_first=True)
    with torch.no_grad():
        layer.weight_ih_l0.copy_((kernel * sign).T)
        layer.weight_hh_l0.copy_((recurrent * sign).T)
        layer.bias_ih_l0.copy_(bias * sign)
        layer.bias_hh_l0.zero_()
    x = x.flip(1) if reverse else x
    y, _ = layer(x)
    return y.flip(1) if reverse else y


@pytest.mark.parametrize(
    ("size", "reading"),
    [
        ((22, 37), "independent"),
        ((22, 37), "stacked"),
        pytest.param((24, 36), "stacked", marks=pytest.mark.slow),
    ],
)
def test_reseg(check, size, reading):
    """fvisin/reseg, layers.py and vgg16.py; its sides are multiples of 4 ("stacked")."""

    def sweep(net, x, path):
        b, c, h, w = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(b * h, w, c)
        ahead = gru(net, rows, f"{path}/forward", False)
        source = ahead if reading == "stacked" else rows
        both = torch.cat([ahead, gru(net, source, f"{path}/backward", True)], -1)
        return both.reshape(b, h, w, -1).permute(0, 3, 1, 2)

    def reference(net, x):
        for level, count in enumerate((2, 2, 3), start=1):
            if level > 1:
                x = F.max_pool2d(x, 2, ceil_mode=True)
            for i in range(1, count + 1):
                x = net.conv(x, f"backbone/conv{level}_{i}", 1).relu()
        for i in (1, 2):
            x = sweep(net, x, f"renet{i}/rows")
            x = sweep(net, x.mT, f"renet{i}/columns").mT
        x = net.up(net.up(x, "up1", 2).relu(), "up2", 2).relu()
        return net.conv(x, "classifier")[:, :, : size[0], : size[1]]

    model = reseg(
        3, units=5, up_features=6, width=4, reading=reading, freeze_backbone=False
    )
    check(model, reference, size)
