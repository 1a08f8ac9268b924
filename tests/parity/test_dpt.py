"""DPT equals the networks of three libraries under random weights."""

import re

import pytest

from jaxseg import create_model, weights
from jaxseg.weights.catalog.maps import mmseg_dpt
from tests.parity.test_context import build, enlarge

SMALL = {"depth": 4, "width": 32, "heads": 2, "image_size": (64, 64)}
WIDTHS = (8, 16, 24, 32)


def run_mmseg(net, x):
    return enlarge({"logits": net.decode_head(net.extract_feat(x))}, x)


def make_mmseg(peers, readout="project"):
    """DPT on a ViT with four narrow layers."""
    net = build(
        peers,
        "dpt_vit-b16",
        img_size=64,
        embed_dims=32,
        num_layers=4,
        num_heads=2,
        out_indices=(0, 1, 2, 3),
    )
    from mmengine.config import ConfigDict
    from mmseg.registry import MODELS

    head = ConfigDict(
        type="DPTHead",
        in_channels=(32, 32, 32, 32),
        channels=16,
        embed_dims=32,
        post_process_channels=list(WIDTHS),
        num_classes=5,
        readout_type=readout,
        input_transform="multiple_select",
        in_index=(0, 1, 2, 3),
        norm_cfg={"type": "BN"},
        loss_decode={"type": "CrossEntropyLoss", "loss_weight": 1.0},
    )
    net.decode_head = MODELS.build(head)
    model = create_model(
        "dpt_vitb16",
        5,
        variant="mmseg",
        readout=readout,
        features=16,
        widths=WIDTHS,
        **SMALL,
    )
    return model, peers.randomize(net, run=run_mmseg)


@pytest.mark.slow
@pytest.mark.parametrize("readout", ["project", "add", "ignore"])
def test_mmseg(peers, readout):
    model, net = make_mmseg(peers, readout)
    peers.compare(
        model,
        net,
        mmseg_dpt.MAP,
        sizes=((64, 96), (80, 112)),
        run=run_mmseg,
        label=f"mmsegmentation: DPT, readout {readout}, four narrow layers",
    )


@pytest.mark.slow
@pytest.mark.parametrize("readout", ["cat", "add", "ignore"])
def test_smp(peers, readout):
    """The options follow from the tensors, except for two of the readouts.

    The library refuses sizes that are not multiples of 32.
    """
    net = peers.smp.DPT(
        "tu-vit_tiny_patch16_224",
        encoder_weights=None,
        classes=5,
        decoder_readout=readout,
        decoder_intermediate_channels=WIDTHS,
        decoder_fusion_channels=16,
        dynamic_img_size=True,
        **{"img_size": 64, "embed_dim": 32, "num_heads": 2},
    )
    net.encoder.model.blocks = net.encoder.model.blocks[:4]
    net.encoder._output_indices = [0, 1, 2, 3]
    source = weights.detect(net.state_dict())
    options = source.networks[0].options_for(peers.state_dict(net))
    options |= {} if readout == "cat" else {"readout": readout}
    peers.compare(
        create_model("dpt_vitb16", 5, **SMALL | options),
        peers.randomize(net),
        source.rules,
        sizes=((64, 96), (96, 64)),
        label=f"smp: DPT, readout {readout}, four narrow layers",
    )


def transformers_names(net):
    """The state dict of transformers' network under MMSegmentation's names."""
    import torch

    pairs = (
        ("dpt.embeddings.position_embeddings", "backbone.pos_embed"),
        ("dpt.embeddings.patch_embeddings.", "backbone.patch_embed."),
        ("dpt.embeddings.", "backbone."),
        ("dpt.encoder.layer.", "backbone.layers."),
        ("attention.output.dense", "attn.attn.out_proj"),
        ("attention.attention.query.", "attn.attn.in_proj_"),
        ("intermediate.dense", "ffn.layers.0.0"),
        ("output.dense", "ffn.layers.1"),
        ("layernorm_before", "ln1"),
        ("layernorm_after", "ln2"),
        ("neck.reassemble_stage.", "decode_head.reassemble_blocks."),
        (".projection.", ".project.conv."),
        ("patch_embed.project.conv.", "patch_embed.projection."),
        ("neck.convs.", "decode_head.convs."),
        ("neck.fusion_stage.layers.", "decode_head.fusion_blocks."),
        ("residual_layer", "res_conv_unit"),
        ("head.head.0.", "decode_head.project.conv."),
        ("head.head.1.", "decode_head.project.bn."),
        ("head.head.4.", "decode_head.conv_seg."),
    )
    found, state = torch.nn.Module.state_dict(net), {}
    for key, value in found.items():
        name = key.removeprefix("inner.")
        for old, new in pairs:
            name = name.replace(old, new)
        name = re.sub(r"convolution(\d)", r"conv\1.conv", name)
        name = re.sub(r"batch_norm(\d)", r"conv\1.bn", name)
        name = re.sub(
            r"blocks.layers.(\d).project.conv", r"blocks.projects.\1.conv", name
        )
        name = re.sub(r"blocks.layers.(\d).resize", r"blocks.resize_layers.\1", name)
        name = re.sub(r"(head.convs.\d)", r"\1.conv", name)
        if "query." in key:
            three = (key.replace("query", n) for n in ("query", "key", "value"))
            value = torch.cat([found[k] for k in three])
        unused = "blocks.0.res_conv_unit1" in name or name.startswith("dpt.layernorm")
        if not unused and "attention.attention" not in name:
            state[name] = value
    return state


@pytest.mark.slow
def test_transformers(peers):
    """The authors' network: the logits are enlarged by 2 before the last resizing."""
    transformers = peers.transformers
    import torch

    config = transformers.DPTConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=128,
        image_size=64,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=list(WIDTHS),
        fusion_hidden_size=16,
        num_labels=5,
        readout_type="project",
        is_hybrid=False,
        use_batch_norm_in_fusion_residual=True,
        use_bias_in_fusion_residual=False,
        use_auxiliary_head=False,
        layer_norm_eps=1e-6,
    )

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = transformers.DPTForSemanticSegmentation(config)

        def state_dict(self):
            return transformers_names(self)

        def forward(self, x):
            return enlarge({"logits": self.inner(x).logits}, x)

    peers.compare(
        create_model("dpt_vitb16", 5, features=16, widths=WIDTHS, **SMALL),
        peers.randomize(Net()),
        mmseg_dpt.MAP,
        sizes=((64, 64), (96, 96)),  # It supports square images only.
        label="transformers: DPT, four narrow layers",
    )
