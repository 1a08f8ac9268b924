"""Files that transformers writes give equal outputs under random weights.

The tensors have the names of the files on the Hugging Face hub, which differ from those
of transformers' modules.
"""

import pytest

from jaxseg import create_model, weights
from jaxseg.backbones.dinov2 import dinov2
from jaxseg.weights.catalog.maps import (
    transformers_dinov2,
    transformers_dpt,
    transformers_segformer,
    transformers_upernet,
)
from tests.parity.test_context import enlarge

LEVELS = ("c2", "c3", "c4", "c5")
STAGES = ["stage1", "stage2", "stage3", "stage4"]
SIZES = ((64, 96), (65, 97))


def named_as_in_files(net, run):
    """A network whose state dict has the names in a file; `run` returns its outputs."""
    import torch
    from transformers.core_model_loading import revert_weight_conversion

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = net

        def state_dict(self):
            return revert_weight_conversion(self.inner, self.inner.state_dict())

        def forward(self, x):
            return run(self.inner, x)

    return Net()


def logits(net, x):
    return enlarge({"logits": net(x).logits}, x)


def make_segformer(transformers):
    channels, blocks = (8, 16, 20, 32), (1, 1, 1, 1)
    config = transformers.SegformerConfig(
        hidden_sizes=list(channels),
        depths=list(blocks),
        num_attention_heads=[1, 2, 5, 8],
        decoder_hidden_size=16,
        num_labels=5,
    )
    net = transformers.SegformerForSemanticSegmentation(config)
    fields = {"channels": channels, "blocks": blocks, "features": 16}
    return net, create_model("segformer_b0", 5, **fields), transformers_segformer.MAP


def upernet(transformers, trunk):
    config = transformers.UperNetConfig(
        backbone_config=trunk,
        hidden_size=16,
        auxiliary_in_channels=32,
        num_labels=5,
    )
    return transformers.UperNetForSemanticSegmentation(config)


def make_swin(transformers):
    blocks, heads = (2, 1, 2, 1), (1, 2, 4, 8)
    trunk = transformers.SwinConfig(
        embed_dim=8,
        depths=list(blocks),
        num_heads=list(heads),
        window_size=2,
        out_features=STAGES,
    )
    model = create_model(
        "upernet_swin_t",
        5,
        features=16,
        width=8,
        blocks=blocks,
        heads=heads,
        window=2,
        shift_always=False,
    )
    return upernet(transformers, trunk), model, transformers_upernet.SWIN


def make_convnext(transformers):
    channels, blocks = (8, 16, 32, 40), (1, 2, 1, 1)
    trunk = transformers.ConvNextConfig(
        hidden_sizes=list(channels), depths=list(blocks), out_features=STAGES
    )
    fields = {"channels": channels, "blocks": blocks, "features": 16}
    model = create_model("upernet_convnext_t", 5, **fields)
    return upernet(transformers, trunk), model, transformers_upernet.CONVNEXT


def make_dpt(transformers):
    widths = (8, 16, 24, 32)
    config = transformers.DPTConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=128,
        image_size=64,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=list(widths),
        fusion_hidden_size=16,
        num_labels=5,
        use_batch_norm_in_fusion_residual=True,
    )
    model = create_model(
        "dpt_vitb16",
        5,
        features=16,
        widths=widths,
        epsilon=1e-12,
        depth=4,
        width=32,
        heads=2,
        image_size=(64, 64),
    )
    net = transformers.DPTForSemanticSegmentation(config)
    return net, model, transformers_dpt.MAP


NETWORKS = {
    "SegFormer": (make_segformer, SIZES),
    "UPerNet Swin": (make_swin, ((64, 96), (128, 64))),
    "UPerNet ConvNeXt": (make_convnext, ((64, 96),)),
    "DPT": (make_dpt, ((64, 64), (96, 96))),  # transformers supports squares only.
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS)
def test_networks(peers, kind):
    make, sizes = NETWORKS[kind]
    net, model, rules = make(peers.transformers)
    net = peers.randomize(named_as_in_files(net, logits))
    assert weights.detect(net.state_dict()).rules == rules
    label = f"transformers: {kind} from a file, narrow"
    peers.compare(model, net, rules, sizes=sizes, label=label)


@pytest.mark.slow
@pytest.mark.parametrize("registers", [0, 4])
def test_dinov2(peers, registers):
    name = "Dinov2WithRegisters" if registers else "Dinov2"
    fields = {"num_register_tokens": registers} if registers else {}
    config = getattr(peers.transformers, f"{name}Config")(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        **fields,
    )

    def run(net, x):
        found = net(x, output_hidden_states=True).hidden_states[1:]
        size = [side // 14 for side in x.shape[2:]]
        return {
            level: net.layernorm(tokens)[:, 1 + registers :].mT.unflatten(2, size)
            for level, tokens in zip(LEVELS, found, strict=True)
        }

    net = getattr(peers.transformers, f"{name}Model")(config)
    net = peers.randomize(named_as_in_files(net, run), size=(56, 56))
    narrow = {"depth": 4, "width": 32, "heads": 2, "image_size": (56, 56)}
    narrow |= {} if registers else {"resizing": "bicubic"}
    peers.compare(
        dinov2(registers=registers, **narrow),
        net,
        transformers_dinov2.BACKBONE,
        sizes=((56, 56), (70, 98)),
        label=f"transformers: {name} from a file, four narrow layers",
    )


@pytest.mark.slow
def test_a_saved_file(peers, tmp_path):
    """`save_pretrained` writes the names above, and jaxseg reads the file."""
    net, model, rules = make_segformer(peers.transformers)
    net.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    want = weights.read(file)
    assert want.keys() == named_as_in_files(net, logits).state_dict().keys()
    back = weights.to_torch(weights.load(file, model), rules)
    counters = {key for key in want if key.endswith("num_batches_tracked")}
    assert back.keys() == want.keys() - counters
    assert all((back[key] == want[key]).all() for key in back)
