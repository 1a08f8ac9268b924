"""BiSeNet on Xception-39, SETR, GCU, SPN and CSPN written out from their authors' code.

No library runs these forms. Each reference reads our parameters by name; wiring, order,
positions and what is cut are those of the code that is cited.
"""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxseg.models.bisenet import bisenet
from jaxseg.models.gcu import gcu_resnet
from jaxseg.models.setr import setr_mla, setr_naive, setr_pup
from jaxseg.models.spn import spn
from jaxseg.ops.propagate import cspn

LAYERS = pytest.importorskip(
    "tests.parity.torch_layers", reason="needs torch: pip install jaxseg[parity]"
)
torch, F = LAYERS.torch, LAYERS.F


@pytest.fixture
def check(fill):
    def run(model, reference, size, channels=3, **options):
        variables = fill(model, (1, 64, 64, channels))
        LAYERS.compare(model, variables, reference, size, channels, **options)

    return run


def bilinear(x, size, aligned=False):
    return F.interpolate(x, size, mode="bilinear", align_corners=aligned)


def separable(net, x, path, act=True, stride=1):
    """Depthwise 3x3, then 1x1 with batch norm; nothing between them."""
    x = net.conv(x, f"{path}/depthwise", 1, stride=stride, groups=x.shape[1])
    return net.block(x, f"{path}/pointwise", 0, act)


def xception39(net, x, blocks):
    """ycszen/TorchSeg, base_model/xception.py: maps at strides 8, 16 and 32."""
    x = F.max_pool2d(net.block(x, "backbone/stem", stride=2), 3, 2, 1)
    maps = []
    for stage, count in enumerate(blocks, start=1):
        for index in range(count):
            path, stride = f"backbone/layer{stage}_{index}", 2 if index == 0 else 1
            y = separable(net, x, f"{path}/unit0", stride=stride)
            y = separable(net, y, f"{path}/unit1")
            y = separable(net, y, f"{path}/unit2", act=False)
            if index == 0:
                x = separable(net, x, f"{path}/shortcut", False, stride)
            x = (x + y).relu()
        maps.append(x)
    return maps


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (65, 83)], ids=["even", "odd"])
def test_bisenet_xception39(check, size):
    """ycszen/TorchSeg, bisenet/cityscapes.bisenet.X39/network.py.

    Scores are enlarged by 8 (or 16) there, which is the image's size where that is a
    multiple of 32.
    """
    blocks = (1, 2, 1)

    def refined(net, x, path):
        x = net.block(x, f"{path}/conv")
        gate = net.block(x.mean((2, 3), True), f"{path}/attention", 0, act=False)
        return x * gate.sigmoid()

    def head(net, x, name):
        x = net.conv(net.block(x, f"{name}/conv"), f"{name}/classifier/conv")
        return bilinear(x, size, aligned=True)

    def reference(net, image):
        x = image
        for index, kernel in enumerate((7, 3, 3)):
            x = net.block(x, f"spatial/conv{index}", kernel // 2, stride=2)
        spatial = net.block(x, "spatial/conv3", 0)
        c3, c4, c5 = xception39(net, image, blocks)
        t = net.block(c5.mean((2, 3), True), "context/global", 0)
        t = t.expand(-1, -1, *c5.shape[2:])
        t = refined(net, c5, "context/arm_c5") + t
        coarse = net.block(bilinear(t, c4.shape[2:], True), "context/refine_c4")
        t = refined(net, c4, "context/arm_c4") + coarse
        fine = net.block(bilinear(t, c3.shape[2:], True), "context/refine_c3")
        x = net.block(torch.cat([spatial, fine], 1), "fusion/conv", 0)
        gate = net.conv(x.mean((2, 3), True), "fusion/attention0").relu()
        x = x + x * net.conv(gate, "fusion/attention1").sigmoid()
        maps = {"head": x, "aux_c3": fine, "aux_c4": coarse}
        outputs = {name: head(net, y, name) for name, y in maps.items()}
        return {"logits": outputs.pop("head"), **outputs}

    model = bisenet(3, backbone="xception39", width=32, blocks=blocks, features=8)
    check(model, reference, size)


HEADS, WIDTH, DEPTH, GRID = 3, 24, 4, (64, 64)
TRUNK = {"trunk": "vitti16", "depth": DEPTH, "width": WIDTH, "heads": HEADS}


def vit_layer(net, x, path):
    """fudan-zvg/SETR, backbones/vit.py: one pre-norm layer on tokens [B, N, C]."""
    batch, count, width = x.shape
    y = net.layer_norm(x, f"{path}/norm_1")
    qkv = net.linear(y, f"{path}/attention/qkv")
    q, k, v = qkv.reshape(batch, count, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
    y = (q @ k.mT * (width // HEADS) ** -0.5).softmax(-1) @ v
    y = y.transpose(1, 2).reshape(batch, count, width)
    x = x + net.linear(y, f"{path}/attention/out")
    y = net.layer_norm(x, f"{path}/norm_2")
    y = F.gelu(net.linear(y, f"{path}/mlp_1"))
    return x + net.linear(y, f"{path}/mlp_2")


def vit_maps(net, image, drop_class_token):
    """The maps [B, C, h, w] of all layers; other sizes resize the position embedding."""
    rest = [-side % 16 for side in image.shape[2:]]
    x = F.pad(image, (0, rest[1], 0, rest[0]))
    x = net.conv(x, "backbone/patch", stride=16)
    rows, columns = x.shape[2:]
    position = net.get("backbone", "position")
    own, plane = position[:, :1], position[:, 1:].mT
    plane = plane.reshape(1, WIDTH, GRID[0] // 16, GRID[1] // 16)
    plane = bilinear(plane, (rows, columns)).flatten(2).mT
    tokens = net.get("backbone", "class_token").expand(x.shape[0], -1, -1)
    x = torch.cat([tokens, x.flatten(2).mT], 1) + torch.cat([own, plane], 1)
    x = x[:, 1:] if drop_class_token else x
    maps = []
    for index in range(DEPTH):
        x = vit_layer(net, x, f"backbone/layer{index}")
        y = x if drop_class_token else x[:, 1:]
        maps.append(y.mT.reshape(-1, WIDTH, rows, columns))
    return maps


def enlarge(x, factor, aligned=False):
    return bilinear(x, [factor * n for n in x.shape[2:]], aligned)


def whole(x, patches, size):
    """Bilinear to the padded image, whose padding is cut off."""
    x = bilinear(x, [16 * n for n in patches])
    return x[:, :, : size[0], : size[1]]


SETR_SIZES = [(64, 64), (96, 80), (50, 61)]


@pytest.mark.slow
@pytest.mark.parametrize("size", SETR_SIZES, ids=["own size", "larger", "odd"])
@pytest.mark.parametrize("decoder", ["naive", "pup"])
def test_setr_upsampling(check, size, decoder):
    """decode_heads/vit_up_head.py: a LayerNorm, then 1x1 or 3x3 convolutions."""
    main, side = {"naive": ([1], [1]), "pup": ([2, 2, 2, 1], [4])}[decoder]
    padding = 0 if decoder == "naive" else 1
    taps = {"naive": (0, 1, 2), "pup": (1, 2, 3, 3)}[decoder]

    def head(net, x, name, factors):
        x = net.layer_norm(x.permute(0, 2, 3, 1), f"{name}/norm").permute(0, 3, 1, 2)
        for index, factor in enumerate(factors):
            x = enlarge(net.block(x, f"{name}/conv{index}", padding), factor)
        return net.conv(x, f"{name}/classifier/conv")

    def reference(net, image):
        maps = vit_maps(net, image, drop_class_token=False)
        grid = maps[0].shape[2:]
        outputs = {"logits": head(net, maps[-1], "head", main)}
        for number, tap in enumerate(taps):
            y = head(net, maps[tap], f"aux_heads_{number}", side)
            outputs[f"aux_{number + 1}"] = y
        return {name: whole(y, grid, size) for name, y in outputs.items()}

    make = setr_naive if decoder == "naive" else setr_pup
    check(make(3, image_size=GRID, features=8, **TRUNK), reference, size)


@pytest.mark.slow
@pytest.mark.parametrize("size", SETR_SIZES, ids=["own size", "larger", "odd"])
def test_setr_mla(check, size):
    """backbones/vit_mla.py and decode_heads/vit_mla_head.py.

    Our classifier reads the streams from deep to shallow, theirs from shallow to deep.
    """

    def reference(net, image):
        maps = vit_maps(net, image, drop_class_token=True)
        grid, total, levels, streams = maps[0].shape[2:], None, [], []
        for index, x in enumerate(reversed(maps)):
            x = net.layer_norm(x.permute(0, 2, 3, 1), f"neck/norm{index}")
            x = net.block(x.permute(0, 3, 1, 2), f"neck/project{index}", 0)
            total = x if total is None else total + x
            levels.append(net.block(total, f"neck/extract{index}"))
        for index, x in enumerate(levels):
            for step in (0, 1):
                x = net.block(x, f"head/stream{index}_{step}")
            streams.append(enlarge(x, 4, aligned=True))
        outputs = {"logits": net.conv(torch.cat(streams, 1), "head/classifier/conv", 1)}
        for index, x in enumerate(levels):
            y = net.conv(x, f"aux_heads_{index}/classifier/conv")
            outputs[f"aux_{index + 1}"] = y
        return {name: whole(y, grid, size) for name, y in outputs.items()}

    check(setr_mla(3, image_size=GRID, features=8, **TRUNK), reference, size)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (65, 83)], ids=["even", "odd"])
def test_gcu(fill, size):
    """Li and Gupta, NeurIPS 2018, section 3, every pixel and vertex on its own.

    The features are small, so that every vertex has pixels: see `anchor_nodes`.
    """
    plan = ((1, 1, 1), (2, 2, 1), (3, 1, 1), (4, 1, 2))  # layer, stride, rate

    def graph_unit(net, x, path):
        pixels = x.flatten(2).mT  # [B, N, C]
        anchor, scale = net.get(path, "anchor"), net.get(path, "scale").sigmoid()
        residual = (pixels[:, :, None] - anchor) / scale  # [B, N, V, C]
        assign = (-residual.pow(2).sum(-1) / 2).softmax(-1)  # [B, N, V]
        nodes = (assign[..., None] * residual).sum(1) / assign.sum(1)[..., None]
        nodes = nodes / nodes.norm(dim=-1, keepdim=True)
        nodes = nodes @ nodes.mT @ nodes @ net.get(f"{path}/graph", "kernel")
        nodes = net.norm(nodes.mT, f"{path}/norm").mT.relu()
        return (assign @ nodes).mT.unflatten(2, x.shape[2:])

    def reference(net, image):
        x = F.max_pool2d(net.block(image, "backbone/stem/conv1", 3, stride=2), 3, 2, 1)
        maps = []
        for layer, stride, rate in plan:
            x = net.bottleneck(x, f"backbone/layer{layer}_0", stride, rate)
            maps.append(x)
        x = net.block(maps[3], "head/reduce", 0)
        units = [graph_unit(net, x, f"head/unit{count}") for count in (2, 4)]
        logits = net.conv(torch.cat([x, *units], 1), "head/classifier/conv")
        aux = net.conv(net.block(maps[2], "aux_head/conv"), "aux_head/classifier/conv")
        return {"logits": bilinear(logits, size), "aux": bilinear(aux, size)}

    trunk = {"width": 4, "blocks": (1, 1, 1, 1)}
    model = gcu_resnet(3, features=16, vertices=(2, 4), unit_features=8, **trunk)
    variables = fill(model, (1, 64, 64, 3))
    norm = variables["params"]["head"]["reduce"]["norm"]
    norm["scale"] = norm["scale"] * np.float32(0.3)
    LAYERS.compare(model, variables, reference, size)


def swept(x, gates, direction):
    """speedinghzl/pytorch_spn, gaterecurrent2dnoind_kernel.cu: one line at a time."""
    turned = direction in ("down", "up")
    x, gates = (v.mT if turned else v for v in (x, gates))
    total = gates.abs().sum(0)
    gates = torch.where(total >= 1, gates / total, gates)
    columns = range(x.shape[-1])
    columns = list(columns if direction in ("right", "down") else reversed(columns))
    lines = {columns[0]: x[..., columns[0]]}
    for before, now in itertools.pairwise(columns):
        line, near = x[..., now], lines[before]
        first, middle, last = (g[..., now].clone() for g in gates)
        first[..., 0] = last[..., -1] = 0
        above = F.pad(near, (1, 0))[..., :-1]
        below = F.pad(near, (0, 1))[..., 1:]
        share = 1 - first - middle - last
        lines[now] = share * line + first * above + middle * near + last * below
    y = torch.stack([lines[i] for i in range(x.shape[-1])], -1)
    return y.mT if turned else y


@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 96), (66, 70), (51, 67)])
def test_spn(check, size):
    """githubpgq/pytorch_spn_full, libs/SPN.py, its decoder's layers as declared.

    Sides there are multiples of 32, where each enlargement doubles exactly.
    """
    features, classes = 3, 2

    def encoder(net, x):
        maps = []
        for stage, count in enumerate((2, 2, 3, 3, 3), start=1):
            for index in range(1, count + 1):
                y = net.conv(x, f"encoder/conv{stage}_{index}", 1)
                x = y.relu()
            maps.append(y)
            x = F.max_pool2d(x, 3, 2, 1)
        return maps, x

    def reference(net, image):
        image = F.pad(image, (0, size[1] % 2, 0, size[0] % 2))
        x = net.conv(image[:, 3:], "mask", 1, stride=2)
        maps, guide = encoder(net, image[:, :3])
        guide = net.conv(guide, "decoder/top")
        for index, act in enumerate((F.relu, F.relu, F.elu)):
            skip = maps[4 - index]
            guide = bilinear(guide, skip.shape[2:])
            guide = act(net.conv(guide, f"decoder/up{index}", 1)) + skip
        guide = net.conv(bilinear(guide, x.shape[2:]), "decoder/gates", 1)
        gates = guide.split(features, 1)  # direction after direction, three each
        sweeps = [
            swept(x, torch.stack(gates[3 * i : 3 * i + 3]), direction)
            for i, direction in enumerate(("right", "left", "down", "up"))
        ]
        x = torch.stack(sweeps).amax(0)
        x = net.conv(bilinear(x, image.shape[2:]), "post", 1).relu()
        x = net.conv(x, "classifier/conv", 1)
        return x[:, :, : size[0], : size[1]]

    model = spn(classes, features=features, width=2, coarse="channels")
    check(model, reference, size, channels=3 + classes, gradient=size == (64, 96))


@pytest.mark.parametrize("absolute", [False, True], ids=["8sum", "8sum_abs"])
@pytest.mark.parametrize("size", [(6, 8), (7, 5)], ids=["even", "odd"])
def test_cspn_of_the_release(size, absolute):
    """XinJCheng/CSPN, cspn_pytorch/models/cspn.py: gates and depth padded alike."""
    random = np.random.default_rng(0)
    depth = random.normal(size=(2, 1, *size)).astype(np.float32)
    guidance = random.normal(size=(2, 8, *size)).astype(np.float32)
    sparse = (random.random((2, 1, *size)) < 0.2).astype(np.float32)
    corners = [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1), (0, 2), (1, 2), (2, 2)]

    def spread(planes):
        """Plane k, shifted in a border of one pixel on every side [B, 8, H, W]."""
        padded = [
            F.pad(plane, (left, 2 - left, top, 2 - top))
            for plane, (left, top) in zip(planes, corners, strict=True)
        ]
        return torch.stack(padded, 1)

    x, gates = torch.from_numpy(depth), torch.from_numpy(guidance)
    gates = spread((gates.abs() if absolute else gates).unbind(1))
    gates = gates / gates.abs().sum(1, keepdim=True)
    mask, current = torch.from_numpy(sparse), x
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    total = gates.sum(1, keepdim=True)[inner]
    for _ in range(5):
        near = (gates * spread([current[:, 0]] * 8)).sum(1, keepdim=True)[inner]
        current = (1 - total) * x + near
        current = (1 - mask) * current + mask * x

    def nhwc(array):
        return jnp.asarray(array.transpose(0, 2, 3, 1))

    got = cspn(
        nhwc(depth),
        nhwc(guidance),
        steps=5,
        absolute=absolute,
        read="release",
        anchor=nhwc(depth),
        anchored=nhwc(sparse),
    )
    want = current.permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())
