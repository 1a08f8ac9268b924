"""DINOv2 and its linear head equal timm's and transformers' under random weights."""

from functools import partial

import pytest

from jaxseg import create_model
from jaxseg.backbones.catalog import BACKBONES
from jaxseg.backbones.dinov2 import dinov2
from jaxseg.weights.catalog.maps import dinov2 as maps
from jaxseg.weights.catalog.maps import timm_vit
from jaxseg.weights.published.table import find
from jaxseg.weights.translate.rules import conv, norm, prefixed

LEVELS = ("c2", "c3", "c4", "c5")
NARROW = {"depth": 4, "width": 32, "heads": 2, "image_size": (56, 56)}
SIZES = ((56, 56), (65, 97))
HEAD = (
    *norm(r"decode_head\.bn", "head/norm"),
    *conv(r"decode_head\.conv_seg", "head/classifier/conv"),
)


def timm_net(peers, name, **options):
    """A network of timm that pads images to multiples of the patch, as ours does."""
    own = {"depth": 4, "embed_dim": 32, "num_heads": 2, "img_size": 56}
    free = {"num_classes": 0, "dynamic_img_size": True, "dynamic_img_pad": True}
    return peers.timm.create_model(name, **{**own, **free, **options})


def timm_maps(net, x, norm=True):
    """The levels; timm reshapes by the size of the image that is not padded."""
    from torch.nn.functional import pad

    height, width = x.shape[2:]
    patch = net.patch_embed.patch_size[0]
    x = pad(x, (0, -width % patch, 0, -height % patch))
    depth = len(net.blocks)
    taps = [depth * part // 4 - 1 for part in (1, 2, 3, 4)]
    found = net.forward_intermediates(x, indices=taps, norm=norm)[1]
    return dict(zip(LEVELS, found, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "vit_small_patch14_dinov2.lvd142m",
        "vit_small_patch14_reg4_dinov2.lvd142m",
        "vit_small_patch16_224.dino",
    ],
    ids=["plain", "registers", "no-dinov2"],
)
def test_timm(peers, name):
    """The options of the published weights include timm's way of resizing."""
    arch = name.partition(".")[0]
    plain = "dinov2" not in arch
    run = partial(timm_maps, norm=not plain)
    net = peers.randomize(timm_net(peers, arch, img_size=112), run=run)
    entry = find(f"timm/{name}")
    options = {**entry.options, **NARROW, "image_size": (112, 112)}
    peers.compare(
        BACKBONES[entry.backbone].create(**options),
        net,
        timm_vit.BACKBONE if plain else maps.TIMM,
        sizes=((112, 112), (65, 97)),
        run=run,
        label=f"timm: {arch}, four narrow layers",
    )


@pytest.mark.slow
def test_timm_in_full_width(peers):
    name = "vit_small_patch14_reg4_dinov2"
    net = peers.timm.create_model(name, num_classes=0, dynamic_img_size=True)
    peers.compare(
        dinov2(registers=4, class_position=False),
        peers.randomize(net, size=(56, 56), run=timm_maps),
        maps.TIMM,
        sizes=((56, 84),),
        run=timm_maps,
        label=f"timm: {name}",
    )


def linear_net(peers):
    """The authors' linear head, written out in PyTorch, on a ViT of timm."""
    import torch

    net = torch.nn.Module()
    net.backbone = timm_net(peers, "vit_small_patch14_dinov2")
    net.decode_head = torch.nn.Module()
    net.decode_head.bn = torch.nn.BatchNorm2d(4 * 32)
    net.decode_head.conv_seg = torch.nn.Conv2d(4 * 32, 5, 1)

    def run(net, x):
        features = torch.cat(list(timm_maps(net.backbone, x).values()), 1)
        logits = net.decode_head.conv_seg(net.decode_head.bn(features))
        resize = torch.nn.functional.interpolate
        return {"logits": resize(logits, x.shape[2:], mode="bilinear")}

    return peers.randomize(net, size=(56, 56), run=run), run


@pytest.mark.slow
def test_linear_head(peers):
    net, run = linear_net(peers)
    model = create_model(
        "linear_dinov2_vits14",
        5,
        levels=LEVELS,
        resizing="bicubic_antialias",
        **NARROW,
    )
    rules = (*prefixed(maps.TIMM, src=r"backbone\.", dst="backbone/"), *HEAD)
    peers.compare(
        model,
        net,
        rules,
        sizes=((56, 84),),
        run=run,
        label="timm: DINOv2 ViT with a linear head, four narrow layers",
    )


def authors_names(net):
    """The state dict of a network of transformers under the authors' names."""
    import torch

    found = dict(net.named_parameters())
    state = {}
    for key, value in found.items():
        part = key.replace("embeddings.position_embeddings", "pos_embed")
        part = part.replace(
            "embeddings.patch_embeddings.projection", "patch_embed.proj"
        )
        part = part.replace("embeddings.", "").replace("encoder.layer.", "blocks.")
        part = part.replace("layernorm.", "norm.").replace("layer_scale", "ls")
        part = part.replace("lambda1", "gamma")
        part = part.replace("attention.o_proj", "attn.proj")
        if "attention.q_proj" in key:
            three = [found[key.replace("q_proj", f"{n}_proj")] for n in "qkv"]
            state[part.replace("attention.q_proj", "attn.qkv")] = torch.cat(three)
        elif "attention." not in part:
            state[part] = value
    return state


@pytest.mark.slow
@pytest.mark.parametrize("registers", [0, 4])
def test_transformers(peers, registers):
    """transformers resizes with antialiasing only if there are registers."""
    transformers = peers.transformers
    import torch

    name = "Dinov2WithRegisters" if registers else "Dinov2"
    fields = {"num_register_tokens": registers} if registers else {}
    config = getattr(transformers, f"{name}Config")(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        **fields,
    )

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = getattr(transformers, f"{name}Model")(config)

        def state_dict(self):
            return authors_names(self.inner)

        def forward(self, x):
            found = self.inner(x, output_hidden_states=True).hidden_states[1:]
            size = [side // 14 for side in x.shape[2:]]
            levels = zip(LEVELS, map(self.inner.layernorm, found), strict=True)
            return {
                level: tokens[:, 1 + registers :].mT.unflatten(2, size)
                for level, tokens in levels
            }

    resizing = "bicubic_antialias" if registers else "bicubic"
    peers.compare(
        dinov2(registers=registers, resizing=resizing, **NARROW),
        peers.randomize(Net(), size=(56, 56)),
        maps.AUTHORS,
        sizes=((70, 98), (28, 42)),
        label=f"transformers: {name}, four narrow layers",
    )
